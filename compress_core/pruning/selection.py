"""Choosing the channels that stay: by score, by hand, or both."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral

import torch
from torch import Tensor, nn

from compress_core.errors import UnsupportedModelError
from compress_core.layers.kinds import groups_of, is_depthwise
from compress_core.layers.running import HALF, check_images, single_precision
from compress_core.pruning.coupling import ChannelGroup, Coupling
from compress_core.pruning.statistics import REDUCTIONS, CalibrationStatistics
from compress_core.registry import CRITERIA, SCOPES, Entry

SCOPES.register(**{"global": Entry(title="Global"), "layer": Entry(title="Per layer")})


@dataclass(frozen=True)
class ScoredGroup:
    """A group of coupled channels, their scores, and who of them survived."""

    group: ChannelGroup
    scores: Tensor
    """(size,) by the criterion; larger is more important."""
    survivors: Tensor
    """Indices that stay, ascending."""
    threshold: float
    """Scores below it were to go; −inf where nothing was."""
    kept_by_floor: int
    """Channels that were to go but stayed, because a layer may not empty."""

    @property
    def name(self) -> str:
        return self.group.name


ScoredGroups = tuple[dict[str, ScoredGroup], dict[str, ScoredGroup]]
"""The groups that a criterion can score, by name, and those that it cannot."""


def check_ratio(ratio: object) -> None:
    """Raise unless 0 ≤ ratio < 1.

    Raises:
        ValueError: with what is allowed.
    """
    if isinstance(ratio, bool) or not isinstance(ratio, int | float):
        raise ValueError(f"The pruning ratio is a number, at least 0 and below 1; it was {ratio!r}.")
    if not 0 <= ratio < 1:
        raise ValueError(f"The pruning ratio must be at least 0 and below 1; it was {ratio}.")


def check_scope(scope: str) -> None:
    """Raise unless there is such a scope.

    Raises:
        ValueError: with those that there are.
    """
    if scope not in SCOPES:
        raise ValueError(f"There is no scope '{scope}'. Choose one of: {', '.join(SCOPES)}.")


def score_groups(
    model: nn.Module,
    coupling: Coupling,
    criterion: str,
    images: Tensor | None = None,
    labels: Tensor | None = None,
    reduction: str | None = None,
    seed: int = 0,
) -> ScoredGroups:
    """Score the groups of coupled channels by a criterion: those that it can score, by name, and those that it cannot.

    All of them are whole.

    Raises:
        ValueError: there is no such criterion, or it lacks what it looks at.
        UnsupportedModelError: it can score none.
    """
    chosen = CRITERIA[criterion]
    if reduction not in (None, *REDUCTIONS):
        raise ValueError(f"Coupled channels cannot be scored by '{reduction}'. Choose one of: {', '.join(REDUCTIONS)}.")
    for needed, given in (("images", images), ("labels", labels)):
        if needed in chosen.needs and (given is None or not len(given)):
            raise ValueError(f"The criterion '{criterion}' looks at calibration {needed}: give them as {needed}=.")
    if "images" in chosen.needs:
        check_images(images, f"The criterion '{criterion}'")
    if "labels" in chosen.needs and len(images) != len(labels):
        raise ValueError(f"Each image needs its label: there are {len(images)} images and {len(labels)} labels.")
    if not coupling.groups:
        raise UnsupportedModelError(
            f"{type(model).__name__} has no channels that can be cut: those can that 2-D convolutions or linear layers "
            "make and such layers read, with nothing between them that mixes channels."
        )
    model = single_precision(model)
    if images is not None and images.dtype in HALF:
        images = images.float()
    stats = CalibrationStatistics(model, coupling, images, labels, reduction or chosen.reduction, seed)
    scored: dict[str, ScoredGroup] = {}
    others: dict[str, ScoredGroup] = {}
    for group in coupling.groups:
        scores = chosen.score(stats, group)
        known = not scores.isnan().any()
        whole = ScoredGroup(group, scores if known else torch.zeros(group.size), torch.arange(group.size), -math.inf, 0)
        (scored if known else others)[group.name] = whole
    if not scored:
        raise UnsupportedModelError(
            f"The criterion '{criterion}' finds nothing to score in this {type(model).__name__}"
            + (f": {chosen.unscored}." if chosen.unscored else ".")
        )
    return scored, others


def _best(scores: Tensor, count: int) -> Tensor:
    """Indices of the `count` largest scores, ascending; of equal scores the earlier channel stays."""
    return scores.argsort(descending=True, stable=True)[:count].sort().values


def _rounded(count: int, multiple_of: int, least: int, most: int) -> int:
    """The multiple nearest to a count, not below `least`, and at most `most`."""
    lowest = -(-least // multiple_of) * multiple_of
    return min(max(lowest, (count + multiple_of // 2) // multiple_of * multiple_of), most)


def select_by_hand(whole: ScoredGroup, wanted: int | Sequence[int] | Tensor) -> ScoredGroup:
    """Keep so many channels of a group, the best by score, or just these.

    Raises:
        ValueError: the group does not have them.
    """
    name, size = whole.name, whole.group.size
    if isinstance(wanted, bool) or wanted is None or isinstance(wanted, str):
        raise ValueError(f"The channels of '{name}' to keep are given by whole numbers; it was {wanted!r}.")
    if isinstance(wanted, int):
        if not 1 <= wanted <= size:
            raise ValueError(f"'{name}' has {size} channels; {wanted} of them cannot be kept.")
        return replace(whole, survivors=_best(whole.scores, wanted))
    survivors = torch.as_tensor(wanted).unique()
    if survivors.is_floating_point() or survivors.dtype == torch.bool:
        raise ValueError(f"The channels of '{name}' to keep are given by whole numbers.")
    survivors = survivors.long()
    if not len(survivors) or survivors[0] < 0 or survivors[-1] >= size:
        raise ValueError(f"Keep at least one of the channels 0 … {size - 1} of '{name}'.")
    return replace(whole, survivors=survivors)


def whole_number(wanted: object) -> object:
    """A whole number of any kind, such as numpy's or a tensor of no dimensions, as Python's; all else as it is."""
    number = wanted.item() if getattr(wanted, "shape", None) == () else wanted
    return int(number) if isinstance(number, Integral) and not isinstance(number, bool) else wanted


def select_by_threshold(
    whole: Sequence[ScoredGroup], ratio: float, scope: str, ignore: frozenset[str], floor: int, multiple_of: int = 1
) -> list[ScoredGroup]:
    """Cut what scores below the threshold of its pool: all layers together, or each layer by itself.

    What stays of a group is then rounded to the nearest multiple, by scores on either side of the threshold.
    """
    open_groups = [i for i, scored in enumerate(whole) if scored.name not in ignore]
    pools = [open_groups] if scope == "global" else [[i] for i in open_groups]
    result = list(whole)
    for pool in pools:
        scores = torch.cat([whole[i].scores for i in pool]) if pool else torch.empty(0)
        count = round(ratio * len(scores))
        if not count:
            continue
        # The weakest first; of equal scores the later channel goes first, as in `_best`.
        order = len(scores) - 1 - scores.flip(0).argsort(stable=True)
        doomed = torch.zeros(len(scores), dtype=torch.bool)
        doomed[order[:count]] = True
        last_out = scores[order[count - 1]]
        first_in = scores[order[count]] if count < len(scores) else last_out
        threshold = float((last_out + first_in) / 2)
        for i, part in zip(pool, doomed.split([whole[i].group.size for i in pool]), strict=True):
            left = len(part) - int(part.sum())
            staying = max(left, min(floor, len(part)))
            survivors = _best(whole[i].scores, _rounded(staying, multiple_of, min(floor, len(part)), len(part)))
            result[i] = replace(whole[i], survivors=survivors, threshold=threshold, kept_by_floor=staying - left)
    return result


def apply_edits(chosen: list[ScoredGroup], edits: Mapping[str, Mapping[int, bool]]) -> list[ScoredGroup]:
    """The same choice with a person's own changes; `enforce_floor` sees to it that no layer is left without a channel.

    Raises:
        ValueError: a layer has no such channel.
    """
    result = []
    for scored in chosen:
        own = edits.get(scored.name, {})
        size = scored.group.size
        wrong = [channel for channel in own if not 0 <= channel < size]
        if wrong:
            raise ValueError(f"'{scored.name}' has the channels 0 … {size - 1}; there is no {wrong[0]}.")
        stays = torch.zeros(size, dtype=torch.bool)
        stays[scored.survivors] = True
        for channel, wanted in own.items():
            stays[channel] = wanted
        result.append(replace(scored, survivors=stays.nonzero().flatten()) if own else scored)
    return result


def enforce_floor(model: nn.Module, coupling: Coupling, chosen: list[ScoredGroup], floor: int, may_add: bool) -> None:
    """Give what would be left with too few channels its best ones back, in place.

    That is a layer's outputs, where they are only a part of a group, its inputs, where they come from several, and
    what each group of a grouped convolution reads.

    Raises:
        ValueError: a person chose the survivors, and left such a part without any.
    """
    left = {scored.name: scored.survivors for scored in chosen}
    alive = coupling.alive([left.get(group.name, torch.arange(group.size)) for group in coupling.groups])
    owner = {label: i for i, scored in enumerate(chosen) for label in scored.group.labels.tolist()}
    parts = [(name, labels, floor) for name, labels in coupling.outputs.items()]
    for name, labels in coupling.inputs.items():
        layer = model.get_submodule(name)
        if not is_depthwise(layer):  # which has nothing of its own to lose
            parts += [(name, part, 1) for part in labels.view(groups_of(layer), -1)]
    for name, labels, wanted in parts:
        if wanted == 1 and alive[labels].any():  # nearly always; counting takes longer
            continue
        missing = min(wanted, len(labels.unique())) - int(alive[labels.unique()].sum())
        if missing <= 0:
            continue
        if not may_add:
            raise ValueError(f"'{name}', or one of its groups, would be left without a channel. Keep at least one.")
        dead = [label for label in labels.unique().tolist() if not alive[label]]
        places = {label: (chosen[owner[label]].group.labels == label).nonzero().item() for label in dead}
        dead.sort(key=lambda label: float(chosen[owner[label]].scores[places[label]]), reverse=True)
        for label in dead[:missing]:
            scored = chosen[owner[label]]
            survivors = torch.cat((scored.survivors, torch.tensor([places[label]]))).sort().values
            chosen[owner[label]] = replace(scored, survivors=survivors, kept_by_floor=scored.kept_by_floor + 1)
            alive[label] = True
