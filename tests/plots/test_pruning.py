"""The figures of channel pruning: what is drawn where, and with which units."""

import numpy as np
import pandas as pd
import pytest

from compress_core.plots import tokens
from compress_core.plots.pruning import matrices, score_histogram, trainings_histogram

SCORES = [0.1, 0.2, 0.3, 0.4, 0.9]


@pytest.fixture
def channels() -> pd.DataFrame:
    return pd.DataFrame({"score": SCORES, "kept": [False, False, True, True, True]})


def counts(figure, name: str) -> int:
    return sum(int(np.sum(trace.y)) for trace in figure.data if trace.name == name)


def axes(figure, letter: str) -> list:
    return [figure.layout[name] for name in figure.layout if name.startswith(f"{letter}axis")]


def texts(figure) -> str:
    return " ".join(a.text for a in figure.layout.annotations)


@pytest.fixture
def figures(channels) -> dict:
    three = pd.concat([channels.assign(training=name) for name in ("λ = 0", "λ = 0.1")])
    limits = pd.Series({"λ = 0": 0.25, "λ = 0.1": np.nan})
    weights = np.arange(12.0).reshape(3, 4) + 1
    holes = np.where(weights % 2, weights, np.nan)
    return {
        "threshold": score_histogram(channels, 0.25, (0, 1), named=False),
        "log": score_histogram(channels, 0.25, (0.05, 1), "Taylor (no unit)", log=True, named=False),
        "trainings": trainings_histogram(three, limits, "λ = 0.1", (0, 1), "scaling factor |γ| (no unit)"),
        "matrices": matrices({"holes": holes, "smaller": weights[:2, :3]}, (3, 4)),
    }


def test_every_axis_names_its_unit_and_text_is_large_enough(figures):
    for name, figure in figures.items():
        for axis in axes(figure, "x"):
            assert axis.title.text and ("(" in axis.title.text), (name, axis.title.text)
        assert any(axis.title.text for axis in axes(figure, "y"))
        assert figure.layout.font.size >= 16
        assert all(axis.tickfont.size >= 16 for axis in axes(figure, "x") + axes(figure, "y"))


def test_who_stays_is_blue_and_who_goes_is_grey(figures):
    for name in ("threshold", "log"):
        figure = figures[name]
        assert {trace.name: trace.marker.color for trace in figure.data} == {
            "stay": tokens.COMPRESSED,
            "cut": tokens.ORIGINAL,
        }
        assert (counts(figure, "stay"), counts(figure, "cut")) == (3, 2)
        assert "<b>3</b> stay" in texts(figure) and "<b>2</b> cut" in texts(figure)


def test_the_threshold_stands_at_its_score(figures):
    assert {line.x0 for line in figures["threshold"].layout.shapes} == {0.25}
    assert [line.x0 for line in figures["log"].layout.shapes] == pytest.approx([np.log10(0.25)])


def test_scores_below_a_log_axis_are_counted_at_its_start():
    channels = pd.DataFrame({"score": [0.0, 1e-9, 0.1], "kept": [False, False, True]})
    figure = score_histogram(channels, None, (1e-3, 1), "Taylor (no unit)", log=True)
    assert (counts(figure, "stay"), counts(figure, "cut")) == (1, 2) and not figure.layout.shapes


def test_an_empty_threshold_draws_no_line(channels):
    for threshold in (None, float("-inf"), float("nan")):
        assert not score_histogram(channels, threshold, (0, 1), "score (no unit)").layout.shapes


def test_the_trainings_share_one_axis_and_the_chosen_one_is_bold(figures):
    figure = figures["trainings"]
    assert {trace.xaxis for trace in figure.data} == {"x"} and len(axes(figure, "x")) == 1
    assert len(axes(figure, "y")) == 2 and counts(figure, "stay") == 6
    assert "λ = 0, threshold 0.25" in texts(figure) and "<b>λ = 0.1</b>" in texts(figure)
    bottom, top = sorted(tuple(axis.domain) for axis in axes(figure, "y"))
    assert bottom[1] < top[0]


def test_the_axis_of_the_figure_leaves_the_room_that_the_slider_leaves(figures):
    for name in ("threshold", "log"):
        margin = figures[name].layout.margin
        assert (margin.l, margin.r) == (58, 14) and not figures[name].layout.yaxis.automargin


def test_holes_are_empty_and_both_matrices_have_one_scale(figures):
    holes, smaller = figures["matrices"].data
    assert np.count_nonzero(np.asarray(holes.z) == 0) == 6 and np.asarray(smaller.z).shape == (2, 3)
    assert np.asarray(smaller.z).min() > 0
    for letter, length in (("x", 4), ("y", 3)):
        assert {tuple(sorted(axis.range)) for axis in axes(figures["matrices"], letter)} == {(-0.5, length - 0.5)}
    assert len(figures["matrices"].layout.shapes) == 2  # what was there before


def test_a_matrix_of_zeros_can_be_drawn():
    matrices({"holes": np.full((2, 2), np.nan), "smaller": np.zeros((1, 1))}, (2, 2))


def test_a_threshold_on_a_log_axis_is_named_in_powers_of_ten(channels):
    assert "threshold 2.5e-01" in texts(score_histogram(channels, 0.25, (0.05, 1), "Taylor (no unit)", log=True))
