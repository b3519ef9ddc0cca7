"""Bit widths of single layers as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import compress_core as cc
from compress_core.pipeline import quantizable_layers
from compress_core.recipe import layer_bits


@given(st.dictionaries(st.integers(0, 9999), st.sampled_from([*range(1, 17), 32]), max_size=20))
def test_the_text_says_what_was_written(bits):
    text = layer_bits.write(bits)
    assert layer_bits.parse(text) == bits and layer_bits.write(layer_bits.parse(text)) == text


def test_one_layer_is_set_and_unset():
    assert layer_bits.with_bits("3b8", 5, 2) == "3b8.5b2"
    assert layer_bits.with_bits("3b8.5b2", 3, 4) == "3b4.5b2"
    assert layer_bits.with_bits("3b8.5b2", 3, None) == "5b2"


@pytest.mark.parametrize(
    ("text", "message"),
    [("3", "look like 3b8.5b2"), ("3b17", "layer 3 cannot have 17"), ("3b8." * 600, "at most 2,000 characters")],
)
def test_other_texts_are_sentences(text, message):
    with pytest.raises(ValueError, match=message):
        layer_bits.parse(text)


def test_a_recipe_rounds_that_layer_so():
    names = quantizable_layers("studentnet")
    compressed = cc.compress(cc.Recipe(width=0.25, bits=4, layer_bits="0b8.3b32"))
    levels = {name.removesuffix(".weight"): own.bits for name, own in compressed.state.levels.items()}
    assert levels == {name: 8 if i == 0 else 4 for i, name in enumerate(names) if i != 3}
    alone = cc.compress(cc.Recipe(width=0.25, layer_bits="2b3"))
    assert {name: own.bits for name, own in alone.state.levels.items()} == {f"{names[2]}.weight": 3}


def test_a_layer_that_fell_into_groups_keeps_its_bits():
    number = next(i for i, name in enumerate(quantizable_layers("shufflenet_v1")) if "expand" in name)
    compressed = cc.compress(cc.Recipe(arch="shufflenet_v1", prune=0.5, bits=4, layer_bits=f"{number}b8"))
    own = quantizable_layers("shufflenet_v1")[number]
    bits = {name: levels.bits for name, levels in compressed.state.levels.items() if name.startswith(own)}
    assert set(bits.values()) == {8}
