"""From weights to codes on a grid. A new rounding is a function and a line below."""

from collections.abc import Callable

import torch
from torch import Tensor

from compress_core.quantization.schemes import Grid
from compress_core.registry import Registry


def nearest(weight: Tensor, grid: Grid) -> Tensor:
    """The code (int32) of the level closest to each weight; halves go to the even code, as in torch."""
    codes = (weight / grid.scale).round() + grid.zero_point
    return codes.clamp(0, 2**grid.bits - 1).to(torch.int32)


Rounding = Callable[[Tensor, Grid], Tensor]
"""The codes of a weight tensor on its grid."""

ROUNDINGS: Registry[Rounding] = Registry("rounding", {"nearest": nearest})


def roundings() -> list[str]:
    """The names that `quantize` takes as `rounding`."""
    return list(ROUNDINGS)
