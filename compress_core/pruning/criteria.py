"""Criteria: how much a channel matters, one number a channel. A new one is a function and a line below."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from compress_core.layers.kinds import is_batchnorm
from compress_core.layers.matrices import weight_matrix
from compress_core.pruning.coupling import ChannelGroup
from compress_core.pruning.second_order import removal_costs
from compress_core.pruning.statistics import CalibrationStatistics
from compress_core.registry import CRITERIA, Entry

Score = Callable[[CalibrationStatistics, ChannelGroup], Tensor]
"""Scores (size,) of a group's channels; larger is more important, NaN where the criterion cannot tell."""


@dataclass(frozen=True, kw_only=True)
class Criterion(Entry):
    """How channels are ranked."""

    score: Score
    needs: tuple[str, ...] = ()
    """What it looks at beside the network: `images`, `labels`."""
    reduction: str = "mean"
    """How the scores of coupled channels become one, `sum`, `mean` or `max`, unless a caller chooses."""
    log_axis: bool = False
    """Whether its scores are drawn on a log axis: those of products and squares span decades."""
    heading: str = ""
    """Of a figure of its scores, where 'Scores' and its title do not say it."""
    axis: str = ""
    """What its scores are, on an axis; its title if empty."""
    symbol: str = ""
    """What stands before a score; its title and a colon if empty."""
    unscored: str = ""
    """Why it can score no channel of a network, where it cannot."""


def bn_scale(stats: CalibrationStatistics, group: ChannelGroup) -> Tensor:
    """|γ| of the BatchNorm that scales the channel; NaN where none does.

    Of several BatchNorms the largest speaks: a channel that matters to one of them may be small in the others.
    """
    return stats.combine(group, [(places, scale) for places, scale in _scales(stats, group)])


def bn_scale_normalized(stats: CalibrationStatistics, group: ChannelGroup) -> Tensor:
    """|γ| as a multiple of its layer's mean |γ|: layers whose γ are small as a whole are not emptied for it."""
    return stats.combine(group, [(places, s / s.mean().clamp(min=1e-12)) for places, s in _scales(stats, group)])


def _scales(stats: CalibrationStatistics, group: ChannelGroup) -> list[tuple[Tensor, Tensor]]:
    norms = [(places, stats.layer(name)) for name, places in group.carriers.items()]
    return [(places, n.weight.detach().abs()) for places, n in norms if is_batchnorm(n)]


def l1(stats: CalibrationStatistics, group: ChannelGroup) -> Tensor:
    """Σ|w| of the filter that makes the channel, as a multiple of its layer's mean."""
    return _filters(stats, group, lambda filters: filters.abs().sum(1))


def l2(stats: CalibrationStatistics, group: ChannelGroup) -> Tensor:
    """√Σw² of the filter that makes the channel, as a multiple of its layer's mean."""
    return _filters(stats, group, lambda filters: filters.norm(dim=1))


def fpgm(stats: CalibrationStatistics, group: ChannelGroup) -> Tensor:
    """How far the filter lies from all others of its layer, summed: near the geometric median it can be replaced."""
    return _filters(stats, group, lambda filters: torch.cdist(filters, filters).sum(1))


def _filters(stats: CalibrationStatistics, group: ChannelGroup, measure: Callable[[Tensor], Tensor]) -> Tensor:
    scores = [(places, measure(weight_matrix(stats.layer(n)).flatten(0, 1))) for n, places in group.writers.items()]
    return stats.combine(group, [(places, s / s.mean().clamp(min=1e-12)) for places, s in scores])


def taylor(stats: CalibrationStatistics, group: ChannelGroup) -> Tensor:
    """|Δ loss| to first order if the channel were zero where it is read: |Σ a · ∂L/∂a|, the mean over images.

    In each reading layer it is divided by the root of the layer's sum of squares; without that a few layers of
    MobileNetV1, ShuffleNetV2 and SqueezeNet lose everything.
    """
    scores = []
    for name, places in group.readers.items():
        change = stats.first_order[name].float().abs().mean(0)
        scores.append((places, change / change.norm().clamp(min=1e-12)))
    return stats.combine(group, scores)


def activation(stats: CalibrationStatistics, group: ChannelGroup) -> Tensor:
    """The variance of what the channel sends, times the squared norm of the weights that read it."""
    scores = []
    for name, places in group.readers.items():
        weights = weight_matrix(stats.layer(name))  # (groups, outputs, channels × kernel)
        channels = len(places) // len(weights)
        weight_norms = weights.reshape(len(weights), weights.shape[1], channels, -1).square().sum((1, 3)).flatten()
        shares = stats.variances[name] * weight_norms
        scores.append((places, shares / shares.sum().clamp(min=1e-12)))
    return stats.combine(group, scores)


def chance(stats: CalibrationStatistics, group: ChannelGroup) -> Tensor:
    """A number drawn for each channel: what every other criterion has to beat."""
    generator = torch.Generator().manual_seed(stats.seed + zlib.crc32(group.name.encode()))
    return torch.rand(group.size, generator=generator)


NO_NORM = "no BatchNorm scales any of its channels; choose another one, such as criterion='l2'"
_LAYER_MEAN = "over its layer's mean"

CRITERIA.register(
    bn_scale=Criterion(
        title="γ",
        formula=r"$\lvert\gamma_c\rvert$",
        paper="Liu et al. 2017, Network Slimming, section 3",
        score=bn_scale,
        reduction="max",
        heading="Scaling factors γ",
        axis="scaling factor |γ|",
        symbol="|γ|",
        unscored=NO_NORM,
    ),
    bn_scale_normalized=Criterion(
        title="γ per layer",
        formula=rf"$\lvert\gamma_c\rvert$ {_LAYER_MEAN}",
        paper="after Liu et al. 2017, with each layer's γ over their mean",
        score=bn_scale_normalized,
        reduction="max",
        unscored=NO_NORM,
    ),
    l1=Criterion(
        title="L1 norm",
        formula=rf"$\lVert w_c \rVert_1$ {_LAYER_MEAN}",
        paper="Li et al. 2017, Pruning Filters for Efficient ConvNets, section 3.1",
        score=l1,
    ),
    l2=Criterion(
        title="L2 norm", formula=rf"$\lVert w_c \rVert_2$ {_LAYER_MEAN}", paper="as the L1 norm, squared", score=l2
    ),
    fpgm=Criterion(
        title="Geometric median",
        formula=rf"$\sum_j \lVert w_c - w_j \rVert_2$ {_LAYER_MEAN}",
        paper="He et al. 2019, Filter Pruning via Geometric Median",
        score=fpgm,
    ),
    taylor=Criterion(
        title="Taylor",
        formula=r"$\lvert \sum a_c\, \partial L / \partial a_c \rvert$, the mean over images",
        paper="Molchanov et al. 2017, Pruning CNNs for Resource Efficient Inference, section 2.2",
        score=taylor,
        needs=("images", "labels"),
        reduction="sum",
        log_axis=True,
    ),
    activation=Criterion(
        title="Activation",
        formula=r"$\operatorname{Var}(a_c)\, \lVert v_c \rVert^2$ as a part of its layer's",
        paper="the channel's part in the variance of what its readers put out",
        score=activation,
        needs=("images",),
        reduction="sum",
        log_axis=True,
    ),
    obs=Criterion(
        title="Second order",
        formula="what its removal costs when the others make up for it",
        paper="Hassibi & Stork 1993, Optimal Brain Surgeon, on channels",
        score=removal_costs,
        needs=("images",),
        log_axis=True,
    ),
    random=Criterion(
        title="Random",
        formula="a number drawn for it: what the others have to beat",
        paper="drawn from the seed",
        score=chance,
    ),
)


def criteria() -> list[str]:
    """The names that `prune_channels` takes as `criterion`."""
    return list(CRITERIA)
