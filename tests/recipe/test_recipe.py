"""The Recipe: its text, its errors, and the nearest sane one."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

import compress_core as cc
from compress_core.recipe import ACTIVATION_BITS, BITS, MULTIPLES
from compress_core.registry import CODINGS, HEALINGS, SCOPES

recipes = st.builds(
    cc.Recipe,
    dataset=st.sampled_from(cc.datasets()),
    arch=st.sampled_from(cc.architectures()),
    width=st.integers(2, 20).map(lambda step: step * 0.05),
    prune=st.floats(0, 0.95),
    criterion=st.sampled_from(cc.criteria()),
    scope=st.sampled_from(list(SCOPES)),
    multiple_of=st.sampled_from(MULTIPLES),
    balance=st.booleans(),
    heal=st.sampled_from(list(HEALINGS)),
    edits=st.sampled_from(["", "3k17c4.5k2", "0c1"]),
    bits=st.sampled_from(BITS),
    scheme=st.sampled_from(cc.schemes()),
    rounding=st.sampled_from(cc.roundings()),
    clipping=st.sampled_from(["usual", "mse"]),
    layer_bits=st.sampled_from(["", "3b8.5b2", "0b32"]),
    fold=st.booleans(),
    equalize=st.booleans(),
    correct_bias=st.booleans(),
    activation_bits=st.sampled_from(ACTIVATION_BITS),
    coding=st.sampled_from(list(CODINGS)),
)


@given(recipes)
def test_the_text_form_round_trips(recipe):
    assert cc.Recipe.from_query(recipe.to_query()) == recipe
    assert cc.Recipe.from_query("?" + recipe.to_query()) == recipe


@given(recipes)
def test_the_text_form_is_canonical(recipe):
    """Equal recipes have equal texts, and a text has no defaults in it."""
    default = cc.Recipe()
    for part in filter(None, recipe.to_query().split("&")):
        name = part.split("=")[0]
        assert getattr(recipe, name) != getattr(default, name)


def test_the_default_recipe_is_the_empty_text():
    assert cc.Recipe().to_query() == "" and cc.Recipe.from_query("") == cc.Recipe()


def test_the_text_of_the_design():
    query = "arch=studentnet&width=0.5&prune=0.4&bits=4"
    recipe = cc.Recipe.from_query(query)
    assert (recipe.arch, recipe.width, recipe.prune, recipe.bits) == ("studentnet", 0.5, 0.4, 4)
    assert recipe.to_query() == "width=0.5&prune=0.4&bits=4"


@pytest.mark.parametrize(
    ("query", "said", "nearest"),
    [
        ("prune=7", "The pruning ratio cannot be 7. Allowed: 0 to 0.95.", cc.Recipe(prune=0.95)),
        ("prune=-1", "The pruning ratio cannot be -1.", cc.Recipe()),
        ("prune=inf", "The pruning ratio cannot be inf.", cc.Recipe(prune=0.95)),
        ("bits=abc", "The bit width cannot be 'abc'. Allowed: 1 to 16, or 32 for none.", cc.Recipe()),
        ("bits=inf", "The bit width cannot be inf.", cc.Recipe(bits=32)),
        ("bits=-1e400", "The bit width cannot be -1e400.", cc.Recipe(bits=1)),
        ("bits=0", "The bit width cannot be 0.", cc.Recipe(bits=1)),
        ("bits=20", "The bit width cannot be 20.", cc.Recipe(bits=16)),
        ("bits=3.5", "The bit width cannot be 3.5.", cc.Recipe(bits=3)),
        ("arch=resnet", "The architecture cannot be 'resnet'. Allowed: studentnet, mobilenet_v1", cc.Recipe()),
        ("arch=StudentNet", "The architecture cannot be 'StudentNet'.", cc.Recipe()),
        ("width=nan", "The width multiplier cannot be 'nan'. Allowed: 0.1 to 1 in steps of 0.05.", cc.Recipe()),
        ("width=0.33", "The width multiplier cannot be 0.33.", cc.Recipe(width=0.35)),
        ("width=-inf", "The width multiplier cannot be -inf.", cc.Recipe(width=0.1)),
        ("width=", "The width multiplier cannot be ''.", cc.Recipe()),
        ("prune=0.5&prune=0.6", "The pruning ratio stands in the address more than once", cc.Recipe(prune=0.5)),
        ("colour=blue", "A recipe has no 'colour'; its fields are dataset, arch, width", cc.Recipe()),
        ("scheme=per_chanel", "The scheme cannot be 'per_chanel'.", cc.Recipe(scheme="per_channel")),
        ("groups=3", "The number of groups cannot be '3'. Only ShuffleNetV1 has any.", cc.Recipe()),
        (
            "arch=shufflenet_v1&groups=5",
            "The number of groups cannot be '5'. Allowed: 3, 1, 2, 4, 8.",
            cc.Recipe(arch="shufflenet_v1"),
        ),
        (
            "activation_bits=12",
            "activations cannot be 12. Allowed: 2 to 8, or 32 for none.",
            cc.Recipe(activation_bits=8),
        ),
        ("layer_bits=3x8", "The bits of single layers cannot be '3x8'. Bits of single layers look like", cc.Recipe()),
        ("layer_bits=3b40", "layer 3 cannot have 40", cc.Recipe()),
        ("fold=maybe", "Folding BatchNorm cannot be 'maybe'. Allowed: off, on.", cc.Recipe()),
        ("coding=morse", "The file's coding cannot be 'morse'. Allowed: plain, huffman.", cc.Recipe()),
        ("multiple_of=5", "The multiple that channels are left in cannot be 5.", cc.Recipe(multiple_of=4)),
        (
            "heal=pray",
            "Healing cannot be 'pray'. Allowed: none, absorb, recalibrate, compensate, reconstruct, finetune.",
            cc.Recipe(),
        ),
    ],
)
def test_what_is_wrong_is_said_and_mended(query, said, nearest):
    with pytest.raises(cc.RecipeError) as caught:
        cc.Recipe.from_query(query)
    assert said in str(caught.value)
    assert caught.value.nearest == nearest


def test_all_problems_are_said_at_once_and_the_rest_is_kept():
    with pytest.raises(cc.RecipeError) as caught:
        cc.Recipe.from_query("prune=7&bits=abc&width=0.5&foo=1")
    assert [p.field for p in caught.value.problems] == ["foo", "prune", "bits"] or len(caught.value.problems) == 3
    assert caught.value.nearest == cc.Recipe(prune=0.95, width=0.5)


@given(st.text(max_size=200), st.sampled_from([f.name for f in fields(cc.Recipe)]))
def test_any_text_gives_a_recipe_or_a_sentence(text, name):
    try:
        cc.Recipe.from_query([(name, text)])
    except cc.RecipeError as error:
        assert isinstance(error.nearest, cc.Recipe) and error.problems


def test_ten_thousand_characters_make_a_short_sentence():
    for query in (
        "&".join(f"{'u' * 100}{i}=1" for i in range(1000)),
        "arch=" + "a" * 10_000,
        "a" * 10_000 + "=1",
        "prune=" + "9" * 10_000,
    ):
        with pytest.raises(cc.RecipeError) as caught:
            cc.Recipe.from_query(query)
        assert len(str(caught.value)) < 400 and "characters)" in str(caught.value)


def test_what_makes_no_difference_is_left_out_of_the_canonical_recipe():
    assert (
        cc.Recipe(scope="layer", multiple_of=8, heal="none", scheme="per_tensor", fold="off").canonical() == cc.Recipe()
    )
    assert cc.Recipe(prune=0.5, balance="on").canonical() == cc.Recipe(prune=0.5), "StudentNet has no groups"
    assert cc.Recipe(arch="shufflenet_v1", balance="on").canonical() == cc.Recipe(arch="shufflenet_v1")
    grouped = cc.Recipe(arch="shufflenet_v1", prune=0.5, balance="on")
    assert grouped.canonical() == grouped
    kept = cc.Recipe(prune=0.5, heal="none", bits=4, scheme="per_tensor")
    assert kept.canonical() == kept
