"""What every width of every architecture costs, counted once and shipped as a table."""

from pathlib import Path

import pandas as pd
import torch
from torch import nn

from compress_core.analysis.profile import profile
from compress_core.data import dataset
from compress_core.zoo import architectures, build

FILE = Path(__file__).parent / "costs.csv"
WIDTHS = tuple(round(0.05 * step, 2) for step in range(2, 41))
PRESETS = {"imagenet": ((3, 224, 224), 1000), "small": (dataset("digits").input_shape, 10)}
"""Of each preset the images (C, H, W) and the classes that its costs are counted for."""


def skeleton(arch: str, width: float, preset: str, **options: object) -> tuple[nn.Module, torch.Tensor]:
    """A network without memory for its weights, and an image for it: enough to count, in milliseconds."""
    shape, classes = PRESETS[preset]
    with torch.device("meta"):
        model = build(arch, width, preset, classes, shape[0], **options).eval()
        return model, torch.empty(1, *shape)


def count_layers(arch: str, width: float, preset: str, **options: object) -> pd.DataFrame:
    """`profile` of an architecture at a width."""
    return profile(*skeleton(arch, width, preset, **options))


def count_costs() -> pd.DataFrame:
    """A row per architecture, preset and width: `arch`, `preset`, `width`, `params`, `macs`, `memory_access`."""
    rows = []
    for arch in architectures(yardsticks=True):
        for preset in PRESETS:
            for width in WIDTHS:
                layers = count_layers(arch, width, preset)
                rows.append((arch, preset, width, *layers[["params", "macs", "memory_access"]].sum()))
    return pd.DataFrame(rows, columns=["arch", "preset", "width", "params", "macs", "memory_access"])


def load_costs() -> pd.DataFrame:
    """The shipped table, made by `python -m compress_core costs`."""
    return pd.read_csv(FILE, comment="#")


def within_budget(costs: pd.DataFrame, preset: str, cost: str, budget: float) -> pd.DataFrame:
    """For each architecture the row of its widest network that costs at most `budget` (`params` or `macs`).

    An architecture of which even the narrowest costs more has no row.
    """
    affordable = costs[(costs["preset"] == preset) & (costs[cost] <= budget)]
    return affordable.loc[affordable.groupby("arch", sort=False)["width"].idxmax()].reset_index(drop=True)
