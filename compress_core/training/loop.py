"""Training a network on a dataset: seeded, resumable, and never reading the test set."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from compress_core.data import Dataset
from compress_core.layers.inference import predict

EVALUATE_EVERY = 5  # epochs


@dataclass(frozen=True)
class TrainingPlan:
    """AdamW under a one-cycle learning rate (Smith & Topin 2018) on freshly warped images."""

    epochs: int = 300
    batch_size: int = 64
    learning_rate: float = 0.003
    weight_decay: float = 0.01
    seed: int = 0
    sparsity: float = 0.0
    """λ of the L1 penalty on γ, decoupled from the loss as AdamW's weight decay is: see `shrink_scales`."""


@dataclass(frozen=True)
class TrainingResult:
    """The network of the epoch that did best on the validation images, in eval mode."""

    model: nn.Module
    epoch: int
    validation_accuracy: float


def validation_accuracy(model: nn.Module, data: Dataset) -> float:
    """The part of the validation images that the network gets right, 0…1."""
    images, labels = data.validation()
    return predict(model, images).argmax(1).eq(labels).float().mean().item()


def shrink_scales(model: nn.Module, by: float) -> None:
    """Pull every scaling factor γ towards zero by `by`, in place, and hold it there once it arrives.

    The proximal step of an L1 penalty (soft thresholding; Parikh & Boyd 2014, section 6.5.2) in place of the
    subgradient of Network Slimming (Liu et al. 2017, section 3): Adam would divide the subgradient's size out again.
    """
    with torch.no_grad():
        for norm in model.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.weight.copy_(F.softshrink(norm.weight, by))


def train(
    model: nn.Module,
    data: Dataset,
    plan: TrainingPlan,
    state_file: Path | None = None,
    progress: Callable[[int, float, float], None] = lambda epoch, loss, accuracy: None,
) -> TrainingResult:
    """Train a copy of `model`.

    Args:
        state_file: where to keep the state after every evaluation. If it exists, training goes on from
            there and ends as if it had never stopped; it must come from the same plan.
        progress: called after each epoch with its number, the mean loss and the last validation accuracy.
    """
    model = copy.deepcopy(model).to(memory_format=torch.channels_last).train()
    # Weight decay would shrink γ by itself, and unevenly over the layers: γ is what pruning reads, so it is left free.
    decayed = [p for p in model.parameters() if p.dim() > 1]
    free = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": free, "weight_decay": 0.0}],
        plan.learning_rate,
    )
    steps = sum(1 for _ in data.batches(plan.batch_size, 0))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.learning_rate, plan.epochs * steps)
    state = {"epoch": 0, "best_epoch": 0, "best_accuracy": -1.0, "best": copy.deepcopy(model.state_dict())}
    accuracy = 0.0
    if state_file and state_file.exists():
        stored = torch.load(state_file, weights_only=True)
        model.load_state_dict(stored.pop("model"))
        optimizer.load_state_dict(stored.pop("optimizer"))
        schedule.load_state_dict(stored.pop("schedule"))
        state = stored
        accuracy = state["best_accuracy"]
    for epoch in range(state["epoch"] + 1, plan.epochs + 1):
        losses = []
        for images, labels in data.batches(plan.batch_size, seed=plan.seed * 100_000 + epoch):
            loss = F.cross_entropy(model(images.contiguous(memory_format=torch.channels_last)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if plan.sparsity:
                shrink_scales(model, plan.sparsity * schedule.get_last_lr()[0])
            schedule.step()
            losses.append(loss.item())
        if epoch % EVALUATE_EVERY == 0 or epoch == plan.epochs:
            accuracy = validation_accuracy(model, data)
            if accuracy >= state["best_accuracy"]:
                best = copy.deepcopy(model.state_dict())
                state |= {"best_epoch": epoch, "best_accuracy": accuracy, "best": best}
            state["epoch"] = epoch
            if state_file:
                _keep(state_file, state, model, optimizer, schedule)
        progress(epoch, sum(losses) / len(losses), accuracy)
    model.load_state_dict(state["best"])
    model = model.to(memory_format=torch.contiguous_format).eval()
    return TrainingResult(model, state["best_epoch"], state["best_accuracy"])


def _keep(file: Path, state: dict, model: nn.Module, optimizer, schedule) -> None:
    """Write the state whole or not at all: a killed run leaves the one before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
    torch.save(state | parts, unfinished)
    unfinished.replace(file)
