"""Sentences say what the tables hold, for every kind of recipe."""

import pytest

import compress_core as cc
from compress_core import explain, numbers
from compress_core.measure import time_against
from compress_core.study import study, study_cut
from compress_core.tradeoff.grid import load_grid

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
    return recipe, study(recipe, cache), study_cut(recipe, cache), time_against(compressed, original, cache)


def test_the_summary_names_what_was_built_and_what_it_cost(studied):
    recipe, s, _, latency = studied
    text = explain.summary(s, latency)
    assert text.startswith("StudentNet at ") and text.endswith(".") and "2,160" in text
    if recipe == cc.Recipe():
        assert "as trained" in text and numbers.percent(s.original.accuracy) in text
    else:
        assert f"{numbers.factor(s.original.file_bytes / s.compressed.file_bytes)} times smaller" in text
        assert ("bit weights" in text) == (recipe.bits < 32)
        assert ("of its channels cut" in text) == (recipe.prune > 0)


def test_every_reading_is_one_short_sentence_or_two(studied):
    _, s, cut, _ = studied
    grid = load_grid("studentnet", "digits")
    readings = [
        explain.read_steps(s),
        explain.read_channels(cut, None),
        explain.read_channels(cut, "cnn.6.3"),
        explain.read_tradeoff(s, grid),
        explain.read_tradeoff(s, grid.head(0)),
        explain.read_images(s),
    ]
    for text in readings:
        assert text.endswith(".") and 20 < len(text) < 240 and "nan" not in text


def test_the_steps_are_recipes_measured_on_their_own(studied, cache):
    recipe, s, _, _ = studied
    steps = s.steps.set_index("step")
    assert steps.loc["Original", "accuracy"] == s.original.accuracy
    done = steps[steps["done"]]
    assert done["accuracy"].iloc[-1] == pytest.approx(s.compressed.accuracy)
    assert done["samples"].isin([360, 2160]).all()
    assert bool(steps.loc["Cut", "done"]) == (recipe.prune > 0)
    assert bool(steps.loc["Healed", "done"]) == (recipe.prune > 0 and recipe.heal != "none")
    assert bool(steps.loc["Quantized", "done"]) == (recipe.bits < 32)


def test_disagreements_come_first_the_surest_of_them_first(studied):
    _, s, _, _ = studied
    images = s.images
    assert sorted(images["image"]) == list(range(2160))
    differ = images["original"] != images["compressed"]
    assert differ.is_monotonic_decreasing
    assert images.loc[differ, "compressed_confidence"].is_monotonic_decreasing
    assert images.loc[~differ, "compressed_confidence"].is_monotonic_increasing


def test_the_cut_adds_up(studied):
    recipe, _, cut, _ = studied
    assert len(cut.channels) == cut.layers["before"].sum()
    assert cut.channels["kept"].sum() == cut.layers["after"].sum()
    goes = round(recipe.prune * cut.layers["before"].sum())
    if recipe.scope == "global":
        assert cut.layers["before"].sum() - cut.layers["after"].sum() == goes - cut.layers["held"].sum()


def test_floor_held_layers_are_named(cache):
    text = explain.read_channels(study_cut(cc.Recipe(prune=0.95), cache), None)
    assert "Block 6" in text and "held at one channel" in text


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
    ],
)
def test_numbers_have_the_digits_they_deserve(text, expected):
    assert text == expected
