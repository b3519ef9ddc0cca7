"""Levels and clipping against brute force, torch's own quantizers, the papers' formulas and exact k-means."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import compress_core as cc
from compress_core.quantization.clipping import clippings
from compress_core.quantization.grids import Codebook, Grid
from compress_core.registry import CLIPPINGS, SCHEMES

weights = hnp.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 7)), elements=st.floats(-3, 3, width=32))
MIN_MAX = CLIPPINGS["min_max"].fit


def gaussian(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def all_levels(levels: Grid | Codebook, weight: torch.Tensor) -> torch.Tensor:
    """(levels, …) what each code stands for, for each weight."""
    codes = torch.arange(levels.count).view(-1, *[1] * weight.dim())
    return levels.dequantize(codes.expand(-1, *weight.shape))


@given(weights, st.integers(1, 6), st.sampled_from(cc.schemes()), st.sampled_from(clippings()))
@settings(deadline=None)
def test_the_nearest_level_is_taken(weight, bits, name, clipping):
    weight = torch.from_numpy(weight)
    levels = SCHEMES[name].fit(weight, bits, CLIPPINGS[clipping].fit, None)
    codes = levels.nearest(weight)
    assert codes.min() >= 0 and codes.max() < levels.count <= 2**levels.bits
    assert levels.bits == SCHEMES[name].bits(bits) or (name.endswith("symmetric") and bits == 1)
    best = (all_levels(levels, weight) - weight).abs().amin(0)
    assert torch.allclose((levels.dequantize(codes) - weight).abs(), best, atol=1e-6)


@pytest.mark.parametrize("name", ["per_tensor", "per_channel", "per_tensor_symmetric", "per_channel_symmetric"])
def test_two_levels_are_the_mean_size_up_and_down(name):
    """As XNOR-Net, section 3.1: of the levels ±a the best a is mean |w|."""
    weight = gaussian(12, 5, 3, 3)
    grid = SCHEMES[name].fit(weight, 1, MIN_MAX, None)
    sizes = weight.abs().mean() if "tensor" in name else weight.abs().mean((1, 2, 3), keepdim=True)
    assert torch.allclose(grid.dequantize(grid.nearest(weight)), weight.sign() * sizes, rtol=0.01)


@given(weights, st.integers(2, 16), st.sampled_from(["per_tensor", "per_channel", "min_max"]))
@settings(deadline=None)
def test_without_clipping_no_weight_is_further_than_a_step(weight, bits, name):
    weight = torch.from_numpy(weight)
    grid = SCHEMES[name].fit(weight, bits, MIN_MAX, None)
    assert ((grid.dequantize(grid.nearest(weight)) - weight).abs() <= grid.scale * (1 + 1e-4)).all()
    if grid.kind != "offset":
        assert (grid.scale.bfloat16().float() == grid.scale).all()


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("name", ["per_tensor", "per_channel", "per_tensor_symmetric", "per_channel_symmetric"])
def test_uniform_grids_equal_torchs_own_quantizers(name, bits):
    weight = gaussian(12, 5, 3, 3)
    grid = SCHEMES[name].fit(weight, bits, MIN_MAX, None)
    ours = grid.dequantize(grid.nearest(weight))
    shift = 2 ** (bits - 1) if "symmetric" in name else 0  # torch's symmetric codes are signed
    low, high = -shift, 2**bits - 1 - shift
    zeros = (grid.zero_point - shift).flatten().int()
    if "per_tensor" in name:
        theirs = torch.fake_quantize_per_tensor_affine(weight, grid.scale.view(1), zeros, low, high)
    else:
        theirs = torch.fake_quantize_per_channel_affine(weight, grid.scale.flatten(), zeros, 0, low, high)
    assert torch.allclose(ours, theirs, atol=1e-7)
    assert not ("symmetric" in name and zeros.any())


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("name", ["per_tensor", "per_channel"])
def test_eight_bits_equal_torchs_int8_tensors(name):
    """Against tensors that torch keeps as bytes, not only its simulation."""
    weight = gaussian(12, 5, 3, 3)
    grid = SCHEMES[name].fit(weight, 8, MIN_MAX, None)
    if name == "per_tensor":
        theirs = torch.quantize_per_tensor(weight, float(grid.scale), int(grid.zero_point), torch.quint8)
    else:
        scales, zeros = grid.scale.flatten().double(), grid.zero_point.flatten().long()
        theirs = torch.quantize_per_channel(weight, scales, zeros, 0, torch.quint8)
    assert torch.equal(grid.nearest(weight).to(torch.uint8), theirs.int_repr())
    assert torch.allclose(grid.dequantize(grid.nearest(weight)), theirs.dequantize(), atol=1e-7)


def test_homework_sevens_eight_bits():
    """encode8 and decode8, written out: round((w − min) / (max − min) · 255)."""
    weight = gaussian(20, 7).numpy()
    low, high = weight.min(), weight.max()
    codes = np.round((weight - low) / (high - low) * 255).astype(np.uint8)
    back = codes.astype(np.float32) / 255 * (high - low) + low
    grid = SCHEMES["min_max"].fit(torch.from_numpy(weight), 8, MIN_MAX, None)
    ours = grid.nearest(torch.from_numpy(weight))
    assert np.array_equal(ours.numpy().astype(np.uint8), codes)
    assert np.allclose(grid.dequantize(ours).numpy(), back, atol=1e-6)


def test_binary_and_ternary_are_the_papers():
    weight = gaussian(6, 4, 3, 3)
    binary = SCHEMES["binary"].fit(weight, 1, MIN_MAX, None)
    mean = weight.abs().mean((1, 2, 3), keepdim=True)
    assert torch.allclose(binary.dequantize(binary.nearest(weight)), weight.sign() * mean, rtol=2**-7)
    ternary = SCHEMES["ternary"].fit(weight, 2, MIN_MAX, None)
    beyond = weight.abs() > 0.7 * mean
    scale = (weight.abs() * beyond).sum((1, 2, 3)) / beyond.sum((1, 2, 3))
    assert torch.allclose(ternary.scale.flatten(), scale, rtol=2**-7)
    assert set((ternary.dequantize(ternary.nearest(weight)) / ternary.scale).unique().tolist()) == {-1, 0, 1}


def exact_k_means(values: np.ndarray, k: int) -> float:
    """The least sum of squares of values in k runs of their order, by dynamic programming over where runs end."""
    values = np.sort(values.astype(np.float64))
    ones, squares = (np.concatenate(([0], np.cumsum(v))) for v in (values, values**2))
    n = len(values)
    start, end = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = squares[end] - squares[start] - (ones[end] - ones[start]) ** 2 / (end - start)
    cost[end <= start] = np.inf
    cost[end == start] = 0
    least = cost[0]
    for _ in range(k - 1):
        least = (least[:, None] + cost).min(0)
    return least[n]


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_codebooks_are_within_one_percent_of_the_best(bits, seed):
    weight = gaussian(20, 80 if seed < 2 else 15, seed=seed) ** (3 if seed % 2 else 1)
    book = SCHEMES["codebook"].fit(weight, bits, MIN_MAX, None)
    ours = float((book.dequantize(book.nearest(weight)) - weight).double().square().sum())
    assert ours <= 1.01 * exact_k_means(weight.flatten().numpy(), 2**bits)
    assert book.levels.dtype == torch.float32 and (book.levels.diff() >= 0).all()


def test_few_values_get_a_level_each():
    book = SCHEMES["codebook"].fit(torch.tensor([[0.5, 0.5, -1.0], [2.0, 0.5, -1.0]]), 4, MIN_MAX, None)
    weight = torch.tensor([0.5, -1.0, 2.0])
    assert torch.equal(book.dequantize(book.nearest(weight)), weight) and len(book.levels) == 16


@given(weights, st.integers(2, 6), st.sampled_from(["per_tensor", "per_channel", "per_channel_symmetric"]))
@settings(deadline=None)
def test_the_best_range_is_never_worse_than_the_whole(weight, bits, name):
    weight = torch.from_numpy(weight)

    def error(clipping: str) -> float:
        grid = SCHEMES[name].fit(weight, bits, CLIPPINGS[clipping].fit, None)
        return float((grid.dequantize(grid.nearest(weight)) - weight).square().sum())

    assert error("mse") <= error("min_max") + 1e-6


def test_the_best_range_heeds_what_matters():
    """One weight is worth all others: it must be met, though a thousand small ones get coarser steps."""
    weight = torch.cat((gaussian(1, 999) * 0.1, torch.tensor([[3.0]])), 1)
    importance = torch.ones_like(weight)
    importance[0, -1] = 1e6
    careless, careful = (SCHEMES["per_tensor"].fit(weight, 3, CLIPPINGS["mse"].fit, i) for i in (None, importance))
    at = [float(grid.dequantize(grid.nearest(weight))[0, -1]) for grid in (careless, careful)]
    assert abs(at[1] - 3) < 0.2 < 0.5 < abs(at[0] - 3)


def test_the_percentile_leaves_half_a_percent_out_at_either_end():
    weight = torch.arange(1000.0).view(1, -1)
    grid = SCHEMES["min_max"]  # does not clip
    assert grid.fit(weight, 8, CLIPPINGS["percentile"].fit, None).scale == pytest.approx(999 / 255)
    grid = SCHEMES["per_tensor"].fit(weight, 8, CLIPPINGS["percentile"].fit, None)
    assert float(grid.scale) == pytest.approx(994 / 255, rel=2**-7)
    few = SCHEMES["per_channel"].fit(torch.tensor([[-1.0, 2.0]]), 8, CLIPPINGS["percentile"].fit, None)
    assert float(few.scale) == pytest.approx(3 / 255, rel=2**-7)


def test_zero_weights_stay_zero():
    weight = torch.tensor([[0.0, 0.0], [0.0, 3.0], [0.0, 2.0]])
    for name in ("per_tensor", "per_channel", "per_channel_symmetric", "ternary"):
        for clipping in (c.fit for c in CLIPPINGS.values()):
            grid = SCHEMES[name].fit(weight, 3, clipping, None)
            assert (grid.dequantize(grid.nearest(weight))[:, 0] == 0).all()


@pytest.mark.parametrize("name", cc.schemes())
@pytest.mark.parametrize("bits", [1, 4])
@pytest.mark.parametrize("value", [0.0, 0.25, -2.0])
def test_a_layer_of_one_value_is_no_trouble(name, bits, value):
    weight = torch.full((3, 4), value)
    levels = SCHEMES[name].fit(weight, bits, CLIPPINGS["mse"].fit, None)
    assert torch.allclose(levels.dequantize(levels.nearest(weight)), weight, atol=0.01)


@pytest.mark.parametrize("size", [1e-20, 1e-6, 1e5, 1e30])
def test_codebooks_are_as_good_for_weights_of_any_size(size):
    weight = gaussian(20, 15) * size
    book = SCHEMES["codebook"].fit(weight, 6, MIN_MAX, None)
    assert ((book.dequantize(book.nearest(weight)) - weight) / size).square().mean() < 0.002


def test_a_grid_a_channel_is_never_coarser_than_one_a_tensor():
    weight = gaussian(8, 20) * torch.logspace(-2, 1, 8).view(-1, 1)
    one, many = (SCHEMES[name].fit(weight, 4, MIN_MAX, None) for name in ("per_tensor", "per_channel"))
    assert (many.scale <= one.scale).all() and many.scale.shape == (8, 1)
    assert math.prod(one.scale.shape) == 1
