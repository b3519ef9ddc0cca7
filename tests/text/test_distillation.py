"""The sentences of distillation, held against numbers that are counted here."""

import math

import pandas as pd
import pytest
import torch

from compress_core.analysis.accuracy import Estimate
from compress_core.studies.distillation import (
    NO_CURVES,
    DistillationRun,
    RunProgress,
    StudentComparison,
    StudentMeasurement,
    softened,
)
from compress_core.text import distillation as explain

CLASSES = ("cat", "dog", "truck")
ANSWERS = softened(torch.tensor([2.0, 1.0, -9.0]))


def test_an_answer_names_what_else_it_thinks_of_and_whether_it_is_wrong():
    shares = [math.exp(z / 4) for z in (2.0, 1.0, -9.0)]
    cat, dog, truck = (100 * share / sum(shares) for share in shares)
    said = explain.describe_answer(ANSWERS, 4, 0, CLASSES)
    assert said.startswith(
        f"At T = 4 the teacher says cat ({cat:.0f} %); then dog ({dog:.0f} %), truck ({truck:.0f} %):"
    )
    assert "says cat (73 %), and it is dog; then dog (27 %): 0.84 bits." in explain.describe_answer(
        ANSWERS, 1, 1, CLASSES
    )
    sure = softened(torch.tensor([20.0, 1.0, -9.0]))
    assert "says cat (100 %); nothing else reaches 1 %" in explain.describe_answer(sure, 1, 0, CLASSES)


def test_entropy_is_said_between_the_label_and_knowing_nothing():
    bits = ANSWERS.drop_duplicates("temperature").set_index("temperature")["entropy"]
    said = explain.describe_entropy(ANSWERS, 10, False)
    assert f"knowing nothing (1.58): {bits[1]:.2f} bits at T = 1, {bits[10]:.2f} here" in said
    assert f"Here {bits[10]:.2f} of 1.58 bits" in explain.describe_entropy(ANSWERS, 10, True)


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (-0.01, 0.03, "+1.0 ± 2.0 points on 500 images, no measurable difference"),
        (0.005, 0.015, "the teacher helps"),
        (-0.03, -0.01, "−2.0 ± 1.0 points on 500 images, the teacher hurts"),
    ],
)
def test_a_difference_is_one_only_where_its_interval_says_so(low, high, says):
    assert says in explain.describe_change(Estimate((low + high) / 2, low, high, 500))


def measured(accuracy: float, agreement: float, error: float) -> StudentMeasurement:
    bins = pd.DataFrame(
        [(0.8, 0.9, 0.85, 0.85 - error, 10)], columns=["low", "high", "confidence", "accuracy", "images"]
    )
    share = (Estimate(value, value, value, 500) for value in (accuracy, agreement))
    return StudentMeasurement(*share, [accuracy], bins, torch.ones(500).bool())


def test_students_are_said_with_and_without_a_twin():
    teacher, alone, taught = measured(0.98, 1, 0.01), measured(0.9, 0.91, 0.05), measured(0.93, 0.95, 0.02)
    both = StudentComparison(teacher, alone, taught, Estimate(0.03, 0.01, 0.05, 500))
    said = explain.describe_students(both, "studentnet", 0.25)
    assert said.startswith(
        "StudentNet of width 0.25, taught: 93.0 % right, against 90.0 % by the labels alone: +3.0 ± 2.0"
    )
    assert "to 95.0 % of the images; 91.0 % by the labels alone" in explain.describe_agreement(both)
    assert "in points: teacher 1.0, labels alone 5.0, taught 2.0." in explain.describe_reliability(both)
    single = StudentComparison(teacher, alone, None, None)
    assert "90.0 % of 500 test images right; its teacher 98.0 %" in explain.describe_students(
        single, "studentnet", 0.25
    )
    assert "right or wrong, to 91.0 % of the images." in explain.describe_agreement(single)


def test_a_run_is_said_before_while_and_after():
    run = DistillationRun("digits", "studentnet", 0.5, alpha=0.7, epochs=20)
    assert "trained twice for 20 epochs" in explain.describe_run(run, True) and "0.7 × Distillation + 0.3 × labels" in (
        explain.describe_run(run, True)
    )
    now = RunProgress(0.25, 5, 1234.5, 41.7, NO_CURVES)
    assert explain.describe_progress(now, 20) == "Epoch 5 of 20, 1,234 images/s, 42 s left"
    assert explain.describe_wait(0) == "Begins …"
    assert explain.describe_wait(1) == "Waits: 1 training before it" and "2 trainings" in explain.describe_wait(2)
    rows = [("alone", 1, 1.0, 0.3), ("taught", 1, 1.0, 0.4), ("alone", 2, 1.0, 0.5)]
    curves = pd.DataFrame(rows, columns=NO_CURVES.columns)
    assert explain.describe_curves(curves).startswith("After epoch 1: taught 40.0 %, labels alone 50.0 % of")
    assert explain.describe_curves(NO_CURVES) == "Nothing is trained yet."
