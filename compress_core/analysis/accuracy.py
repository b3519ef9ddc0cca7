"""Accuracy with an interval that knows which test images belong together.

Six warps of one digit are easy or hard together, so 2,160 of them say less than 2,160 independent images would.
Both intervals here treat the *sources* (the original digits) as what was sampled: Liang & Zeger 1986's
cluster-robust variance, for the accuracy itself turned into a design effect (Kish 1965) on Wilson's score interval.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

Z95 = 1.959964


@dataclass(frozen=True)
class Estimate:
    """A mean over test images with its 95 % interval."""

    value: float
    low: float
    high: float
    samples: int


def _variance_of_mean(values: Tensor, sources: Tensor) -> float:
    """Cluster-robust variance of the mean of `values` (N,), where equal `sources` (N,) belong together."""
    _, cluster = sources.unique(return_inverse=True)
    clusters = int(cluster.max()) + 1
    if clusters < 2:
        return math.inf
    residuals = torch.zeros(clusters, dtype=torch.float64).index_add_(0, cluster, values - values.mean())
    return float(residuals.square().sum()) / len(values) ** 2 * clusters / (clusters - 1)


def accuracy_estimate(correct: Tensor, sources: Tensor) -> Estimate:
    """Accuracy from (N,) bool answers, with Wilson's interval at the effective sample size.

    Where every answer is right (or wrong) the images tell nothing of how they hang together; then only the
    number of sources counts.
    """
    values = correct.double()
    n, p = len(values), float(values.mean())
    if 0 < p < 1:
        design_effect = max(1.0, _variance_of_mean(values, sources) / (p * (1 - p) / n))
        effective = max(1.0, n / design_effect)
    else:
        effective = float(len(sources.unique()))
    z2 = Z95**2 / effective
    centre = (p + z2 / 2) / (1 + z2)
    half = Z95 / (1 + z2) * math.sqrt(p * (1 - p) / effective + z2 / (4 * effective))
    return Estimate(p, min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)), n)


def accuracy_change(before: Tensor, after: Tensor, sources: Tensor) -> Estimate:
    """How much `after` (N,) bool is right more often than `before` on the same images, as a paired difference."""
    values = after.double() - before.double()
    mean = float(values.mean())
    half = Z95 * math.sqrt(_variance_of_mean(values, sources))
    return Estimate(mean, mean - half, mean + half, len(values))
