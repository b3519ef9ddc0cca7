"""Criteria: how much a channel matters, one number a channel. A new one is a function and a line below."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compress_core.layers.reading import weight_matrix
from compress_core.pruning.coupling import ChannelGroup
from compress_core.pruning.evidence import Evidence
from compress_core.pruning.second_order import removal_costs
from compress_core.registry import Registry

Score = Callable[[Evidence, ChannelGroup], Tensor]
"""Scores (size,) of a group's channels; larger is more important, NaN where the criterion cannot tell."""


@dataclass(frozen=True)
class Criterion:
    """How channels are ranked."""

    title: str
    """For people, in a word or two."""
    paper: str
    score: Score
    needs: tuple[str, ...] = ()
    """What it looks at beside the network: `images`, `labels`."""
    together: str = "mean"
    """How the scores of coupled channels become one, unless a caller chooses."""


def bn_scale(evidence: Evidence, group: ChannelGroup) -> Tensor:
    """|γ| of the BatchNorm that scales the channel; NaN where none does.

    Of several BatchNorms the largest speaks: a channel that matters to one of them may be small in the others.
    """
    return evidence.combine(group, [(places, scale) for places, scale in _scales(evidence, group)])


def bn_scale_normalized(evidence: Evidence, group: ChannelGroup) -> Tensor:
    """|γ| as a multiple of its layer's mean |γ|: layers whose γ are small as a whole are not emptied for it."""
    return evidence.combine(group, [(places, s / s.mean().clamp(min=1e-12)) for places, s in _scales(evidence, group)])


def _scales(evidence: Evidence, group: ChannelGroup) -> list[tuple[Tensor, Tensor]]:
    norms = [(places, evidence.layer(name)) for name, places in group.carriers.items()]
    return [(places, n.weight.detach().abs()) for places, n in norms if isinstance(n, nn.modules.batchnorm._BatchNorm)]


def l1(evidence: Evidence, group: ChannelGroup) -> Tensor:
    """Σ|w| of the filter that makes the channel, as a multiple of its layer's mean."""
    return _filters(evidence, group, lambda filters: filters.abs().sum(1))


def l2(evidence: Evidence, group: ChannelGroup) -> Tensor:
    """√Σw² of the filter that makes the channel, as a multiple of its layer's mean."""
    return _filters(evidence, group, lambda filters: filters.norm(dim=1))


def fpgm(evidence: Evidence, group: ChannelGroup) -> Tensor:
    """How far the filter lies from all others of its layer, summed: near the geometric median it can be replaced."""
    return _filters(evidence, group, lambda filters: torch.cdist(filters, filters).sum(1))


def _filters(evidence: Evidence, group: ChannelGroup, judge: Callable[[Tensor], Tensor]) -> Tensor:
    judged = [(places, judge(weight_matrix(evidence.layer(n)).flatten(0, 1))) for n, places in group.writers.items()]
    return evidence.combine(group, [(places, s / s.mean().clamp(min=1e-12)) for places, s in judged])


def taylor(evidence: Evidence, group: ChannelGroup) -> Tensor:
    """|Δ loss| to first order if the channel were zero where it is read: |Σ a · ∂L/∂a|, the mean over images.

    In each reading layer it is divided by the root of the layer's sum of squares; without that a few layers of
    MobileNetV1, ShuffleNetV2 and SqueezeNet lose everything.
    """
    judged = []
    for name, places in group.readers.items():
        change = evidence.first_order[name].float().abs().mean(0)
        judged.append((places, change / change.norm().clamp(min=1e-12)))
    return evidence.combine(group, judged)


def activation(evidence: Evidence, group: ChannelGroup) -> Tensor:
    """The variance of what the channel sends, times the squared norm of the weights that read it."""
    judged = []
    for name, places in group.readers.items():
        weights = weight_matrix(evidence.layer(name))  # (groups, outputs, channels × kernel)
        channels = len(places) // len(weights)
        heard = weights.reshape(len(weights), weights.shape[1], channels, -1).square().sum((1, 3)).flatten()
        sent = evidence.variances[name] * heard
        judged.append((places, sent / sent.sum().clamp(min=1e-12)))
    return evidence.combine(group, judged)


def chance(evidence: Evidence, group: ChannelGroup) -> Tensor:
    """A number drawn for each channel: what every other criterion has to beat."""
    generator = torch.Generator().manual_seed(evidence.seed + zlib.crc32(group.name.encode()))
    return torch.rand(group.size, generator=generator)


CRITERIA: Registry[Criterion] = Registry(
    "criterion",
    {
        "bn_scale": Criterion("γ", "Liu et al. 2017, Network Slimming, section 3", bn_scale, together="max"),
        "bn_scale_normalized": Criterion(
            "γ per layer",
            "after Liu et al. 2017, with each layer's γ over their mean",
            bn_scale_normalized,
            together="max",
        ),
        "l1": Criterion("L1 norm", "Li et al. 2017, Pruning Filters for Efficient ConvNets, section 3.1", l1),
        "l2": Criterion("L2 norm", "as the L1 norm, squared", l2),
        "fpgm": Criterion("Geometric median", "He et al. 2019, Filter Pruning via Geometric Median", fpgm),
        "taylor": Criterion(
            "Taylor",
            "Molchanov et al. 2017, Pruning CNNs for Resource Efficient Inference, section 2.2",
            taylor,
            ("images", "labels"),
            "sum",
        ),
        "activation": Criterion(
            "Activation",
            "the channel's part in the variance of what its readers put out",
            activation,
            ("images",),
            "sum",
        ),
        "obs": Criterion(
            "Second order", "Hassibi & Stork 1993, Optimal Brain Surgeon, on channels", removal_costs, ("images",)
        ),
        "random": Criterion("Chance", "drawn from the seed", chance),
    },
)


def criteria() -> list[str]:
    """The names that `prune_channels` takes as `criterion`."""
    return list(CRITERIA)
