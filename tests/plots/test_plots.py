"""Figures: what is drawn where, with which units, and the colours."""

import re
import tomllib

import numpy as np
import pandas as pd
import pytest

from compress_core import plots
from compress_core.plots import tokens
from compress_core.plots.pruning import score_histogram
from compress_core.plots.tradeoff import accuracy_against_size
from compress_core.registry import ARCHITECTURES
from compress_core.zoo import architectures
from tests.conftest import ROOT


@pytest.fixture
def channels() -> pd.DataFrame:
    scores = np.random.default_rng(0).normal(0.8, 0.2, 500)
    return pd.DataFrame({"score": np.abs(scores), "kept": scores > 0.7})


@pytest.fixture
def clouds() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    columns = ["file_bytes", "accuracy", "low", "high", "name", "query"]
    original, own = (1_000_000, 0.97, 0.96, 0.98, "width 1", ""), (50_000, 0.9, 0.88, 0.92, "4 bits", "bits=4")
    points = pd.DataFrame.from_dict({"original": original, "this recipe": own}, orient="index", columns=columns)
    rows = [(9_000, 0.1, "a", "width=0.25"), (700_000, 0.95, "b", "prune=0.1")]
    grid = pd.DataFrame(rows, columns=["file_bytes", "accuracy", "name", "query"])
    return points, grid, grid.head(1)


def test_the_histogram_counts_every_channel_once(channels):
    figure = score_histogram(channels, 0.7)
    stay, cut = figure.data
    assert stay.y.sum() == channels["kept"].sum() and cut.y.sum() == (~channels["kept"]).sum()
    assert stay.marker.color == tokens.COMPRESSED and cut.marker.color == tokens.ORIGINAL
    assert figure.layout.barmode == "stack"
    texts = " ".join(a.text for a in figure.layout.annotations)
    assert f"<b>{channels['kept'].sum():,}</b> stay" in texts and "threshold 0.70" in texts
    assert {shape.x0 for shape in figure.layout.shapes} == {0.7}


@pytest.mark.parametrize("threshold", [None, float("nan"), float("-inf")])
def test_without_a_threshold_no_line_is_drawn(channels, threshold):
    assert not score_histogram(channels.assign(kept=True), threshold).layout.shapes


def test_accuracy_against_size_shows_all_four_kinds(clouds):
    figure = accuracy_against_size(*clouds, arch="studentnet", chance=0.1)
    by_name = {trace.name: trace for trace in figure.data}
    assert list(by_name) == ["measured beforehand", "tried in this visit", "original", "this recipe"]
    assert list(by_name["this recipe"].x) == [50] and list(by_name["this recipe"].y) == [90]
    assert by_name["this recipe"].error_y.array[0] == pytest.approx(2)
    assert by_name["original"].marker.color == tokens.ORIGINAL
    assert by_name["this recipe"].marker.color == tokens.COMPRESSED
    assert figure.layout.xaxis.type == "log"
    low, high = figure.layout.xaxis.range
    assert 10**low < 9 and 10**high > 1000
    assert list(by_name["measured beforehand"].customdata) == ["width=0.25", "prune=0.1"]  # what a click takes
    assert [trace.name for trace in figure.data if trace.showlegend is not False] == list(by_name)[:2]


def test_accuracy_is_shown_where_things_happen_or_whole(clouds):
    points, grid, tried = clouds
    near, whole = (accuracy_against_size(*clouds, arch="studentnet", chance=0.1, whole=w) for w in (False, True))
    low, high = near.layout.yaxis.range
    assert 80 < low < 88 and 98 < high < 103 and not near.layout.shapes
    low, high = whole.layout.yaxis.range
    assert low == 0 and high > 100 and [line.y0 for line in whole.layout.shapes] == [10]
    assert "guessing 10 %" in {note.text for note in whole.layout.annotations}
    points.loc["this recipe", ["accuracy", "low", "high"]] = 0.3, 0.28, 0.32
    assert accuracy_against_size(points, grid, tried, "studentnet", 0.1).layout.yaxis.range[0] == 0
    lone = accuracy_against_size(points.head(1), grid, tried, "studentnet", 0.1)
    assert 80 < lone.layout.yaxis.range[0] < 96


def test_empty_tables_draw_the_points_alone(clouds):
    points, grid, _ = clouds
    figure = accuracy_against_size(points, grid.head(0), grid.head(0), arch="studentnet", chance=0.1)
    assert len(figure.data) == 4


def test_every_axis_names_its_unit_and_text_is_large_enough(channels, clouds):
    for figure in (score_histogram(channels), accuracy_against_size(*clouds, arch="studentnet", chance=0.1)):
        for axis in (figure.layout.xaxis, figure.layout.yaxis):
            assert axis.title.text == "channels" or re.search(r"\(.+\)", axis.title.text)
            assert axis.tickfont.size >= 16 and axis.title.font.size >= 16
        assert figure.layout.uirevision


def luminance(color: str) -> float:
    """WCAG 2's relative luminance."""
    parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_can_be_seen_on_both_backgrounds(theme):
    background = tokens.BACKGROUND[theme]
    marks = [tokens.ORIGINAL, tokens.COMPRESSED, *(ARCHITECTURES[name].color for name in architectures())]
    assert all(contrast(mark, background) >= 3 for mark in (*marks, *tokens.GROUP))
    assert all(contrast(group, "#FFFFFF") >= 3 for group in tokens.GROUP)  # the numbers on them, large and bold
    assert all(contrast(text[theme], background) >= 4.5 for text in (tokens.ORIGINAL_TEXT, tokens.COMPRESSED_TEXT))


def test_each_architecture_has_a_colour_and_a_shape_of_its_own():

    styles = [tokens.style(ARCHITECTURES[name]) for name in architectures()]
    for part in zip(*styles, strict=True):
        assert len(set(part)) == len(part)
    assert not {tokens.ORIGINAL, tokens.COMPRESSED} & {color for color, _ in styles}


def test_the_knobs_wear_the_blue_of_the_tokens():
    theme = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["theme"]
    assert {theme[name]["primaryColor"] for name in ("light", "dark")} == {tokens.COMPRESSED}


LAYERS = pd.DataFrame(
    {
        "network": ["A"] * 3 + ["B"] * 2,
        "layer": ["a.0", "a.1", "a.2", "b.0", "b.1"],
        "kind": ["dense", "pointwise", "other", "pointwise", "linear"],
        "output_shape": [(8, 4, 4)] * 5,
        "params": [30, 10, 0, 50, 50],
        "macs": [75, 25, 0, 10, 90],
    }
)


def test_the_shares_of_a_network_add_up_to_all_of_it():
    figure = plots.architectures.cost_by_kind(LAYERS)
    bars = {}
    for trace in figure.data:
        for name, share in zip(trace.y, trace.x, strict=True):
            bars[name] = bars.get(name, 0) + share
    assert bars == pytest.approx(dict.fromkeys(["A<br>parameters", "A<br>MACs", "B<br>parameters", "B<br>MACs"], 100))
    dense = next(trace for trace in figure.data if trace.name == "dense")
    assert dict(zip(dense.y, dense.x, strict=True))["A<br>MACs"] == 75


def test_layers_stand_in_their_order_and_those_without_cost_are_left_out():
    figure = plots.architectures.cost_by_layer(LAYERS[LAYERS["network"] == "A"], "macs")
    assert {trace.name: list(trace.x) for trace in figure.data} == {"dense": [1], "pointwise": [2]}


def test_the_chosen_width_is_marked_on_its_line():
    costs = pd.DataFrame({"arch": "squeezenet", "title": "SqueezeNet", "width": [0.5, 1.0], "macs": [10, 40]})
    figure = plots.architectures.cost_against_width(costs, costs[costs["width"] == 0.5], "macs")
    line, mark = figure.data
    assert list(line.x) == [0.5, 1.0] and list(mark.x) == [0.5] and list(mark.y) == [10]
    assert line.line.color == mark.marker.color == ARCHITECTURES["squeezenet"].color


def test_a_budget_is_a_hundred_percent():
    rows = pd.DataFrame(
        {
            "arch": ["studentnet", "squeezenet"],
            "title": ["S", "Q"],
            "width": [1.0, 0.5],
            "params": [50, 80],
            "macs": [9, 3],
        }
    )
    pale, full = plots.architectures.costs_side_by_side(rows, "params", 100).data
    assert list(pale.x) == [80, 50] and list(full.x) == pytest.approx([100 / 3, 100])


def test_every_arrow_of_a_block_ends_at_its_box():
    boxes = pd.DataFrame(
        {
            "box": [0, 1, 2],
            "title": ["in", "1×1", "add"],
            "detail": ["4 channels", "4 → 4", "4"],
            "kind": ["end", "pointwise", "join"],
            "column": [0, 1, 2],
            "lane": [0, 0, 0],
        }
    )
    arrows = pd.DataFrame({"start": [0, 1, 0], "end": [1, 2, 2], "channels": [4, 4, 4]})
    figure = plots.architectures.block_figure(boxes, arrows)
    tips = [(a.x, a.y) for a in figure.layout.annotations if a.showarrow]
    assert sorted(tips) == [(0.6, 0.0), (1.6, 0.0), (2, -0.5)]
    assert [shape.type for shape in figure.layout.shapes].count("rect") == 3
