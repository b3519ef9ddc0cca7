"""Equal survivors in every group of a grouped convolution, so that it stays one."""

from collections.abc import Callable, Container, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from compress_core.layers.kinds import groups_of, is_depthwise
from compress_core.pruning.coupling import Coupling
from compress_core.pruning.selection import ScoredGroup

NOT_WANTED = -(2**62)
NEAR = 0.005
"""As a part of all channels: so near to what is wanted, or to where it jumps, a search ends."""


class Balance:
    """The grouped convolutions of a network, and what has to come back for each of their groups to keep equally many.

    A channel can stand in a group of several of them, before a shuffle and behind it, or along a chain of shortcuts.
    """

    def __init__(self, model: nn.Module, coupling: Coupling, multiple_of: int = 1):
        """With `multiple_of` each of their groups reads a multiple of that, or all that there is."""
        self.coupling = coupling
        sides: dict[tuple[tuple[int, ...], ...], int] = {}  # and of what each of their parts is to be a multiple
        for name in coupling.inputs:
            for side, multiple in zip(_sides(model, coupling, name), (multiple_of, 1), strict=False):
                sides[side] = max(multiple, sides.get(side, 1))
        self.multiples = torch.tensor(list(sides.values()))
        self.sizes = torch.tensor([len(part) for side in sides for part in side])
        self.side = torch.tensor([number for number, side in enumerate(sides) for _ in side])  # of each part
        stands: dict[int, list[int]] = {}
        for number, part in enumerate(part for side in sides for part in side):
            for label in part:
                stands.setdefault(label, []).append(number)
        self.labels = torch.tensor(list(stands), dtype=torch.long)
        place = {label: i for i, label in enumerate(stands)}
        self.members = [[torch.tensor([place[label] for label in part]) for part in side] for side in sides]
        most, nowhere = max(map(len, stands.values()), default=0), len(self.sizes)
        rows = [own + [nowhere] * (most - len(own)) for own in stands.values()]
        self.parts = torch.tensor(rows, dtype=torch.long).view(len(rows), most)
        """(labels, most): the parts that each of these labels stands in, filled up with a number that is no part's."""
        self.island = self._islands() if stands else self.labels

    def _islands(self) -> Tensor:
        """For each label a number that it shares with those to whom its parts tie it, directly or over others."""
        own = torch.arange(len(self.sizes) + 1)
        while True:
            lowest = own[self.parts].amin(1)  # a label's parts belong together
            joined = own.clone()
            joined.scatter_reduce_(0, self.parts.flatten(), lowest.repeat_interleave(self.parts.shape[1]), "amin")
            joined[:-1] = self._of_side(joined[:-1])  # and so do the parts of a side
            joined[-1] = len(self.sizes)
            if torch.equal(joined, own):
                return lowest
            own = joined

    def _of_side(self, numbers: Tensor) -> Tensor:
        """For each part the lowest number that a part of its side has."""
        lowest = torch.full((len(self.multiples),), len(self.sizes)).scatter_reduce_(0, self.side, numbers, "amin")
        return lowest[self.side]

    def missing(self, alive: Tensor) -> Tensor:
        """For each part how many channels it has fewer than it should, given who of `labels` lives."""
        count = torch.bincount(self.parts[alive].flatten(), minlength=len(self.sizes) + 1)[:-1]
        most = torch.ones(len(self.multiples), dtype=torch.long).scatter_reduce_(0, self.side, count, "amax")
        wanted = -(-most // self.multiples) * self.multiples
        return torch.minimum(wanted[self.side], self.sizes) - count

    def trim(self, alive: Tensor, rank: Tensor, open_: Tensor) -> Tensor:
        """Trim each part's worst labels down to the mean of its side, where they are open to it.

        Otherwise the fullest of many groups would bring them all back.
        """
        alive = alive.clone()
        for side, multiple in enumerate(self.multiples.tolist()):
            own = [alive[labels].sum().item() for labels in self.members[side]]
            wanted = max(1, round(sum(own) / len(own) / multiple)) * multiple
            for labels, count in zip(self.members[side], own, strict=True):
                if count > wanted:
                    there = labels[alive[labels] & open_[labels]]
                    alive[there[rank[there].argsort()[: count - wanted]]] = False
        return alive

    def apply(self, chosen: Sequence[ScoredGroup], fixed: Container[str] = ()) -> list[ScoredGroup]:
        """The choice trimmed, but for the groups that are fixed, and then the best given back until nothing is missing.

        First come those that overfill no part, of these those that several parts lack, of these the best by score.
        """
        if not len(self.labels):
            return list(chosen)
        left = {scored.name: scored.survivors for scored in chosen}
        lives = self.coupling.alive([left.get(g.name, torch.arange(g.size)) for g in self.coupling.groups])
        scores = torch.full((len(lives),), -torch.inf)
        open_ = torch.zeros(len(lives), dtype=torch.bool)
        for scored in chosen:
            scores[scored.group.labels] = scored.scores.float()
            open_[scored.group.labels] = scored.name not in fixed
        rank = scores[self.labels].argsort(stable=True).argsort()
        alive = self.trim(lives[self.labels], rank, open_[self.labels])
        while (missing := self.missing(alive)).any():
            lacks, full = (
                torch.cat([which, which.new_zeros(1)])[self.parts].sum(1) for which in (missing > 0, missing == 0)
            )
            worth = (lacks - full * (self.parts.shape[1] + 1)) * len(rank) + rank  # no two labels have the same
            worth = worth.masked_fill(alive | (lacks == 0), NOT_WANTED)
            best = torch.full((len(self.sizes),), NOT_WANTED).scatter_reduce_(0, self.island, worth, "amax")
            alive |= (worth == best[self.island]) & (worth > NOT_WANTED)  # one on each island
        lives[self.labels] = alive
        full = [replace(s, survivors=lives[s.group.labels].nonzero().flatten()) for s in chosen]
        return [
            s if len(s.survivors) == len(old.survivors) else replace(s, kept_by_floor=0)
            for s, old in zip(full, chosen, strict=True)
        ]


def _sides(model: nn.Module, coupling: Coupling, name: str) -> list[tuple[tuple[int, ...], ...]]:
    """What the groups of a grouped convolution read, and what they put out: labels, a tuple a group."""
    layer = model.get_submodule(name)
    groups = groups_of(layer)
    inputs, outputs = coupling.inputs[name], coupling.outputs[name]
    if groups == 1 or is_depthwise(layer):
        return []
    return [tuple(tuple(part.unique().tolist()) for part in labels.view(groups, -1)) for labels in (inputs, outputs)]


def choose_nearest(choose: Callable[[int], list[ScoredGroup]], channels: int, wanted: int) -> list[ScoredGroup]:
    """Of the choices of cutting more and more of the channels one that leaves about `wanted` of them.

    What is left falls with what is cut, nearly in proportion; where it jumps past what is wanted, the nearer side.
    """

    def over(chosen: list[ScoredGroup]) -> int:
        return sum(len(scored.survivors) for scored in chosen) - wanted

    near = max(1, NEAR * channels)
    low, high = channels - wanted, channels - 1
    found = [more := choose(low)]
    fewer = None
    while high - low > near and min(abs(over(chosen)) for chosen in found) > near:
        if fewer is None:  # as much as has come back, as much more has to go
            middle = low + over(more)
        else:
            middle = low + round((high - low) * min(max(over(more) / (over(more) - over(fewer)), 0.1), 0.9))
        middle = min(max(middle, low + 1), high - 1)
        found.append(chosen := choose(middle))
        if over(chosen) <= 0:
            high, fewer = middle, chosen
        else:
            low, more = middle, chosen
    return min(found, key=lambda chosen: abs(over(chosen)))
