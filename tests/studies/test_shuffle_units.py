"""A unit of a recipe's network, and the maps around its shuffle."""

import numpy as np
import pytest
import torch

import compress_core as cc
from compress_core.recipe import Recipe
from compress_core.studies.shuffle import SHOWN_MAPS, group_of_each, shuffle_units, shuffling, study_maps, study_unit


def test_only_shuffle_networks_have_units():
    assert shuffling() == ("shufflenet_v1", "shufflenet_v2")
    assert not shuffle_units("squeezenet")


def test_without_a_cut_nothing_has_changed(cache):
    study = study_unit(Recipe(arch="shufflenet_v1"), cache, "stages.1.1")
    assert study.cut_share == 0 and study.after is study.before and study.before.is_regular


@pytest.mark.parametrize("arch", ["shufflenet_v1", "shufflenet_v2"])
def test_bits_play_no_part(arch, cache):
    plain = study_unit(Recipe(arch=arch, prune=0.4), cache, "stages.1.1")
    rounded = study_unit(Recipe(arch=arch, prune=0.4, bits=4), cache, "stages.1.1")
    assert torch.equal(plain.after.shuffle, rounded.after.shuffle) and plain.cut_share == rounded.cut_share > 0.3


@pytest.mark.parametrize("arch", ["shufflenet_v1", "shufflenet_v2"])
def test_the_strip_shows_the_maps_that_a_hook_sees(arch, cache):
    name, image = "stages.0.1", 3
    strip = study_maps(Recipe(arch=arch), cache, name, image)["original"]
    model, seen = cc.load(arch), {}
    model.get_submodule(f"{name}.shuffle").register_forward_hook(
        lambda _, inputs, output: seen.update(before=inputs[0][0], after=output[0])
    )
    with torch.no_grad():
        model(cc.dataset("digits").test()[0][image : image + 1])
    upper, lower = strip[strip["row"] == 0], strip[strip["row"] == 1]
    assert len(upper) == len(lower) == SHOWN_MAPS and set(upper["channel"]) == set(lower["channel"])
    brightest = max(seen["before"][channel].max() for channel in upper["channel"])
    for one in upper.itertuples():
        assert np.allclose(one.pixels, (seen["before"][one.channel] / brightest).clamp(0, 1), atol=1e-6)
    own = {one.channel: one.pixels for one in upper.itertuples()}
    for one in lower.itertuples():  # the same maps, in another order
        assert np.array_equal(one.pixels, own[one.channel])
    assert upper["channel"].is_monotonic_increasing and not lower["channel"].is_monotonic_increasing
    groups = upper.groupby("group").size()
    assert groups.nunique() == 1  # as many of each


def test_both_networks_are_shown_after_a_cut_and_a_tiny_unit_too(cache):
    strips = study_maps(Recipe(arch="shufflenet_v1", prune=0.9), cache, "stages.0.2", 0)
    assert 0 < len(strips["compressed"]) < len(strips["original"])


def test_groups_of_sizes():
    assert group_of_each((2, 0, 3)) == [0, 0, 2, 2, 2]
