"""The page of the shuffle: every view, its knobs, links, and networks without a shuffle."""

import json
from functools import partial

import pytest

from tests.helpers import pages

CHARTS = {"shuffle": 2, "hearing": 2, "unit": 2, "maps": 1, "worth": 1}
open_page = partial(pages.open_page, "pages/Channel_shuffle.py")


def test_each_view_has_a_sentence_figures_and_an_explanation():
    app, sentences = open_page(arch="shufflenet_v2", width="0.25", show="worth"), set()
    for show, count in CHARTS.items():
        app.fine().widget("View").set_value(show).run()
        assert len(app.fine().charts) == count and app.address["show"] == show
        assert "et al. 2018" in app.explanations
        sentences.add(app.said)
    assert len(sentences) == len(CHARTS)


@pytest.mark.parametrize(
    ("show", "label", "value", "name"),
    [
        ("shuffle", "Groups g", 8, "g"),
        ("shuffle", "Channels per group n", 2, "n"),
        ("shuffle", "Channels left over", 2, "extra"),
        ("hearing", "Groups g", 8, "g"),
        ("hearing", "Grouped layers k", 1, "k"),
    ],
)
def test_a_knob_changes_the_reading_and_the_address_brings_it_back(show, label, value, name):
    app = open_page(arch="studentnet", show=show)
    before = app.said
    app.widget(label).set_value(value).run()
    assert app.fine().said != before
    assert app.address == {"arch": "studentnet", "show": show, name: str(value)}
    again = open_page(**app.address).fine()
    assert again.said == app.said and again.widget(label).value == value


def test_the_inverse_brings_every_channel_back():
    app = open_page(arch="studentnet", g="4", n="3", extra="2")
    order = json.loads(app.charts[1].spec)["data"][0]["x"]
    app.widget("Direction").set_value("inverse").run()
    back = json.loads(app.fine().charts[1].spec)["data"][0]["x"]
    assert app.address["way"] == "inverse" and back != order and [back[place] for place in order] == list(range(14))


@pytest.mark.parametrize("show", ["unit", "maps"])
def test_a_unit_of_a_pruned_network_is_shown_before_and_after(show):
    app = open_page(arch="shufflenet_v1", width="0.25", show=show)
    plain = app.said
    assert ("Raise the pruning ratio" in plain) == (show == "unit") and len(app.charts) == CHARTS[show]
    link = {"arch": "shufflenet_v1", "width": "0.2", "prune": "0.4", "show": show, "unit": "stages.1.2"}
    app = open_page(**link).fine()
    assert app.widget("Unit").value == "stages.1.2" and "tage 3, unit 3" in app.said and app.said != plain
    assert len(app.charts) == 2 and "fter pruning" in (app.charts[0].spec if show == "unit" else app.html)
    if show == "maps":
        before = [chart.spec for chart in app.charts]
        app.widget("Test image").set_value(7).run()
        assert app.fine().address == link | {"image": "7"} and app.charts[0].spec not in before


def test_fewer_groups_leave_no_room_for_as_many_channels_left_over():
    assert "14 channels do not fall into 3" in open_page(g="3", extra="7").fine().said
    app = open_page(g="1", extra="2").fine()
    assert "One group of 4 channels" in app.said and not app.has("Channels left over")


@pytest.mark.parametrize("show", ["unit", "maps"])
def test_a_network_without_a_shuffle_says_so_and_shows_the_way_to_one(show):
    app = open_page(arch="mobilenet_v2", width="0.25", show=show, unit="stages.0.2")
    assert "shuffles no channels" in app.fine().said and not app.charts
    app.widget("Show ShuffleNetV2").click().run()
    assert app.fine().address["arch"] == "shufflenet_v2" and "tage 2, unit 3" in app.said


def test_a_unit_of_the_other_network_gives_way_to_the_first():
    app = open_page(arch="shufflenet_v1", width="0.25", show="unit", unit="stages.0.0").complains("cannot show unit")
    assert "Stage 2, unit 2" in app.said


def test_a_bad_address_is_mended_and_said():
    app = open_page(show="magic", g="5", n="-3", k=["1", "2"], unit="<script>", image="99999", extra="1").complains(
        "The view cannot be 'magic'. Allowed: shuffle, hearing,",
        "The number of groups cannot be '5'. Allowed: 1, 2, 3, 4, 6, 8.",
        "The number of channels per group cannot be '-3'.",
        "The number of layers stands in the address more than once",
        "The page cannot show unit '<script>'.",
        "The test image cannot be '99999'. Allowed: 0 to 199.",
    )
    assert [app.widget(label).value for label in ("Channels per group n", "Channels left over")] == [1, 1]
