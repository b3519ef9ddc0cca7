"""Clipping: from where to where a grid reaches. A new way is a function and a line below."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from compress_core.quantization.grids import Grid
from compress_core.registry import CLIPPINGS, Entry

PERCENT = 0.5
"""Of the weights, those that the percentile leaves out at either end."""
SHRINKS = torch.linspace(1, 0.25, 26)
"""Parts of the whole range that the search for the least squared error tries."""

ToGrid = Callable[[Tensor, Tensor], Grid]
"""The grid of rows from their lowest and highest levels, each (R, 1)."""
Clip = Callable[[Tensor, ToGrid, Tensor | None], Grid]
"""The grid of rows of weights (R, n), and of how much an error in each of them matters (R or 1, n)."""


@dataclass(frozen=True, kw_only=True)
class Clipping(Entry):
    """A way to choose how far a grid reaches."""

    fit: Clip


def min_max(rows: Tensor, to_grid: ToGrid, _: Tensor | None = None) -> Grid:
    """From the smallest to the largest weight: nothing is clipped."""
    return to_grid(rows.amin(1, keepdim=True), rows.amax(1, keepdim=True))


def percentile(rows: Tensor, to_grid: ToGrid, _: Tensor | None = None) -> Grid:
    """The range that leaves half a percent of the weights out at either end; of few weights none."""
    ordered = rows.sort(1).values
    out = int(rows.shape[1] * PERCENT / 100)
    return to_grid(ordered[:, out : out + 1], ordered[:, ordered.shape[1] - 1 - out :][:, :1])


def mse(rows: Tensor, to_grid: ToGrid, importance: Tensor | None = None) -> Grid:
    """The part of the range with the least squared error: a few clipped weights against finer steps for all others."""
    low, high = rows.amin(1, keepdim=True), rows.amax(1, keepdim=True)
    least = torch.full_like(low, torch.inf)
    shrink = torch.ones_like(low)
    for part in SHRINKS.tolist():
        grid = to_grid(low * part, high * part)
        squares = (grid.dequantize(grid.nearest(rows)) - rows).square_()
        error = (squares if importance is None else squares.mul_(importance)).sum(1, keepdim=True)
        better = error < least
        least, shrink = torch.where(better, error, least), torch.where(better, part, shrink)
    return to_grid(low * shrink, high * shrink)


CLIPPINGS.register(
    mse=Clipping(title="Least squared error", fit=mse),
    percentile=Clipping(title=f"{PERCENT} % left out at each end", fit=percentile),
    min_max=Clipping(title="Min–max", fit=min_max),
)


def clippings() -> list[str]:
    """The names that `quantize` takes as `clipping`."""
    return list(CLIPPINGS)
