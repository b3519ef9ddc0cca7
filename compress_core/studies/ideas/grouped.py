"""The group count of a pointwise convolution (Zhang et al. 2018, ShuffleNet, section 3.2 and Table 1)."""

import math

import pandas as pd
from torch import nn

from compress_core.studies.ideas.cost import Cost, conv_cost
from compress_core.zoo.blocks import ConvBNAct

GROUPS = (1, 2, 3, 4, 8)


def form(groups: int) -> str:
    """What figures call it."""
    return f"g = {groups}"


def equal_cost_width(channels: int, groups: int) -> int:
    """As many channels, in and out, as cost about what `channels` cost ungrouped: c·√g, to whole groups."""
    return max(1, round(channels * math.sqrt(groups) / groups)) * groups


def costs(channels: int, side: int) -> dict[str, Cost]:
    """c²/g·F² multiply–accumulates for each of `GROUPS`, by `form`, with `channels` c and a map of `side` F."""
    return {form(groups): conv_cost(channels, channels, 1, side, groups) for groups in GROUPS}


def group_counts(channels: int, side: int) -> pd.DataFrame:
    """A row for each of `GROUPS`: `groups`, `params`, `macs` at fixed `channels`, and `width` at equal cost."""
    rows = [
        (groups, cost.params, cost.macs, equal_cost_width(channels, groups))
        for groups, cost in zip(GROUPS, costs(channels, side).values(), strict=True)
    ]
    return pd.DataFrame(rows, columns=["groups", "params", "macs", "width"])


def modules(channels: int) -> dict[str, nn.Module]:
    """A grouped pointwise convolution with BatchNorm and ReLU for each of `GROUPS`, by `form`."""
    return {form(groups): ConvBNAct(channels, channels, groups=groups) for groups in GROUPS}
