"""Figures of networks beside each other: what is drawn are the numbers given, and nothing else is."""

import numpy as np
import pandas as pd

from compress_core import plots
from compress_core.plots.tokens import COMPRESSED, ORIGINAL

CLASSES = ("cat", "dog", "truck")


def test_classes_have_both_networks_with_their_intervals():
    rows = [(network, label, 0.8, 0.7, 0.85, 100) for network in ("original", "compressed") for label in range(3)]
    table = pd.DataFrame(rows, columns=["network", "label", "accuracy", "low", "high", "samples"])
    original, compressed = plots.compare.accuracy_by_class(table, CLASSES).data
    assert (original.marker.color, compressed.marker.color) == (ORIGINAL, COMPRESSED)
    assert list(original.y) == [80] * 3 and np.allclose(original.error_y.array, 5)
    assert np.allclose(original.error_y.arrayminus, 10) and all(np.array(original.x) < np.array(compressed.x))


def test_confusions_and_their_difference_are_three_panels():
    before, after = np.eye(3), np.array([[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]])
    figure = plots.compare.confusions(before, after, CLASSES)
    panels = [np.array(trace.z) for trace in figure.data]
    assert np.allclose(panels[0], 100 * before) and np.allclose(panels[2], panels[1] - panels[0])
    assert figure.data[2].text[0][0] == "−50" and figure.data[2].text[0][1] == "+50" and figure.data[2].text[1][1] == ""


def test_maps_stand_above_each_other_and_what_is_cut_is_crossed_out():
    original = np.ones((20, 4, 4))
    compressed = original.copy()
    compressed[[2, 17]] = np.nan
    figure = plots.compare.layer_maps(original, compressed)
    above, below = (np.array(trace.z) for trace in figure.data)
    side = 16
    assert (above == 255).sum() == 20 * side * side and (below == 255).sum() == 18 * side * side
    assert not ((above > 0) & (below > 0)).any() and len(figure.layout.shapes) == 2 * 3


def test_small_kernels_are_tiles_and_others_rows():
    kernels = np.arange(5 * 9, dtype=float).reshape(5, 1, 3, 3)
    figure = plots.compare.filters(kernels, kernels)
    drawn = np.array(figure.data[0].z)
    assert np.nansum(drawn) == kernels.sum() and np.isnan(drawn).any()
    assert np.array_equal(drawn[:3, :3], kernels[0, 0])
    rows = np.arange(12.0).reshape(3, 4, 1, 1)
    assert np.array_equal(np.array(plots.compare.filters(rows, rows + 1).data[0].z), rows.reshape(3, 4))


def test_the_image_is_lit_where_a_network_looks():
    picture = np.full((32, 32, 3), 200, np.uint8)
    figure = plots.compare.looks(picture, np.array([[1.0, 0], [0, 0]]), np.array([[-5.0, 0], [0, 2]]), ("cat", "dog"))
    plain, first, second = (np.array(trace.z)[..., 0] for trace in figure.data)
    assert (plain == 200).all() and first[0, 0] == 200 and first[-1, -1] < 60
    assert second[-1, -1] == 200 and second[0, 0] < 60
    assert [note.text.split("</b>")[-1] for note in figure.layout.annotations[1:]] == [": cat", ": dog"]
