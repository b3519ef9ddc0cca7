"""The whole zoo, timed together: FLOPs are not speed (Ma et al. 2018, section 1, Figure 1 and Table 8)."""

import math
from dataclasses import dataclass

import pandas as pd

from compress_core.analysis.costs import load_costs
from compress_core.analysis.guidelines.reported import LEVELS
from compress_core.training.shipped import DATASET, WIDTHS, trained_accuracies
from compress_core.zoo import architectures


@dataclass(frozen=True)
class Scene:
    """Which networks are timed on which images."""

    preset: str
    batch: int


SCENES = {"digits": Scene("small", 1), "digits64": Scene("small", 64), "imagenet": Scene("imagenet", 1)}


def networks(scene: str) -> pd.DataFrame:
    """A row a network that is timed: `arch`, `width`, `macs`; and `accuracy` on `samples` images, NaN where untrained.

    Of digits the widths that are trained. For ImageNet's images, where ours are not trained, of each architecture the
    widths whose MACs are nearest to the paper's four levels.
    """
    preset = SCENES[scene].preset
    costs = load_costs().query("preset == @preset").set_index(["arch", "width"])["macs"]
    if preset == "small":
        chosen = [(arch, width) for arch in architectures() for width in sorted(WIDTHS)]
    else:
        levels = [(arch, nearest(costs[arch], level * 1e6)) for arch in architectures() for level in LEVELS]
        chosen = list(dict.fromkeys(levels))
    table = pd.DataFrame(chosen, columns=["arch", "width"])
    table["macs"] = [int(costs[arch, width]) for arch, width in chosen]
    if preset == "small":
        return table.merge(trained_accuracies(DATASET), "left", ["arch", "width"])
    return table.assign(accuracy=math.nan, samples=0)


def nearest(macs: pd.Series, wanted: float) -> float:
    """The label whose MACs are nearest to those wanted, as a factor."""
    return (macs / wanted).map(lambda ratio: abs(math.log(ratio))).idxmin()
