"""Figures of distillation: what is drawn are the tables' numbers, in the networks' own colours."""

import math

import pandas as pd
import pytest
import torch

from compress_core import plots
from compress_core.plots.distillation import FEWEST, NETWORKS
from compress_core.plots.tokens import COMPRESSED, ORIGINAL
from compress_core.studies.distillation import softened

CLASSES = ("cat", "dog", "truck")
ANSWERS = softened(torch.tensor([2.0, 1.0, -1.0]))


def test_the_bars_are_the_answer_and_the_true_class_is_blue():
    (bars,) = plots.distillation.answer_bars(ANSWERS, 4, 1, CLASSES).data
    powers = [math.exp(z / 4) for z in (2, 1, -1)]
    assert list(bars.x) == list(CLASSES) and list(bars.y) == pytest.approx([100 * p / sum(powers) for p in powers])
    assert list(bars.marker.color) == [ORIGINAL, COMPRESSED, ORIGINAL]


def test_the_curve_rises_to_knowing_nothing_and_the_point_is_the_chosen_temperature():
    line, point = plots.distillation.entropy_curve(ANSWERS, 10, math.log2(3)).data
    assert list(line.y) == sorted(line.y) and max(line.y) < math.log2(3)
    assert list(point.x) == [10] and point.y[0] == line.y[list(line.x).index(10)]


def test_curves_grow_by_epochs_in_the_students_colours():
    rows = [("alone", 1, 0.9, 0.2), ("taught", 1, 0.9, 0.3), ("alone", 2, 0.5, 0.6)]
    curves = pd.DataFrame(rows, columns=["student", "epoch", "loss", "accuracy"])
    figure = plots.distillation.training_curves(curves, 10, 0.97)
    alone, taught = figure.data
    assert list(alone.x) == [1, 2] and list(alone.y) == [20, 60] and list(taught.y) == [30]
    assert (alone.line.color, taught.line.color) == (NETWORKS["alone"][0], NETWORKS["taught"][0])
    assert figure.layout.shapes[0].y0 == 97 and figure.layout.xaxis.range[1] > 10
    assert [trace.y for trace in plots.distillation.training_curves(curves[:0], 10, 0.97).data] == [(), ()]


def test_classes_and_bins_have_a_mark_a_network():
    rows = [(name, label, 0.9 + label / 100) for name in ("teacher", "alone", "taught") for label in range(3)]
    by_class = pd.DataFrame(rows, columns=["network", "label", "accuracy"])
    figure = plots.distillation.accuracy_by_class(by_class, CLASSES)
    assert [list(trace.y) for trace in figure.data] == [[90, 91, 92]] * 3 and figure.layout.yaxis.range[0] <= 90
    bins = pd.DataFrame(
        [("teacher", 0.95, 0.9, 500), ("teacher", 0.4, 0.0, FEWEST - 1), ("alone", 0.5, 0.6, FEWEST)],
        columns=["network", "confidence", "accuracy", "images"],
    )
    teacher, alone = plots.distillation.reliability_curves(bins).data
    assert (list(teacher.x), list(teacher.y)) == ([95], [90]) and (list(alone.x), list(alone.y)) == ([50], [60])
