"""Files that were saved, and files that were damaged."""

import base64
import json
import math
import pickle
import struct
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load as load_bytes
from torch import nn

import compress_core as cc
from compress_core.quantization.packing import pack_layout, seal, unpack_layout

CHANNELS = 592  # of all groups of StudentNet at width 0.25
RECIPES = [
    cc.Recipe(),
    cc.Recipe(prune=0.5),
    cc.Recipe(width=0.6, prune=0.4, bits=4),
    cc.Recipe(width=0.25, prune=0.9, bits=1, scheme="per_tensor"),
    *(cc.Recipe(width=0.25, bits=4, scheme=scheme, coding="huffman") for scheme in ("codebook", "ternary", "min_max")),
    cc.Recipe(width=0.25, bits=3, rounding="error_compensating", layer_bits="0b8.1b8", activation_bits=4),
    cc.Recipe(width=0.25, bits=4, scheme="per_tensor", fold="off", equalize="on", correct_bias="on"),
    cc.Recipe(width=0.25, prune=0.4, multiple_of=8, layer_bits="3b2"),
    cc.Recipe(width=0.25, layer_bits="0b32"),
    cc.Recipe(arch="shufflenet_v1", width=0.35, prune=0.3, heal="reconstruct"),
    *(cc.Recipe(arch=arch, width=0.8, prune=0.4, bits=5) for arch in cc.architectures()),
    cc.Recipe(arch="shufflenet_v1", width=0.5, groups=8, prune=0.3),
    *(cc.Recipe(arch=arch, width=0.25, prune=0.3) for arch in ("mobilenet_v2", "shufflenet_v2")),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.to_query() or "original")
def test_a_saved_network_comes_back_as_it_was_measured(recipe, cache, tmp_path):
    compressed = cc.compress(recipe, cache)
    length = cc.save(compressed, tmp_path / "small.safetensors")
    assert length == (tmp_path / "small.safetensors").stat().st_size
    assert length == cc.measure(compressed, cache=cache, timed=False).file_bytes
    loaded = cc.load_file(tmp_path / "small.safetensors")
    images = cc.dataset("digits").test()[0][:50]
    with torch.no_grad():
        assert torch.equal(loaded(images), compressed.model(images))


def test_the_same_network_is_the_same_file(cache):
    from compress_core.files import file_bytes

    for recipe in RECIPES[:8]:
        assert file_bytes(cc.compress(recipe, cache)) == file_bytes(cc.compress(recipe))


def test_the_file_at_32_bits_has_the_networks_own_names(cache, tmp_path):
    from safetensors.torch import load_file

    compressed = cc.compress(cc.Recipe(prune=0.5), cache)
    cc.save(compressed, tmp_path / "plain.safetensors")
    compressed.model.load_state_dict(load_file(tmp_path / "plain.safetensors"), strict=False)
    assert "cnn.0.0.weight" in load_file(tmp_path / "plain.safetensors")


def test_a_network_of_ones_own_is_read_into_its_skeleton(tmp_path):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4))
    result = cc.quantize(model, 5)
    cc.save(result, tmp_path / "own.safetensors")
    loaded = cc.load_file(tmp_path / "own.safetensors", into=model)
    images = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(loaded(images), result.model(images))
    with pytest.raises(cc.CheckpointError, match="does not name a recipe"):
        cc.load_file(tmp_path / "own.safetensors")
    with pytest.raises(cc.CheckpointError, match="does not fit this network"):
        cc.load_file(tmp_path / "own.safetensors", into=nn.Sequential(nn.Linear(2, 2)))


@pytest.fixture(params=[4, 32])
def good(request, cache) -> bytes:
    from compress_core.files import file_bytes

    return file_bytes(cc.compress(cc.Recipe(width=0.25, bits=request.param), cache))


def damaged(good: bytes) -> dict[str, bytes]:
    """Every way in which we could think of a file going wrong."""
    length = int.from_bytes(good[:8], "little")
    header = json.loads(good[8 : 8 + length])

    def with_header(changed: dict) -> bytes:
        text = json.dumps(changed).encode()
        return struct.pack("<Q", len(text)) + text + good[8 + length :]

    tensors = load_bytes(good)

    about = json.loads(header["__metadata__"]["compress_core"])

    def with_about(**changes: object) -> bytes:
        """Sealed again, so that no checksum stands in for what else there is to notice."""
        changed = about | changes
        changed["seal"] = seal(tensors, changed)
        return with_header(header | {"__metadata__": {"compress_core": json.dumps(changed)}})

    def with_layout(**changes: object) -> bytes:
        return with_about(layout=pack_layout(unpack_layout(about["layout"]) | changes))

    empty = {"usual": ["affine", 4], "levels": {}, "whole": [], "sparse": [], "kept_16": {}, "kept_32": {}}
    huge = {"weights": {"cnn.0.0.weight": [10**9, 10**6]}} | empty
    negative = {"weights": {"cnn.0.0.weight": [-16, 9]}} | empty
    first = next(name for name in header if name != "__metadata__")
    longer = header | {first: header[first] | {"shape": [10**12]}}

    def with_shape(shape: list[int]) -> bytes:
        """The first weight in another shape; the rest as it was."""
        name = "cnn.0.0.weight"
        if "layout" in about:
            return with_layout(weights=unpack_layout(about["layout"])["weights"] | {name: shape})
        entry = header[name]
        length = 4 * math.prod(shape)
        return with_header(
            header
            | {
                name: entry
                | {"shape": shape, "data_offsets": [entry["data_offsets"][0], entry["data_offsets"][0] + length]}
            }
        )

    files = {
        "a scalar for a weight": with_shape([]),
        "a vector for a weight": with_shape([144]),
        "another kernel": with_shape([16, 1, 9, 1]),
        "fewer channels than its reader wants": with_shape([8, 1, 3, 3]),
        "a hundred thousand dimensions": with_shape([1] * 100_000),
        "a flipped bit": good[:-100] + bytes([good[-100] ^ 4]) + good[-99:],
        "a flipped bit in the metadata": good.replace(b"width=0.25", b"width=0.35"),
        "no seal": with_header(header | {"__metadata__": {"compress_core": json.dumps(about | {"seal": None})}}),
        "activations of no layer": with_about(activations={"cnn.99": [4, 0.1, 3]}),
        "activations of no bits": with_about(activations={"cnn.0.0": [0, 0.1, 0]}),
        "activations of another kind": with_about(activations=7),
        "empty": b"",
        "cut in the header": good[: length // 2],
        "cut in the data": good[:-100],
        "a text": b"hello, I am a text file" * 10,
        "a pickle": pickle.dumps({"cnn.0.0.weight": [1, 2, 3]}),
        "absurd header length": struct.pack("<Q", 2**60) + good[8:],
        "absurd shape": with_header(longer),
        "metadata of another kind": with_header(header | {"__metadata__": {"compress_core": "[1]"}}),
        "no metadata": with_header({k: v for k, v in header.items() if k != "__metadata__"}),
        "not ours": with_about(format="other/7"),
        "another recipe": with_about(recipe="arch=resnet&bits=99"),
        "a width that nobody builds": with_about(source=1e9, cuts=[]),
        "cuts of another network": with_about(cuts=["AAAA"]),
        "cuts that leave nothing": with_about(cuts=[base64.b64encode(bytes(CHANNELS // 8)).decode()]),
        "cuts that are no text": with_about(cuts=[7]),
        "cuts of another kind": with_about(cuts=7),
    }
    if "layout" in about:
        files |= {
            "no bits": with_layout(usual=["affine", "many"]),
            "endless bits": with_layout(usual=["affine", math.inf]),
            "17 bits": with_layout(usual=["affine", 17]),
            "levels of another kind": with_layout(usual=["spiral", 4]),
            "another coding": with_about(coding="morse"),
            "codes that are not coded": with_about(coding="huffman"),
            "everything sparse": with_layout(sparse=list(unpack_layout(about["layout"])["weights"])),
            "no kind of levels": with_layout(usual=7),
            "absurd layout": with_about(layout=pack_layout(huge)),
            "negative layout": with_about(layout=pack_layout(negative)),
            "broken layout": with_about(layout="{"),
            "layout that is no archive": with_about(layout="aGVsbG8="),
            "layout that never ends": with_about(layout=pack_layout({"a": "0" * 20_000_000})),
            "layout of another kind": with_about(layout=[1, 2]),
            "layout of another kind, packed": with_about(layout=pack_layout([1, 2])),
        }
    return files


def test_damaged_files_are_sentences(good, tmp_path):
    for name, data in damaged(good).items():
        path = tmp_path / "damaged.safetensors"
        path.write_bytes(data)
        with pytest.raises(cc.CheckpointError) as caught:
            cc.load_file(path)
            pytest.fail(name)
        assert "damaged.safetensors" in str(caught.value), name


def test_values_that_are_not_numbers_are_a_sentence(cache, tmp_path):
    compressed = cc.compress(cc.Recipe(width=0.25), cache)
    kept = compressed.state.kept | {"fc.0.bias": torch.full((10,), math.nan)}
    cc.save(replace(compressed, state=replace(compressed.state, kept=kept)), tmp_path / "nan.safetensors")
    with pytest.raises(
        cc.CheckpointError, match=r"'nan.safetensors' holds values that are not numbers, in 'fc.0.bias'"
    ):
        cc.load_file(tmp_path / "nan.safetensors")


def test_a_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(cc.CheckpointError, match="There is no file"):
        cc.load_file(tmp_path / "nothing.safetensors")


def test_a_file_cannot_ask_for_more_than_it_holds(cache, tmp_path):
    """Layouts of nothing, grids of no channel and cuts without end are refused at once."""
    from compress_core.files import file_bytes

    whole = file_bytes(cc.compress(cc.Recipe(width=0.25, bits=4), cache))
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    about = json.loads(header["__metadata__"]["compress_core"])
    layout = unpack_layout(about["layout"])
    everyone = base64.b64encode(b"\xff" * (CHANNELS // 8)).decode()
    bad = {
        "empty weights": {"layout": pack_layout(layout | {"weights": {f"w{i}": [0, 1] for i in range(10_000)}})},
        "codebooks for all": {"layout": pack_layout(layout | {"usual": ["codebook", 16]})},
        "endless cuts": {"cuts": [everyone] * 5000},
    }
    for name, changes in bad.items():
        changed = about | changes
        changed["seal"] = seal(load_bytes(whole), changed)
        text = json.dumps(header | {"__metadata__": {"compress_core": json.dumps(changed)}}).encode()
        (tmp_path / "bad.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + whole[8 + length :])
        with pytest.raises(cc.CheckpointError, match=r"bad.safetensors"):
            cc.load_file(tmp_path / "bad.safetensors")
            pytest.fail(name)
