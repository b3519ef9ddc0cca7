"""Figures of the shuffle: every channel once, in its group's colour, at every step."""

import numpy as np
import pandas as pd
import pytest

from compress_core import plots
from compress_core.plots import tokens
from compress_core.plots.shuffle import group_color
from compress_core.studies.shuffle import STEPS, group_of_each, shuffle_order, shuffle_steps


@pytest.mark.parametrize("sizes", [[4, 4, 4], [1], [6] * 8, [3, 3, 2]], ids=str)
def test_the_animation_has_a_frame_a_step_and_moves_each_channel_by_its_name(sizes):
    figure = plots.shuffle.shuffle_animation(shuffle_steps(sizes), ["a", "b", "c", "d"])
    assert [frame.name for frame in figure.frames] == list(STEPS)
    count = sum(sizes)
    assert [frame.data[1].text for frame in figure.frames] == [("a",), ("b",), ("c",), ("d",)]
    for frame in figure.frames:
        tiles, _ = frame.data
        assert list(tiles.ids) == [str(c) for c in range(count)]  # so that the browser moves the same tile
        assert list(tiles.marker.color) == [group_color(g) for g in group_of_each(tuple(sizes))]
        places = set(zip(tiles.x, tiles.y, strict=True))
        assert len(places) == count
        low, high = figure.layout.xaxis.range
        assert min(tiles.x) > low and max(tiles.x) < high
        low, high = figure.layout.yaxis.range
        assert min(tiles.y) > low and max(tiles.y) < high
    order = np.argsort(figure.frames[-1].data[0].x)
    assert order.tolist() == shuffle_order(sizes).tolist()
    buttons = figure.layout.updatemenus[0].buttons
    assert [b.label for b in buttons] == ["▶ Play", "↺ Reset", "1 reshape", "2 transpose", "3 flatten"]
    assert list(buttons[0].args[0]) == list(STEPS) and list(buttons[1].args[0]) == [STEPS[0]]


def test_the_matrix_has_a_square_in_each_row_and_column():
    figure = plots.shuffle.permutation_grid([0, 2, 1, 3], [0, 0, 1, 1])
    (dots,) = figure.data
    assert sorted(dots.x) == sorted(dots.y) == [0, 1, 2, 3]
    assert dots.marker.color[1] == group_color(1)


def test_reach_is_coloured_by_the_group_that_is_heard():
    reach = pd.DataFrame([[True, False], [True, True]])
    figure = plots.shuffle.reach_matrices([("one", reach, [0, 1]), ("two", reach, [1, 0])])
    assert figure.data[0].z.tolist() == [[0, len(tokens.GROUP)], [0, 1]]
    assert figure.data[1].z.tolist() == [[1, len(tokens.GROUP)], [1, 0]]


def test_shares_are_percentages_of_both():
    table = pd.DataFrame({"layers": [1, 2], "without": [0.25, 0.25], "with": [0.25, 1.0]})
    without, with_ = plots.shuffle.share_over_layers(table, 2).data
    assert list(without.y) == [25, 25] and list(with_.y) == [25, 100] and with_.marker.size == (8, 16)


def test_deals_draw_a_line_a_channel():
    figure = plots.shuffle.permutation_lines([("before", [0, 2, 1, 3], [0, 0, 1, 1]), ("after", [0], [1])])
    assert sum(sum(x is None for x in trace.x) for trace in figure.data) == 5
    assert figure.data[0].y[:5] == (0, 0, None, 1, 2)


def test_the_strip_frames_each_map():
    rows = [(row, column, column, column, np.full((4, 4), 0.5)) for row in range(2) for column in range(3)]
    maps = pd.DataFrame(rows, columns=["row", "column", "channel", "group", "pixels"])
    figure = plots.shuffle.feature_strip(maps, ("before", "after"))
    assert len(figure.data) == len(figure.layout.shapes) == 6
    assert figure.layout.shapes[1].line.color == group_color(1)


def test_worth_has_a_panel_a_source_and_intervals_where_they_are_known():
    columns = ["panel", "network", "without", "with", "without_low", "without_high", "with_low", "with_high"]
    nothing = [float("nan")] * 4
    table = pd.DataFrame([("here", "a", 4.0, 3.0, 3.5, 4.5, 2.5, 3.5), ("paper", "a", 34.0, 32.0, *nothing)])
    table.columns = columns
    figure = plots.shuffle.worth(table, ("error (%)", "top-1 error (%)"))
    assert figure.layout.xaxis.title.text == "error (%)" and figure.layout.xaxis2.title.text == "top-1 error (%)"
    marked = [trace for trace in figure.data if trace.mode == "markers"]
    assert list(marked[0].error_x.array) == [0.5] and marked[2].error_x.array is None
