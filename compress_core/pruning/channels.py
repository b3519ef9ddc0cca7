"""Channel pruning: rank the channels, let the best survive, and build the smaller network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from compress_core.errors import UnsupportedModelError
from compress_core.pruning.coupling import ChannelGroup, Coupling, couple
from compress_core.pruning.exactness import prove
from compress_core.pruning.importance import CRITERIA
from compress_core.pruning.surgery import LayerKeep, cut

SCOPES = ("global", "layer")


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
    held: int
    """Channels that were to go but stayed, because a layer may not empty."""

    @property
    def name(self) -> str:
        return self.group.name


@dataclass(frozen=True)
class PruneResult:
    """A physically smaller network, and who was left out of it."""

    model: nn.Module
    kept: dict[str, LayerKeep]
    groups: list[ScoredGroup]
    """Those that the criterion could judge."""
    survivors: list[Tensor]
    """For each group of the coupling, judged or not, the places that stay."""
    sizes: list[int]
    """For each of those groups how many channels it had."""

    @property
    def channels_before(self) -> int:
        return sum(g.group.size for g in self.groups)

    @property
    def channels_after(self) -> int:
        return sum(len(g.survivors) for g in self.groups)

    @property
    def cut_share(self) -> float:
        """The part of the prunable channels that was really cut, 0 … 1."""
        return 1 - self.channels_after / self.channels_before

    @property
    def held_at_floor(self) -> list[str]:
        """The layers that would have lost more channels, had they not reached the floor."""
        return [g.name for g in self.groups if g.held]


def prune_channels(
    model: nn.Module,
    example_input: Tensor,
    *,
    ratio: float | None = None,
    keep: Mapping[str, int | Sequence[int]] | None = None,
    criterion: str = "bn_scale",
    scope: str = "global",
    ignore: Sequence[str] = (),
    floor: int = 1,
    coupling: Coupling | None = None,
    proven: bool = True,
) -> PruneResult:
    """Take the least important channels out of a network.

    Args:
        model: any network that torch.fx can trace; it stays as it was.
        example_input: images (N, C, H, W) of the size that it is made for; their values do not matter.
        ratio: the part of all prunable channels to take out, 0 ≤ ratio < 1, or
        keep: for each layer named (by the layer that puts the channels out) how many to keep, or which.
            Give one of the two.
        criterion: how channels are ranked; one of `criteria()`.
        scope: `global` ranks all channels against each other, `layer` takes the same part of each layer.
        ignore: layers whose channels all stay.
        floor: at least this many channels of every layer stay.
        coupling: what `couple` found for this network, or another of the same shape; found anew if left out.
        proven: whether to hold the result against the masked original, which runs both on random images.

    Raises:
        ValueError: an argument is out of range, or names a layer that is not there.
        UnsupportedModelError: the network cannot be traced, the criterion does not apply to it, or what is left of it
            does not compute what the original with the dropped channels masked computes.

    Network Slimming, Liu et al. 2017, section 3.
    """
    if (ratio is None) == (keep is None):
        raise ValueError("Give either ratio= or keep=.")
    if ratio is not None and not isinstance(ratio, int | float):
        raise ValueError(f"The pruning ratio is a number, at least 0 and below 1; it was {ratio!r}.")
    if isinstance(ignore, str):
        ignore = (ignore,)
    if ratio is not None and not 0 <= ratio < 1:
        raise ValueError(f"The pruning ratio must be at least 0 and below 1; it was {ratio}.")
    if scope not in SCOPES:
        raise ValueError(f"There is no scope '{scope}'. Choose one of: {', '.join(SCOPES)}.")
    if floor < 1:
        raise ValueError(f"At least one channel of every layer stays: floor must be 1 or more; it was {floor}.")
    if keep is not None and (ignore or floor > 1):
        raise ValueError("keep= says for each layer what stays; ignore= and floor= go with ratio= only.")
    coupling = coupling or couple(model, example_input)
    scores = [CRITERIA[criterion](model, group) for group in coupling.groups]
    judged = [i for i, s in enumerate(scores) if not s.isnan().any()]
    if not judged:
        raise UnsupportedModelError(
            f"The criterion '{criterion}' finds nothing to judge in this {type(model).__name__}"
            + (": no BatchNorm scales any of its channels." if criterion == "bn_scale" else ".")
        )
    groups = [coupling.groups[i] for i in judged]
    names = [g.name for g in groups]
    for name in (*ignore, *(keep or ())):
        if name not in names:
            raise ValueError(f"No prunable layer is named '{name}'. There are: {', '.join(names)}.")
    own = [scores[i] for i in judged]
    if keep is not None:
        chosen = [_chosen(group, s, keep.get(group.name, group.size)) for group, s in zip(groups, own, strict=True)]
    else:
        chosen = _below_threshold(groups, own, ratio, scope, frozenset(ignore), floor)
    result = carry_out(model, coupling, chosen, floor, may_add=keep is None)
    if proven:
        prove(model, result.model, coupling, result.survivors, example_input)
    return result


def carry_out(
    model: nn.Module, coupling: Coupling, chosen: list[ScoredGroup], floor: int = 1, may_add: bool = True
) -> PruneResult:
    """Build the network of what was chosen. Groups of the coupling that are not among it stay whole.

    Args:
        may_add: whether channels may be given back where a layer would be left without any.

    Raises:
        ValueError: a layer would be, and they may not.
    """
    _fill(model, coupling, chosen, floor, may_add)
    left = {scored.name: scored.survivors for scored in chosen}
    survivors = [left.get(group.name, torch.arange(group.size)) for group in coupling.groups]
    smaller, keeps = cut(model, coupling, survivors)
    return PruneResult(smaller, keeps, chosen, survivors, [group.size for group in coupling.groups])


def _fill(model: nn.Module, coupling: Coupling, chosen: list[ScoredGroup], floor: int, may_add: bool) -> None:
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
        groups = getattr(model.get_submodule(name), "groups", 1)
        depthwise = 1 < groups == len(labels) == len(coupling.outputs[name])
        if not depthwise:  # which has nothing of its own to lose
            parts += [(name, part, 1) for part in labels.view(groups, -1)]
    for name, labels, wanted in parts:
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
            chosen[owner[label]] = replace(scored, survivors=survivors, held=scored.held + 1)
            alive[label] = True


def _best(scores: Tensor, count: int) -> Tensor:
    """Indices of the `count` largest scores, ascending; of equal scores the earlier channel stays."""
    return scores.argsort(descending=True, stable=True)[:count].sort().values


def _chosen(group: ChannelGroup, scores: Tensor, wanted: int | Sequence[int] | Tensor) -> ScoredGroup:
    if isinstance(wanted, bool) or wanted is None or isinstance(wanted, str):
        raise ValueError(f"The channels of '{group.name}' to keep are given by whole numbers; it was {wanted!r}.")
    if isinstance(wanted, int):
        if not 1 <= wanted <= group.size:
            raise ValueError(f"'{group.name}' has {group.size} channels; {wanted} of them cannot be kept.")
        survivors = _best(scores, wanted)
    else:
        survivors = torch.as_tensor(wanted).unique()
        if survivors.is_floating_point() or survivors.dtype == torch.bool:
            raise ValueError(f"The channels of '{group.name}' to keep are given by whole numbers.")
        survivors = survivors.long()
        if not len(survivors) or survivors[0] < 0 or survivors[-1] >= group.size:
            raise ValueError(f"Keep at least one of the channels 0 … {group.size - 1} of '{group.name}'.")
    return ScoredGroup(group, scores, survivors, float("-inf"), 0)


def _below_threshold(
    groups: Sequence[ChannelGroup],
    scores: Sequence[Tensor],
    ratio: float,
    scope: str,
    ignore: frozenset[str],
    floor: int,
) -> list[ScoredGroup]:
    """Cut what scores below the threshold of its pool: all layers together, or each layer by itself."""
    open_groups = [i for i, group in enumerate(groups) if group.name not in ignore]
    pools = [open_groups] if scope == "global" else [[i] for i in open_groups]
    cuts = {i: (torch.zeros(group.size, dtype=torch.bool), float("-inf")) for i, group in enumerate(groups)}
    for pool in pools:
        together = torch.cat([scores[i] for i in pool]) if pool else torch.empty(0)
        count = round(ratio * len(together))
        if not count:
            continue
        # The weakest first; of equal scores the later channel goes first, as in `_best`.
        order = together.flip(0).argsort(stable=True)
        order = len(together) - 1 - order
        doomed = torch.zeros(len(together), dtype=torch.bool)
        doomed[order[:count]] = True
        last_out = together[order[count - 1]]
        first_in = together[order[count]] if count < len(together) else last_out
        threshold = float((last_out + first_in) / 2)
        for i, part in zip(pool, doomed.split([groups[i].size for i in pool]), strict=True):
            cuts[i] = (part, threshold)
    result = []
    for i, group in enumerate(groups):
        doomed, threshold = cuts[i]
        left = group.size - int(doomed.sum())
        staying = max(left, min(floor, group.size))
        result.append(ScoredGroup(group, scores[i], _best(scores[i], staying), threshold, staying - left))
    return result
