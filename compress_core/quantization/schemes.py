"""Uniform grids for weights: which levels a tensor may take. A new scheme is a function and a line below."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from compress_core.registry import Registry


@dataclass(frozen=True)
class Grid:
    """The levels scale · (code − zero_point), code = 0 … 2^bits − 1, of a weight tensor.

    `scale` (float32) and `zero_point` (int32) have one value for the whole tensor or one for each output
    channel, shaped (C, 1, …) so that they broadcast. A scale is exact in bfloat16, as the file keeps it.
    """

    bits: int
    scale: Tensor
    zero_point: Tensor

    def dequantize(self, codes: Tensor) -> Tensor:
        """Codes (any integer type) as float32 weights."""
        return (codes.to(torch.int32) - self.zero_point) * self.scale


def _grid(low: Tensor, high: Tensor, bits: int) -> Grid:
    """The affine grid from `low` to `high`, widened to hold zero exactly (Krishnamoorthi 2018, section 2.1)."""
    low, high = low.clamp(max=0), high.clamp(min=0)
    steps = 2**bits - 1
    scale = (high - low) / steps
    # A range too small to be told from zero gets a step of 1, on which all of it is zero.
    scale = torch.where(scale > 1e-30, scale, torch.ones_like(scale))
    # Rounded up to bfloat16, so that the largest weight stays on the grid: the step grows by 0.8 % at most.
    scale = (scale * (1 + 2**-8)).bfloat16().float()
    zero_point = (-low / scale).round().clamp(0, steps).to(torch.int32)
    return Grid(bits, scale, zero_point)


def per_tensor(weight: Tensor, bits: int) -> Grid:
    """One grid from the smallest to the largest weight of the tensor."""
    shape = [1] * weight.dim()
    return _grid(weight.amin().view(shape), weight.amax().view(shape), bits)


def per_channel(weight: Tensor, bits: int) -> Grid:
    """A grid for each output channel (dimension 0) from its smallest to its largest weight."""
    dims = tuple(range(1, weight.dim()))
    return _grid(weight.amin(dims, keepdim=True), weight.amax(dims, keepdim=True), bits)


Scheme = Callable[[Tensor, int], Grid]
"""The grid of a weight tensor at a bit width."""

SCHEMES: Registry[Scheme] = Registry("scheme", {"per_tensor": per_tensor, "per_channel": per_channel})


def schemes() -> list[str]:
    """The names that `quantize` takes as `scheme`."""
    return list(SCHEMES)
