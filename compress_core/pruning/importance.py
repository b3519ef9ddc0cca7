"""Criteria: how much a channel matters, one number a channel. A new one is a function and a line below."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from compress_core.pruning.coupling import NO_PLACE, ChannelGroup
from compress_core.registry import Registry

Criterion = Callable[[nn.Module, ChannelGroup], Tensor]
"""Scores (size,) of a group's channels; larger is more important, NaN where the criterion cannot tell."""


def bn_scale(model: nn.Module, group: ChannelGroup) -> Tensor:
    """|γ| of the BatchNorm that scales the channel, the mean where several do; NaN where none does.

    Network Slimming, Liu et al. 2017, section 3.
    """
    total, count = torch.zeros(group.size, dtype=torch.float64), torch.zeros(group.size)
    for name, places in group.carriers.items():
        norm = model.get_submodule(name)
        if isinstance(norm, nn.BatchNorm2d):
            own = places != NO_PLACE
            total.index_add_(0, places[own], norm.weight.detach().abs()[own].double())
            count.index_add_(0, places[own], torch.ones(int(own.sum())))
    return (total / count).float()


CRITERIA: Registry[Criterion] = Registry("criterion", {"bn_scale": bn_scale})


def criteria() -> list[str]:
    """The names that `prune_channels` takes as `criterion`."""
    return list(CRITERIA)
