"""The ideas against what they simplify: profiles of real modules, loops, closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import compress_core as cc
from compress_core.studies.ideas import fire, grouped, manifold, residual, separable
from compress_core.studies.ideas.cost import Cost, conv_cost
from compress_core.studies.ideas.timing import time_forms
from compress_core.zoo import blocks, squeezenet

few = settings(max_examples=25, deadline=None)


def profiled(module: nn.Module, c_in: int, side: int) -> Cost:
    """Parameters and MACs of a real module, without its BatchNorms."""
    table = cc.profile(module, torch.zeros(1, c_in, side, side)).query("kind != 'batchnorm'")
    return Cost(int(table["params"].sum()), int(table["macs"].sum()))


@few
@given(st.sampled_from([1, 3, 5, 7]), st.integers(1, 6), st.integers(1, 6), st.integers(1, 9), st.integers(1, 4))
def test_a_convolution_costs_what_it_is_profiled_at(kernel, c_in, c_out, side, groups):
    conv = nn.Conv2d(c_in * groups, c_out * groups, kernel, padding=kernel // 2, groups=groups)
    expected = conv_cost(c_in * groups, c_out * groups, kernel, side, groups, bias=True)
    assert profiled(conv, c_in * groups, side) == expected


def test_macs_are_what_the_loops_of_a_convolution_do():
    kernel, c_in, c_out, side, groups = 3, 4, 6, 5, 2
    done = 0
    for _place in range(side * side):
        for _output in range(c_out):
            for _input in range(c_in // groups):
                done += kernel * kernel
    assert conv_cost(c_in, c_out, kernel, side, groups).macs == done


@few
@given(st.sampled_from([1, 3, 5, 7]), st.integers(1, 40), st.integers(1, 40), st.integers(1, 9))
def test_separable_costs_are_those_of_the_modules_and_of_the_formula(kernel, c_in, c_out, side):
    costs = separable.costs(kernel, c_in, c_out, side)
    for form, module in separable.modules(kernel, c_in, c_out).items():
        assert profiled(module, c_in, side) == costs[form]
    full, parts = costs.values()
    assert parts.macs / full.macs == pytest.approx(separable.cost_ratio(kernel, c_out))
    assert parts.params / full.params == pytest.approx(separable.cost_ratio(kernel, c_out))


def test_the_separable_form_is_mobilenets_block():
    block = blocks.DepthwiseSeparable(16, 24)
    assert profiled(block, 16, 7) == separable.costs(3, 16, 24, 7)[separable.SEPARABLE]
    assert separable.cost_ratio(3, 512) == pytest.approx(1 / 512 + 1 / 9)


def test_both_separable_forms_read_and_give_the_same_shapes():
    images = torch.zeros(1, 8, 7, 7)
    assert len({module.eval()(images).shape for module in separable.modules(5, 8, 12).values()}) == 1


@pytest.mark.parametrize("channels", [8, 24, 96])
@pytest.mark.parametrize("expansion", [2, 6, 10])
def test_residual_costs_are_those_of_the_blocks(channels, expansion):
    side = 7
    inverted = residual.inverted_bottleneck(channels, expansion, side)
    assert profiled(blocks.InvertedResidual(channels, channels, 1, expansion, True), channels, side) == inverted.cost
    wide = channels * expansion
    classic = nn.Sequential(
        blocks.ConvBNAct(wide, channels),
        blocks.ConvBNAct(channels, channels, 3),
        blocks.ConvBNAct(channels, wide, activation=None),
    )
    usual = residual.bottleneck(channels, expansion, side)
    assert profiled(classic, wide, side) == usual.cost
    assert (inverted.cost.params < usual.cost.params) == (channels > expansion)


def test_channels_and_the_shortcuts_memory_are_those_of_the_maps():
    inverted, usual = residual.inverted_bottleneck(24, 6, 14), residual.bottleneck(24, 6, 14)
    block = blocks.InvertedResidual(24, 24, 1, 6, True).eval()
    images = torch.zeros(1, 24, 14, 14)
    maps = [images]
    for layer in (block.expand, block.depthwise, block.project):
        maps.append(layer(maps[-1]))
    assert inverted.channels == tuple(m.shape[1] for m in maps) and block.shortcut
    assert inverted.shortcut_bytes == images.numel() * images.element_size()
    assert usual.shortcut_bytes == 6 * inverted.shortcut_bytes
    assert usual.channels == (144, 24, 24, 144)


def real_squeezenet(squeeze_ratio: float, share: float, pooled: tuple[int, ...]) -> nn.Module:
    version = squeezenet._Version(96, 7, pooled)
    return squeezenet.SqueezeNet(version, 96, fire.fires(squeeze_ratio, share), 1000, 3)


@pytest.mark.parametrize(("squeeze_ratio", "share"), [(0.125, 0.5), (0.75, 0.01), (1.0, 0.99)])
@pytest.mark.parametrize("pooled", fire.POOLINGS.values())
def test_fire_networks_cost_what_the_real_ones_are_profiled_at(squeeze_ratio, share, pooled):
    network = real_squeezenet(squeeze_ratio, share, pooled)
    assert profiled(network, 3, 224) == fire.network_cost(squeeze_ratio, share, pooled)


def test_the_papers_ratios_give_the_papers_network():
    assert tuple(fire.fires(0.125, 0.5)) == squeezenet.FIRES
    model = cc.build("squeezenet", preset="imagenet", num_classes=1000, version="1.0")
    assert profiled(model, 3, 224) == fire.network_cost(0.125, 0.5)
    assert fire.network_cost(0.125, 0.5).params == 1_248_424


def test_poolings_move_macs_and_no_parameter():
    costs = [fire.network_cost(0.5, 0.5, pooled) for pooled in fire.POOLINGS.values()]
    assert len({cost.params for cost in costs}) == 1
    assert [cost.macs for cost in costs] == sorted(cost.macs for cost in costs)


def test_the_sweep_holds_every_pair_once():
    sweep = fire.sweep()
    assert len(sweep) == len(fire.SQUEEZE_RATIOS) * len(fire.SHARES_3X3) == len(sweep.drop_duplicates())
    row = sweep.query("squeeze_ratio == 0.75 and share == 0.25").iloc[0]
    assert Cost(row["params"], row["macs"]) == fire.network_cost(0.75, 0.25)


@pytest.mark.parametrize("channels", [24, 240, 480])
def test_grouped_costs_are_those_of_the_modules(channels):
    table = grouped.group_counts(channels, 7)
    for row, (form, module) in zip(table.itertuples(), grouped.modules(channels).items(), strict=True):
        assert profiled(module, channels, 7) == Cost(row.params, row.macs) == grouped.costs(channels, 7)[form]
        assert row.macs * row.groups == table["macs"].iloc[0]


@given(st.integers(8, 2000), st.sampled_from(grouped.GROUPS))
def test_equal_cost_widths_are_whole_groups_of_about_the_same_cost(channels, groups):
    width = grouped.equal_cost_width(channels, groups)
    assert width % groups == 0
    assert abs(width - channels * math.sqrt(groups)) <= groups / 2
    assert grouped.equal_cost_width(channels, 1) == channels


def test_one_more_dimension_adds_a_row_and_the_seed_decides_the_rest():
    assert torch.equal(manifold.embedding(7, 3)[:4], manifold.embedding(4, 3))
    assert not torch.equal(manifold.embedding(4, 3), manifold.embedding(4, 2))


@few
@given(st.integers(2, manifold.MAX_DIMS), st.integers(0, 40))
def test_the_best_read_out_is_as_good_as_any_and_never_loses_by_a_dimension(dims, seed):
    points = manifold.collapse(dims, seed)
    best = manifold.error(points)
    assert -1e-12 <= best <= manifold.error(manifold.collapse(dims, seed, manifold.PINV)) + 1e-9
    if dims < manifold.MAX_DIMS:
        assert manifold.error(manifold.collapse(dims + 1, seed)) <= best + 1e-9
    # the residual of a least squares fit is orthogonal to every unit
    before = points[["x", "y"]].to_numpy().T
    units = np.maximum(manifold.embedding(dims, seed).numpy() @ before, 0)
    missed = before - points[["x_back", "y_back"]].to_numpy().T
    assert np.abs(missed @ units.T).max() < 1e-6
    assert (points["active"].to_numpy() == (units > 0).sum(0)).all()


def test_the_pseudo_inverse_undoes_t_where_relu_did_nothing():
    points = manifold.collapse(12, 1, manifold.PINV)
    matrix = manifold.embedding(12, 1).numpy()
    before = points[["x", "y"]].to_numpy().T
    expected = np.linalg.pinv(matrix) @ np.maximum(matrix @ before, 0)
    assert np.allclose(points[["x_back", "y_back"]].to_numpy().T, expected)


@pytest.mark.parametrize("readout", manifold.READOUTS)
def test_the_curve_is_made_of_single_errors(readout):
    curve = manifold.error_curve(readout).set_index("dims")
    assert list(curve.index) == list(range(2, manifold.MAX_DIMS + 1))
    for dims in (2, 5, 30):
        errors = [manifold.error(manifold.collapse(dims, seed, readout)) for seed in range(manifold.CURVE_SEEDS)]
        expected = np.quantile(errors, [0.1, 0.5, 0.9])
        assert np.allclose(curve.loc[dims, ["low", "median", "high"]].astype(float), expected, atol=1e-6)


@pytest.mark.parametrize("dims", [2, 3, 5, 8])
def test_as_many_points_lose_a_coordinate_as_chance_says(dims):
    shares = [manifold.lost_share(manifold.collapse(dims, seed)) for seed in range(300)]
    assert np.mean(shares) == pytest.approx(manifold.expected_lost_share(dims), abs=4 * np.std(shares) / 300**0.5)


def test_points_that_lost_a_coordinate_lie_on_rays():
    """What one unit passes on is a number, so what is read back lies on a line through zero for each unit."""
    points = manifold.collapse(3, 0).query("active == 1")
    matrix = manifold.embedding(3, 0).numpy()
    units = (matrix @ points[["x", "y"]].to_numpy().T > 0).argmax(0)
    for unit in set(units):
        back = points[["x_back", "y_back"]].to_numpy()[units == unit]
        assert np.linalg.matrix_rank(back, tol=1e-9) == 1


def test_timing_holds_the_forms_against_the_first():
    forms = {"small": nn.Conv2d(8, 8, 3), "large": nn.Conv2d(8, 256, 7)}
    timing = time_forms(forms, (8, 28, 28))
    table = timing.table
    assert list(table.index) == ["small", "large"] and timing.rounds >= 3 and timing.threads == torch.get_num_threads()
    assert (table["low"] <= table["ms"]).all() and (table["ms"] <= table["high"]).all()
    assert table.loc["small", "relative"] == 1 and table.loc["large", "relative"] > 3
    assert timing.spread == pytest.approx((table["high"] / table["low"]).max())
