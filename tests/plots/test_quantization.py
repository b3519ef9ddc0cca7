"""The figures of quantization: what is drawn where, and with which units."""

import math

import numpy as np
import pandas as pd
import pytest

from compress_core.plots import tokens
from compress_core.plots.quantization import accuracy_over_bits, channel_ranges, layer_bars, weights_and_levels
from compress_core.registry import SCHEMES
from tests.plots.test_plots import contrast

TITLES = {"per_tensor": "Per tensor", "per_channel": "Per channel", "ternary": "Ternary"}


@pytest.fixture
def weights() -> pd.DataFrame:
    before = np.random.default_rng(0).normal(size=500)
    return pd.DataFrame({"before": before, "after": before.round()})


@pytest.fixture
def layers() -> pd.DataFrame:
    count = 30
    return pd.DataFrame(
        {
            "layer": [f"l{i}" for i in range(count)],
            "title": [f"Block {i // 2}" for i in range(count)],
            "block": [str(i // 2) for i in range(count)],
            "bits": 4,
            "text": ["8", *[""] * (count - 1)],
            "sqnr": [math.inf, *np.linspace(10, 30, count - 1)],
            "error": [0.0, math.nan, *np.linspace(0.001, 0.2, count - 2)],
        }
    )


@pytest.fixture
def ranges() -> pd.DataFrame:
    return pd.DataFrame({"channel": range(4), "low": [-1, -0.1, 0, -3], "high": [1, 0.2, 0, 2.0]})


@pytest.fixture
def points() -> pd.DataFrame:
    rows = [("per_tensor", 2, 0.1), ("per_tensor", 4, 0.9), ("per_channel", 4, 0.95), ("ternary", 2, 0.3)]
    return pd.DataFrame(rows, columns=["scheme", "bits", "accuracy"])


@pytest.fixture
def figures(weights, layers, ranges, points) -> dict:
    levels = np.arange(-4.0, 5)
    return {
        "weights": weights_and_levels(weights, levels, "after"),
        "channel": weights_and_levels(weights, levels, "after", "levels of channel 3"),
        "whole": weights_and_levels(weights.assign(after=weights["before"]), levels[:0], ""),
        "curve": accuracy_over_bits(points, "per_tensor", TITLES, (4.0, 0.9), 0.97),
        "layers": layer_bars(layers, "l3", "logits' error (%)"),
        "ranges": channel_ranges(ranges, 16, True),
        "equal": channel_ranges(ranges.assign(low_after=-1.0, high_after=1.0), 256, False),
    }


COLORS = [scheme.color for scheme in SCHEMES.values() if scheme.compared]


def texts(figure) -> str:
    return " ".join(a.text for a in figure.layout.annotations)


def test_every_axis_names_its_unit_and_text_is_large_enough(figures):
    for name, figure in figures.items():
        axes = [figure.layout[key] for key in figure.layout if key[:5] in ("xaxis", "yaxis")]
        assert all(axis.tickfont.size >= 16 for axis in axes)
        titles = [axis.title.text for axis in axes if axis.title.text]
        assert len(titles) >= 2 and all("(" in title for title in titles), (name, titles)
        assert figure.layout.font.size >= 16 and not figure.layout.showlegend


def test_before_is_grey_and_upward_and_after_is_blue_and_downward(figures):
    before, after = figures["weights"].data
    assert before.marker.color == tokens.ORIGINAL and min(before.y) >= 0
    assert after.marker.color == tokens.COMPRESSED and max(after.y) <= 0
    assert sum(before.y) == pytest.approx(100) and sum(after.customdata) == pytest.approx(100)
    assert set(after.x) == set(np.unique(after.x)) <= set(range(-4, 5))
    assert len(figures["whole"].data) == 1 and not figures["whole"].layout.shapes


def test_levels_are_lines_and_it_is_said_whose(figures):
    drawn = {line.x0 for line in figures["weights"].layout.shapes}
    assert {-2, -1, 0, 1, 2} <= drawn <= set(range(-4, 5))
    assert "dotted: the levels" in texts(figures["weights"])
    assert "dotted: levels of channel 3" in texts(figures["channel"])


def test_more_levels_than_can_be_told_apart_are_not_drawn(weights):
    figure = weights_and_levels(weights, np.linspace(-3, 3, 256), "after")
    assert not figure.layout.shapes


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_weights_of_one_value_can_be_drawn(value):
    rows = pd.DataFrame({"before": [value] * 9, "after": [value] * 9})
    assert weights_and_levels(rows, np.array([0.0, value]), "after").data


def test_the_own_scheme_is_blue_and_the_recipe_stands_where_it_is(figures):
    lines = {trace.name: trace for trace in figures["curve"].data if trace.name}
    assert lines["Per tensor"].line.color == tokens.COMPRESSED == lines["this recipe"].marker.color
    assert lines["Per channel"].line.color == SCHEMES["per_channel"].color
    assert (lines["this recipe"].x[0], lines["this recipe"].y[0]) == (4, 90)
    assert "<b>90.0 %</b>" in texts(figures["curve"]) and "before rounding 97.0 %" in texts(figures["curve"])
    assert lines["Ternary"].mode == "markers" and "lines" in lines["Per tensor"].mode


def test_what_is_not_measured_yet_is_drawn_as_nothing():
    empty = pd.DataFrame(columns=["scheme", "bits", "accuracy"])
    figure = accuracy_over_bits(empty, "per_tensor", TITLES, None, 0.97)
    assert "this recipe" not in [trace.name for trace in figure.data] and "Per channel" in texts(figure)


def test_a_bar_for_each_layer_with_the_chosen_one_full(figures, layers):
    error, sqnr = figures["layers"].data
    assert len(error.x) == len(sqnr.x) == len(layers)
    for bars in (error, sqnr):
        assert [i for i, opacity in enumerate(bars.marker.opacity) if opacity == 1] == [3]
    assert math.isnan(sqnr.y[0]) and math.isnan(error.y[1]) and error.y[0] > 0
    assert error.text[0] == "8" and len(figures["layers"].layout.xaxis.tickvals) == 15


def test_layers_of_which_nothing_is_measured_can_be_drawn(layers):
    layer_bars(layers.assign(error=math.nan, sqnr=math.inf), "l3", "logits' error (%)")


def test_ranges_are_ordered_and_the_one_grid_is_drawn(figures):
    (bars,) = figures["ranges"].data
    assert [row[0] for row in bars.customdata] == [3, 0, 1, 2] and bars.marker.color == tokens.ORIGINAL
    levels = [line.y0 for line in figures["ranges"].layout.shapes]
    assert len(levels) == 16 and (levels[0], levels[-1]) == (-3, 2)
    assert "one grid spans −3.00 … 2.00" in texts(figures["ranges"])


def test_equalized_ranges_stand_beside_in_blue(figures):
    before, after = figures["equal"].data
    assert (before.marker.color, after.marker.color) == (tokens.ORIGINAL, tokens.COMPRESSED)
    assert [row[0] for row in before.customdata] == [0, 1, 2, 3]
    assert len(figures["equal"].layout.shapes) == 4  # of 256 levels the ends only


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_of_schemes_are_seen_on_both_backgrounds(theme):
    assert all(contrast(color, tokens.BACKGROUND[theme]) >= 3 for color in COLORS)
    assert not {tokens.ORIGINAL, tokens.COMPRESSED} & set(COLORS)
