"""The figures of the guidelines: what is drawn where, with which units, shapes beside colours."""

import itertools
import re

import pandas as pd
import pytest

from compress_core.plots import tokens
from compress_core.plots.guidelines import form_rows, layers_under_lens, macs_against_time
from compress_core.registry import ARCHITECTURES
from compress_core.studies.guidelines import compare, lens, zoo
from compress_core.studies.guidelines.timing import load_example
from compress_core.text import guidelines as explain
from compress_core.zoo import architectures
from tests.plots.test_ideas import axes, texts
from tests.plots.test_plots import contrast


def forms_of(name: str, chosen: str) -> pd.DataFrame:
    return explain.form_rows(compare.beside_paper(name, 1, 56, load_example((name, 1, 56))), chosen)


def times_of(images: str, batch: int = 1) -> pd.DataFrame:
    return compare.zoo_times(zoo.networks(images), load_example(("zoo", images, batch)))


@pytest.fixture(scope="module")
def lensed() -> pd.DataFrame:
    layers = lens.annotate("shufflenet_v1", 1.0, "imagenet")
    return explain.with_shares(layers, load_example(("layers", "shufflenet_v1", 1.0, "imagenet")))


@pytest.fixture(scope="module")
def figures(lensed) -> dict:
    times = times_of("imagenet")
    chosen = compare.at_equal_macs(times, 150e6)
    rows = explain.network_rows(compare.with_table_8(chosen, 150), "ShuffleNetV2")
    return {
        "g1": form_rows(forms_of("g1", "1 : 6"), "memory access (M elements)", "here", "1 : 1"),
        "g4": form_rows(forms_of("g4", "neither"), "memory access (M elements)", "example", "ReLU, shortcut"),
        "networks": form_rows(rows, "", "here", "ShuffleNetV2", 440),
        "counted": form_rows(rows, "MACs per image (M)", "here"),
        "lens": layers_under_lens(lensed),
        "speed": macs_against_time(times, chosen, "1 image", 150e6),
    }


def test_every_axis_of_numbers_names_its_unit_and_text_is_large_enough(figures):
    for name, figure in figures.items():
        for axis in axes(figure, "x") + axes(figure, "y"):
            assert axis.tickfont.size >= 16
            assert axis.ticktext or re.search(r"\(.+\)", axis.title.text), name
        assert all(a.font.size >= 16 for a in figure.layout.annotations)
        assert not figure.layout.showlegend


def test_original_and_compressed_lend_their_colours_to_nobody(figures):
    for figure in figures.values():
        drawn = figure.to_json().upper()
        assert tokens.ORIGINAL.upper() not in drawn and tokens.COMPRESSED.upper() not in drawn


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_new_colours_are_seen_on_both_backgrounds(theme):
    colors = [color for color, _ in tokens.SOURCE.values()] + [tokens.COUNTED]
    assert all(contrast(color, tokens.BACKGROUND[theme]) >= 3 for color in colors)


def test_sources_and_guidelines_differ_in_shape_too():
    assert len({shape for _, shape in tokens.SOURCE.values()}) == 3
    assert len(set(tokens.GUIDELINE.values())) == 4


def test_forms_stand_in_rows_of_three_panels(figures):
    table, figure = compare.beside_paper("g1", 1, 56, load_example(("g1", 1, 56))), figures["g1"]
    counted, timed, here, gpu, arm = figure.data
    assert list(counted.x) == pytest.approx((table["memory_access"] / 1e6).tolist())
    assert list(timed.x) == table["ms"].tolist() and list(timed.y) == [3, 2, 1, 0]
    assert list(timed.error_x.array) == pytest.approx((table["high"] - table["ms"]).tolist())
    assert [trace.marker.symbol for trace in (here, gpu, arm)] == ["circle", "square", "diamond"]
    assert list(here.x) == table["here"].tolist() and list(here.error_x.arrayminus) == pytest.approx(
        (table["here"] - table["here_low"]).tolist()
    )
    assert list(gpu.x) == table["on_gpu"].tolist() and list(arm.x) == table["on_arm"].tolist()
    domains = sorted(axis.domain for axis in axes(figure, "x"))
    assert all(one[1] < other[0] for one, other in itertools.pairwise(domains))


def test_the_chosen_form_is_marked_by_more_than_colour(figures):
    names = figures["g1"].layout.yaxis.ticktext
    assert [name.startswith("<b>▸") for name in names] == [False, False, True, False]
    assert "13 : 78" in names[2]


def test_the_least_memory_access_is_a_line_on_each_bar(figures):
    lines = [shape for shape in figures["g1"].layout.shapes if shape.line.dash == "dot"]
    bars = figures["g1"].data[0].x
    assert len(lines) == 4
    assert all(line.x0 <= bar * 1.0001 for line, bar in zip(lines, bars, strict=True))
    assert lines[0].x0 == pytest.approx(bars[0])  # equal widths reach it
    assert not [shape for shape in figures["g4"].layout.shapes if shape.line.dash == "dot"]


def test_what_is_drawn_says_what_it_is(figures):
    assert "here" in texts(figures["g1"]) and "paper's ARM" in texts(figures["g1"])
    assert "example" in texts(figures["g4"]) and " here" not in texts(figures["g4"])


def test_where_the_paper_has_no_network_no_mark_stands(figures):
    marks = {trace.marker.symbol: trace for trace in figures["networks"].data if trace.type == "scatter"}
    assert len(marks["circle"].x) == 6 and len(marks["square"].x) == len(marks["diamond"].x) == 4
    assert len(figures["counted"].data) == 2  # without the paper only two panels


def test_the_lens_draws_every_operation_and_marks_each_breach(figures, lensed):
    macs, seconds, *marks = figures["lens"].data
    assert sum(macs.y) == pytest.approx(100) and len(macs.x) == len(seconds.x) == len(lensed)
    assert [len(trace.x) for trace in marks] == [(lensed[name] != "").sum() for name in tokens.GUIDELINE]
    assert [trace.marker.symbol for trace in marks] == list(tokens.GUIDELINE.values())
    for trace, name in zip(marks, tokens.GUIDELINE, strict=True):
        assert all(lensed[name].iloc[number - 1] for number in trace.x)
    for kind in set(lensed["kind"]):
        assert kind in texts(figures["lens"])


def test_the_lens_goes_without_times(lensed):
    shares = explain.with_shares(lens.annotate("studentnet", 0.5, "digits"), None)
    assert shares["time_share"].isna().all()
    assert layers_under_lens(shares).data[0].y.sum() == pytest.approx(100)


def test_a_line_an_architecture_and_the_chosen_are_filled(figures):
    traces, times = figures["speed"].data, times_of("imagenet")
    assert {trace.name for trace in traces} == set(architectures())
    for trace in traces:
        own = times[times["arch"] == trace.name]
        assert list(trace.x) == pytest.approx((own["macs"] / 1e6).tolist()) and list(trace.y) == own["ms"].tolist()
        color, symbol = tokens.style(ARCHITECTURES[trace.name])
        assert trace.line.color == color and list(trace.marker.symbol).count(symbol) == 1
        assert set(trace.marker.symbol) <= {symbol, f"{symbol}-open"}
    assert figures["speed"].layout.xaxis.type == figures["speed"].layout.yaxis.type == "log"
    assert figures["speed"].layout.shapes[0].x0 == 150


@pytest.mark.parametrize("scene", [("digits", 1), ("cifar10", 64), ("imagenet", 1)])
def test_names_keep_clear_of_each_other_and_within_the_figure(scene):
    times = times_of(*scene)
    figure = macs_against_time(times, times.head(0), "1 image")
    low, high = figure.layout.yaxis.range
    places = sorted(a.y for a in figure.layout.annotations)
    assert len(places) == 6 and low <= places[0] and places[-1] <= high
    assert min(b - a for a, b in itertools.pairwise(places)) >= 0.054 * (high - low)
