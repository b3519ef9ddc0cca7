"""The packed file: safetensors in which `bits`-bit codes lie side by side, without a gap.

At 32 bits the file holds the network's tensors under their own names, as any reader of safetensors expects
them. Below, a header entry a tensor would cost more than the weights, so there are five tensors at most:

    codes        uint8     the codes of all weights, `bits` bits each, one tensor starting on a byte
    scales       bfloat16  their grids' scales
    zero_points  uint8     their grids' zero points, packed as the codes are
    kept_16      float16   what stays in 16 bits
    kept_32      float32   what stays in 32 bits

and the metadata's `layout` says which names and shapes they are cut into, in this order. The same state gives the same
bytes.
"""

import base64
import json
import math
import zlib
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes
from torch import Tensor

from compress_core.errors import CheckpointError
from compress_core.quantization.quantize import PackedState
from compress_core.quantization.schemes import Grid

FORMAT = "compress_core/2"
MAX_DIMENSIONS = 6
MAX_LAYOUT_BYTES = 1_000_000
_KEY = "compress_core"
"""The one entry of the metadata, a JSON object. More of them would be written in an order that changes, and the same
network would not always be the same file."""


def pack_bits(codes: Tensor, bits: int) -> Tensor:
    """Integers 0 … 2^bits − 1 of any shape as ⌈n · bits / 8⌉ bytes (uint8), the first code in the highest bits."""
    values = codes.reshape(-1).numpy()
    if bits in (8, 16):
        return torch.from_numpy(values.astype(f">u{bits // 8}").view(np.uint8).copy())
    shifts = np.arange(bits - 1, -1, -1, dtype=np.uint16)
    expanded = (values.astype(np.uint16)[:, None] >> shifts).astype(np.uint8) & 1
    return torch.from_numpy(np.packbits(expanded))


def unpack_bits(packed: Tensor, bits: int, count: int) -> Tensor:
    """The first `count` codes of `pack_bits`, as int32 (count,)."""
    octets = packed.numpy()
    if bits in (8, 16):
        return torch.from_numpy(octets.view(f">u{bits // 8}")[:count].astype(np.int32))
    expanded = np.unpackbits(octets)[: count * bits].reshape(count, bits).astype(np.int32)
    return torch.from_numpy(expanded @ (1 << np.arange(bits - 1, -1, -1, dtype=np.int32)))


def pack_layout(layout: Mapping[str, object]) -> str:
    """The layout as text for the header: its many similar names cost a fifth of what they would as JSON."""
    return base64.b64encode(zlib.compress(json.dumps(layout, separators=(",", ":")).encode(), 9)).decode()


def unpack_layout(text: str) -> dict[str, dict[str, list[int]]]:
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


def serialize(state: PackedState, metadata: Mapping[str, str]) -> bytes:
    """The file's bytes."""
    about: dict[str, object] = dict(metadata) | {"format": FORMAT, "bits": state.bits}
    if state.bits == 32:
        return _to_bytes({name: t.contiguous().clone() for name, t in state.kept.items()}, about)
    halves = {name: t for name, t in state.kept.items() if t.dtype == torch.float16}
    fulls = {name: t for name, t in state.kept.items() if t.dtype == torch.float32}
    layout = {
        "weights": {name: [*t.shape] for name, t in state.codes.items()},
        "grids": {name: [*state.grids[name].scale.shape][:1] for name in state.codes},
        "kept_16": {name: [*t.shape] for name, t in halves.items()},
        "kept_32": {name: [*t.shape] for name, t in fulls.items()},
    }
    # Per channel is the rule: only what differs is written.
    layout["grids"] = {n: s for n, s in layout["grids"].items() if s[0] != layout["weights"][n][0]}
    about["layout"] = pack_layout(layout)
    grids = [state.grids[name] for name in state.codes]
    tensors = {
        "codes": _joined(pack_bits(codes, state.bits) for codes in state.codes.values()).to(torch.uint8),
        "scales": _joined(grid.scale.flatten() for grid in grids).bfloat16(),
        "zero_points": pack_bits(_joined(grid.zero_point.flatten() for grid in grids).int(), state.bits),
    }
    for name, part in (("kept_16", halves), ("kept_32", fulls)):
        if part:
            tensors[name] = torch.cat([t.flatten() for t in part.values()])
    return _to_bytes(tensors, about)


def _joined(parts: Iterable[Tensor]) -> Tensor:
    """One flat tensor of all parts; an empty one of none."""
    parts = list(parts)
    return torch.cat(parts) if parts else torch.empty(0)


def _to_bytes(tensors: dict[str, Tensor], about: Mapping[str, object]) -> bytes:
    return save_bytes(tensors, {_KEY: json.dumps(about, separators=(",", ":"))})


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
        bits = int(about["bits"])
        state = PackedState(32, kept=tensors) if bits == 32 else _unpack(tensors, bits, unpack_layout(about["layout"]))
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


def _unpack(tensors: Mapping[str, Tensor], bits: int, layout: Mapping[str, Mapping[str, list[int]]]) -> PackedState:
    if not 1 <= bits <= 16:
        raise ValueError(f"a bit width of {bits}")
    codes, grids, kept = {}, {}, {}
    for shape in (shape for part in ("weights", "kept_16", "kept_32") for shape in layout[part].values()):
        if len(shape) > MAX_DIMENSIONS or not all(isinstance(size, int) and size > 0 for size in shape):
            raise ValueError("a shape that no weight has")
    octets = _Cut(tensors["codes"])
    counts = {name: layout["grids"].get(name, shape[:1])[0] for name, shape in layout["weights"].items()}
    if any(count not in (1, layout["weights"][name][0]) for name, count in counts.items()):
        raise ValueError("a grid that is neither of the weight nor of its channels")
    scales = _Cut(tensors["scales"].float())
    zero_points = _Cut(unpack_bits(tensors["zero_points"], bits, sum(counts.values())))
    for name, shape in layout["weights"].items():
        count = math.prod(shape)
        codes[name] = unpack_bits(octets.take(-(-count * bits // 8)), bits, count).view(shape)
        broadcast = [counts[name]] + [1] * (len(shape) - 1)
        scale, zero_point = scales.take(counts[name]), zero_points.take(counts[name])
        grids[name] = Grid(bits, scale.view(broadcast), zero_point.view(broadcast))
    for part in ("kept_16", "kept_32"):
        if layout[part]:
            values = _Cut(tensors[part])
            kept |= {name: values.take(math.prod(shape)).view(shape) for name, shape in layout[part].items()}
    return PackedState(bits, codes, grids, kept)


class _Cut:
    """Takes one piece after the other off a flat tensor."""

    def __init__(self, flat: Tensor):
        self.flat, self.at = flat, 0

    def take(self, count: int) -> Tensor:
        if count < 0 or self.at + count > len(self.flat):
            raise ValueError("the layout asks for more than the file holds")
        self.at += count
        return self.flat[self.at - count : self.at]


def size_breakdown(state: PackedState, file_bytes: int) -> dict[str, int]:
    """Where the bytes of a file are: the weights' codes, their scales, what stays in 16 and 32 bits, the header."""
    grids = [state.grids[name] for name in state.codes]
    parts = {
        "weights": sum(-(-codes.numel() * state.bits // 8) for codes in state.codes.values()),
        "scales": sum(2 * g.scale.numel() for g in grids) + -(-sum(g.scale.numel() for g in grids) * state.bits // 8),
        "kept_16": sum(2 * t.numel() for t in state.kept.values() if t.dtype == torch.float16),
        "kept_32": sum(4 * t.numel() for t in state.kept.values() if t.dtype != torch.float16),
    }
    return parts | {"header": file_bytes - sum(parts.values())}
