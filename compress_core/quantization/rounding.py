"""Roundings: from weights to codes. A new one is a function and a line below."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from compress_core.quantization.grids import Levels
from compress_core.registry import ROUNDINGS, Entry

BLOCK = 32
"""Features whose errors are passed on to the features after them at once."""


@dataclass(frozen=True)
class RoundingInputs:
    """What a rounding may look at beside the weights.

    Args:
        covariance: (groups, features, features) of what the layer reads, positive definite; None without images.
        generator: of what is drawn.
    """

    covariance: Tensor | None
    generator: torch.Generator


ToCodes = Callable[[Tensor, Levels, RoundingInputs], Tensor]
"""The codes (float32, whole) of weights (groups, outputs of a group, features) on their levels."""


@dataclass(frozen=True, kw_only=True)
class Rounding(Entry):
    """A way to choose between levels."""

    to_codes: ToCodes
    method: str = ""
    """What the field calls it, where that is another name."""
    needs: tuple[str, ...] = ()
    """What it looks at beside the weights: `images`."""
    clipping: str = "min_max"
    """What serves it best. Clipping for the least error makes weights smaller as a whole, and layers after each other
    more so, unless something makes that good."""


def nearest(weights: Tensor, levels: Levels, _: RoundingInputs) -> Tensor:
    """The closest level."""
    return levels.nearest(weights)


def stochastic(weights: Tensor, levels: Levels, given: RoundingInputs) -> Tensor:
    """One of the two levels around the weight, the nearer the likelier, so that the mean is right."""
    below, on_the_way = levels.neighbours(weights)
    return below + (torch.rand(weights.shape, generator=given.generator) < on_the_way)


def error_compensating(weights: Tensor, levels: Levels, given: RoundingInputs) -> Tensor:
    """Feature by feature the closest level; what each rounding does to the output, those still to come make good.

    The features that vary most go first. An output channel for which this gives a larger squared error than the
    closest levels, which can be where they end, keeps the closest levels.

    Frantar et al. 2023, *GPTQ*, section 3; the second-order problem is that of Hassibi & Stork 1993.
    """
    covariance = given.covariance
    order = covariance.diagonal(dim1=1, dim2=2).argsort(1, descending=True)  # (groups, features)
    ordered = covariance.gather(1, order.unsqueeze(2).expand_as(covariance))
    ordered = ordered.gather(2, order.unsqueeze(1).expand_as(covariance))
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(ordered))
    pass_on = torch.linalg.cholesky(inverse).mT  # row i: how an error in feature i is compensated by those after it
    pass_on = pass_on / pass_on.diagonal(dim1=1, dim2=2).unsqueeze(2)
    places = order.unsqueeze(1).expand_as(weights)
    left = weights.gather(2, places)
    codes = torch.empty_like(left)
    for start in range(0, left.shape[2], BLOCK):
        block = left[:, :, start : start + BLOCK].clone()
        errors = torch.empty_like(block)
        for i in range(block.shape[2]):
            column = block[:, :, i : i + 1]
            codes[:, :, start + i : start + i + 1] = chosen = levels.nearest(column)
            errors[:, :, i : i + 1] = error = column - levels.dequantize(chosen)
            block[:, :, i:] -= error * pass_on[:, start + i, start + i : start + block.shape[2]].unsqueeze(1)
        end = start + block.shape[2]
        left[:, :, end:] -= errors @ pass_on[:, start:end, end:]
    codes = torch.empty_like(codes).scatter_(2, places, codes)
    closest = levels.nearest(weights)
    errors = [_squared_error(levels.dequantize(c) - weights, covariance) for c in (codes, closest)]
    return torch.where(errors[0] <= errors[1], codes, closest)


def _squared_error(change: Tensor, covariance: Tensor) -> Tensor:
    """(groups, outputs, 1): the mean square by which a change of the weights moves each output."""
    return (change @ covariance * change).sum(2, keepdim=True)


ROUNDINGS.register(
    nearest=Rounding(
        title="to the nearest level",
        formula=r"$q = \operatorname{round}(w/s) + z$",
        paper="the textbook's",
        to_codes=nearest,
    ),
    stochastic=Rounding(
        title="up or down by chance",
        formula="up with the probability of the part of the way, so that the mean is right",
        paper="Gupta et al. 2015, section 3.1",
        to_codes=stochastic,
    ),
    error_compensating=Rounding(
        title="error compensation",
        formula="input by input; those still to come make up for what each rounding does to the output",
        paper="Frantar et al. 2023, GPTQ, section 3",
        method="GPTQ",
        to_codes=error_compensating,
        needs=("images",),
        clipping="mse",
    ),
)


def roundings() -> list[str]:
    """The names that `quantize` takes as `rounding`."""
    return list(ROUNDINGS)
