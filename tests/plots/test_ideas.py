"""The figures of the ideas: what is drawn where, with which units, and the two colours."""

import re

import pandas as pd
import pytest

from compress_core.analysis.latency import Timings
from compress_core.plots import tokens
from compress_core.plots.ideas import block_widths, error_over_dims, form_bars, spirals, squeeze_curves
from compress_core.studies.ideas import fire, grouped, manifold, residual, separable
from compress_core.text import ideas as explain
from tests.plots.test_plots import contrast

USUAL, BETTER = tokens.CONTRAST


def measured(**ms: float) -> Timings:
    """A measurement with quartiles 10 % to either side."""
    first = next(iter(ms.values()))
    rows = {form: (t, 0.9 * t, 1.1 * t, t / first, t / first, t / first) for form, t in ms.items()}
    columns = ["ms", "low", "high", "relative", "relative_low", "relative_high"]
    return Timings(pd.DataFrame.from_dict(rows, orient="index", columns=columns), 50, 1)


@pytest.fixture
def blocks() -> pd.DataFrame:
    both = residual.bottleneck(24, 6, 14), residual.inverted_bottleneck(24, 6, 14)
    rows = [(block.name, block.channels, block.layers, block is both[1]) for block in both]
    return pd.DataFrame(rows, columns=["name", "channels", "layers", "highlighted"])


@pytest.fixture
def figures(blocks) -> dict:
    usual, inverted = residual.bottleneck(24, 6, 14), residual.inverted_bottleneck(24, 6, 14)
    points = manifold.collapse(3, 0)
    cost = fire.network_cost(0.25, 0.625)
    chosen = pd.Series({"squeeze_ratio": 0.25, "share": 0.625, "params": cost.params, "macs": cost.macs})
    return {
        "macs": form_bars(explain.macs_bars(separable.costs(3, 8, 16, 7), separable.SEPARABLE)),
        "times": form_bars(explain.time_bars(measured(full=2.0, separable=0.5), "separable")),
        "residual": form_bars(explain.residual_bars(usual, inverted)),
        "widths": form_bars(explain.width_bars(grouped.group_counts(240, 14), 3)),
        "spirals": spirals(points, 3),
        "curve": error_over_dims(manifold.error_curve(), 3, manifold.error(points), "34 %"),
        "blocks": block_widths(blocks),
        "fire": squeeze_curves(fire.sweep(), chosen, [0.01, 0.99]),
    }


def axes(figure, letter: str) -> list:
    return [figure.layout[name] for name in figure.layout if name.startswith(f"{letter}axis")]


def texts(figure) -> str:
    return " ".join(a.text for a in figure.layout.annotations)


def test_every_axis_of_numbers_names_its_unit_and_text_is_large_enough(figures):
    for name, figure in figures.items():
        for axis in axes(figure, "x") + axes(figure, "y"):
            title = axis.title.text
            assert axis.tickfont.size >= 16
            assert axis.ticktext or axis.showticklabels is False or re.search(r"\(.+\)", title), name
        assert all(a.font.size >= 16 for a in figure.layout.annotations)
        assert not figure.layout.showlegend


def test_only_the_two_colours_are_worn(figures):
    for figure in figures.values():
        drawn = figure.to_json().upper()
        assert USUAL in drawn or BETTER in drawn
        assert not {color for color in (tokens.ORIGINAL, tokens.COMPRESSED) if color.upper() in drawn}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_colours_are_seen_on_both_backgrounds(theme):
    assert all(contrast(color, tokens.BACKGROUND[theme]) >= 3 for color in tokens.CONTRAST)


def test_the_two_colours_differ_in_lightness_too():
    assert contrast(USUAL, BETTER) > 1.5


def test_bars_are_as_long_as_their_values_and_say_them(figures):
    macs, times = figures["macs"].data[0], figures["times"].data[0]
    costs = separable.costs(3, 8, 16, 7)
    assert list(macs.x) == [cost.macs / 1e6 for cost in costs.values()]
    assert list(macs.marker.color) == [USUAL, BETTER]
    assert list(times.x) == [2.0, 0.5] and list(times.error_x.array) == pytest.approx([0.2, 0.05])
    assert "0.50 ms<br>4.0× faster" in texts(figures["times"])
    assert figures["macs"].layout.xaxis.range[0] == 0 < max(macs.x) < figures["macs"].layout.xaxis.range[1]


def test_each_quantity_has_its_own_panel(figures):
    domains = [axis.domain for axis in axes(figures["residual"], "y")]
    assert len(domains) == 3
    (a, b), (c, d), (e, f) = sorted(domains)
    assert 0 <= a < b < c < d < e < f <= 1


def test_points_that_lost_a_coordinate_wear_the_other_colour_in_both_panels(figures):
    points = manifold.collapse(3, 0)
    lost = int((points["active"] < 2).sum())
    sizes = {(trace.xaxis, trace.marker.color): len(trace.x) for trace in figures["spirals"].data}
    assert sizes == {("x", BETTER): 400 - lost, ("x", USUAL): lost, ("x2", BETTER): 400 - lost, ("x2", USUAL): lost}


def test_the_chosen_layer_is_marked_on_the_curve(figures):
    mark = figures["curve"].data[-1]
    assert list(mark.x) == [3] and mark.y[0] == pytest.approx(100 * manifold.error(manifold.collapse(3, 0)))
    assert "n = 3: 34 %" in texts(figures["curve"])


def test_an_error_beyond_the_axis_is_marked_at_its_edge():
    curve = manifold.error_curve(manifold.PINV)
    figure = error_over_dims(curve, 2, 7.0, "700 %")
    assert figure.data[-1].y[0] <= figure.layout.yaxis.range[1]
    assert "700" in texts(figure)


def test_blocks_are_as_high_as_their_channels(figures, blocks):
    uprights = [shape for shape in figures["blocks"].layout.shapes if shape.type == "line"]
    assert [shape.y1 - shape.y0 for shape in uprights] == [c for channels in blocks["channels"] for c in channels]
    assert "joins 144 channels" in texts(figures["blocks"]) and "joins 24 channels" in texts(figures["blocks"])


def test_the_chosen_network_is_on_its_own_line(figures):
    lines = [trace for trace in figures["fire"].data if trace.mode == "lines" and trace.line.color == BETTER]
    marks = [trace for trace in figures["fire"].data if trace.mode == "markers"]
    for line, mark in zip(lines, marks, strict=True):
        assert dict(zip(line.x, line.y, strict=True))[mark.x[0]] == pytest.approx(mark.y[0])
    assert [mark.y[0] for mark in marks] == [fire.network_cost(0.25, 0.625).params / 1e6, marks[1].y[0]]
