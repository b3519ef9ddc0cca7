"""Schemes: which levels the weights of a layer may take. A new one is a function and a line below."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from compress_core.quantization.clipping import Clip
from compress_core.quantization.grids import Codebook, Grid, Levels
from compress_core.registry import SCHEMES, Entry

TERNARY_DEADZONE = 0.7
"""Of the mean |w|: what is larger sets the scale. Each weight then takes the nearest level, so that those up to half
the scale become zero, which is near the same where weights are normal."""
LLOYD_STEPS = 100
BINS = 256
RUNS = 16
"""Up to so many levels of a codebook their start is found exactly, for weights in bins: so many that hold equally many
weights, and so many that are equally wide."""
NEXT_TO_NOTHING = 2.0**-100
TINY = 1e-30
"""A range too small to be told from zero gets a step of 1, on which all of it is zero."""

Fit = Callable[[Tensor, int, Clip, Tensor | None], Levels]
"""The levels of a weight tensor (C, …) at a bit width; the clipping looks at how much an error matters, (C, …)."""


@dataclass(frozen=True, kw_only=True)
class Scheme(Entry):
    """A way to choose levels."""

    fit: Fit
    fixed_bits: int | None = None
    """What a weight takes whatever is asked for, where the scheme says how many levels there are."""
    clips: bool = True
    """Whether the clipping makes a difference."""
    compared: bool = True
    """Whether it is drawn beside the others where accuracy is compared over bits."""

    def bits(self, wanted: int) -> int:
        """The bits a weight takes where so many are asked for."""
        return self.fixed_bits or wanted


def affine(low: Tensor, high: Tensor, bits: int) -> Grid:
    """From `low` to `high`, widened to hold zero exactly (Krishnamoorthi 2018, section 2.1)."""
    low, high = low.clamp(max=0), high.clamp(min=0)
    steps = 2**bits - 1
    scale = _step((high - low) / steps)
    return Grid("affine", bits, scale, (-low / scale).round().clamp(0, steps))


def _symmetric(low: Tensor, high: Tensor, bits: int) -> Grid:
    """Around zero, which is a level (Krishnamoorthi 2018, section 2.2)."""
    reach = torch.maximum(low.abs(), high.abs())
    scale = _step(reach / (2 ** (bits - 1) - 1))
    return Grid("symmetric", bits, scale, torch.full_like(scale, 2 ** (bits - 1)))


def _binary(reach: Tensor) -> Grid:
    # There is no zero among its levels: where all weights are zero they lie so near that it makes no difference.
    scale = torch.where(reach > TINY, _step(2 * reach), torch.full_like(reach, NEXT_TO_NOTHING))
    return Grid("binary", 1, scale, torch.full_like(scale, 0.5))


def _step(scale: Tensor) -> Tensor:
    """Rounded up to bfloat16, so that the range does not shrink: the step grows by 0.8 % at most."""
    scale = torch.where(scale > TINY, scale, torch.ones_like(scale))
    return (scale * (1 + 2**-8)).bfloat16().float()


def _fit_grid(
    weight: Tensor,
    bits: int,
    clipping: Clip,
    importance: Tensor | None,
    to_grid: Callable[[Tensor, Tensor, int], Grid],
    per_channel: bool,
) -> Grid:
    rows = weight.reshape(len(weight) if per_channel else 1, -1)
    if importance is not None:
        importance = importance.expand_as(weight).reshape(rows.shape)
    if bits == 1:  # of two levels one would lie at zero
        grid = _binary(rows.abs().mean(1, keepdim=True))
    else:
        grid = clipping(rows, partial(to_grid, bits=bits), importance)
    return grid.shaped(len(weight), *[1] * (weight.dim() - 1))


def _fit_binary(weight: Tensor, _bits: int, _clipping: Clip, _importance: Tensor | None) -> Grid:
    return _binary(weight.flatten(1).abs().mean(1)).shaped(len(weight), *[1] * (weight.dim() - 1))


def _fit_ternary(weight: Tensor, _bits: int, _clipping: Clip, _importance: Tensor | None) -> Grid:
    size = weight.flatten(1).abs()
    beyond = size > TERNARY_DEADZONE * size.mean(1, keepdim=True)
    scale = _step((size * beyond).sum(1) / beyond.sum(1).clamp(min=1))
    return Grid("ternary", 2, scale, torch.ones_like(scale)).shaped(len(weight), *[1] * (weight.dim() - 1))


def _fit_offset(weight: Tensor, bits: int, _clipping: Clip, _importance: Tensor | None) -> Grid:
    low, high = weight.amin(), weight.amax()
    scale = (high - low) / (2**bits - 1)
    # Where all weights are one value, code 0 stands for it.
    scale = torch.where(scale > TINY, scale, low.abs().clamp(min=1))
    shape = [1] * weight.dim()
    return Grid("offset", bits, scale.view(shape), (-low / scale).view(shape))


def _fit_codebook(weight: Tensor, bits: int, _clipping: Clip, importance: Tensor | None) -> Codebook:
    """k-means on a line: from a good start each level moves to the mean of the weights nearest to it."""
    ordered, order = weight.flatten().sort()
    heavy = torch.ones_like(ordered) if importance is None else importance.expand_as(weight).flatten()[order]
    heavy, ordered = heavy.double().clamp(min=TINY), ordered.double()
    count = min(2**bits, len(ordered))
    levels = _best_runs(ordered, heavy, count) if count <= RUNS else _dense_places(ordered, count)
    mass = torch.cat((torch.zeros(1, dtype=torch.float64), heavy.cumsum(0)))
    moment = torch.cat((torch.zeros(1, dtype=torch.float64), (heavy * ordered).cumsum(0)))
    for _ in range(LLOYD_STEPS):
        edges = torch.searchsorted(ordered, (levels[1:] + levels[:-1]) / 2)
        edges = torch.cat((torch.zeros(1, dtype=torch.long), edges, torch.tensor([len(ordered)])))
        own = mass[edges[1:]] - mass[edges[:-1]]
        moved = torch.where(own > 0, (moment[edges[1:]] - moment[edges[:-1]]) / own.clamp(min=TINY), levels)
        if torch.equal(moved, levels):
            break
        levels = moved
    levels = levels.float().unique()
    return Codebook(bits, torch.cat((levels, levels[-1:].expand(2**bits - len(levels)))))


def _best_runs(ordered: Tensor, heavy: Tensor, count: int) -> Tensor:
    """The best levels for weights in some hundred bins, exactly: the means of runs of bins, by dynamic programming."""
    as_many = torch.linspace(0, len(ordered), BINS + 1).round().long()
    as_wide = torch.searchsorted(ordered, torch.linspace(ordered[0], ordered[-1], BINS, dtype=torch.float64))
    ends = torch.cat((as_many, as_wide)).unique()
    zero = torch.zeros(1, dtype=torch.float64)
    mass, moment, square = (
        torch.cat((zero, part.cumsum(0)))[ends] for part in (heavy, heavy * ordered, heavy * ordered.square())
    )
    own, first, second = (part - part.unsqueeze(1) for part in (mass, moment, square))  # [start, end] of a run
    cost = (second - first.square() / own.clamp(min=TINY)).masked_fill(own <= 0, torch.inf)
    least, came_from = cost[0], []
    for _ in range(count - 1):
        least, start = (least.unsqueeze(1) + cost).min(0)
        came_from.append(start)
    edges = [len(ends) - 1]
    for start in reversed(came_from):
        edges.append(int(start[edges[-1]]))
    edges = torch.tensor([0, *edges[::-1]]).unique()
    return moment[edges].diff() / mass[edges].diff()


def _dense_places(ordered: Tensor, count: int) -> Tensor:
    """Where the best levels lie, nearly: as dense as the cube root of the weights' density (Panter & Dite 1951)."""
    bins = min(len(ordered), 256)
    ends = ordered[torch.linspace(0, len(ordered) - 1, bins + 1).round().long()]
    # Equally many weights in each bin: a density of 1 / width, of which the cube root times the width is width^(2/3).
    share = (ends[1:] - ends[:-1]).clamp(min=0).pow(2 / 3).cumsum(0)
    share = torch.cat((torch.zeros(1, dtype=torch.float64), share))
    if share[-1] <= 0:
        return ordered[:: max(1, len(ordered) // count)][:count].clone()
    wanted = share[-1] * (torch.arange(count, dtype=torch.float64) + 0.5) / count
    after = torch.searchsorted(share, wanted).clamp(1, bins)
    part = (wanted - share[after - 1]) / (share[after] - share[after - 1]).clamp(min=TINY)
    return ends[after - 1] + part * (ends[after] - ends[after - 1])


_KRISHNAMOORTHI = "Krishnamoorthi 2018, Quantizing deep convolutional networks, section"

SCHEMES.register(
    per_channel=Scheme(
        title="per channel",
        formula=r"$s_c\,(q - z_c)$, $s_c = (\max w_c - \min w_c) / (2^b - 1)$",
        paper=f"{_KRISHNAMOORTHI} 2.1",
        fit=partial(_fit_grid, to_grid=affine, per_channel=True),
        color="#7B61A8",
        marker="circle",
    ),
    per_channel_symmetric=Scheme(
        title="per channel, symmetric",
        formula=r"$s_c\,q$, $s_c = \max\lvert w_c\rvert / (2^{b-1} - 1)$",
        paper=f"{_KRISHNAMOORTHI} 2.2",
        fit=partial(_fit_grid, to_grid=_symmetric, per_channel=True),
        compared=False,
    ),
    per_tensor=Scheme(
        title="per tensor",
        formula=r"$s\,(q - z)$, one $s$ and $z$ for the layer",
        paper=f"{_KRISHNAMOORTHI} 2.1",
        fit=partial(_fit_grid, to_grid=affine, per_channel=False),
        color="#B0552B",
        marker="square",
    ),
    per_tensor_symmetric=Scheme(
        title="per tensor, symmetric",
        formula=r"$s\,q$, one $s$ for the layer",
        paper=f"{_KRISHNAMOORTHI} 2.2",
        fit=partial(_fit_grid, to_grid=_symmetric, per_channel=False),
        compared=False,
    ),
    codebook=Scheme(
        title="codebook",
        formula=r"$2^b$ free levels by k-means, shared by the layer",
        paper="Han et al. 2016, Deep Compression, section 3",
        fit=_fit_codebook,
        clips=False,
        color="#2E8B8B",
        marker="diamond",
    ),
    ternary=Scheme(
        title="ternary: −a, 0, +a",
        formula=r"$\{-a_c, 0, +a_c\}$, zero where $\lvert w\rvert < 0.7\,\overline{\lvert w_c\rvert}$",
        paper="Li & Liu 2016, Ternary weight networks, section 2",
        fit=_fit_ternary,
        fixed_bits=2,
        clips=False,
        color="#A8497F",
        marker="triangle-up",
    ),
    binary=Scheme(
        title="binary: −a, +a",
        formula=r"$\{-a_c, +a_c\}$, $a_c = \overline{\lvert w_c\rvert}$",
        paper="Rastegari et al. 2016, XNOR-Net, section 3.1",
        fit=_fit_binary,
        fixed_bits=1,
        clips=False,
        color="#6E7B3A",
        marker="triangle-down",
    ),
    min_max=Scheme(
        title="min–max (homework 7)",
        formula=r"$\min w + s\,q$, zero need not be a level",
        paper="homework 7's encode8",
        fit=_fit_offset,
        clips=False,
        color="#9A7B1F",
        marker="x",
    ),
)


def schemes() -> list[str]:
    """The names that `quantize` takes as `scheme`."""
    return list(SCHEMES)
