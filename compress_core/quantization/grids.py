"""The levels that quantized weights may take."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Grid:
    """Evenly spaced levels, scale · (code − zero_point), code = 0 … count − 1, of a weight tensor.

    `scale` and `zero_point` (both float32) have one value for the whole tensor or one for each output channel, shaped
    (C, 1, …) so that they broadcast. A zero point is whole, so that zero is a level, or lies halfway between two.
    """

    kind: str
    """How a file keeps it: `affine`, `symmetric`, `ternary`, `binary`, or `offset`."""
    bits: int
    scale: Tensor
    zero_point: Tensor

    @property
    def count(self) -> int:
        return 3 if self.kind == "ternary" else 2**self.bits

    def dequantize(self, codes: Tensor) -> Tensor:
        """Codes (any integer type) as float32 weights."""
        return (codes.float() - self.zero_point) * self.scale

    def nearest(self, weight: Tensor) -> Tensor:
        """The code (float32, whole) of the level closest to each weight; halves go to the even code, as in torch."""
        return (weight / self.scale).add_(self.zero_point).round_().clamp_(0, self.count - 1)

    def neighbours(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The code at or below each weight, and how far it lies on the way to the next, 0 … 1."""
        at = (weight / self.scale + self.zero_point).clamp(0, self.count - 1)
        below = at.floor().clamp(max=self.count - 2)
        return below, at - below

    def shaped(self, *shape: int) -> "Grid":
        """The same grid for weights of another shape, of which `shape` says where the channels are."""
        if self.scale.numel() == 1:
            shape = (1,) * len(shape)
        return replace(self, scale=self.scale.view(shape), zero_point=self.zero_point.view(shape))


@dataclass(frozen=True)
class Codebook:
    """Any levels, `levels` (2^bits,) ascending (float32), shared by the whole tensor."""

    bits: int
    levels: Tensor
    kind = "codebook"

    @property
    def count(self) -> int:
        return len(self.levels)

    def dequantize(self, codes: Tensor) -> Tensor:
        """Codes (any integer type) as float32 weights."""
        return self.levels[codes.long()]

    def nearest(self, weight: Tensor) -> Tensor:
        """The code (float32, whole) of the level closest to each weight."""
        return torch.bucketize(weight.contiguous(), (self.levels[1:] + self.levels[:-1]) / 2).float()

    def neighbours(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The code at or below each weight, and how far it lies on the way to the next, 0 … 1."""
        below = (torch.searchsorted(self.levels, weight.contiguous(), right=True) - 1).clamp(0, self.count - 2)
        low, high = self.levels[below], self.levels[below + 1]
        return below.float(), ((weight - low) / (high - low).clamp(min=1e-30)).clamp(0, 1)

    def shaped(self, *_: int) -> "Codebook":
        """Itself: it has no channels."""
        return self


Levels = Grid | Codebook
