"""Network Slimming in several passes: train sparse, prune, fine-tune, and again."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from compress_core.data import Dataset
from compress_core.pruning.channels import PruneResult, prune_channels
from compress_core.training.finetune import finetune
from compress_core.training.loop import TrainingPlan, train, validation_accuracy


@dataclass(frozen=True)
class Pass:
    """What one pass has left."""

    model: nn.Module
    pruned: PruneResult
    """What it cut, before fine-tuning."""
    validation_accuracy: float
    """After fine-tuning, 0 … 1."""


def slim_in_passes(
    model: nn.Module,
    data: Dataset,
    ratio: float,
    passes: int = 2,
    plan: TrainingPlan | None = None,
    finetune_epochs: int = 10,
    progress: Callable[[int, Pass], None] = lambda number, done: None,
) -> list[Pass]:
    """Train with an L1 penalty on γ, cut the channels with the smallest |γ|, fine-tune, and start again with the rest.

    Each pass cuts the same part of what the one before has left, so that `ratio` of the prunable channels is gone in
    the end: a channel that looked weak at first may have grown by then.

    Args:
        model: trained or not; it stays as it was.
        ratio: the part of the channels to take out in all, 0 ≤ ratio < 1.
        plan: of the sparse training in each pass; `sparsity` is its λ. Left out: 50 epochs with λ = 0.1.
        finetune_epochs: after each cut, with labels.
        progress: called after each pass with its number, from 1.

    Raises:
        ValueError: a number is out of range.

    Liu et al. 2017, *Network Slimming*, section 3, 'Multi-pass scheme'.
    """
    if passes < 1 or not 0 <= ratio < 1:
        raise ValueError(f"It takes at least one pass and a ratio from 0 to below 1; it was {passes} and {ratio:g}.")
    plan = plan or TrainingPlan(epochs=50, sparsity=0.1)
    each = 1 - (1 - ratio) ** (1 / passes)
    example = torch.zeros(1, *data.input_shape)
    done: list[Pass] = []
    for number in range(1, passes + 1):
        sparse = train(model, data, replace(plan, seed=plan.seed + number - 1)).model
        pruned = prune_channels(sparse, example, ratio=each)
        model = finetune(pruned.model, data, finetune_epochs, seed=plan.seed + number)
        done.append(Pass(model, pruned, validation_accuracy(model, data)))
        progress(number, done[-1])
    return done
