"""The whole zoo, timed together: FLOPs are not speed (Ma et al. 2018, section 1, Figure 1 and Table 8)."""

import math

import pandas as pd

from compress_core.studies.architectures import IMAGENET, load_costs
from compress_core.studies.guidelines.reported import LEVELS
from compress_core.training.shipped import WIDTHS, trained_accuracies
from compress_core.zoo import architectures

MACS_SMALL = (500_000, 1_000_000, 2_000_000, 4_000_000)
MACS_IMAGENET = tuple(level * 1_000_000 for level in LEVELS)
BATCHES = (1, 64)
"""Images of a dataset that are timed at once."""


def macs_levels(images: str) -> tuple[int, ...]:
    """MACs at which networks are held against each other; the paper's own for ImageNet's images."""
    return MACS_IMAGENET if images == IMAGENET else MACS_SMALL


def networks(images: str) -> pd.DataFrame:
    """A row a network that is timed: `arch`, `width`, `macs`; and `accuracy` on `samples` images, NaN where untrained.

    Of each architecture the widths whose MACs are nearest to each of `macs_levels`, and of a dataset's those that are
    trained as a rule.
    """
    costs = load_costs(images).set_index(["arch", "width"])["macs"]
    trained = () if images == IMAGENET else WIDTHS
    rows = []
    for arch in architectures():
        widths = {*trained, *(nearest(costs[arch], wanted) for wanted in macs_levels(images))}
        rows += [(arch, width, int(costs[arch, width])) for width in sorted(widths)]
    table = pd.DataFrame(rows, columns=["arch", "width", "macs"])
    return table.merge(trained_accuracies(images), "left", ["arch", "width"])


def nearest(macs: pd.Series, wanted: float) -> float:
    """The label whose MACs are nearest to those wanted, as a factor."""
    return (macs / wanted).map(lambda ratio: abs(math.log(ratio))).idxmin()
