"""Distillation: what a teacher knows beyond the labels, and what students make of it."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from compress_core.analysis.accuracy import Estimate, accuracy_change, accuracy_estimate
from compress_core.analysis.confidence import calibration_error, entropy, reliability
from compress_core.cache import StageCache
from compress_core.data import Dataset, dataset
from compress_core.data.folder import user_folder
from compress_core.layers.inference import predict
from compress_core.recipe import Recipe
from compress_core.registry import LOSSES, TRAININGS
from compress_core.training.checkpoints import OWN, build_for, checkpoint_path, load, save_checkpoint, trained_widths
from compress_core.training.loop import Progress, TrainingResult, train, validation_accuracy
from compress_core.training.losses import standardized
from compress_core.training.plans import PLAIN_LOSS, TrainingPlan
from compress_core.training.shipped import Training

TEMPERATURES = (1, 1.5, 2, 3, 4, 6, 8, 10, 15, 20, 30, 40)
DISTILLED = "distilled"
LIVE = TrainingPlan(batch_size=32, learning_rate=0.01, views=8, images=1100, evaluate_every=1)
"""Few epochs on few images: small steps at a high rate. The teacher is asked once about eight views of each image."""
UNSURE = 24
"""Images to look at, those first that the teacher is least sure of."""


def has_teacher(recipe: Recipe) -> bool:
    """Whether a network has been trained to teach on a recipe's dataset."""
    data = dataset(recipe.dataset)
    return bool(data.teacher) and 1.0 in trained_widths(data.teacher, data.name)


def teacher_logits(recipe: Recipe, cache: StageCache) -> Tensor:
    """(N, classes) what the teacher of a recipe's dataset answers to its test images."""
    data = dataset(recipe.dataset)

    def answer() -> Tensor:
        return predict(load(data.teacher, dataset=data.name), data.test()[0])

    return cache.get("teacher", data.name, answer)


def study_unsure(recipe: Recipe, cache: StageCache) -> list[int]:
    """The places of the test images that the teacher is least sure of, the least sure first; one of each source."""
    sources = dataset(recipe.dataset).test_sources().tolist()
    order = entropy(teacher_logits(recipe, cache).softmax(1)).argsort(descending=True).tolist()
    seen: dict[int, int] = {}
    for number in order:
        seen.setdefault(sources[number], number)
        if len(seen) == UNSURE:
            break
    return list(seen.values())


def softened(logits: Tensor, standardize: bool = False) -> pd.DataFrame:
    """What one image's logits (classes,) become at each temperature: `temperature`, `label`, `probability`, `entropy`.

    Args:
        standardize: whether the logits have mean 0 and variance 1 first.
    """
    values = standardized(logits[None])[0] if standardize else logits
    rows = []
    for temperature in TEMPERATURES:
        probabilities = (values.double() / temperature).softmax(0)
        bits = entropy(probabilities).item()
        rows += [(temperature, label, p, bits) for label, p in enumerate(probabilities.tolist())]
    return pd.DataFrame(rows, columns=["temperature", "label", "probability", "entropy"])


def study_teacher(recipe: Recipe, cache: StageCache, number: int, standardize: bool) -> pd.DataFrame:
    """`softened` of what the teacher says to a test image."""
    return softened(teacher_logits(recipe, cache)[number], standardize)


def study_teacher_accuracy(recipe: Recipe, cache: StageCache) -> float:
    """The teacher's accuracy on the validation images, 0…1."""
    data = dataset(recipe.dataset)
    return validation_accuracy(load(data.teacher, dataset=data.name), data)


@dataclass(frozen=True)
class StudentMeasurement:
    """A network beside the teacher, on the test images."""

    accuracy: Estimate
    agreement: Estimate
    """How often it gives the teacher's answer, right or wrong."""
    by_class: list[float]
    """Accuracy of each class, 0…1."""
    reliability: pd.DataFrame
    correct: Tensor

    @property
    def calibration_error(self) -> float:
        """The expected calibration error, 0…1."""
        return calibration_error(self.reliability)


@dataclass(frozen=True)
class StudentComparison:
    """A teacher, a student that learned from the labels alone, and its taught twin; None where there is none."""

    teacher: StudentMeasurement
    alone: StudentMeasurement
    taught: StudentMeasurement | None
    change: Estimate | None
    """Accuracy of the taught one minus that of its twin, paired over the same images."""


def by_class(study: StudentComparison) -> pd.DataFrame:
    """Accuracy of each class: `network` (`teacher`, `alone`, `taught`), `label`, `accuracy`."""
    rows = [(name, label, share) for name, own in _networks(study) for label, share in enumerate(own.by_class)]
    return pd.DataFrame(rows, columns=["network", "label", "accuracy"])


def reliability_table(study: StudentComparison) -> pd.DataFrame:
    """The bins of all networks, with their `network`."""
    return pd.concat([own.reliability.assign(network=name) for name, own in _networks(study)], ignore_index=True)


def _networks(study: StudentComparison) -> list[tuple[str, StudentMeasurement]]:
    named = {"teacher": study.teacher, "alone": study.alone, "taught": study.taught}
    return [(name, own) for name, own in named.items() if own is not None]


def twins(recipe: Recipe) -> tuple[str, str | None]:
    """The names of the weights of a recipe's network, learned alone and taught; None where none was taught."""
    if recipe.weights.startswith(OWN):
        run = recipe.weights.rpartition("-")[0]
        return f"{run}-alone", f"{run}-taught"
    widths = trained_widths(recipe.arch, recipe.dataset, DISTILLED)
    return "plain", DISTILLED if recipe.width in widths else None


def study_students(recipe: Recipe, cache: StageCache, pieces: int | None = None) -> StudentComparison:
    """Measure the teacher and both twins of a recipe's network, unpruned; `pieces` as in `study_accuracy`.

    Raises:
        CheckpointError: the teacher or the student is not trained at this width.
    """
    data = dataset(recipe.dataset)
    count = pieces or data.usual_pieces
    labels, sources = data.test(whole=count > data.usual_pieces)[1], data.test_sources(whole=True)
    parts = data.pieces()[:count]
    labels, sources = (torch.cat([of_all[part] for part in parts]) for of_all in (labels, sources))
    wanted = _answers(cache, data, count, data.teacher)
    alone, taught = twins(recipe)

    def measured(logits: Tensor) -> StudentMeasurement:
        confidence, predicted = logits.softmax(1).max(1)
        correct = predicted.eq(labels)
        return StudentMeasurement(
            accuracy_estimate(correct, sources),
            accuracy_estimate(predicted.eq(wanted.argmax(1)), sources),
            [correct[labels == label].double().mean().item() for label in range(len(data.classes))],
            reliability(confidence, correct),
            correct,
        )

    first = measured(_answers(cache, data, count, recipe.arch, recipe.width, alone))
    second = measured(_answers(cache, data, count, recipe.arch, recipe.width, taught)) if taught else None
    change = second and accuracy_change(first.correct, second.correct, sources)
    return StudentComparison(measured(wanted), first, second, change)


def _answers(
    cache: StageCache, data: Dataset, pieces: int, arch: str, width: float = 1.0, weights: str = Recipe.weights
) -> Tensor:
    """(N, classes) what a trained network answers to the test images of so many pieces, one after the other."""
    key = data.name, arch, width, weights

    def answer(number: int) -> Tensor:
        network = cache.get("student", key, lambda: load(arch, width, data.name, weights))
        images, _ = data.test(whole=number >= data.usual_pieces)
        return predict(network, images[data.pieces()[number]])

    return torch.cat(
        [cache.get("logits", (*key, n), lambda n=n: answer(n)) for n in range(len(data.pieces()[:pieces]))]
    )


@dataclass(frozen=True)
class DistillationRun:
    """A student, trained twice from the same start: by the labels alone, and taught where there is a teacher."""

    dataset: str
    arch: str
    width: float
    loss: str = "kd"
    temperature: float = 4.0
    alpha: float = 0.9
    """The weight of the teacher's loss; the labels' has what is left."""
    epochs: int = 20
    seed: int = 0

    @property
    def name(self) -> str:
        """What its weights are called, before `-alone` and `-taught`."""
        return OWN + blake2b(repr((self, LIVE)).encode(), digest_size=4).hexdigest()

    def state_file(self, which: str) -> Path:
        """Where an unfinished training of it is kept."""
        return user_folder() / "runs" / f"{self.name}-{which}.state"


@dataclass(frozen=True)
class RunProgress:
    """Where both trainings of a run stand."""

    done: float
    """The part that is over, 0…1."""
    epoch: int
    images_per_second: float
    seconds_left: float
    curves: pd.DataFrame
    """`student` (`alone` or `taught`), `epoch`, `loss` and `accuracy` on the validation images."""


@dataclass(frozen=True)
class RunResult:
    """Both students of a run, measured, and under which names their weights are known here."""

    curves: pd.DataFrame
    weights: dict[str, str]
    comparison: StudentComparison | None
    """None without a teacher."""


def train_run(run: DistillationRun) -> Generator[RunProgress, None, RunResult]:
    """Train the students of a run step by step in turn; what was begun before goes on.

    In the end their weights are kept and registered, so that every recipe may name them.
    """
    data = dataset(run.dataset)
    base = replace(LIVE, epochs=run.epochs, seed=run.seed)
    plans, teacher = {"alone": replace(base, losses=PLAIN_LOSS)}, None
    if has_teacher(Recipe(dataset=run.dataset)):
        losses = {run.loss: run.alpha, "cross_entropy": 1 - run.alpha}
        plans["taught"] = replace(base, losses=losses, temperature=run.temperature)
        teacher = load(data.teacher, dataset=data.name)
    torch.manual_seed(run.seed)
    student = build_for(run.arch, run.width, data)
    going = {which: train(student, data, plan, teacher, run.state_file(which)) for which, plan in plans.items()}
    latest: dict[str, Progress] = {}
    results: dict[str, TrainingResult] = {}
    while going:
        for which, training in list(going.items()):
            try:
                latest[which] = next(training)
            except StopIteration as end:
                results[which] = end.value
                del going[which]
        if latest:
            yield _progress(run, latest)
    weights = {which: _keep(run, which, result) for which, result in results.items()}
    if teacher is None:
        return RunResult(_curves(latest), weights, None)
    recipe = Recipe(dataset=run.dataset, arch=run.arch, width=run.width, weights=weights["taught"])
    return RunResult(_curves(latest), weights, study_students(recipe, StageCache()))


def _progress(run: DistillationRun, latest: dict[str, Progress]) -> RunProgress:
    done = sum(now.done for now in latest.values()) / len(latest)
    speed = sum(now.images_per_second for now in latest.values())
    left = max(now.seconds_left for now in latest.values())
    return RunProgress(done, min(now.epoch for now in latest.values()), speed, left, _curves(latest))


CURVES = ["student", "epoch", "loss", "accuracy"]
NO_CURVES = pd.DataFrame([], columns=CURVES)
"""Before the first epoch."""


def _curves(latest: dict[str, Progress]) -> pd.DataFrame:
    rows = [(which, *row) for which, now in latest.items() for row in now.history]
    return pd.DataFrame(rows, columns=CURVES)


def _keep(run: DistillationRun, which: str, result: TrainingResult) -> str:
    """Write a student's checkpoint and make its weights known; returns their name."""
    weights = _weights(run, which)
    path = own_path(run, which)
    story = {**vars(run), "which": which, "epoch": result.epoch, "validation_accuracy": result.validation_accuracy}
    save_checkpoint(result.model, path, story)
    run.state_file(which).unlink(missing_ok=True)
    if weights not in TRAININGS:
        how = "labels alone" if which == "alone" else f"{LOSSES[run.loss].title}, T = {run.temperature:g}"
        TRAININGS.register(
            **{
                weights: Training(
                    title=f"Own run {run.name.removeprefix(OWN)}: {how}",
                    symbol=f"own run, {how}",
                    description=f"trained here ({how})",
                )
            }
        )
    return weights


def own_path(run: DistillationRun, which: str) -> Path:
    """The checkpoint of a finished run."""
    return checkpoint_path(run.arch, run.width, run.dataset, _weights(run, which))


def _weights(run: DistillationRun, which: str) -> str:
    """What a student's weights are called: for somebody's own images the plain ones, which others are compared with."""
    return "plain" if which == "alone" and dataset(run.dataset).own else f"{run.name}-{which}"
