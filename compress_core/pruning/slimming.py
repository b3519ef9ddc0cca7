"""A trained network brought to the widths of a narrower one: homework 7's transplant, for any architecture."""

from collections import Counter, defaultdict

import torch
from torch import Tensor, nn

from compress_core.errors import UnsupportedModelError
from compress_core.layers.kinds import groups_of
from compress_core.pruning.channels import PruneResult, build_pruned
from compress_core.pruning.coupling import NO_PLACE, ChannelGroup, Coupling, couple
from compress_core.pruning.selection import ScoredGroup
from compress_core.pruning.statistics import CalibrationStatistics
from compress_core.registry import CRITERIA

Cell = frozenset[tuple[str, str, int]]
"""Which layers write a channel, and which groups of grouped convolutions write and read it."""


def network_slimming(
    old: nn.Module,
    new: nn.Module,
    example_input: Tensor,
    criterion: str = "bn_scale",
    coupling: Coupling | None = None,
    images: Tensor | None = None,
) -> PruneResult:
    """Cut `old` down to the widths of `new`, keeping the most important channels; neither is changed.

    The channels of the same layers, and of the same groups where those are grouped, compete with each other, and as
    many of them stay as `new` has there: all where there are fewer, one more where a layer would read nothing.

    Args:
        images: (N, C, H, W) calibration images, for a criterion that looks at data.

    Raises:
        UnsupportedModelError: the two are not of one architecture, or a layer cannot be scored.

    After Network Slimming, Liu et al. 2017, section 3, as homework 7 (Hung-yi Lee, ML 2020) transplants it.
    """
    coupling = coupling or couple(old, example_input)
    narrow = couple(new, example_input.to(next(new.parameters()).dtype))
    wanted = {group.name: Counter(_cells(new, group)) for group in narrow.groups}
    stats, chosen = CalibrationStatistics(old, coupling, images), []
    for group in coupling.groups:
        if group.name not in wanted:
            raise UnsupportedModelError(
                f"The narrower network has no layer '{group.name}': it is another architecture."
            )
        members = defaultdict(list)
        for place, cell in enumerate(_cells(old, group)):
            members[cell].append(place)
        if all(len(places) == wanted[group.name][cell] for cell, places in members.items()):
            continue
        scores = CRITERIA[criterion].score(stats, group)
        if scores.isnan().any():
            raise UnsupportedModelError(f"The criterion '{criterion}' cannot score the channels of '{group.name}'.")
        kept = []
        for cell, places in members.items():
            own = torch.tensor(places)
            best = scores[own].argsort(descending=True, stable=True)[: wanted[group.name][cell]]
            kept += own[best].tolist()
        chosen.append(ScoredGroup(group, scores, torch.tensor(sorted(kept)), float("-inf"), 0))
    return build_pruned(old, coupling, chosen)


def _cells(model: nn.Module, group: ChannelGroup) -> list[Cell]:
    """The cell of each channel of a group."""
    cells: list[set[tuple[str, str, int]]] = [set() for _ in range(group.size)]
    for side, layers in (("writes", group.writers), ("reads", group.readers)):
        for name, places in layers.items():
            groups = groups_of(model.get_submodule(name))
            if side == "reads" and groups == 1:
                continue
            a_group = len(places) // groups
            for channel, place in enumerate(places.tolist()):
                if place != NO_PLACE:
                    cells[place].add((name, side, channel // a_group))
    return [frozenset(cell) for cell in cells]
