"""Optimizers by name, each with the schedule of its learning rate."""

from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from compress_core.training.plans import TrainingPlan

BIAS_FACTOR = 64
"""Of the learning rate of what the airbench's BatchNorms shift by."""
LOOKAHEAD_STEPS = 5


def split_decay(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """What weight decay shrinks, and what is left free: biases and γ, which pruning reads."""
    trained = [p for p in model.parameters() if p.requires_grad]
    return [p for p in trained if p.dim() > 1], [p for p in trained if p.dim() <= 1]


def _adamw(model: nn.Module, plan: TrainingPlan, steps: int) -> tuple[Optimizer, LRScheduler]:
    decayed, free = split_decay(model)
    groups = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": free, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, plan.learning_rate)
    return optimizer, OneCycleLR(optimizer, plan.learning_rate, steps)


def _sgd(model: nn.Module, plan: TrainingPlan, steps: int) -> tuple[Optimizer, LRScheduler]:
    """Nesterov's momentum under a one-cycle learning rate."""
    decayed, free = split_decay(model)
    groups = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": free, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, plan.learning_rate, momentum=0.9, nesterov=True)
    return optimizer, OneCycleLR(optimizer, plan.learning_rate, steps, pct_start=0.2, cycle_momentum=False)


def _airbench(model: nn.Module, plan: TrainingPlan, steps: int) -> tuple[Optimizer, LRScheduler]:
    """SGD under a triangular learning rate, high for what BatchNorm shifts by (Jordan 2024, sections 3.3 and 3.4)."""
    decayed, free = split_decay(model)
    rate, decay = plan.learning_rate, plan.weight_decay
    groups = [
        {"params": decayed, "lr": rate, "weight_decay": decay},
        {"params": free, "lr": rate * BIAS_FACTOR, "weight_decay": decay / BIAS_FACTOR},
    ]
    optimizer = torch.optim.SGD(groups, rate, momentum=0.85, nesterov=True)
    peak = 0.23 * steps

    def factor(step: int) -> float:
        return 0.2 + 0.8 * step / peak if step < peak else 1 - 0.93 * (step - peak) / (steps - peak)

    return optimizer, LambdaLR(optimizer, factor)


OPTIMIZERS: Mapping[str, Callable[[nn.Module, TrainingPlan, int], tuple[Optimizer, LRScheduler]]] = {
    "adamw": _adamw,
    "sgd": _sgd,
    "airbench": _airbench,
}


class Lookahead:
    """A slow copy of a network's state that follows it, and that it is set back to (Zhang et al. 2019).

    The slow copy follows less and less: by 1 − 0.95⁵·(step / steps)³ every fifth step (Jordan 2024, section 3.4).
    """

    def __init__(self, model: nn.Module):
        self.slow = {name: t.clone() for name, t in model.state_dict().items() if t.is_floating_point()}

    @torch.no_grad()
    def step(self, model: nn.Module, done: float) -> None:
        """Let the slow copy follow, and the network go on from it; `done` is the part of the steps that is over."""
        decay = 0.95**LOOKAHEAD_STEPS * done**3
        for name, tensor in model.state_dict().items():
            if name in self.slow:
                self.slow[name].lerp_(tensor, 1 - decay)
                tensor.copy_(self.slow[name])
