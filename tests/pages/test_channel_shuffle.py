"""The page of the shuffle under AppTest: every view, its knobs, links, and networks without a shuffle."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import ROOT
from tests.pages.test_home import address, warnings
from tests.pages.test_ideas import knob, said

LINKS = {
    "shuffle": {"g": "4", "n": "3", "extra": "2", "way": "inverse"},
    "hearing": {"g": "8", "n": "2", "k": "3"},
    "unit": {"unit": "stages.1.2", "prune": "0.4"},
    "maps": {"unit": "stages.1.2", "prune": "0.4", "image": "7"},
    "worth": {},
}
CHARTS = {"shuffle": 2, "hearing": 2, "unit": 2, "maps": 1, "worth": 1}


def open_page(**params: str | list[str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/Channel_shuffle.py")
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


@pytest.mark.parametrize("arch", ["shufflenet_v1", "shufflenet_v2"])
@pytest.mark.parametrize("show", LINKS)
def test_each_view_has_a_sentence_figures_and_an_explanation(show, arch):
    app = open_page(arch=arch, show=show)
    assert not app.exception and not app.warning
    assert said(app) and len(app.get("plotly_chart")) == CHARTS[show]
    assert "et al. 2018" in " ".join(element.value for element in app.main.markdown)


@pytest.mark.parametrize("show", LINKS)
def test_a_link_reproduces_what_was_prepared(show):
    app = open_page(arch="shufflenet_v1", show=show, **LINKS[show])
    assert not app.exception and not app.warning
    if LINKS[show]:
        assert said(app) != said(open_page(arch="shufflenet_v1", show=show))
    if show in ("unit", "maps"):
        assert next(box.value for box in app.main.selectbox if box.label == "Unit") == "stages.1.2"


@pytest.mark.parametrize(
    ("show", "label", "value", "name"),
    [
        ("shuffle", "Groups g", 8, "g"),
        ("shuffle", "Channels per group n", 2, "n"),
        ("shuffle", "Channels left over", 2, "extra"),
        ("hearing", "Grouped layers k", 1, "k"),
    ],
)
def test_a_knob_changes_the_reading_and_the_address(show, label, value, name):
    app = open_page(arch="studentnet", show=show)
    before = said(app)
    knob(app, label).set_value(value).run()
    assert not app.exception and said(app) != before
    assert address(app) == {"arch": "studentnet", "show": show, name: str(value)}


def test_fewer_groups_leave_no_room_for_as_many_channels_left_over():
    app = open_page(g="3", extra="7")
    assert not app.exception and "14 channels do not fall into 3" in said(app)
    app = open_page(g="1", extra="2")
    assert not app.exception and "One group of 4 channels" in said(app)


@pytest.mark.parametrize("show", ["unit", "maps"])
def test_a_network_without_a_shuffle_says_so_and_shows_the_way_to_one(show):
    app = open_page(arch="mobilenet_v2", show=show, unit="stages.0.2")
    assert not app.exception and not app.warning and "shuffles no channels" in said(app)
    next(button for button in app.main.button if button.label == "Show ShuffleNetV2").click().run()
    assert not app.exception and address(app)["arch"] == "shufflenet_v2" and "tage 2, unit 3" in said(app)


def test_a_unit_of_the_other_network_gives_way_to_the_first():
    app = open_page(arch="shufflenet_v1", show="unit", unit="stages.0.0")
    assert not app.exception and "Stage 2, unit 2" in said(app)
    assert "cannot show unit" in warnings(app)


@pytest.mark.parametrize("width", ["0.6", "0.5"])
def test_widths_trained_and_slimmed_are_both_taken_apart(width):
    app = open_page(arch="shufflenet_v1", show="unit", width=width, prune="0.5")
    assert not app.exception and "Stage 2, unit 2" in said(app)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"show": "magic"}, "The view cannot be 'magic'. Allowed: shuffle, hearing,"),
        ({"g": "5"}, "The number of groups cannot be '5'. Allowed: 1, 2, 3, 4, 6, 8."),
        ({"n": "-3"}, "The number of channels per group cannot be '-3'."),
        ({"k": ["1", "2"]}, "The number of layers stands in the address more than once"),
        ({"unit": "<script>"}, "The page cannot show unit '<script>'."),
        ({"image": "99999"}, "The test image cannot be '99999'. Allowed: 0 to 199."),
    ],
)
def test_a_bad_address_is_mended_and_said(params, sentence):
    app = open_page(**params)
    assert not app.exception and sentence in warnings(app)
