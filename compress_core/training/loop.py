"""The training loop: seeded, resumable to the bit, a generator of its progress, and blind to the test set."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compress_core.data import Dataset
from compress_core.errors import CheckpointError
from compress_core.layers.duplicate import duplicate
from compress_core.layers.inference import predict
from compress_core.training.distillation import Teacher
from compress_core.training.losses import mixed
from compress_core.training.optimizers import LOOKAHEAD_STEPS, OPTIMIZERS, Lookahead
from compress_core.training.plans import TrainingPlan


@dataclass(frozen=True)
class Progress:
    """Where a training stands after a step."""

    epoch: int
    """Of the step, from 1."""
    epochs: int
    step: int
    """Within the epoch, from 1."""
    steps: int
    """In an epoch."""
    loss: float
    """Mean over the epoch's steps so far."""
    accuracy: float
    """On the validation images when they were last looked at, 0…1; 0 before that."""
    images_per_second: float
    """Trained on, since this run began."""
    history: tuple[tuple[int, float, float], ...] = ()
    """Epoch, loss and validation accuracy of each epoch that was judged."""

    @property
    def done(self) -> float:
        """The part of the training that is over, 0…1."""
        return (self.epoch - 1 + self.step / self.steps) / self.epochs

    images: int = 0
    """In an epoch."""

    @property
    def seconds_left(self) -> float:
        """At the speed so far."""
        return (1 - self.done) * self.epochs * self.images / self.images_per_second

    @property
    def ends_epoch(self) -> bool:
        """Whether it is the last step of its epoch; a run that is killed later goes on from here."""
        return self.step == self.steps


@dataclass(frozen=True)
class TrainingResult:
    """The network of the epoch that did best on the validation images, in eval mode; of the last if none was judged."""

    model: nn.Module
    epoch: int
    validation_accuracy: float


Training = Generator[Progress, None, TrainingResult]
"""A training that goes on while one asks for its progress, and in the end returns its result."""


def validation_accuracy(model: nn.Module, data: Dataset) -> float:
    """The part of the validation images that the network gets right, 0…1."""
    device = next(model.parameters()).device
    images, labels = (tensor.to(device) for tensor in data.validation())
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


def finish(training: Training, progress: Callable[[Progress], None] = lambda now: None) -> TrainingResult:
    """Let a training run to its end."""
    while True:
        try:
            progress(next(training))
        except StopIteration as end:
            return end.value


def train(
    model: nn.Module,
    data: Dataset,
    plan: TrainingPlan,
    teacher: nn.Module | None = None,
    state_file: Path | None = None,
    device: str | None = None,
) -> Training:
    """Train a copy of `model`; a step at each `next`.

    Args:
        teacher: whose logits the losses that need one compare with.
        state_file: where the state is kept after every epoch. If it exists, training goes on from there and ends as if
            it had never stopped, to the bit on one machine; it must come from the same plan.
        device: as torch calls it; the quickest that is there if left out.

    Raises:
        CheckpointError: the state is damaged, or was left by another plan.
        ValueError: the plan names a loss that there is not, or one that needs a teacher, and there is none.
    """
    device = device or best_device()
    model = duplicate(model).to(device, memory_format=torch.channels_last).train()
    most = -(-plan.images // plan.batch_size) or None
    sizes = [len(batch.labels) for batch in islice(data.batches(plan.batch_size, 0), most)]
    steps = len(sizes)
    optimizer, schedule = OPTIMIZERS[plan.optimizer](model, plan, plan.epochs * steps)
    lookahead = Lookahead(model) if plan.lookahead else None
    answers = teacher and Teacher(teacher, data, device, state_file and state_file.parent)
    state = {"plan": repr(plan), "epoch": 0, "accuracy": 0.0, "history": []}
    state |= {"best_epoch": 0, "best_accuracy": -1.0, "best": _copied(model)}
    if state_file and state_file.exists():
        state = _restore(state_file, plan, model, optimizer, schedule, lookahead)
    began, seen = time.perf_counter(), 0
    for epoch in range(state["epoch"] + 1, plan.epochs + 1):
        seed, loss_sum = plan.seed * 100_000 + epoch, torch.zeros((), device=device)
        view = epoch % plan.views if plan.views else None
        for step, batch in enumerate(islice(data.batches(plan.batch_size, seed, view), steps), start=1):
            images = batch.images.to(device, memory_format=torch.channels_last)
            labels = batch.labels.to(device)
            wanted = answers and answers(images, batch.index, view)
            with _seeded(seed * 10_000 + step), torch.enable_grad():
                with torch.autocast(device, torch.bfloat16, enabled=plan.bfloat16 and has_bfloat16(device)):
                    logits = model(images)
                loss = mixed(plan.losses, logits.float(), labels, wanted, plan.temperature)
                optimizer.zero_grad()
                loss.backward()
            optimizer.step()
            if plan.sparsity:
                shrink_scales(model, plan.sparsity * schedule.get_last_lr()[0])
            schedule.step()
            total = (epoch - 1) * steps + step
            if lookahead and (total % LOOKAHEAD_STEPS == 0 or total == plan.epochs * steps):
                lookahead.step(model, total / (plan.epochs * steps))
            loss_sum += loss.detach()
            seen += len(labels)
            if step == steps:
                _end_epoch(state, epoch, loss_sum.item() / steps, model, data, plan)
                if state_file:
                    _keep(state_file, state, model, optimizer, schedule, lookahead)
            speed = seen / (time.perf_counter() - began)
            history = tuple(state["history"])
            loss_so_far = loss_sum.item() / step
            yield Progress(epoch, plan.epochs, step, steps, loss_so_far, state["accuracy"], speed, history, sum(sizes))
    model.load_state_dict(state["best"])
    model = model.to("cpu", memory_format=torch.contiguous_format).eval()
    return TrainingResult(model, state["best_epoch"], state["best_accuracy"])


def best_device() -> str:
    """The quickest device that torch finds here: CUDA, then Apple's, then the processor."""
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def has_bfloat16(device: str) -> bool:
    """Whether a device multiplies bfloat16 by itself, which is quicker, and does not imitate it, which is slower."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Random numbers, such as a dropout's, drawn from a seed; everybody else's go on as they were."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _end_epoch(state: dict, epoch: int, loss: float, model: nn.Module, data: Dataset, plan: TrainingPlan) -> None:
    """Note in the state that an epoch is over, and whether its network is the best so far."""
    state["epoch"] = epoch
    if not plan.evaluate_every and epoch == plan.epochs:
        state |= {"best_epoch": epoch, "best": _copied(model)}
    if not plan.evaluate_every or (epoch % plan.evaluate_every and epoch < plan.epochs):
        return
    state["accuracy"] = validation_accuracy(model, data)
    state["history"].append((epoch, loss, state["accuracy"]))
    if state["accuracy"] >= state["best_accuracy"]:
        state |= {"best_epoch": epoch, "best_accuracy": state["accuracy"], "best": _copied(model)}


def _copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _keep(file: Path, state: dict, model: nn.Module, optimizer, schedule, lookahead: Lookahead | None) -> None:
    """Write the state whole or not at all: a killed run leaves the one before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
    torch.save(state | parts | {"slow": lookahead and lookahead.slow}, unfinished)
    unfinished.replace(file)


def _restore(
    file: Path, plan: TrainingPlan, model: nn.Module, optimizer, schedule, lookahead: Lookahead | None
) -> dict:
    """Set everything back to where a run was left; returns its state."""
    try:
        stored = torch.load(file, next(model.parameters()).device, weights_only=True)
    except (OSError, RuntimeError, UnpicklingError, EOFError) as error:
        raise CheckpointError(f"{file} cannot be read ({error}). Delete it to begin anew.") from error
    if stored.get("plan") != repr(plan):
        raise CheckpointError(f"{file} was left by a training with another plan. Delete it to begin anew.")
    model.load_state_dict(stored.pop("model"))
    optimizer.load_state_dict(stored.pop("optimizer"))
    schedule.load_state_dict(stored.pop("schedule"))
    slow = stored.pop("slow")
    if lookahead:
        lookahead.slow = slow
    return stored
