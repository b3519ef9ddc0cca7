"""Sentences say what the tables hold, for every kind of recipe."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

import compress_core as cc
from compress_core.analysis.accuracy import Estimate
from compress_core.analysis.latency import Latency
from compress_core.measure import Measurement, time_against
from compress_core.studies.home import Comparison, study_comparison
from compress_core.studies.pruning import ChannelScores, study_scores
from compress_core.text import home, names, numbers, pruning

RECIPES = [
    cc.Recipe(),
    cc.Recipe(bits=4),
    cc.Recipe(width=0.6),
    cc.Recipe(prune=0.3),
    cc.Recipe(prune=0.3, heal="none"),
    cc.Recipe(prune=0.95, scope="global"),
    cc.Recipe(prune=0.5, scope="layer"),
    cc.Recipe(width=0.25, prune=0.9, bits=1, scheme="per_tensor"),
]


@pytest.fixture(scope="module", params=RECIPES, ids=lambda r: r.to_query() or "original")
def studied(request, cache):
    recipe = request.param
    compressed, original = cc.compress(recipe, cache), cc.compress(cc.original_of(recipe), cache)
    return (
        recipe,
        study_comparison(recipe, cache),
        study_scores(recipe, cache),
        time_against(compressed, original, cache),
    )


def test_the_summary_names_what_was_built_and_what_it_cost(studied):
    recipe, s, _, latency = studied
    text = home.summary(s, latency)
    assert text.startswith("StudentNet at ") and text.endswith(".") and "2,160" in text
    if recipe == cc.Recipe():
        assert "as trained on handwritten digits" in text and "guessing: 10 %" in text
        assert numbers.percent(s.original.accuracy) in text
    else:
        assert (
            f": {numbers.factor(s.original.file_bytes / s.compressed.file_bytes)} times smaller, " in text
            or "% smaller" in text
        )
        assert ("bit weights" in text) == (recipe.bits < 32)
        assert ("of its channels cut" in text) == (recipe.prune > 0)


def test_the_steps_are_recipes_measured_on_their_own(studied, cache):
    recipe, s, _, _ = studied
    steps = s.steps.set_index("step")
    assert steps.loc["Original", "accuracy"] == s.original.accuracy
    done = steps[steps["done"]]
    assert done["accuracy"].iloc[-1] == pytest.approx(s.compressed.accuracy)
    assert bool(steps.loc["Cut", "done"]) == (recipe.prune > 0)
    assert bool(steps.loc["Healed", "done"]) == (recipe.prune > 0 and recipe.heal != "none")
    assert bool(steps.loc["Quantized", "done"]) == (recipe.bits < 32)


def test_disagreements_come_first_in_turn_the_surest_of_each_class_first(studied):
    _, s, _, _ = studied
    images = s.images
    assert sorted(images["image"]) == list(range(2160))
    differ = images["original"] != images["compressed"]
    assert differ.is_monotonic_decreasing
    for _, own in images.groupby("label"):
        assert own.loc[differ, "compressed_confidence"].is_monotonic_decreasing
        assert own.loc[~differ, "compressed_confidence"].is_monotonic_increasing
    most = images.loc[differ, "label"].value_counts()
    first = images.loc[differ, "label"].head(len(most))
    assert first.nunique() == len(first)  # one of each class, before a class comes again


def test_the_cut_adds_up(studied):
    recipe, _, cut, _ = studied
    assert len(cut.channels) == cut.layers["before"].sum()
    assert cut.channels["kept"].sum() == cut.layers["after"].sum()
    goes = round(recipe.prune * cut.layers["before"].sum())
    if recipe.scope == "global":
        assert cut.layers["before"].sum() - cut.layers["after"].sum() == goes - cut.layers["kept_by_floor"].sum()


def test_floor_held_layers_are_named(cache):
    text = pruning.describe_channels(study_scores(cc.Recipe(prune=0.95), cache), None)
    assert "Block 6" in text and "held at one channel" in text


def made_up(**changes) -> Comparison:
    """A comparison with round numbers, so that sentences can be foretold word for word."""
    recipe = cc.Recipe(prune=0.5, bits=4)
    answers = SimpleNamespace()
    shared = {
        "samples": 1000,
        "low": 0.0,
        "high": 1.0,
        "minimum_bytes": 1,
        "breakdown": {},
        "answers": answers,
        "latency": None,
    }
    before = Measurement(cc.Recipe(), 0.9, params=100, macs=100, file_bytes=100_000, **shared)
    after = Measurement(recipe, 0.8, params=50, macs=50, file_bytes=10_000, **shared)
    steps = pd.DataFrame(
        [
            ("Original", 0.9, True, "trained"),
            ("Width", math.nan, False, "trained"),
            ("Cut", 0.3, True, "trained"),
            ("Healed", 0.85, True, "trained"),
            ("Quantized", 0.8, True, "trained"),
        ],
        columns=["step", "accuracy", "done", "origin"],
    )
    images = pd.DataFrame({"label": [0, 1, 2, 3], "original": [0, 1, 0, 3], "compressed": [1, 0, 2, 3]})
    return Comparison(
        **(
            {
                "original": before,
                "compressed": after,
                "change": Estimate(-0.1, -0.12, -0.08, 1000),
                "cut_share": 0.5,
                "mean_bits": 4.0,
                "steps": steps,
                "images": images,
            }
            | changes
        )
    )


def speed(batch: float, low: float = 0.9, high: float = 1.1) -> Latency:
    return Latency(1.0, 10.0, 1.0, batch, 1, (0.9, 1.1), (low * batch, high * batch))


@pytest.mark.parametrize(
    ("changes", "batch", "sentence"),
    [
        ({}, 2.0, "10 times smaller, 10.0 ± 2.0 points less accurate on 1,000 digits, 2.0 times faster."),
        (
            {"change": Estimate(0.1, 0.08, 0.12, 1000)},
            0.5,
            "10 times smaller, 10.0 ± 2.0 points more accurate on 1,000 digits, 2.0 times slower.",
        ),
        (
            {"change": Estimate(-0.0001, -0.01, 0.0098, 1000)},
            1.04,
            "10 times smaller, no measurable change of accuracy (0.0 ± 1.0 points) on 1,000 digits, as fast.",
        ),
        ({"change": Estimate(0.0, 0.0, 0.0, 1000)}, 0.96, "10 times smaller, as accurate on 1,000 digits, as fast."),
    ],
)
def test_the_summary_word_for_word(changes, batch, sentence):
    start = "StudentNet at full width, 50 % of its channels cut, 4-bit weights: "
    assert home.summary(made_up(**changes), speed(batch)) == start + sentence


def test_a_speed_that_cannot_be_told_is_not_in_the_headline():
    """Quartiles on both sides of 1, or the same shapes: the machine's doing."""
    assert home.summary(made_up(), speed(1.3, 0.7)).endswith("on 1,000 digits.")
    notes = [card[3] for card in home.cards(made_up(), speed(1.3, 0.7))]
    assert notes[4:] == ["as fast", "not distinguishable"]
    same = replace(speed(1.0), same_arithmetic=True)
    assert home.summary(made_up(), same).endswith("on 1,000 digits.")
    assert [card[3] for card in home.cards(made_up(), same)][4:] == ["same arithmetic"] * 2


def test_a_time_that_is_being_measured_is_not_told():
    assert home.summary(made_up(), None).endswith("on 1,000 digits.")
    timed, untimed = home.cards(made_up(), speed(2.0)), home.cards(made_up(), None)
    assert untimed[:4] == timed[:4] and [card[:4] for card in untimed[4:]] == [
        (batch, "…", "", "being timed") for batch in ("Latency, batch 1", "Latency, batch 64")
    ]


def test_the_summary_says_what_was_really_cut():
    assert "channels cut" not in home.summary(made_up(cut_share=0.0), speed(1))
    assert "48.7 % of its channels cut" in home.summary(made_up(cut_share=0.487), speed(1))


@pytest.mark.parametrize(
    ("healed", "verb"), [(0.85, "brings it to 85.0 %"), (0.3, "leaves it at 30.0 %"), (0.2, "lowers it to 20.0 %")]
)
def test_healing_word_for_word(healed, verb):
    steps = made_up().steps
    steps.loc[3, "accuracy"] = healed
    told = "The cut alone leaves 30.0 %; solving each layer again on 256 training images, without labels, "
    assert home.describe_steps(made_up(steps=steps)) == f"{told}{verb}. With 4-bit weights: 80.0 %."


def test_answers_lost_and_won_word_for_word():
    expected = "The two disagree on 3 of 4 test images: 2 only the original gets right, 1 only the compressed."
    assert home.describe_images(made_up()) == expected


def test_the_tradeoff_word_for_word():
    """A recipe does not count itself, nor what is larger, nor what is as accurate."""
    rows = [
        (1.0, 0.5, 4, 0.9, 10_000),
        (0.5, 0.1, 4, 0.95, 9_000),
        (0.5, 0.0, 1, 0.85, 5_000),
        (0.5, 0.0, 8, 0.99, 10_001),
        (0.25, 0.0, 2, 0.8, 3_000),
    ]
    grid = pd.DataFrame(rows, columns=["width", "prune", "bits", "accuracy", "file_bytes"])
    own = [cc.Recipe(width=width, prune=prune, bits=bits) for width, prune, bits, *_ in rows]
    grid = grid.assign(recipe=[recipe.canonical() for recipe in own])
    best = "at best 95.0 % in 9.00 KB (width 0.5, 10 % cut, 4 bits)."
    expected = f"2 of 5 measured recipes are as small and more accurate; {best}"
    assert home.describe_tradeoff(made_up(), grid) == expected
    assert home.describe_tradeoff(made_up(), grid.iloc[[0, 3, 4]]).startswith("None of 3 recipes")


def test_the_layer_that_lost_most_is_named():
    layers = pd.DataFrame(
        {"layer": ["cnn.0.0", "cnn.1.3"], "before": [10, 20], "after": [9, 5], "threshold": 0.5, "kept_by_floor": 0}
    )
    cut = ChannelScores(pd.DataFrame({"layer": [], "score": []}), layers)
    assert (
        pruning.describe_channels(cut, None)
        == "14 of 30 channels of all layers stay. Block 1 lost most: 5 of 20 are left."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (numbers.percent(0.9704), "97.0 %"),
        (numbers.whole_percent(0.4), "40 %"),
        (numbers.whole_percent(0.425), "42.5 %"),
        (numbers.count(256234), "256 k"),
        (numbers.count(4406784), "4.41 M"),
        (numbers.count(1.2e9), "1.20 G"),
        (numbers.count(999), "999"),
        (numbers.size(1038176), "1.04 MB"),
        (numbers.size(32800), "32.8 KB"),
        (numbers.size(512), "512 bytes"),
        (numbers.duration(0.512), "0.51 ms"),
        (numbers.duration(12.34), "12.3 ms"),
        (numbers.factor(7.08), "7.1"),
        (numbers.factor(9.97), "10"),
        (numbers.factor(1234.5), "1,234"),
        (numbers.factor(float("inf")), "∞"),
        (numbers.points(-0.0148), "−1.5"),
        (numbers.points(0.02), "+2.0"),
        (numbers.points(-0.0001), "0.0"),
        (numbers.times(7.08, "smaller", "larger"), "7.1× smaller"),
        (numbers.times(0.5, "smaller", "larger"), "2.0× larger"),
        (numbers.times(1.0, "smaller", "larger"), "the same"),
        (numbers.times(1.03, "smaller", "larger"), "2.9 % smaller"),
        (numbers.times(1 / 1.03, "smaller", "larger"), "3 % larger"),
        (numbers.timing(1.08), "as fast"),
        (numbers.timing(0.93), "as fast"),
        (numbers.timing(2.0), "2.0× faster"),
        (numbers.timing(0.5), "2.0× slower"),
    ],
)
def test_numbers_have_the_digits_they_deserve(text, expected):
    assert text == expected


def test_a_sparse_training_is_named_and_measured_as_a_step(cache):
    s = study_comparison(cc.Recipe(weights="sparse-0.15", prune=0.3), cache)
    steps = home.steps_table(s).set_index("step")
    assert steps.loc["Trained", "detail"] == "1, trained, λ = 0.15" and steps.loc["Trained", "done"]
    trained = cc.measure(cc.compress(cc.Recipe(weights="sparse-0.15"), cache), cache=cache, timed=False)
    assert steps.loc["Trained", "accuracy"] == trained.accuracy
    name = names.network_name(s.compressed.recipe)
    assert name == "StudentNet at full width, trained with an L1 penalty on γ (λ = 0.15), 30 % of its channels cut"


@pytest.mark.parametrize(
    ("layer", "title"),
    [
        ("cnn.3.3", "Block 3"),
        ("stem.0", "Stem"),
        ("head.0", "Head"),
        ("blocks.4.1.0", "Block 4"),
        ("blocks.5.project.0", "Block 5, project"),
        ("stages.0.1.reduce.0", "Stage 2, unit 1, reduce"),
        ("stages.2.0.working.2.0", "Stage 4, unit 0, working 2"),
        ("fires.1.expand3x3.0", "Fire 1, expand3x3"),
    ],
)
def test_layers_have_names_for_people(layer, title):
    assert names.layer_title(layer) == title
