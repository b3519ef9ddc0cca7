"""Criteria: how much a channel matters, one number a channel. A new one is a function and a line below."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from compress_core.errors import UnsupportedModelError
from compress_core.pruning.coupling import ChannelGroup
from compress_core.registry import Registry

Criterion = Callable[[nn.Module, ChannelGroup], Tensor]
"""Scores (size,) of a group's channels; larger is more important."""


def bn_scale(model: nn.Module, group: ChannelGroup) -> Tensor:
    """|γ| of the BatchNorm that scales the channel, the mean where several do.

    Network Slimming, Liu et al. 2017, section 3.
    """
    norms = [m for m in map(model.get_submodule, group.carriers) if isinstance(m, nn.BatchNorm2d)]
    if not norms:
        raise UnsupportedModelError(
            f"The criterion 'bn_scale' needs a BatchNorm behind '{group.name}', and there is none. "
            "Choose another criterion, or leave the layer out with ignore=."
        )
    return torch.stack([norm.weight.detach().abs() for norm in norms]).mean(0)


CRITERIA: Registry[Criterion] = Registry("criterion", {"bn_scale": bn_scale})


def criteria() -> list[str]:
    """The names that `prune_channels` takes as `criterion`."""
    return list(CRITERIA)
