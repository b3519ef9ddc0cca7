"""SqueezeNet's two ratios and where it shrinks its maps (Iandola et al. 2016, sections 3.1, 5 and Table 1)."""

import math

import pandas as pd

from compress_core.studies.ideas.cost import Cost, conv_cost

SQUEEZE_RATIOS = (0.125, 0.25, 0.5, 0.75, 1.0)
SHARES_3X3 = (0.01, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 0.99)

PAPER = "as in the paper"
POOLINGS = {"at once": (2, 3, 4), "version 1.1": (2, 4, 6), PAPER: (2, 5, 9), "late": (2, 8, 9)}
"""Before which of the fires 2 … 9 the maps are halved; three times in each, so that all end in maps of one size."""

BASE, INCREMENT, FREQUENCY, FIRES = 128, 128, 2, 8
IMAGE, COLOURS, STEM, STEM_KERNEL, CLASSES = 224, 3, 96, 7, 1000


def fires(squeeze_ratio: float, share: float) -> list[tuple[int, int, int]]:
    """(squeeze, expand 1×1, expand 3×3) of each fire.

    Two fires at a time share a width e, which grows from 128 to 512; `squeeze_ratio` SR is the squeeze layer's part
    of e, and `share` pct₃ₓ₃ that of the 3×3 filters among the expanding ones.
    """
    found = []
    for i in range(FIRES):
        expand = BASE + INCREMENT * (i // FREQUENCY)
        large = round(share * expand)
        found.append((round(squeeze_ratio * expand), expand - large, large))
    return found


def fire_cost(c_in: int, squeeze: int, expand1: int, expand3: int, side: int) -> Cost:
    """One fire module on maps of `side`×`side`, with biases."""
    return (
        conv_cost(c_in, squeeze, 1, side, bias=True)
        + conv_cost(squeeze, expand1, 1, side, bias=True)
        + conv_cost(squeeze, expand3, 3, side, bias=True)
    )


def network_cost(squeeze_ratio: float, share: float, pooled: tuple[int, ...] = POOLINGS[PAPER]) -> Cost:
    """The whole SqueezeNet 1.0 for ImageNet: stem, eight fires, the 1×1 convolution onto 1000 classes."""
    side = (IMAGE - STEM_KERNEL) // 2 + 1
    cost = conv_cost(COLOURS, STEM, STEM_KERNEL, side, bias=True)
    c_in = STEM
    for number, (squeeze, expand1, expand3) in enumerate(fires(squeeze_ratio, share), start=2):
        if number in pooled:
            side = math.ceil((side - 3) / 2) + 1
        cost += fire_cost(c_in, squeeze, expand1, expand3, side)
        c_in = expand1 + expand3
    return cost + conv_cost(c_in, CLASSES, 1, side, bias=True)


def sweep() -> pd.DataFrame:
    """`squeeze_ratio`, `share`, `params`, `macs` of every pair of ratios."""
    rows = []
    for share in SHARES_3X3:
        for squeeze_ratio in SQUEEZE_RATIOS:
            cost = network_cost(squeeze_ratio, share)
            rows.append((squeeze_ratio, share, cost.params, cost.macs))
    return pd.DataFrame(rows, columns=["squeeze_ratio", "share", "params", "macs"])
