"""The channel shuffle of a recipe's own network: a unit before and after pruning, and what an image becomes in it."""

from dataclasses import dataclass
from functools import cache

import pandas as pd
import torch

from compress_core.analysis.shuffle import Unit, maps, take_apart, unit_names
from compress_core.data import dataset
from compress_core.pipeline import compress
from compress_core.recipe import Recipe
from compress_core.stages import StageCache
from compress_core.zoo import architectures, build

SHOWN_MAPS = 18
"""Maps in a row."""


@cache
def shuffle_units(arch: str) -> tuple[str, ...]:
    """The units of an architecture that shuffle groups of channels, in the order in which they run."""
    return tuple(unit_names(build(arch)))


@cache
def shuffling() -> tuple[str, ...]:
    """The architectures that have such units."""
    return tuple(arch for arch in architectures() if shuffle_units(arch))


@dataclass(frozen=True)
class UnitStudy:
    """A unit in the network that a recipe starts from, and in what is left of it after the cut."""

    before: Unit
    after: Unit
    cut_share: float


def study_unit(recipe: Recipe, name: str, networks: StageCache | None = None) -> UnitStudy:
    """Take a unit of a recipe's network apart, as it was and as it is.

    Raises:
        CheckpointError: weights are missing or damaged.
    """
    built = compress(recipe.weights_only(), networks)
    example = torch.zeros(1, *dataset(recipe.dataset).input_shape)
    start, share = built.report.base.model, built.report.pruned.cut_share
    before = take_apart(start, example, name)
    return UnitStudy(before, take_apart(built.model, example, name) if share else before, share)


def study_maps(recipe: Recipe, name: str, number: int, networks: StageCache | None = None) -> dict[str, pd.DataFrame]:
    """What a test image has become around a unit's shuffle, for `original` and `compressed`: for `plots.feature_strip`.

    As many channels of each group, those whose maps vary the most, in their order: `row` 0 before the shuffle and 1
    after it, `column`, `channel`, `group`, `pixels` as parts of the brightest shown.

    Raises:
        CheckpointError: weights are missing or damaged.
    """
    unit = study_unit(recipe, name, networks)
    built = compress(recipe.weights_only(), networks)
    image = dataset(recipe.dataset).test()[0][number : number + 1]
    pairs = {"original": (built.report.base.model, unit.before), "compressed": (built.model, unit.after)}
    return {which: _strip(*maps(model, image, own), own) for which, (model, own) in pairs.items()}


def _strip(before: torch.Tensor, after: torch.Tensor, unit: Unit) -> pd.DataFrame:
    groups = groups_of(unit.shuffle_groups)
    each = max(1, SHOWN_MAPS // sum(size > 0 for size in unit.shuffle_groups))
    lively = before.flatten(1).std(1)
    chosen = set()
    for group in set(groups):
        own = torch.tensor([channel for channel, of in enumerate(groups) if of == group])
        chosen |= set(own[lively[own].argsort(descending=True)[:each]].tolist())
    brightest = max(float(before[sorted(chosen)].max()), 1e-12)
    rows = []
    for row, (values, channels) in enumerate(((before, range(len(groups))), (after, unit.shuffle.tolist()))):
        shown = [(place, channel) for place, channel in enumerate(channels) if channel in chosen]
        for column, (place, channel) in enumerate(shown):
            pixels = (values[place] / brightest).clamp(0, 1).numpy()
            rows.append((row, column, channel, groups[channel], pixels))
    return pd.DataFrame(rows, columns=["row", "column", "channel", "group", "pixels"])


def groups_of(sizes: tuple[int, ...]) -> list[int]:
    """The group of each channel, of groups of these sizes."""
    return [group for group, size in enumerate(sizes) for _ in range(size)]
