"""What dropping a channel costs its readers after they are solved again: the optimal brain surgeon, on channels."""

import torch
from torch import Tensor

from compress_core.pruning.coupling import NO_PLACE, ChannelGroup
from compress_core.pruning.evidence import Evidence
from compress_core.pruning.reading import weight_matrix

DAMPING = 1e-3
"""Of the mean variance of what a layer reads, added to each: what is read is never known exactly."""

ONE_BY_ONE = 512
"""Up to so many channels each leaves alone; of more, so many that the steps do not become more."""


class _Reader:
    """One group of a reading layer: its weights and inverse covariance while channels leave one by one."""

    def __init__(self, weights: Tensor, covariance: Tensor, places: Tensor):
        """Args: weights (outputs, features), covariance (features, features), places (channels,) in the group."""
        self.kernel = weights.shape[1] // len(places)
        self.places = places
        diagonal = covariance.diagonal()
        damped = covariance + torch.diag((DAMPING * diagonal.mean()).clamp(min=1e-8).expand(len(diagonal)))
        self.inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
        self.weights = weights.clone()
        self.energy = (weights @ covariance * weights).sum().clamp(min=1e-12)

    def costs(self, size: int) -> Tensor:
        """(size,) what each channel of the group would cost here now, as a part of what the layer puts out."""
        k, channels = self.kernel, len(self.places)
        own = self.weights.view(-1, channels, k).permute(1, 2, 0)  # (C, k, outputs)
        if k == 1:
            costs = own[:, 0].square().sum(1) / self.inverse.diagonal()
        else:
            blocks = self.inverse.view(channels, k, channels, k).diagonal(dim1=0, dim2=2).permute(2, 0, 1)
            costs = (own * torch.linalg.solve(blocks, own)).sum((1, 2))
        known = self.places != NO_PLACE
        return torch.zeros(size).index_add_(0, self.places[known], (costs[known] / self.energy).float())

    def drop(self, places: Tensor) -> None:
        """Take channels out and solve the rest again."""
        channels = torch.isin(self.places, places).nonzero().flatten()
        if not len(channels):
            return
        own = (channels[:, None] * self.kernel + torch.arange(self.kernel)).flatten()
        step = torch.linalg.solve(self.inverse[own][:, own], self.inverse[own])  # (features gone, features)
        self.weights -= self.weights[:, own] @ step
        self.inverse -= self.inverse[:, own] @ step
        self.weights[:, own] = 0
        self.inverse[own] = 0
        self.inverse[:, own] = 0
        self.inverse[own, own] = 1


def removal_costs(evidence: Evidence, group: ChannelGroup) -> Tensor:
    """Scores (size,): the cheapest channel leaves, its readers are solved again, the next cheapest leaves, and so on.

    A channel's score is what its leaving cost, or a channel before it if that cost more, so that the order of the
    scores is the order of leaving. Costs are parts of what a reading layer puts out, summed over the readers. It
    takes seconds for the networks of this library and minutes for a transformer, growing with the cube of the width.

    Hassibi & Stork 1993, *Second order derivatives for network pruning: Optimal Brain Surgeon*.
    """
    readers = []
    for name, places in group.readers.items():
        weights, covariance = weight_matrix(evidence.layer(name)), evidence.covariances[name]
        for own in zip(weights, covariance, places.chunk(len(weights)), strict=True):
            if (own[2] != NO_PLACE).any():
                readers.append(_Reader(*own))
    scores = torch.zeros(group.size)
    left = torch.ones(group.size, dtype=torch.bool)
    worst = torch.zeros(())
    while left.any():
        costs = sum(reader.costs(group.size) for reader in readers)
        costs[~left] = float("inf")
        cheapest = costs.argsort(stable=True)[: -(-int(left.sum()) // ONE_BY_ONE)]
        scores[cheapest] = costs[cheapest].cummax(0).values.clamp(min=float(worst))
        worst, left[cheapest] = scores[cheapest[-1]], False
        for reader in readers:
            reader.drop(cheapest)
    return scores
