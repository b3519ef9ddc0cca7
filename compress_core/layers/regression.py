"""A layer's weights found again from what it reads and what it should give: linear least squares."""

from dataclasses import dataclass

import torch
from torch import Tensor

RIDGE = 1e-3
"""Of the mean variance of what a layer reads: how strongly its weights are held where they are, where nobody says."""


@dataclass(frozen=True)
class Regression:
    """What least squares needs to know of rows that a layer reads, and of what it should make of them."""

    mean_read: Tensor
    """(groups, 1, features)."""
    mean_target: Tensor
    """(groups, 1, outputs of a group)."""
    covariance: Tensor
    """(groups, features, features) of what is read."""
    cross_covariance: Tensor
    """(groups, features, outputs of a group): the covariance of what is read with the target."""

    @classmethod
    def of(cls, read: Tensor, target: Tensor) -> "Regression":
        """From what is read (groups, rows, features) and what should come of it (rows, outputs)."""
        target = target.view(len(target), len(read), -1).transpose(0, 1)
        mean_read, mean_target = read.mean(1, keepdim=True), target.mean(1, keepdim=True)
        centred = read - mean_read
        covariance = centred.transpose(1, 2) @ centred / read.shape[1]
        return cls(mean_read, mean_target, covariance, centred.transpose(1, 2) @ (target - mean_target) / read.shape[1])

    def damped(self, ridge: float) -> Tensor:
        """The covariance with a part of its mean variance added to each feature's, which makes it definite."""
        extra = ridge * self.covariance.diagonal(dim1=1, dim2=2).mean(1).clamp(min=1e-8)
        return self.covariance + torch.diag_embed(extra.view(-1, 1).expand(self.covariance.shape[:2]))

    def solve(self, before: Tensor, ridge: float = RIDGE) -> Tensor:
        """The best weights (groups, outputs of a group, features), given those that there are.

        The ridge pulls towards these, so that what the images do not tell stays as it was.
        """
        before = before.transpose(1, 2)
        change = torch.linalg.solve(self.damped(ridge), self.cross_covariance - self.covariance @ before)
        return (before + change).transpose(1, 2)

    def constant(self, weights: Tensor) -> Tensor:
        """(outputs,) what to add to each output so that its mean is right."""
        return (self.mean_target - self.mean_read @ weights.transpose(1, 2)).flatten()
