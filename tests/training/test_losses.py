"""Losses against their formulas, written out as loops over images and classes in double precision."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from compress_core.registry import LOSSES
from compress_core.training.losses import mixed, standardized

Rows = list[list[float]]


def softmax(row: list[float], temperature: float) -> list[float]:
    powers = [math.exp((z - max(row)) / temperature) for z in row]
    return [p / sum(powers) for p in powers]


def kd(student: Rows, teacher: Rows, temperature: float) -> float:
    total = 0.0
    for s, t in zip(student, teacher, strict=True):
        p, q = softmax(t, temperature), softmax(s, temperature)
        total += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    return temperature**2 * total / len(student)


def scored(row: list[float]) -> list[float]:
    mean = sum(row) / len(row)
    deviation = math.sqrt(sum((z - mean) ** 2 for z in row) / len(row))
    return [(z - mean) / deviation for z in row]


def correlation(a: list[float], b: list[float]) -> float:
    a, b = scored(a), scored(b)
    return sum(x * y for x, y in zip(a, b, strict=True)) / len(a)


def dist(student: Rows, teacher: Rows, temperature: float) -> float:
    p, q = ([softmax(row, temperature) for row in rows] for rows in (teacher, student))
    rows = sum(1 - correlation(a, b) for a, b in zip(p, q, strict=True)) / len(p)
    columns = [(list(a), list(b)) for a, b in zip(zip(*p, strict=True), zip(*q, strict=True), strict=True)]
    return temperature**2 * (rows + sum(1 - correlation(a, b) for a, b in columns) / len(columns))


def logits(student: Rows, teacher: Rows, temperature: float) -> float:
    squares = [(a - b) ** 2 for s, t in zip(student, teacher, strict=True) for a, b in zip(s, t, strict=True)]
    return sum(squares) / len(squares)


WRITTEN_OUT = {
    "kd": kd,
    "standardized": lambda s, t, T: kd([scored(row) for row in s], [scored(row) for row in t], T),
    "dist": dist,
    "logits": logits,
}


def test_every_loss_of_a_teacher_is_written_out_here():
    assert set(WRITTEN_OUT) == {name for name, loss in LOSSES.items() if loss.needs_teacher}


def drawn(seed: int, images: int, classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(3 * torch.randn(images, classes, dtype=torch.float64, generator=generator) for _ in range(2))


@pytest.mark.parametrize("name", WRITTEN_OUT)
@settings(derandomize=True)
@given(st.integers(0, 10_000), st.integers(3, 6), st.integers(5, 12), st.floats(2, 40))
def test_a_loss_is_its_formula(name, seed, images, classes, temperature):
    student, teacher = drawn(seed, images, classes)
    found = LOSSES[name].of(student, teacher, temperature).item()
    expected = WRITTEN_OUT[name](student.tolist(), teacher.tolist(), temperature)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_nothing_is_left_to_lose_for_a_student_that_answers_as_its_teacher(name):
    student, _ = drawn(0, 8, 10)
    assert LOSSES[name].of(student, student, 4.0).item() == pytest.approx(0, abs=1e-6)


def test_standardized_logits_forget_their_scale_and_place():
    student, teacher = drawn(0, 8, 10)
    assert torch.allclose(standardized(student), standardized(3 * student + 2), atol=1e-6)
    loss = LOSSES["standardized"].of
    assert loss(5 * student - 1, teacher, 2.0).item() == pytest.approx(loss(student, teacher, 2.0).item(), rel=1e-5)


def test_losses_mix_by_their_weights():
    """Hinton's: α·T²·KL + (1 − α)·CE."""
    student, teacher = drawn(1, 6, 10)
    labels = torch.arange(6)
    found = mixed({"kd": 0.7, "cross_entropy": 0.3}, student, labels, teacher, 20.0).item()
    rows = student.tolist()
    entropy = -sum(math.log(softmax(row, 1)[label]) for row, label in zip(rows, labels.tolist(), strict=True)) / 6
    assert found == pytest.approx(0.7 * kd(rows, teacher.tolist(), 20.0) + 0.3 * entropy, rel=1e-5)


def test_a_loss_without_its_teacher_and_an_unknown_one_are_sentences():
    student, _ = drawn(0, 2, 3)
    with pytest.raises(ValueError, match="'kd' needs a teacher"):
        mixed({"kd": 1.0}, student, torch.zeros(2).long(), None, 4.0)
    with pytest.raises(ValueError, match=r"There is no loss 'hinge'\. Choose one of: cross_entropy, kd"):
        mixed({"hinge": 1.0}, student, torch.zeros(2).long(), None, 4.0)
