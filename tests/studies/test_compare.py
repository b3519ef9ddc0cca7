"""Networks beside each other: answers, confusions, maps and filters held against what the networks themselves give."""

import itertools
from collections import Counter

import numpy as np
import pytest
import torch

import compress_core as cc
from compress_core.cache import StageCache
from compress_core.layers.running import run_on
from compress_core.pipeline import original_of, prunable_layers, quantizable_layers
from compress_core.recipe import Recipe
from compress_core.studies.compare import (
    KERNELS_SHOWN,
    MAPS_SHOWN,
    RUNGS,
    Input,
    by_class,
    confusion,
    differing,
    image_of,
    ladder,
    study_filters,
    study_looks,
    study_maps,
    study_reading,
    study_rung,
    truth_of,
)
from compress_core.studies.home import study_comparison
from compress_core.studies.tradeoff import load_grid
from tests.helpers.marks import sampled

RECIPE = Recipe(arch="studentnet", width=0.25, prune=0.5, bits=2)


@pytest.fixture(scope="module")
def cache():
    return StageCache()


@pytest.fixture(scope="module")
def comparison(cache):
    return study_comparison(RECIPE, cache, between=False)


def test_a_reading_is_the_softmax_of_the_network_itself(cache):
    model, image = cc.compress(RECIPE, cache).model, cc.dataset("digits").test()[0][9:10]
    shares = run_on(model, image).softmax(1)[0]
    reading = study_reading(RECIPE, cache, Input(9))
    assert reading["probability"].is_monotonic_decreasing and reading["probability"].sum() == pytest.approx(1, abs=1e-5)
    assert np.allclose(reading["probability"], shares[torch.tensor(reading["label"].to_numpy())], atol=1e-4)
    assert truth_of("digits", Input(9)) == cc.dataset("digits").test()[1][9]


@pytest.mark.parametrize("name", ["digits", "cifar10"])
def test_an_image_from_elsewhere_is_what_the_network_sees(name, cache):
    data = cc.dataset(name)
    seen = np.random.default_rng(0).integers(0, 256, (*data.input_shape[1:], data.input_shape[0]), dtype=np.uint8)
    image = image_of(name, Input(pixels=seen.tobytes()))
    assert np.array_equal(data.pictures(image)[0], seen) and truth_of(name, Input(pixels=seen.tobytes())) is None


@pytest.mark.parametrize("arch", cc.architectures())
@pytest.mark.parametrize("name", ["digits", "cifar10"])
def test_a_ladder_goes_down_by_what_was_measured_best(arch, name):
    rungs, grid = ladder(arch, name), load_grid(arch, name).set_index("recipe")
    assert rungs[0] == original_of(rungs[0]) and 4 <= len(rungs) <= RUNGS and len(set(rungs)) == len(rungs)
    sizes = [grid.loc[rung, "file_bytes"] for rung in rungs[1:]]
    assert all(a > b for a, b in itertools.pairwise(sizes)) and sizes[-1] <= 1.2 * grid["file_bytes"].min()
    for rung, length in zip(rungs[1:], sizes, strict=True):
        assert grid.loc[grid["file_bytes"] <= length, "accuracy"].max() == grid.loc[rung, "accuracy"]


def test_a_network_without_a_grid_has_a_ladder_all_the_same(monkeypatch, cache):
    monkeypatch.setattr("compress_core.studies.compare.load_grid", lambda *_: load_grid("none", "digits"))
    rungs = [study_rung(recipe.with_(width=0.25), cache, Input(3)) for recipe in ladder("studentnet", "digits")]
    assert all(a.file_bytes > b.file_bytes for a, b in itertools.pairwise(rungs)) and 0 <= rungs[0].answer < 10


def test_confusions_and_classes_are_counted(comparison):
    images = comparison.images
    counts = Counter(zip(images["label"], images["compressed"], strict=True))
    totals = Counter(images["label"])
    table = confusion(images, "compressed", 10)
    assert all(table[a, b] == pytest.approx(counts[a, b] / totals[a]) for a in range(10) for b in range(10))
    classes = by_class(comparison).set_index(["network", "label"])
    for network, measured in (("original", comparison.original), ("compressed", comparison.compressed)):
        answers = measured.answers
        for label in range(10):
            row, own = classes.loc[(network, label)], answers.labels == label
            assert row["accuracy"] == answers.correct[own].double().mean().item() and row["samples"] == own.sum()
            assert row["low"] <= row["accuracy"] <= row["high"] and row["high"] - row["low"] > 0.01


def test_what_differs_is_lost_won_or_wrong_in_two_ways(comparison):
    images = comparison.images
    parts = {which: differing(images, which) for which in ("all", "lost", "won")}
    assert len(parts["all"]) == (images["original"] != images["compressed"]).sum() > 0
    assert (parts["lost"]["original"] == parts["lost"]["label"]).all() and len(parts["lost"]) > 0
    assert (parts["won"]["compressed"] == parts["won"]["label"]).all()
    assert set(parts["lost"].index) | set(parts["won"].index) <= set(parts["all"].index)


@pytest.mark.parametrize("arch", sampled(cc.architectures(), lambda arch: arch not in ("studentnet", "shufflenet_v2")))
def test_maps_are_the_networks_own_and_what_is_cut_is_missing(arch, cache):
    """Cut but not healed, a first layer gives the very maps that it gave before, in the channels that stay."""
    recipe, shown = Recipe(arch=arch, prune=0.6, heal="none"), Input(40)
    first = prunable_layers(arch)[0]
    maps = study_maps(recipe, cache, shown, first)
    missing = np.isnan(maps.compressed).all((1, 2))
    assert np.allclose(maps.original[~missing], maps.compressed[~missing], atol=1e-5) and maps.aligned
    for layer in prunable_layers(arch):
        maps = study_maps(recipe, cache, shown, layer)
        kept = cc.compress(recipe, cache).report.pruned.kept[layer].outputs.tolist()
        missing = np.isnan(maps.compressed).all((1, 2))
        assert [channel not in kept for channel in maps.channels] == missing.tolist()
        assert (maps.before, maps.after) == (
            len(cc.compress(recipe.with_(prune=0), cache).report.pruned.kept[layer].outputs),
            len(kept),
        )
        assert len(maps.channels) == min(maps.before, MAPS_SHOWN) and np.nanmin(maps.compressed) >= 0
        assert max(np.nanmax(maps.compressed), maps.original.max()) == pytest.approx(1)


def test_a_width_that_was_trained_by_itself_has_channels_of_its_own(cache):
    trained = study_maps(RECIPE, cache, Input(3), "cnn.3.3")
    assert not trained.aligned and not np.isnan(trained.compressed).any()
    assert study_maps(RECIPE.with_(width=0.9), cache, Input(3), "cnn.3.3").aligned


@pytest.mark.parametrize("arch", sampled(cc.architectures(), lambda arch: arch not in ("studentnet", "shufflenet_v1")))
def test_filters_are_the_weights_that_the_network_computes_with(arch, cache):
    recipe = Recipe(arch=arch, prune=0.4, bits=3, fold=False)
    model = cc.compress(recipe, cache).model
    for layer in quantizable_layers(arch):
        filters, own = study_filters(recipe, cache, layer), model.get_submodule(layer)
        if not hasattr(own, "weight"):  # fallen into groups
            continue
        assert filters.count == len(own.weight)
        shown = own.weight.detach()[:KERNELS_SHOWN].reshape(filters.after.shape)
        assert np.allclose(filters.after, shown, atol=1e-6) and not np.allclose(filters.after, filters.before)


@pytest.mark.parametrize("name", ["digits", "cifar10"])
def test_both_look_for_what_each_answers(name, cache):
    recipe = Recipe(dataset=name, prune=0.5, bits=4, activation_bits=4)
    looks = study_looks(recipe, cache, Input(5))
    own = [int(study_reading(r, cache, Input(5))["label"].iloc[0]) for r in (original_of(recipe), recipe)]
    assert list(looks.answers) == own and looks.original.shape == looks.compressed.shape
