"""Channel pruning taken apart, held against the networks themselves."""

import numpy as np
import pandas as pd
import pytest
import torch

import compress_core as cc
from compress_core.recipe.edits import with_edit
from compress_core.studies.accuracy import study_accuracy
from compress_core.studies.pruning import (
    stop_for,
    study_channels,
    study_coupling,
    study_exactness,
    study_healing,
    study_scaling_factors,
    study_scores,
    study_weight_versus_channel,
    thresholds,
)


def outputs(layer: torch.nn.Module) -> int:
    """How many channels a convolution puts out, also where its groups have become convolutions of their own."""
    return sum(conv.out_channels for conv in layer.convs.values()) if hasattr(layer, "convs") else layer.out_channels


@pytest.mark.parametrize("arch", cc.architectures())
def test_a_row_is_a_layer_and_a_tile_each_of_its_channels(arch, cache):
    model = cc.compress(cc.Recipe(arch=arch), cache).model
    layers = study_coupling(cc.Recipe(arch=arch), cache).layers
    assert layers["layer"].is_unique
    for row in layers.itertuples():
        assert len(set(row.places)) == len(row.places) == outputs(model.get_submodule(row.layer)), row.layer


def test_the_shortcut_of_mobilenet_v2_makes_two_layers_one(cache):
    """Block 2 adds its input, which block 1 has put out; block 3 halves the map and starts anew."""
    coupling = study_coupling(cc.Recipe(arch="mobilenet_v2"), cache)
    group = coupling.layers.set_index("layer")["group"]
    assert group["blocks.1.project.0"] == group["blocks.2.project.0"] != group["blocks.3.project.0"]
    own = coupling.kinds[coupling.kinds["group"] == group["blocks.1.project.0"]]
    assert len(own) == 1
    assert own["writers"].item() == ("blocks.1.project.0", "blocks.2.project.0")
    assert own["readers"].item() == ("blocks.2.expand.0", "blocks.3.expand.0")
    assert own["depthwise"].item() == () and len(own["norms"].item()) == 2


def test_a_group_whose_channels_are_shared_by_different_layers_has_kinds(cache):
    """In ShuffleNetV1 stage 2 goes on with the stem's channels and its own ones, which the stem does not write."""
    coupling = study_coupling(cc.Recipe(arch="shufflenet_v1"), cache)
    group = coupling.layers.set_index("layer").loc["stem.0", "group"]
    kind_of = coupling.channels[coupling.channels["group"] == group].set_index("channel")["kind"]
    kinds = coupling.kinds[coupling.kinds["group"] == group].set_index("kind")
    stem = coupling.layers.set_index("layer").loc["stem.0", "places"]
    for channel, kind in kind_of.items():
        assert ("stem.0" in kinds.loc[kind, "writers"]) == (channel in stem)


@pytest.mark.parametrize("arch", cc.architectures())
@pytest.mark.parametrize("prune", [0.0, 0.5, 0.95])
def test_the_lit_tiles_are_the_channels_that_the_built_network_has(arch, prune, cache):
    recipe = cc.Recipe(arch=arch, prune=prune)
    coupling = study_coupling(recipe, cache)
    table = study_channels(recipe, cache)
    model = cc.compress(recipe, cache).model
    for row in table.layers.itertuples():
        assert row.after == outputs(model.get_submodule(row.layer)), row.layer
    assert len(table.channels) == len(coupling.channels)
    assert (table.layers["after"] >= 1).all()


def test_the_rows_held_are_those_that_the_threshold_would_have_emptied(cache):
    recipe = cc.Recipe(arch="mobilenet_v2", prune=0.6, criterion="bn_scale")
    table = study_channels(recipe, cache)
    channels = table.channels
    limit = channels["score"].sort_values().iloc[round(0.6 * len(channels))]
    best = channels.groupby("group")["score"].max()
    emptied = set(best[best < limit].index)
    assert set(table.layers.loc[table.layers["kept_by_floor"] > 0, "group"]) == emptied != set()


def test_a_channel_changed_by_hand_is_marked_and_obeyed(cache):
    plain = cc.Recipe(prune=0.5)
    before = study_channels(plain, cache).channels
    cut = before[~before["kept"]].iloc[0]
    kept = before[before["kept"]].iloc[-1]
    text = with_edit(
        with_edit("", int(cut["group"]), int(cut["channel"]), True), int(kept["group"]), int(kept["channel"]), False
    )
    after = study_channels(cc.Recipe(prune=0.5, edits=text), cache).channels
    assert set(after.index[after["kept"] != before["kept"]]) == {cut.name, kept.name}
    assert after.loc[cut.name, "edit"] is True and after.loc[kept.name, "edit"] is False
    assert after["edit"].notna().sum() == 2


@pytest.mark.parametrize("log", [False, True])
def test_each_stop_of_the_threshold_knows_the_share_below_it(log):
    scores = pd.Series(np.random.default_rng(0).lognormal(-4 if log else 0, 2 if log else 0.2, 500))
    table = thresholds(scores, log)
    assert 90 <= len(table) <= 182 and table["stop"].is_unique and table["stop"].is_monotonic_increasing
    for stop, share in table.itertuples(index=False):
        assert share == pytest.approx(min(0.95, round(sum(score < stop for score in scores) / 500, 3)))
    assert table["stop"].iloc[-1] > scores.max() and table["share"].iloc[0] <= 0.004


def test_the_threshold_stands_at_its_ratio():
    table = thresholds(pd.Series([0.1, 0.2, 0.3, 0.4]))
    assert table["share"].unique().tolist() == [0.0, 0.25, 0.5, 0.75, 0.95]
    row = stop_for(table, 0.5, 0.25)
    assert table["stop"][row] == 0.25 and table["share"][row] == 0.5
    zero = stop_for(table, 0.0, None)
    assert table["share"][zero] == 0 and table["share"][zero + 1] > 0  # the next key press cuts something


def test_scores_that_are_all_zero_have_a_threshold_too():
    assert len(thresholds(pd.Series([0.0, 0.0]))) >= 2


@pytest.mark.parametrize("arch", cc.architectures())
def test_the_proof_is_a_rounding(arch, cache):
    proof = study_exactness(cc.Recipe(arch=arch, prune=0.4), cache)
    assert 0 <= proof.difference < 1e-4 and proof.images == 4


def test_the_accuracy_is_what_is_measured(cache):
    recipe = cc.Recipe(prune=0.4, heal="none")
    accuracy, m = study_accuracy(recipe, cache), cc.measure(cc.compress(recipe, cache), timed=False)
    assert (accuracy.value, accuracy.samples) == (m.accuracy, m.samples)


def test_a_healing_is_the_same_network_and_took_time(cache):
    recipe = cc.Recipe(prune=0.4, heal="recalibrate")
    result = study_healing(recipe, cache)
    assert result.accuracy == study_accuracy(recipe, cache)
    assert 0 < result.seconds < 20


@pytest.fixture(scope="module")
def versus(cache):
    return study_weight_versus_channel(cc.Recipe(prune=0.4), cache)


def test_holes_and_the_smaller_network_have_as_many_parameters(versus):
    params = versus.forms["params"]
    assert params["original"] == sum(p.numel() for p in cc.load("studentnet", width=1.0).parameters())
    assert params["smaller"] < params["original"]
    assert abs(params["holes"] - params["smaller"]) < 0.001 * params["original"]
    assert (versus.forms["minimum_bytes"] == 4 * params).all()


def test_holes_save_bytes_only_in_a_file_that_leaves_them_out(versus):
    dense, saved = versus.forms["dense_bytes"], versus.forms["file_bytes"]
    assert abs(dense["holes"] - dense["original"]) < 200
    # A bit for each weight, beside those that are left.
    bits = versus.forms.loc["original", "params"] / 8
    assert abs(saved["holes"] - dense["smaller"] - bits) < 0.05 * dense["original"]
    assert dense["smaller"] < 0.5 * dense["original"] and abs(saved["smaller"] - dense["smaller"]) < 1000


def test_the_matrices_are_the_layers(versus):
    whole, holes, smaller = (versus.matrices[form] for form in ("original", "holes", "smaller"))
    model = cc.load("studentnet", width=1.0)
    for layer, matrix in whole.items():
        assert np.array_equal(matrix, model.get_submodule(layer).weight.detach().abs().flatten(1).numpy())
        assert holes[layer].shape == matrix.shape
        assert smaller[layer].shape[0] <= matrix.shape[0] and smaller[layer].shape[1] <= matrix.shape[1]
        stay = ~np.isnan(holes[layer])
        assert np.array_equal(holes[layer][stay], matrix[stay])
        assert matrix[~stay].max(initial=0) <= matrix[stay].min(initial=np.inf)
    assert versus.forms.loc["original", "speedup"] == 1


def test_uneven_groups_have_a_matrix_too(cache):
    both = study_weight_versus_channel(cc.Recipe(arch="shufflenet_v1", prune=0.3), cache)
    for layer, matrix in both.matrices["smaller"].items():
        assert matrix.ndim == 2 and matrix.shape[0] <= both.matrices["original"][layer].shape[0]


def test_scaling_factors_are_shown_whatever_decides_and_whether_or_not_anything_is_cut(cache):
    recipe = cc.Recipe(prune=0.5)
    found, model = study_scaling_factors(recipe, cache), cc.load("studentnet")
    own, chosen = found.channels, study_scores(recipe, cache).channels.set_index(["layer", "channel"])["kept"]
    gamma = cc.prune_channels(model, torch.zeros(1, 1, 32, 32), ratio=0.5, criterion="bn_scale").groups
    assert torch.equal(torch.tensor(own["score"].to_numpy()), torch.cat([group.scores for group in gamma]))
    for layer, rows in own.groupby("layer"):
        assert rows["kept"].tolist() == chosen[layer].tolist()
    untouched = study_scaling_factors(recipe.with_(prune=0.0), cache).channels
    assert untouched["kept"].all() and untouched["score"].equals(own["score"])
    by_gamma = study_scaling_factors(recipe.with_(criterion="bn_scale"), cache).channels
    assert not by_gamma["kept"].equals(own["kept"]) and by_gamma["score"].equals(own["score"])
