"""Grids, rounding and packing against torch's own quantizer and plain Python."""

import copy
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import nn

import compress_core as cc
from compress_core.quantization.packing import deserialize, pack_bits, serialize, size_breakdown, unpack_bits
from compress_core.quantization.quantize import BITS
from compress_core.quantization.rounding import ROUNDINGS
from compress_core.quantization.schemes import SCHEMES
from tests.conftest import with_random_norms

ROUNDED = [bits for bits in BITS if bits < 32]


@given(st.integers(1, 16), st.data())
@settings(deadline=None)
def test_packing_lays_codes_side_by_side(bits, data):
    """Against a string of binary digits, cut into bytes."""
    codes = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=50))
    packed = pack_bits(torch.tensor(codes, dtype=torch.int32), bits)
    digits = "".join(f"{code:0{bits}b}" for code in codes)
    digits += "0" * (-len(digits) % 8)
    assert packed.tolist() == [int(digits[i : i + 8], 2) for i in range(0, len(digits), 8)]
    assert unpack_bits(packed, bits, len(codes)).tolist() == codes


weights = hnp.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 7)), elements=st.floats(-3, 3, width=32))


@given(weights, st.sampled_from(ROUNDED), st.sampled_from(cc.schemes()))
@settings(deadline=None)
def test_the_nearest_level_is_taken(weight, bits, name):
    """Brute force over all levels, as far as there are few of them."""
    weight = torch.from_numpy(weight)
    grid = SCHEMES[name](weight, bits)
    codes = ROUNDINGS["nearest"](weight, grid)
    assert codes.min() >= 0 and codes.max() < 2**bits
    error = (grid.dequantize(codes) - weight).abs()
    if bits <= 6:
        levels = torch.arange(2**bits, dtype=torch.int32).view(-1, 1, 1)
        best = (grid.dequantize(levels) - weight).abs().amin(0)
        assert torch.allclose(error, best, atol=1e-6)
    # The grid holds zero and both ends: nothing is further from a level than one step (the ends may be clipped).
    assert (error <= grid.scale * (1 + 1e-5)).all()
    assert (grid.scale.bfloat16().float() == grid.scale).all()


@pytest.mark.parametrize("name", ["per_tensor", "per_channel"])
def test_eight_bits_equal_torchs_own_quantizer(name):
    weight = torch.randn(12, 5, 3, 3, generator=torch.Generator().manual_seed(0))
    grid = SCHEMES[name](weight, 8)
    ours = grid.dequantize(ROUNDINGS["nearest"](weight, grid))
    if name == "per_tensor":
        theirs = torch.fake_quantize_per_tensor_affine(weight, grid.scale.view(1), grid.zero_point.view(1), 0, 255)
    else:
        scales, zeros = grid.scale.flatten(), grid.zero_point.flatten()
        theirs = torch.fake_quantize_per_channel_affine(weight, scales, zeros, 0, 0, 255)
    assert torch.allclose(ours, theirs, atol=1e-7)


def test_a_scale_a_channel_is_never_coarser_than_one_a_tensor():
    weight = torch.randn(8, 20, generator=torch.Generator().manual_seed(0)) * torch.logspace(-2, 1, 8).view(-1, 1)
    one, many = (SCHEMES[name](weight, 4) for name in ("per_tensor", "per_channel"))
    assert (many.scale <= one.scale).all() and many.scale.shape == (8, 1)


def test_zero_weights_stay_zero():
    grid = SCHEMES["per_channel"](torch.tensor([[0.0, 0.0], [-1.0, 3.0], [0.0, 2.0]]), 3)
    weight = torch.tensor([[0.0, 0.0], [0.0, 3.0], [0.0, 2.0]])
    assert (grid.dequantize(ROUNDINGS["nearest"](weight, grid))[:, 0] == 0).all()


@pytest.mark.parametrize("arch", cc.architectures())
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", cc.schemes())
def test_the_file_gives_back_exactly_what_was_measured(arch, bits, name):
    model = with_random_norms(cc.build(arch, 0.25))
    result = cc.quantize(model, bits, name)
    state, about = deserialize(serialize(result.state, {"a": "b"}))
    assert about["a"] == "b"
    measured = {k: t for k, t in result.model.state_dict().items() if t.is_floating_point()}
    stored = state.tensors()
    assert stored.keys() == measured.keys()
    assert all(torch.equal(stored[key], measured[key]) for key in measured)


@pytest.mark.parametrize("arch", cc.architectures())
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", cc.schemes())
def test_the_file_is_as_long_as_its_bits_ask_for(arch, bits, name):
    """At most 3 % + 4 KB above parameters × bits / 8 and what the report names as kept in 16 or 32 bits."""
    model = with_random_norms(cc.build(arch))
    result = cc.quantize(model, bits, name)
    length = len(serialize(result.state, {}))
    parts = size_breakdown(result.state, length)
    params = sum(p.numel() for p in model.parameters())
    ideal = params * bits / 8
    named = parts["kept_16"] + parts["kept_32"] + parts["scales"] if bits < 32 else 0
    buffers = 0 if bits < 32 else parts["kept_32"] - 4 * params
    assert sum(parts.values()) == length
    assert length <= 1.03 * ideal + 4096 + named + buffers


def test_biases_and_norms_are_kept_in_16_bits_unless_they_do_not_fit():
    model = with_random_norms(cc.build("studentnet"))
    model.cnn[2][1].running_var[0] = 1e6
    kept = cc.quantize(model, 4).state.kept
    assert kept["cnn.2.1.running_var"].dtype == torch.float32
    assert kept["cnn.3.1.running_var"].dtype == torch.float16
    assert kept["cnn.2.1.running_var"][0] == 1e6


def test_nothing_of_the_original_changes():
    model = with_random_norms(cc.build("studentnet", 0.25))
    before = copy.deepcopy(model.state_dict())
    cc.quantize(model, 2)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bits": 0}, "1 to 16, or 32 for none; it was 0"),
        ({"bits": 33}, "1 to 16, or 32 for none; it was 33"),
        ({"scheme": "spiral"}, "There is no scheme 'spiral'"),
        ({"rounding": "up"}, "There is no rounding 'up'"),
    ],
)
def test_what_cannot_be_quantized_is_a_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        cc.quantize(cc.build("studentnet", 0.25), **arguments)


def test_weights_that_are_not_numbers_are_a_sentence():
    model = cc.build("studentnet", 0.25)
    model.cnn[1][3].weight.data[0, 0] = math.nan
    with pytest.raises(ValueError, match=r"'cnn.1.3.weight' holds values that are not finite"):
        cc.quantize(model, 4)


def test_any_module_can_be_quantized():
    model = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 2))
    result = cc.quantize(model, 3)
    assert result.model(torch.zeros(1, 7)).shape == (1, 2) and set(result.state.codes) == {"0.weight", "2.weight"}


@pytest.mark.parametrize("bits", [3, 8, 16])
@pytest.mark.parametrize("name", cc.schemes())
def test_the_breakdown_is_what_the_files_header_says(bits, name):
    state = cc.quantize(with_random_norms(cc.build("studentnet")), bits, name).state
    data = serialize(state, {})
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    length = {
        key: entry["data_offsets"][1] - entry["data_offsets"][0] for key, entry in header.items() if "dtype" in entry
    }
    assert size_breakdown(state, len(data)) == {
        "weights": length["codes"],
        "scales": length["scales"] + length["zero_points"],
        "kept_16": length["kept_16"],
        "kept_32": length.get("kept_32", 0),
        "header": len(data) - sum(length.values()),
    }


def test_a_network_without_weights_to_round_is_saved_all_the_same():
    model = nn.Sequential(nn.BatchNorm2d(4))
    state, _ = deserialize(serialize(cc.quantize(model, 4).state, {}))
    assert set(state.tensors()) == {"0.weight", "0.bias", "0.running_mean", "0.running_var"}
