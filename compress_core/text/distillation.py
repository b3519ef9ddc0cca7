"""Distillation in plain sentences."""

import math
from collections.abc import Sequence

import pandas as pd

from compress_core.analysis.accuracy import Estimate
from compress_core.registry import LOSSES
from compress_core.studies.distillation import DistillationRun, RunProgress, StudentComparison
from compress_core.text.numbers import percent, points
from compress_core.zoo import architecture

MENTIONED = 0.01
"""The least probability worth a word."""


def no_teacher(title: str) -> str:
    """Why there is nothing to show of a dataset."""
    return f"{title}: no network has been trained to teach here."


def describe_answer(answers: pd.DataFrame, temperature: float, truth: int, classes: Sequence[str]) -> str:
    """What the teacher says to an image at a temperature, and what else it thinks of."""
    own = answers[answers["temperature"] == temperature].sort_values("probability", ascending=False)
    said = [f"{classes[int(label)]} ({_share(p)})" for label, p in zip(own["label"], own["probability"], strict=True)]
    others = [words for words, p in zip(said[1:4], own["probability"].iloc[1:4], strict=True) if p >= MENTIONED]
    first, bits = int(own["label"].iloc[0]), own["entropy"].iloc[0]
    wrong = "" if first == truth else f", and it is {classes[truth]}"
    also = f"then {', '.join(others)}" if others else "nothing else reaches 1 %"
    return f"At T = {temperature:g} the teacher says {said[0]}{wrong}; {also}: {bits:.2f} bits."


def _share(probability: float) -> str:
    return f"{100 * probability:.0f} %" if probability < 0.995 else f"{100 * probability:.3g} %"


def describe_entropy(answers: pd.DataFrame, temperature: float, standardize: bool) -> str:
    """How much there is to learn from an answer at a temperature."""
    curve = answers.drop_duplicates("temperature").set_index("temperature")["entropy"]
    most = math.log2(answers["label"].nunique())
    if standardize:
        return (
            "Standardized, every image's logits have the same spread: one temperature serves sure and unsure answers "
            f"alike. Here {curve[temperature]:.2f} of {most:.2f} bits."
        )
    return (
        f"Between the label alone (0 bits) and knowing nothing ({most:.2f}): {curve.iloc[0]:.2f} bits at T = 1, "
        f"{curve[temperature]:.2f} here. What lies between is what a student can learn beyond the label."
    )


def describe_students(study: StudentComparison, arch: str, width: float) -> str:
    """Whether the teacher helped, with its interval."""
    name = f"{architecture(arch).title} of width {width:g}"
    if study.taught is None:
        alone, teacher = study.alone.accuracy, study.teacher.accuracy
        return (
            f"{name}, by the labels alone: {percent(alone.value)} of {alone.samples:,} test images right; its teacher "
            f"{percent(teacher.value)}. No taught twin of it is at hand."
        )
    return (
        f"{name}, taught: {percent(study.taught.accuracy.value)} right, against "
        f"{percent(study.alone.accuracy.value)} by the labels alone: {describe_change(study.change)}."
    )


def describe_change(change: Estimate) -> str:
    """A difference of accuracies with its 95 % interval, and whether it is one."""
    half = f"{points(change.value)} ± {100 * (change.high - change.low) / 2:.1f} points on {change.samples:,} images"
    if change.low <= 0 <= change.high:
        return f"{half}, no measurable difference"
    return f"{half}, the teacher {'helps' if change.value > 0 else 'hurts'}"


def describe_agreement(study: StudentComparison) -> str:
    """How often the students answer as the teacher does, mistakes included."""
    alone = f"{percent(study.alone.agreement.value)} by the labels alone"
    if study.taught is None:
        return f"It gives the teacher's answer, right or wrong, to {alone.split(' by')[0]} of the images."
    return f"The teacher's answer, right or wrong, to {percent(study.taught.agreement.value)} of the images; {alone}."


def describe_reliability(study: StudentComparison) -> str:
    """How far confidence and accuracy are apart."""
    errors = {"teacher": study.teacher, "labels alone": study.alone, "taught": study.taught}
    said = [f"{name} {100 * own.calibration_error:.1f}" for name, own in errors.items() if own is not None]
    return f"Expected calibration error in points: {', '.join(said)}. Above the diagonal a network is too modest."


def describe_run(run: DistillationRun, taught: bool) -> str:
    """What would be trained."""
    if not taught:
        return f"{architecture(run.arch).title} of width {run.width:g}, trained for {run.epochs} epochs by the labels."
    return (
        f"{architecture(run.arch).title} of width {run.width:g}, trained twice for {run.epochs} epochs from the same "
        f"start: by the labels alone, and with {run.alpha:g} × {LOSSES[run.loss].title} + {1 - run.alpha:g} × labels."
    )


def describe_progress(now: RunProgress, epochs: int) -> str:
    """How far a run is."""
    return f"Epoch {now.epoch} of {epochs}, {now.images_per_second:,.0f} images/s, {now.seconds_left:.0f} s left"


def describe_wait(before: int) -> str:
    """How many trainings a waiting one stands behind."""
    if not before:
        return "Begins …"
    return f"Waits: {before} training{'s' if before != 1 else ''} before it"


def describe_curves(curves: pd.DataFrame) -> str:
    """What both students reached so far on the validation images."""
    if curves.empty:
        return "Nothing is trained yet."
    last = curves.sort_values("epoch").groupby("student").last()
    said = [
        f"{name} {percent(last.loc[which, 'accuracy'])}"
        for which, name in (("taught", "taught"), ("alone", "labels alone"))
        if which in last.index
    ]
    return f"After epoch {int(last['epoch'].min())}: {', '.join(said)} of the validation images right."
