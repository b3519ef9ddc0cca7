"""The page of guidelines: every view, its knobs, links, bad addresses, and a measurement."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from compress_core.studies.guidelines import timing
from tests.helpers import pages
from tests.helpers.pages import (
    address,
    charts,
    come_back_until,
    fine,
    formulas,
    has,
    html,
    knob,
    markdown,
    said,
    warnings,
    widget,
)

FORMS = {
    "g1": ("c₁ : c₂", "1 : 2"),
    "g2": ("Groups g", "g = 4"),
    "g3": ("Convolutions a block", "2 in parallel"),
    "g4": ("With", "ReLU"),
}


def open_page(**params: str | list[str]) -> AppTest:
    return pages.open_page("pages/Guidelines.py", **params)


def check_view(app: AppTest, view: str) -> None:
    assert said(fine(app)) and "Ma et al. 2018" in markdown(app)
    assert len(charts(app)) == (2 if view == "speed" else 1) and all(chart.alt for chart in charts(app))
    assert "Example run on " in html(app) and has(app, "Measure on this machine")
    assert len(app.dataframe) == (0 if view == "speed" else 1)


@pytest.mark.parametrize("view", FORMS)
def test_each_knob_of_a_guideline_changes_what_is_said_and_the_address_brings_it_back(view):
    app, written = open_page(arch="studentnet", prune="0.3", view=view), {}
    check_view(app, view)
    for label, value, name in ((*FORMS[view], view), ("Channels ×", 4, "scale"), ("Map h × w", 14, "map")):
        before = said(app), [chart.spec for chart in charts(app)]
        widget(app, label).set_value(value).run()
        assert said(fine(app)) != before[0] and charts(app)[0].spec not in before[1] and len(formulas(app)) == 1
        written[name] = str(value)
        assert address(app) == {"arch": "studentnet", "prune": "0.3", "view": view} | written
    again = fine(open_page(**address(app)))
    assert said(again) == said(app) and widget(again, "Channels ×").value == 4


def test_the_equal_macs_are_computed_and_shown():
    app = open_page(view="g2")
    table = app.dataframe[0].value
    assert "184 (2 maps 176)" in list(table["Channels"])
    away = [float(re.sub("[−+ %]", "", text)) for text in table["against the first"]]
    assert max(away) <= 2 and "equal within 1.5 %" in html(app)


def test_the_lens_is_on_the_architecture_of_the_recipe(monkeypatch):
    monkeypatch.setattr("compress_core.zoo.architectures", lambda: ["studentnet", "shufflenet_v2"])  # the whole zoo
    app = open_page(arch="shufflenet_v2", view="lens")
    check_view(app, "lens")
    assert "ShuffleNetV2 breaks G1" in said(app) and len(app.dataframe[0].value) == 2
    before = charts(app)[0].spec
    widget(app, "Preset").set_value("small").run()
    assert charts(fine(app))[0].spec != before
    knob(app, "Architecture").set_value("studentnet").run()
    assert "StudentNet keeps all four guidelines in all of its 29 operations" in said(fine(app))
    knob(app, "Width multiplier").set_value(0.4).run()
    assert "No example of this width is stored." in html(fine(app)) and "Measure them" in html(app)


@pytest.mark.parametrize("scene", ["digits", "digits64", "imagenet"])
def test_flops_and_speed_at_equal_macs_or_equal_accuracy(scene):
    app = open_page(view="speed", scene=scene)
    check_view(app, "speed")
    before = said(app)
    assert "takes" in before and "MACs" in before
    widget(app, "MACs an image").set_value(300_000_000 if scene == "imagenet" else 500_000).run()
    assert said(fine(app)) != before
    assert has(app, "Quantity held equal") == (scene != "imagenet")
    if scene != "imagenet":
        widget(app, "Quantity held equal").set_value("accuracy").run()
        for accuracy in (93, 98) if scene == "digits" else (97.5,):
            widget(app, "At least right").set_value(accuracy).run()
            assert f"{accuracy:g} % or more of 2,160 test images right" in html(fine(app))


def test_macs_of_another_scene_become_the_nearest_of_this_one():
    app = fine(open_page(view="speed", scene="imagenet", macs="1000000"))
    assert widget(app, "MACs an image").value == 40_000_000


@pytest.mark.parametrize(
    ("params", "sentence", "taken"),
    [
        ({"view": "g5"}, "The view cannot be 'g5'. Allowed: g1, g2, g3, g4, lens, speed.", "g1"),
        ({"g1": "1 : 3"}, "The ratio cannot be '1 : 3'. Allowed: 1 : 1, 1 : 2, 1 : 6, 1 : 12.", "1 : 12"),
        ({"scale": "3.9"}, "The number of times the channels cannot be '3.9'. Allowed: 1, 2, 4.", "4"),
        ({"view": "speed", "held": "<b>luck</b>"}, "The quantity held equal cannot be '<b>luck</b>'.", "macs"),
        ({"view": ["g1", "lens"]}, "The view stands in the address more than once; one is allowed.", "the first"),
    ],
)
def test_rubbish_in_the_address_is_a_sentence_and_the_nearest(params, sentence, taken):
    app = open_page(width="0.5", **params)
    assert not app.exception and said(app) and knob(app, "Width multiplier").value == 0.5
    assert sentence in warnings(app) and f"Taken instead: {taken}." in warnings(app)


def test_a_measurement_goes_on_in_the_background_can_be_stopped_and_stands_for_everyone(monkeypatch):
    monkeypatch.setattr(timing, "BUDGETS_S", dict.fromkeys(timing.BUDGETS_S, 1000.0))
    question = {"view": "g3", "map": "14", "scale": "1"}
    app, example = open_page(**question), said(open_page(**question))
    widget(app, "Measure on this machine").click().run()
    assert has(fine(app), "Stop") and 'role="progressbar"' in html(app)
    widget(app, "Stop").click().run()
    come_back_until(app, lambda app: has(app, "Measure on this machine"))
    assert said(app) == example  # what was known still stands
    monkeypatch.setattr(timing, "BUDGETS_S", dict.fromkeys(timing.BUDGETS_S, 0.1))
    widget(app, "Measure on this machine").click().run()
    come_back_until(app, lambda app: has(app, "Measure again"))
    assert "Measured on this machine" in html(app) and " here, " in said(app) and "example" not in said(app)
    assert said(open_page(**question)) == said(app)  # the same question has the same answer for everyone
    assert "Example run on" in html(open_page(view="g3", map="28", scale="1"))  # another question
