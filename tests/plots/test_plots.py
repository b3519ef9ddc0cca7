"""Figures: what is drawn where, with which units, and the colours."""

import re
import tomllib

import numpy as np
import pandas as pd
import pytest

from compress_core.plots import accuracy_against_size, score_histogram, tokens
from tests.conftest import ROOT


@pytest.fixture
def channels() -> pd.DataFrame:
    scores = np.random.default_rng(0).normal(0.8, 0.2, 500)
    return pd.DataFrame({"score": np.abs(scores), "kept": scores > 0.7})


@pytest.fixture
def clouds() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    columns = ["file_bytes", "accuracy", "low", "high", "name"]
    rows = {"original": (1_000_000, 0.97, 0.96, 0.98, "width 1"), "this recipe": (50_000, 0.9, 0.88, 0.92, "4 bits")}
    points = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    grid = pd.DataFrame([(9_000, 0.1, "a"), (700_000, 0.95, "b")], columns=["file_bytes", "accuracy", "name"])
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
    figure = accuracy_against_size(*clouds, arch="studentnet")
    by_name = {trace.name: trace for trace in figure.data}
    assert list(by_name) == ["measured beforehand", "tried in this visit", "original", "this recipe"]
    assert list(by_name["this recipe"].x) == [50] and list(by_name["this recipe"].y) == [90]
    assert by_name["this recipe"].error_y.array[0] == pytest.approx(2)
    assert by_name["original"].marker.color == tokens.ORIGINAL
    assert by_name["this recipe"].marker.color == tokens.COMPRESSED
    assert figure.layout.xaxis.type == "log"
    low, high = figure.layout.xaxis.range
    assert 10**low < 9 and 10**high > 1000


def test_empty_tables_draw_the_points_alone(clouds):
    points, grid, _ = clouds
    figure = accuracy_against_size(points, grid.head(0), grid.head(0), arch="studentnet")
    assert len(figure.data) == 4


def test_every_axis_names_its_unit_and_text_is_large_enough(channels, clouds):
    for figure in (score_histogram(channels), accuracy_against_size(*clouds, arch="studentnet")):
        for axis in (figure.layout.xaxis, figure.layout.yaxis):
            assert axis.title.text == "channels" or re.search(r"\(.+\)", axis.title.text)
            assert axis.tickfont.size >= 14 and axis.title.font.size >= 14
        assert figure.layout.uirevision and not figure.layout.showlegend


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
    marks = [tokens.ORIGINAL, tokens.COMPRESSED, *(color for color, _ in tokens.ARCHITECTURE.values())]
    assert all(contrast(mark, background) >= 3 for mark in marks)
    assert all(contrast(text[theme], background) >= 4.5 for text in (tokens.ORIGINAL_TEXT, tokens.COMPRESSED_TEXT))


def test_each_architecture_has_a_colour_and_a_shape_of_its_own():
    import compress_core as cc

    assert list(tokens.ARCHITECTURE) == cc.architectures()
    for part in zip(*tokens.ARCHITECTURE.values(), strict=True):
        assert len(set(part)) == len(part)
    assert not {tokens.ORIGINAL, tokens.COMPRESSED} & {color for color, _ in tokens.ARCHITECTURE.values()}


def test_the_knobs_wear_the_blue_of_the_tokens():
    config = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
    theme = tomllib.loads((ROOT / ".streamlit/theme.toml").read_text())["theme"]
    blues = {config["theme"]["primaryColor"], theme["light"]["primaryColor"], theme["dark"]["primaryColor"]}
    assert blues == {tokens.COMPRESSED}
