"""The page of ideas: every idea, its knobs, links and bad addresses."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.helpers import pages
from tests.helpers.pages import address, charts, fine, formulas, html, markdown, said, warnings, widget

IDEAS = {
    "separable": {"Kernel k × k": 5, "Input channels M": 32, "Output channels N": 256, "Map F × F": 7},
    "manifold": {"Dimensions n": 9, "Random matrix T, seed": 4, "Read back by": "pinv"},
    "residual": {"Thin channels C": 64, "Expansion t": 3, "Map F × F": 7},
    "fire": {"Squeeze ratio SR": 0.75, "Share of 3×3 filters": 0.25},
    "groups": {"Groups g": 8, "Channels c, in and out": 96, "Map F × F": 7},
}
NAMES = {
    "separable": ["kernel", "inputs", "outputs", "map"],
    "manifold": ["dims", "seed", "readout"],
    "residual": ["thin", "expansion", "map"],
    "fire": ["squeeze", "share"],
    "groups": ["group_count", "channels", "map"],
}


def open_page(**params: str | list[str]) -> AppTest:
    return pages.open_page("pages/Ideas.py", **params)


@pytest.mark.parametrize("idea", IDEAS)
def test_each_knob_of_an_idea_changes_what_is_said_and_the_address_brings_it_back(idea):
    app, written = open_page(arch="studentnet", prune="0.3", idea=idea), {}
    assert len(formulas(fine(app))) == 1 and "et al. 20" in markdown(app)
    assert len(charts(app)) == (3 if idea == "groups" else 2)
    for (label, value), name in zip(IDEAS[idea].items(), NAMES[idea], strict=True):
        before = said(app), formulas(app)
        widget(app, label).set_value(value).run()
        assert (said(fine(app)), formulas(app)) != before
        written[name] = str(value)
        assert address(app) == {"arch": "studentnet", "prune": "0.3", "idea": idea} | written
    again = fine(open_page(**address(app)))
    assert said(again) == said(app) and [widget(again, label).value for label in IDEAS[idea]] == [*IDEAS[idea].values()]


def test_a_knob_turned_back_to_zero_stays_there():
    app = open_page(idea="manifold", seed="5")
    widget(app, "Random matrix T, seed").set_value(0).run()
    assert widget(app, "Random matrix T, seed").value == 0 and address(app)["seed"] == "0"


def test_another_idea_keeps_the_knobs_of_the_first():
    app = open_page(arch="studentnet", idea="separable", kernel="5")
    widget(app, "Idea").set_value("fire").run()
    assert address(app) == {"arch": "studentnet", "idea": "fire", "kernel": "5"} and "SR 0.125" in said(app)
    widget(app, "Idea").set_value("separable").run()
    assert widget(app, "Kernel k × k").value == 5


@pytest.mark.parametrize(
    ("params", "sentence", "taken"),
    [
        ({"idea": "cold fusion"}, "The idea cannot be 'cold fusion'. Allowed: separable, manifold,", "separable"),
        ({"kernel": "4.2"}, "The kernel size cannot be '4.2'. Allowed: 1, 3, 5, 7.", "5"),
        ({"idea": ["fire", "groups"]}, "The idea stands in the address more than once; one is allowed.", "the first"),
        ({"layer": "cnn.1", "map": "7"}, "A recipe has no 'layer'", ""),
    ],
)
def test_rubbish_in_the_address_is_a_sentence_and_the_nearest(params, sentence, taken):
    app = open_page(**params)
    assert not app.exception and said(app) and sentence in warnings(app)
    assert f"Taken instead: {taken}." in warnings(app) or not taken
    assert params.get("map") != "7" or widget(app, "Map F × F").value == 7


def test_times_are_measured_once_and_shared():
    first, second = (open_page(idea="separable", kernel="3", inputs="16", outputs="16") for _ in range(2))
    assert said(first) == said(second) and "runs in turn, one image, 1 thread." in html(first)
