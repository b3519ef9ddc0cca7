"""What dropping a channel costs its readers after they are solved again: the optimal brain surgeon, on channels."""

from collections.abc import Sequence

import torch
from torch import Tensor

from compress_core.layers.matrices import weight_matrix
from compress_core.pruning.coupling import NO_PLACE, ChannelGroup
from compress_core.pruning.statistics import CalibrationStatistics

DAMPING = 1e-3
"""Of the mean variance of what a layer reads, added to each: what is read is never known exactly."""

ONE_BY_ONE = 512
"""Up to so many channels each leaves alone; of more, so many that the steps do not become more."""


class _Reader:
    """One group of a reading layer: its weights and inverse covariance while channels leave.

    Args:
        weights: (outputs, features).
        covariance: (features, features) of what it reads.
        places: (channels,) the number of each channel that it reads among all of the network, or `NO_PLACE`.
        gain: by how much an error in the layer's output moves the network's.
    """

    def __init__(self, weights: Tensor, covariance: Tensor, places: Tensor, gain: float = 1.0):
        self.kernel = weights.shape[1] // len(places)
        self.places = places
        diagonal = covariance.diagonal()
        damped = covariance + torch.diag((DAMPING * diagonal.mean()).clamp(min=1e-8).expand(len(diagonal)))
        self.inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
        self.weights = weights.clone()
        self.weight = gain / (weights @ covariance * weights).sum().clamp(min=1e-12)
        self.stays = torch.ones(len(places), dtype=torch.bool)

    def costs(self, size: int) -> Tensor:
        """(size,) what each channel of the network would cost now by what is read here: in the network's output."""
        k, channels = self.kernel, len(self.places)
        own = self.weights.view(len(self.weights), channels, k).permute(1, 2, 0)  # (C, k, outputs)
        if k == 1:
            costs = own[:, 0].square().sum(1) / self.inverse.diagonal()
        else:
            blocks = self.inverse.view(channels, k, channels, k).diagonal(dim1=0, dim2=2).permute(2, 0, 1)
            costs = (own * torch.linalg.solve(blocks, own)).sum((1, 2))
        costs, known = (costs * self.weight).double(), self.places != NO_PLACE
        return torch.zeros(size, dtype=torch.float64).index_add_(0, self.places[known], costs[known])

    def drop(self, places: Tensor) -> bool:
        """Take channels out and solve the rest again; False where it reads none of them."""
        channels = torch.isin(self.places, places).nonzero().flatten()
        if not len(channels):
            return False
        own = self._features(channels)
        step = torch.linalg.solve(self.inverse[own][:, own], self.inverse[own])  # (features gone, features)
        self.weights.addmm_(self.weights[:, own], step, alpha=-1)
        self.inverse.addmm_(self.inverse[:, own], step, alpha=-1)
        self.weights[:, own] = 0
        self.inverse[own] = 0
        self.inverse[:, own] = 0
        self.inverse[own, own] = 1
        self.stays[channels] = False
        if 2 * int(self.stays.sum()) < len(self.stays):
            self._close_up()
        return True

    def _features(self, channels: Tensor) -> Tensor:
        return (channels[:, None] * self.kernel + torch.arange(self.kernel)).flatten()

    def _close_up(self) -> None:
        """Leave out what is gone, which only takes time."""
        left = self.stays.nonzero().flatten()
        own = self._features(left)
        self.weights, self.inverse = self.weights[:, own], self.inverse[own][:, own]
        self.places, self.stays = self.places[left], self.stays[left]


def removal_costs(stats: CalibrationStatistics, group: ChannelGroup) -> Tensor:
    """Scores (size,): the cheapest channel leaves, its readers are solved again, the next cheapest leaves, and so on.

    Channels that one layer reads leave in one order, of whatever groups they are: what stands in for another may not
    leave as well. A channel's score is what its leaving cost, or one before it if that cost more, so that the order of
    the scores is the order of leaving. A cost is the part of what a reading layer puts out (BatchNorm included) that is
    lost, times how far an error there reaches in the network's output, summed over the readers. It takes seconds for
    the networks of this library and minutes for a transformer, growing with the cube of the width.

    Hassibi & Stork 1993, *Second order derivatives for network pruning: Optimal Brain Surgeon*. How far errors reach is
    ours: without it a layer of which little depends counts as much as one of which everything does.
    """
    return stats.compute_once(_all_removal_costs)[group.name]


def _all_removal_costs(stats: CalibrationStatistics) -> dict[str, Tensor]:
    groups = stats.coupling.groups
    sizes = [group.size for group in groups]
    numbers = torch.arange(sum(sizes)).split(sizes)
    scores = torch.zeros(sum(sizes), dtype=torch.float64)
    readers = _readers(stats, numbers)
    for component in _components(readers, numbers):
        _remove_cheapest(
            scores, torch.cat([numbers[i] for i in sorted(component)]), [r for r, of in readers if of & component]
        )
    return {group.name: own.float() for group, own in zip(groups, scores.split(sizes), strict=True)}


def _readers(stats: CalibrationStatistics, numbers: Sequence[Tensor]) -> list[tuple[_Reader, set[int]]]:
    """Everything that reads, and which groups it reads of."""
    found = []
    groups = stats.coupling.groups
    for name in dict.fromkeys(name for group in groups for name in group.readers):
        weights, covariance = weight_matrix(stats.folded.get_submodule(name)), stats.covariances[name]
        places = torch.full((len(stats.coupling.inputs[name]),), NO_PLACE)
        owner = torch.full_like(places, NO_PLACE)
        for i, group in enumerate(groups):
            if name in group.readers:
                own = group.readers[name] != NO_PLACE
                places[own], owner[own] = numbers[i][group.readers[name][own]], i
        parts = zip(weights, covariance, places.chunk(len(weights)), owner.chunk(len(weights)), strict=True)
        for weight, read, place, of in parts:
            if (place != NO_PLACE).any():
                found.append((_Reader(weight, read, place, stats.error_gain[name]), set(of.tolist()) - {NO_PLACE}))
    return found


def _components(readers: Sequence[tuple[_Reader, set[int]]], numbers: Sequence[Tensor]) -> list[set[int]]:
    """Groups of which some layer reads more than one belong together."""
    components = [{i} for i in range(len(numbers))]
    for _, of in readers:
        joined = [c for c in components if c & of]
        components = [c for c in components if not c & of] + [set().union(*joined)]
    return components


def _remove_cheapest(scores: Tensor, channels: Tensor, readers: Sequence[_Reader]) -> None:
    """Write the scores of some channels, given by their numbers, that these readers and no others read."""
    costs_of = [reader.costs(len(scores)) for reader in readers]
    costs = torch.stack(costs_of).sum(0)
    left, worst = channels, 0.0
    while len(left):
        cheapest = costs[left].argsort(stable=True)[: -(-len(left) // ONE_BY_ONE)]
        gone = left[cheapest]
        scores[gone] = costs[gone].cummax(0).values.clamp(min=worst)
        worst = float(scores[gone[-1]])
        stays = torch.ones(len(left), dtype=torch.bool)
        stays[cheapest] = False
        left = left[stays]
        for i, reader in enumerate(readers):
            if reader.drop(gone):
                costs -= costs_of[i]
                costs_of[i] = reader.costs(len(scores))
                costs += costs_of[i]
