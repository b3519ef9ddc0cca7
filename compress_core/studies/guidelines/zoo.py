"""The whole zoo, timed together: FLOPs are not speed (Ma et al. 2018, section 1, Figure 1 and Table 8)."""

import math
from dataclasses import dataclass

import pandas as pd

from compress_core.studies.architectures import load_costs
from compress_core.studies.guidelines.reported import LEVELS
from compress_core.training.shipped import DATASET, WIDTHS, trained_accuracies
from compress_core.zoo import architectures


@dataclass(frozen=True)
class Scene:
    """Which networks are timed on which images."""

    preset: str
    batch: int


MACS = {"small": (500_000, 1_000_000, 2_000_000, 4_000_000), "imagenet": tuple(level * 1_000_000 for level in LEVELS)}
"""At which networks are held against each other, by preset; the paper's own for ImageNet's images."""

SCENES = {"digits": Scene("small", 1), "digits64": Scene("small", 64), "imagenet": Scene("imagenet", 1)}


def networks(scene: str) -> pd.DataFrame:
    """A row a network that is timed: `arch`, `width`, `macs`; and `accuracy` on `samples` images, NaN where untrained.

    Of each architecture the widths whose MACs are nearest to each of `MACS`; for digits also those that are trained.
    """
    preset = SCENES[scene].preset
    costs = load_costs().query("preset == @preset").set_index(["arch", "width"])["macs"]
    trained = WIDTHS if preset == "small" else ()
    rows = []
    for arch in architectures():
        widths = {*trained, *(nearest(costs[arch], wanted) for wanted in MACS[preset])}
        rows += [(arch, width, int(costs[arch, width])) for width in sorted(widths)]
    table = pd.DataFrame(rows, columns=["arch", "width", "macs"])
    if not trained:
        return table.assign(accuracy=math.nan, samples=math.nan)
    return table.merge(trained_accuracies(DATASET), "left", ["arch", "width"])


def nearest(macs: pd.Series, wanted: float) -> float:
    """The label whose MACs are nearest to those wanted, as a factor."""
    return (macs / wanted).map(lambda ratio: abs(math.log(ratio))).idxmin()
