"""The file: codes as bytes against plain Python, and whole networks back bit for bit."""

import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import compress_core as cc
from compress_core.quantization.coding import huffman, pack_bits, unhuffman, unpack_bits
from compress_core.quantization.packing import deserialize, serialize, size_breakdown
from compress_core.recipe import BITS
from compress_core.registry import CODINGS, SCHEMES
from tests.conftest import with_random_norms
from tests.helpers.marks import sampled


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


@given(st.integers(1, 16), st.data())
@settings(deadline=None)
def test_huffman_coded_symbols_are_as_many_codes_as_fit_in_a_byte(bits, data):
    codes = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=50))
    coded = huffman(torch.tensor(codes, dtype=torch.int32), bits)
    assert unhuffman(coded, bits, len(codes)).tolist() == codes
    symbols = zlib.decompress(coded.numpy().tobytes(), -15)
    together = max(1, 8 // bits)
    if bits <= 8:
        padded = codes + [0] * (-len(codes) % together)
        expected = [padded[i : i + together] for i in range(0, len(padded), together)]
        assert list(symbols) == [sum(c << bits * (together - 1 - k) for k, c in enumerate(own)) for own in expected]
    else:
        assert symbols == pack_bits(torch.tensor(codes), bits).numpy().tobytes()
    for wrong in (len(codes) - 8, len(codes) + 8):
        if wrong > 0:
            with pytest.raises(ValueError, match="other codes"):
                unhuffman(coded, bits, wrong)


def test_huffman_comes_near_the_entropy():
    codes = torch.from_numpy(
        np.random.default_rng(0).choice(8, 100_000, p=[0.5, 0.2, 0.1, 0.08, 0.06, 0.03, 0.02, 0.01])
    )
    share = codes.bincount() / len(codes)
    entropy = float(-(share * share.log2()).sum()) * len(codes) / 8
    assert entropy <= len(huffman(codes.int(), 3)) <= 1.03 * entropy


CASES = [
    ("studentnet", bits, name) for name in cc.schemes() for bits in BITS if not SCHEMES[name].fixed_bits or bits == 4
]
CASES += [(arch, 3, "per_channel") for arch in cc.architectures()[1:]]


@pytest.mark.parametrize(
    ("arch", "bits", "name"), sampled(CASES, lambda case: case[0] != "studentnet" or case[1] in (1, 4, 7, 8, 13, 32))
)
def test_the_file_gives_back_exactly_what_was_measured(arch, bits, name):
    model = with_random_norms(cc.build(arch, 0.25))
    result = cc.quantize(model, bits, name, clipping="min_max")
    for coding in CODINGS:
        state, about = deserialize(serialize(result.state, {"a": "b"}, coding))
        assert about["a"] == "b" and state.folded == (bits < 32)
        measured = {k: t for k, t in result.model.state_dict().items() if t.is_floating_point()}
        stored = state.tensors()
        assert stored.keys() == measured.keys()
        assert all(torch.equal(stored[key], measured[key]) for key in measured)
        assert {n: (v.kind, v.bits) for n, v in state.levels.items()} == {
            n: (v.kind, v.bits) for n, v in result.state.levels.items()
        }


@pytest.mark.parametrize(
    ("arch", "bits", "name"),
    [("studentnet", bits, name) for name in ("per_tensor", "per_channel_symmetric") for bits in (1, 3, 8, 11, 32)]
    + [(arch, 4, "per_channel") for arch in cc.architectures()],
)
def test_the_file_is_as_long_as_its_bits_ask_for(arch, bits, name):
    """At most 3 % + 4 KB above parameters × bits / 8 and what the report names as kept in 16 or 32 bits."""
    model = with_random_norms(cc.build(arch))
    result = cc.quantize(model, bits, name, clipping="min_max")
    data = serialize(result.state, {})
    parts = size_breakdown(result.state, data)
    params = sum(p.numel() for p in model.parameters())
    ideal = params * bits / 8
    named = parts["kept_16"] + parts["kept_32"] + parts["scales"] if bits < 32 else 0
    buffers = 0 if bits < 32 else parts["kept_32"] - 4 * params
    assert sum(parts.values()) == len(data)
    assert len(data) <= 1.03 * ideal + 4096 + named + buffers
    assert parts["weights"] <= sum(-(-c.numel() * bits // 8) for c in result.state.codes.values())


def test_layers_of_different_bits_share_a_file():
    model = with_random_norms(cc.build("mobilenet_v2", 0.25))
    names = [name for name, layer in model.named_modules() if isinstance(layer, torch.nn.Conv2d)]
    plan = {name: 1 + i % 16 for i, name in enumerate(names[:-1])} | {names[-1]: 32}
    result = cc.quantize(model, plan)
    assert result.bits == {name: bits for name, bits in plan.items() if bits < 32}
    for coding in CODINGS:
        stored = deserialize(serialize(result.state, {}, coding))[0].tensors()
        assert all(torch.equal(stored[k], t) for k, t in result.model.state_dict().items() if t.is_floating_point())
    assert f"{names[-1]}.weight" in result.state.kept and "classifier.2.weight" in result.state.kept


def test_where_there_are_holes_they_are_not_kept(tmp_path):
    """At every bit width a network with nine weights of ten at zero takes less, and comes back as it was."""
    model = with_random_norms(cc.build("studentnet"))
    holes = cc.prune_weights(model, 0.9).model
    for bits in (32, 8, 4, 2):
        lengths, weights = {}, sum(p.numel() for p in model.parameters() if p.dim() > 1)
        for kind, network in (("whole", model), ("holes", holes)):
            result = cc.quantize(network, bits, "per_channel_symmetric", clipping="min_max")
            lengths[kind] = cc.save(result, tmp_path / "own.safetensors")
            again = cc.load_file(tmp_path / "own.safetensors", into=model).state_dict()
            assert all(torch.equal(again[k], t) for k, t in result.model.state_dict().items() if t.is_floating_point())
        beside = lengths["whole"] - weights * bits / 8
        # A tenth of the codes, a bit for each place; where a layer has few holes, its codes as they are.
        assert lengths["holes"] < (0.1 + 1.15 / bits) * weights * bits / 8 + beside + 8000


def test_another_coding_is_a_sentence():
    with pytest.raises(ValueError, match=r"There is no coding 'morse'. Choose one of: plain, huffman"):
        serialize(cc.quantize(cc.build("studentnet", 0.25), 4).state, {}, "morse")
