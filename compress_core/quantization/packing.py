"""The packed file: safetensors in which codes lie side by side, without a gap.

A network of which nothing is rounded is kept under its tensors' own names, as any reader of safetensors expects them;
a tensor with so many holes that this is shorter, as a bit for each place and what stands in the others. Of a quantized
one, a header entry a tensor would cost more than the weights, so there are seven tensors at most:

    codes        uint8     the codes of all weights, as many bits each as their levels have, each weight from a byte on
    scales       bfloat16  their grids' scales
    zero_points  uint8     their grids' zero points, where the kind of grid does not tell them, packed as codes are
    offsets      float32   scale and zero point of grids that keep them exactly
    codebooks    float32   levels of their own
    kept_16      float16   what stays in 16 bits
    kept_32      float32   what stays in 32 bits

and the metadata's `layout` says which names, shapes, bits and kinds of levels they are cut into, in this order. Where a
weight has so many zeros that this is shorter, its codes are a bit for each place that is none and then the codes of
those. With `coding` `huffman` the codes of each bit width, as many to a symbol as fit in a byte, are Huffman-coded by
zlib, and nothing is kept sparsely. The same state gives the same bytes, and reading them runs nothing.
"""

import base64
import json
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes
from torch import Tensor

from compress_core.errors import CheckpointError
from compress_core.quantization.coding import as_octets, huffman, pack_bits, unhuffman, unpack_bits
from compress_core.quantization.grids import Codebook, Grid, Levels
from compress_core.quantization.state import PackedState
from compress_core.registry import CODINGS

FORMAT = "compress_core/3"
KINDS = ("affine", "symmetric", "ternary", "binary", "offset", "codebook")
MAX_DIMENSIONS = 6
MAX_WEIGHTS = 10_000
MAX_LAYOUT_BYTES = 1_000_000
HALF_WAY = {"binary": 0.5, "ternary": 1.0}
_KEY = "compress_core"
"""The one entry of the metadata, a JSON object. More of them would be written in an order that changes, and the same
network would not always be the same file."""
_PLACES, _VALUES = ":places", ":values"
"""What is added to the name of a tensor with holes."""


def pack_layout(layout: Mapping[str, object]) -> str:
    """The layout as text for the header: its many similar names cost a fifth of what they would as JSON."""
    return base64.b64encode(zlib.compress(json.dumps(layout, separators=(",", ":")).encode(), 9)).decode()


def unpack_layout(text: str) -> dict[str, dict[str, list]]:
    """The layout that `pack_layout` packed.

    Raises:
        ValueError: it is none, or larger than any network's.
    """
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(base64.b64decode(text, validate=True), MAX_LAYOUT_BYTES)
    except zlib.error as error:
        raise ValueError(f"a layout that cannot be read: {error}") from error
    if unpacker.unconsumed_tail:
        raise ValueError("a layout without end")
    return json.loads(plain)


def serialize(state: PackedState, metadata: Mapping[str, str], coding: str = "plain") -> bytes:
    """The file's bytes.

    Raises:
        ValueError: there is no such coding.
    """
    if coding not in CODINGS:
        raise ValueError(f"There is no coding '{coding}'. Choose one of: {', '.join(CODINGS)}.")
    about: dict[str, object] = dict(metadata) | {"format": FORMAT}
    if state.activations:
        about["activations"] = {
            name: [grid.bits, float(grid.scale), int(grid.zero_point)] for name, grid in state.activations.items()
        }
    if not state.codes:
        about |= {"folded": True} if state.folded else {}
        return _to_bytes(_with_holes(state.kept, about), about)
    codes = _huffman_codes(state) if coding == "huffman" else None
    sparse = [] if codes is not None else [name for name in state.codes if _is_sparse(state, name)]
    if codes is None:
        codes = _joined(_plain_codes(state, name, name in sparse) for name in state.codes).to(torch.uint8)
    else:
        about["coding"] = coding
    halves = {name: t for name, t in state.kept.items() if t.dtype == torch.float16}
    fulls = {name: t for name, t in state.kept.items() if t.dtype == torch.float32}
    usual = Counter((lv.kind, lv.bits) for lv in state.levels.values()).most_common(1)[0][0]
    layout = {
        "weights": {name: [*t.shape] for name, t in state.codes.items()},
        "usual": usual,
        # Only what differs is written: levels that are not as the most are, scales that are not one a channel.
        "levels": {n: (lv.kind, lv.bits) for n, lv in state.levels.items() if (lv.kind, lv.bits) != usual},
        "whole": [n for n, lv in state.levels.items() if _scales(lv) == 1 != len(state.codes[n])],
        "sparse": sparse,
        "kept_16": {name: [*t.shape] for name, t in halves.items()},
        "kept_32": {name: [*t.shape] for name, t in fulls.items()},
    } | ({"folded": True} if state.folded else {})
    about["layout"] = pack_layout(layout)
    grids = [levels for levels in state.levels.values() if isinstance(levels, Grid)]
    tensors = {
        "codes": codes,
        "scales": _joined(grid.scale.flatten() for grid in grids if grid.kind != "offset").bfloat16(),
        "zero_points": _joined(
            pack_bits(grid.zero_point.flatten().int(), grid.bits) for grid in grids if grid.kind == "affine"
        ).to(torch.uint8),
        "offsets": _joined(torch.cat((g.scale.flatten(), g.zero_point.flatten())) for g in grids if g.kind == "offset"),
        "codebooks": _joined(own.levels for own in state.levels.values() if isinstance(own, Codebook)),
        "kept_16": _joined(t.flatten() for t in halves.values()).half(),
        "kept_32": _joined(t.flatten() for t in fulls.values()),
    }
    return _to_bytes({name: tensor for name, tensor in tensors.items() if len(tensor) or name == "codes"}, about)


def _scales(levels: Levels) -> int:
    return levels.scale.numel() if isinstance(levels, Grid) else 0


def _zero_codes(state: PackedState, name: str) -> Tensor | None:
    """The code of zero for each channel, or None where zero is no level."""
    levels = state.levels[name]
    return levels.zero_point if isinstance(levels, Grid) and levels.kind in ("affine", "symmetric", "ternary") else None


def _is_sparse(state: PackedState, name: str) -> bool:
    """Whether a bit for each place and the codes that are not zero take less than all codes."""
    zero, codes, bits = _zero_codes(state, name), state.codes[name], state.levels[name].bits
    if zero is None:
        return False
    left = int((codes != zero).sum())
    return -(-codes.numel() // 8) + -(-left * bits // 8) < -(-codes.numel() * bits // 8)


def _plain_codes(state: PackedState, name: str, sparse: bool) -> Tensor:
    codes, bits = state.codes[name], state.levels[name].bits
    if not sparse:
        return pack_bits(codes, bits)
    there = codes != _zero_codes(state, name)
    return torch.cat((pack_bits(there.int(), 1), pack_bits(codes[there], bits)))


def _by_bits(levels: Mapping[str, Levels]) -> dict[int, list[str]]:
    """The names of weights by their bits, few bits first."""
    return {
        bits: [n for n, lv in levels.items() if lv.bits == bits] for bits in sorted({v.bits for v in levels.values()})
    }


def _huffman_codes(state: PackedState) -> Tensor | None:
    """All codes Huffman-coded, each bit width with its length before it; None where that is not shorter."""
    parts, plain = [], 0
    for bits, names in _by_bits(state.levels).items():
        coded = huffman(_joined(state.codes[name].flatten() for name in names).int(), bits)
        parts += [as_octets(len(coded).to_bytes(8, "little")), coded]
        plain += sum(len(_plain_codes(state, name, _is_sparse(state, name))) for name in names)
    together = torch.cat(parts)
    return together if len(together) < plain else None


def _with_holes(tensors: Mapping[str, Tensor], about: dict[str, object]) -> dict[str, Tensor]:
    """Tensors as they are kept under their names; those with many holes as two, and their shapes in `about`."""
    kept, shapes = {}, {}
    for name, tensor in tensors.items():
        there = tensor != 0
        if tensor.dim() > 1 and 32 * (tensor.numel() - int(there.sum())) > tensor.numel() + 4096:  # two names cost too
            kept[name + _PLACES], kept[name + _VALUES] = pack_bits(there.int(), 1), tensor[there]
            shapes[name] = [*tensor.shape]
        else:
            kept[name] = tensor.contiguous().clone()
    if shapes:
        about["holes"] = shapes
    return kept


def _without_holes(tensors: Mapping[str, Tensor], shapes: Mapping[str, list[int]]) -> dict[str, Tensor]:
    """What `_with_holes` was given."""
    _check_shapes(shapes.values())
    parts = {name + part for name in shapes for part in (_PLACES, _VALUES)}
    whole = {name: tensor for name, tensor in tensors.items() if name not in parts}
    for name, shape in shapes.items():
        places, values = tensors[name + _PLACES], tensors[name + _VALUES]
        whole[name] = _filled(places, values.float(), torch.zeros(()), shape)
    return whole


def _filled(places: Tensor, values: Tensor, zero: Tensor, shape: list[int]) -> Tensor:
    """Values at the places that have a bit, in order; zero, which broadcasts, elsewhere."""
    count = math.prod(shape)
    if len(places) != -(-count // 8):
        raise ValueError("a bit too many or too few for the places of a weight")
    there = unpack_bits(places, 1, count).bool()
    if int(there.sum()) != len(values):
        raise ValueError("other values than there are places for")
    filled = zero.to(values.dtype).expand(shape).flatten().clone()
    filled[there] = values
    return filled.view(shape)


def _joined(parts: Iterable[Tensor]) -> Tensor:
    """One flat tensor of all parts; an empty one of none."""
    parts = list(parts)
    return torch.cat(parts) if parts else torch.empty(0)


def _to_bytes(tensors: dict[str, Tensor], about: Mapping[str, object]) -> bytes:
    return save_bytes(tensors, {_KEY: json.dumps({**about, "seal": seal(tensors, about)}, separators=(",", ":"))})


def seal(tensors: Mapping[str, Tensor], about: Mapping[str, object]) -> int:
    """A checksum (CRC-32) of all that a file holds, so that one flipped bit is noticed."""
    told = {name: value for name, value in about.items() if name != "seal"}
    found = zlib.crc32(json.dumps(told, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        found = zlib.crc32(f"{name} {tensor.dtype} {[*tensor.shape]}".encode(), found)
        found = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy(), found)
    return found


def deserialize(data: bytes, origin: str = "The file") -> tuple[PackedState, dict[str, object]]:
    """State and metadata of a file's bytes. Nothing in the file is ever run.

    Raises:
        CheckpointError: not such a file, cut short, or its parts do not fit each other.
    """
    try:
        tensors = load_bytes(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = json.loads((header.get("__metadata__") or {}).get(_KEY, "{}"))
        if about.get("format") != FORMAT:
            raise CheckpointError(f"{origin} was not written by compress_core: its metadata lack '{FORMAT}'.")
        if about.get("seal") != seal(tensors, about):
            raise ValueError("its checksum is another")
        activations = {name: _activation_grid(*given) for name, given in about.get("activations", {}).items()}
        if "layout" in about:
            state = _unpack(tensors, unpack_layout(about["layout"]), about.get("coding", "plain"), activations)
        else:
            kept = _without_holes(tensors, about.get("holes", {}))
            state = PackedState(kept=kept, folded=bool(about.get("folded", False)), activations=activations)
    except CheckpointError:
        raise
    except (
        SafetensorError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RuntimeError,
        OverflowError,
    ) as error:
        raise CheckpointError(f"{origin} is damaged or not a packed network ({error}).") from error
    return state, about


def _activation_grid(bits: int, scale: float, zero_point: int) -> Grid:
    step = torch.tensor([[float(scale)]])
    whole = isinstance(bits, int) and isinstance(zero_point, int)
    if not (whole and 2 <= bits <= 8 and 0 <= zero_point < 2**bits and 0 < float(step) < math.inf):
        raise ValueError("a grid that no activation has")
    return Grid("affine", bits, step, torch.tensor([[float(zero_point)]]))


def _check_shapes(shapes: Iterable[list[int]]) -> None:
    for shape in shapes:
        if len(shape) > MAX_DIMENSIONS or not all(isinstance(size, int) and size > 0 for size in shape):
            raise ValueError("a shape that no weight has")


def _unpack(
    tensors: Mapping[str, Tensor], layout: Mapping[str, Mapping], coding: str, activations: Mapping[str, Grid]
) -> PackedState:
    if coding not in CODINGS:
        raise ValueError(f"a coding '{coding}'")
    shapes = layout["weights"]
    if len(shapes) > MAX_WEIGHTS:
        raise ValueError(f"{len(shapes):,} weights")
    layout = {**layout, "whole": frozenset(layout["whole"]), "sparse": frozenset(layout["sparse"])}
    _check_shapes(shape for part in ("weights", "kept_16", "kept_32") for shape in layout[part].values())
    cuts = {name: _Cut(tensors.get(name, torch.empty(0))) for name in _PARTS}
    levels = {name: _levels(name, shape, layout, cuts) for name, shape in shapes.items()}
    codes = _coded(levels, shapes, cuts["codes"]) if coding == "huffman" else {}
    for name, shape in shapes.items() if coding != "huffman" else ():
        count, bits = math.prod(shape), levels[name].bits
        if name in layout["sparse"]:
            places = cuts["codes"].take(-(-count // 8))
            left = int(unpack_bits(places, 1, count).sum())
            values = unpack_bits(cuts["codes"].take(-(-left * bits // 8)), bits, left)
            codes[name] = _filled(places, values, levels[name].zero_point, shape)
        else:
            codes[name] = unpack_bits(cuts["codes"].take(-(-count * bits // 8)), bits, count).view(shape)
        if int(codes[name].max()) >= levels[name].count:
            raise ValueError("a code without a level")
    kept = {
        name: cuts[part].take(math.prod(shape)).view(shape)
        for part in ("kept_16", "kept_32")
        for name, shape in layout[part].items()
    }
    if any(cut.at < len(cut.flat) for cut in cuts.values()):
        raise ValueError("the file holds more than the layout tells of")
    return PackedState(codes, levels, kept, bool(layout.get("folded", False)), dict(activations))


_PARTS = ("codes", "scales", "zero_points", "offsets", "codebooks", "kept_16", "kept_32")


def _levels(name: str, shape: list[int], layout: Mapping[str, Mapping], cuts: Mapping[str, "_Cut"]) -> Levels:
    kind, bits = layout["levels"].get(name, layout["usual"])
    if kind not in KINDS or not isinstance(bits, int) or not 1 <= bits <= 16:
        raise ValueError(f"levels of the kind {kind} with {bits} bits")
    if kind == "codebook":
        return Codebook(bits, cuts["codebooks"].take(2**bits))
    count = 1 if name in layout["whole"] else shape[0]
    broadcast = [count] + [1] * (len(shape) - 1)
    if kind == "offset":
        scale, zero = cuts["offsets"].take(count), cuts["offsets"].take(count)
    else:
        scale = cuts["scales"].take(count).float()
        if kind == "affine":
            zero = unpack_bits(cuts["zero_points"].take(-(-count * bits // 8)), bits, count).float()
        else:
            zero = torch.full((count,), HALF_WAY.get(kind, float(2 ** (bits - 1))))
    return Grid(kind, bits, scale.view(broadcast), zero.view(broadcast))


def _coded(levels: Mapping[str, Levels], shapes: Mapping[str, list[int]], octets: "_Cut") -> dict[str, Tensor]:
    """The codes of Huffman-coded weights by name."""
    found: dict[str, Tensor] = {}
    for bits, names in _by_bits(levels).items():
        length = int.from_bytes(octets.take(8).numpy().tobytes(), "little")
        coded, counts = octets.take(length), [math.prod(shapes[name]) for name in names]
        if sum(counts) > 64 * length + 64:  # no Huffman code is shorter than a bit, nor a symbol longer than 8 codes
            raise ValueError("more codes than so many bytes can tell")
        parts = unhuffman(coded, bits, sum(counts)).split(counts)
        found |= {name: part.view(shapes[name]) for name, part in zip(names, parts, strict=True)}
    return {name: found[name] for name in shapes}


class _Cut:
    """Takes one piece after the other off a flat tensor."""

    def __init__(self, flat: Tensor):
        self.flat, self.at = flat, 0

    def take(self, count: int) -> Tensor:
        if count < 0 or self.at + count > len(self.flat):
            raise ValueError("the layout asks for more than the file holds")
        self.at += count
        return self.flat[self.at - count : self.at]


def size_breakdown(state: PackedState, data: bytes) -> dict[str, int]:
    """Where the bytes of a file are: the weights' codes, their levels, what stays in 16 and 32 bits, the header."""
    lengths = Counter()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    for name, entry in header.items():
        if name != "__metadata__":
            part = _PART_OF.get(name, "kept_32") if state.codes else "kept_32"
            lengths[part] += entry["data_offsets"][1] - entry["data_offsets"][0]
    return {part: lengths[part] for part in ("weights", "scales", "kept_16", "kept_32")} | {
        "header": len(data) - sum(lengths.values())
    }


_PART_OF = dict.fromkeys(("scales", "zero_points", "offsets", "codebooks"), "scales") | {
    "codes": "weights",
    "kept_16": "kept_16",
}
