"""Codes as bytes: side by side, without a gap, or Huffman-coded."""

import zlib

import numpy as np
import torch
from torch import Tensor

from compress_core.registry import CODINGS, Entry

CODINGS.register(plain=Entry(title="Plain"), huffman=Entry(title="Huffman"))


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


def huffman(codes: Tensor, bits: int) -> Tensor:
    """Codes (n,) of `bits` bits as Huffman-coded bytes (uint8), as many codes to a symbol as fit in a byte.

    Of more than 8 bits the packed bytes are the symbols.
    """
    together = max(1, 8 // bits)
    padded = torch.nn.functional.pad(codes.reshape(-1), (0, -codes.numel() % together))
    places = 2 ** (bits * torch.arange(together - 1, -1, -1, dtype=torch.int32))
    symbols = pack_bits(padded, bits) if bits > 8 else padded.view(-1, together) @ places
    coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    return as_octets(coder.compress(symbols.to(torch.uint8).numpy().tobytes()) + coder.flush())


def unhuffman(octets: Tensor, bits: int, count: int) -> Tensor:
    """The `count` codes of `huffman`, as int32 (count,).

    Raises:
        ValueError: they are not so many.
    """
    together = max(1, 8 // bits)
    length = -(-count * bits // 8) if bits > 8 else -(-count // together)
    decoder = zlib.decompressobj(-15)
    try:
        plain = decoder.decompress(octets.numpy().tobytes(), length + 1)
    except zlib.error as error:
        raise ValueError(f"codes that cannot be read: {error}") from error
    if len(plain) != length or not decoder.eof:
        raise ValueError("other codes than the layout tells of")
    symbols = as_octets(plain)
    if bits > 8:
        return unpack_bits(symbols, bits, count)
    shifts = torch.arange(together - 1, -1, -1, dtype=torch.uint8) * bits  # in bytes: a file may tell of many codes
    return ((symbols.unsqueeze(1) >> shifts) & (2**bits - 1)).flatten()[:count].to(torch.int32)


def as_octets(data: bytes) -> Tensor:
    """Bytes as a tensor (uint8)."""
    return torch.from_numpy(np.frombuffer(data, np.uint8).copy())
