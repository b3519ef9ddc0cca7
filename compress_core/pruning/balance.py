"""Equal survivors in every group of a grouped convolution, so that it stays one."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from compress_core.pruning.choosing import ScoredGroup
from compress_core.pruning.coupling import Coupling

NOT_WANTED = -(2**31)


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
        most, nowhere = max(map(len, stands.values()), default=0), len(self.sizes)
        rows = [own + [nowhere] * (most - len(own)) for own in stands.values()]
        self.parts = torch.tensor(rows, dtype=torch.long).view(len(rows), most)
        """(labels, most): the parts that each of these labels stands in, filled up with a number that is no part's."""

    def missing(self, alive: Tensor) -> Tensor:
        """For each part how many channels it has fewer than it should, given who of `labels` lives."""
        count = torch.bincount(self.parts[alive].flatten(), minlength=len(self.sizes) + 1)[:-1]
        most = torch.ones(len(self.multiples), dtype=torch.long).scatter_reduce_(0, self.side, count, "amax")
        wanted = -(-most // self.multiples) * self.multiples
        return torch.minimum(wanted[self.side], self.sizes) - count

    def filled(self, chosen: Sequence[ScoredGroup]) -> list[ScoredGroup]:
        """The choice, with the best channels given back until nothing is missing anywhere.

        First come those that overfill no part, of these those that several parts lack, of these the best by score.
        """
        if not len(self.labels):
            return list(chosen)
        left = {scored.name: scored.survivors for scored in chosen}
        lives = self.coupling.alive([left.get(g.name, torch.arange(g.size)) for g in self.coupling.groups])
        scores = torch.full((len(lives),), -torch.inf)
        for scored in chosen:
            scores[scored.group.labels] = scored.scores.float()
        alive, scores = lives[self.labels], scores[self.labels]
        while (missing := self.missing(alive)).any():
            lacks, full = (
                torch.cat([which, which.new_zeros(1)])[self.parts].sum(1) for which in (missing > 0, missing == 0)
            )
            worth = (lacks - full * (self.parts.shape[1] + 1)).masked_fill(alive | (lacks == 0), NOT_WANTED)
            best = (worth == worth.max()).nonzero().flatten()
            alive[best[scores[best].argmax()]] = True
        lives[self.labels] = alive
        return [replace(s, survivors=lives[s.group.labels].nonzero().flatten()) for s in chosen]


def _sides(model: nn.Module, coupling: Coupling, name: str) -> list[tuple[tuple[int, ...], ...]]:
    """What the groups of a grouped convolution read, and what they put out: labels, a tuple a group."""
    groups = getattr(model.get_submodule(name), "groups", 1)
    inputs, outputs = coupling.inputs[name], coupling.outputs[name]
    if groups == 1 or groups == len(inputs) == len(outputs):  # dense or depthwise
        return []
    return [tuple(tuple(part.unique().tolist()) for part in labels.view(groups, -1)) for labels in (inputs, outputs)]


def nearest(choose: Callable[[int], list[ScoredGroup]], channels: int, wanted: int) -> list[ScoredGroup]:
    """Cutting ever more of the channels, `wanted` are left between two choices: the nearer one of them."""

    def left(chosen: list[ScoredGroup]) -> int:
        return sum(len(scored.survivors) for scored in chosen)

    low, high = channels - wanted, channels - 1
    more, fewer = choose(low), choose(high)
    while low + 1 < high:
        middle = (low + high) // 2
        chosen = choose(middle)
        if left(chosen) <= wanted:
            high, fewer = middle, chosen
        else:
            low, more = middle, chosen
    return min(fewer, more, key=lambda chosen: abs(left(chosen) - wanted))
