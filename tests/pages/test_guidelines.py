"""The page of guidelines: every view, its knobs, links, bad addresses, and a measurement."""

import re
from functools import partial
from html import escape

import pytest

from compress_core import text
from compress_core.studies.guidelines import compare, timing
from tests.helpers import pages

FORMS = {
    "g1": ("c₁ : c₂", "1 : 2"),
    "g2": ("Groups g", "g = 4"),
    "g3": ("Convolutions a block", "2 in parallel"),
    "g4": ("With", "ReLU"),
}
open_page = partial(pages.open_page, "pages/Guidelines.py")


def check_view(app: pages.Page, view: str) -> None:
    assert app.fine().said and "Ma et al. 2018" in app.explanations
    assert len(app.charts) == (2 if view == "speed" else 1) and all(chart.alt for chart in app.charts)
    assert "Example run on " in app.html and app.has("Measure on this machine")
    assert len(app.dataframe) == (0 if view == "speed" else 1)


@pytest.mark.parametrize("view", FORMS)
def test_each_knob_of_a_guideline_changes_what_is_said_and_the_address_brings_it_back(view):
    app, written = open_page(arch="studentnet", prune="0.3", view=view), {}
    check_view(app, view)
    for label, value, name in ((*FORMS[view], view), ("Channels ×", 4, "scale"), ("Map h × w", 14, "map")):
        before = app.said, [chart.spec for chart in app.charts]
        app.widget(label).set_value(value).run()
        assert app.fine().said != before[0] and app.charts[0].spec not in before[1] and len(app.formulas) == 1
        written[name] = str(value)
        assert app.address == {"arch": "studentnet", "prune": "0.3", "view": view} | written
    run = timing.load_example((view, 4, 14))
    table = compare.beside_paper(view, 4, 14, run)
    assert escape(text.guidelines.describe_form(table, FORMS[view][1], text.guidelines.place(run))) in app.said
    again = open_page(**app.address).fine()
    assert again.said == app.said and again.widget("Channels ×").value == 4


def test_the_equal_macs_are_computed_and_shown():
    app = open_page(view="g2")
    table = app.dataframe[0].value
    assert "184 (2 maps 176)" in list(table["Channels"])
    away = [float(re.sub("[−+ %]", "", text)) for text in table["against the first"]]
    assert max(away) <= 2 and "equal within 1.5 %" in app.html


def test_the_lens_is_on_the_architecture_of_the_recipe(monkeypatch):
    monkeypatch.setattr("compress_core.zoo.architectures", lambda: ["studentnet", "shufflenet_v2"])  # the whole zoo
    app = open_page(arch="shufflenet_v2", view="lens")
    check_view(app, "lens")
    assert "ShuffleNetV2 breaks G1" in app.said and len(app.dataframe[0].value) == 2
    before = app.charts[0].spec
    app.widget("Preset").set_value("imagenet").run()
    assert app.fine().charts[0].spec != before
    app.knob("Architecture").set_value("studentnet").run()
    assert "StudentNet keeps all four guidelines in all of its 29 operations" in app.fine().said
    app.knob("Width multiplier").set_value(0.4).run()
    assert "No example of this width is stored." in app.fine().html and "Measure them" in app.html


@pytest.mark.parametrize("scene", ["digits", "digits64", "imagenet"])
def test_flops_and_speed_at_equal_macs_or_equal_accuracy(scene):
    app = open_page(dataset="digits", view="speed", scene=scene)
    check_view(app, "speed")
    before = app.said
    assert "takes" in before and "MACs" in before
    app.widget("MACs per image").set_value(300_000_000 if scene == "imagenet" else 500_000).run()
    assert app.fine().said != before
    assert app.has("Quantity held equal") == (scene != "imagenet")
    if scene != "imagenet":
        app.widget("Quantity held equal").set_value("accuracy").run()
        for accuracy in (93, 98) if scene == "digits" else (97.5,):
            app.widget("At least right").set_value(accuracy).run()
            assert f"{accuracy:g} % or more of 2,160 test images right" in app.fine().html


def test_macs_of_another_scene_become_the_nearest_of_this_one():
    app = open_page(view="speed", scene="imagenet", macs="1000000").fine()
    assert app.widget("MACs per image").value == 40_000_000


def test_rubbish_in_the_address_is_a_sentence_and_the_nearest():
    rubbish = {"view": ["g5", "lens"], "g1": "1 : 3", "scale": "3.9", "map": "inf", "held": "<b>luck</b>"}
    app = open_page(**rubbish, width="0.5").complains(
        "The view cannot be 'g5'. Allowed: g1, g2, g3, g4, lens, speed. Taken instead: g1.",
        "The view stands in the address more than once; one is allowed. Taken instead: the first.",
        "The ratio cannot be '1 : 3'. Allowed: 1 : 1, 1 : 2, 1 : 6, 1 : 12. Taken instead: 1 : 12.",
        "The number of times the channels cannot be '3.9'. Allowed: 1, 2, 4. Taken instead: 4.",
        "The map size cannot be 'inf'. Allowed: 14, 28, 56. Taken instead: 56.",
        "The quantity held equal cannot be '<b>luck</b>'. Allowed: macs, accuracy. Taken instead: macs.",
    )
    assert app.widget("Channels ×").value == 4 and app.knob("Width multiplier").value == 0.5


def test_a_measurement_goes_on_in_the_background_can_be_stopped_and_stands_for_everyone(monkeypatch):
    monkeypatch.setattr(timing, "BUDGETS_S", dict.fromkeys(timing.BUDGETS_S, 1000.0))
    question = {"view": "g3", "map": "14", "scale": "1"}
    app, example = open_page(**question), open_page(**question).said
    app.widget("Measure on this machine").click().run()
    assert app.fine().has("Stop") and 'role="progressbar"' in app.html
    app.widget("Stop").click().run()
    app.come_back_until(lambda app: app.has("Measure on this machine"))
    assert app.said == example  # what was known still stands
    monkeypatch.setattr(timing, "BUDGETS_S", dict.fromkeys(timing.BUDGETS_S, 0.1))
    app.widget("Measure on this machine").click().run()
    app.come_back_until(lambda app: app.has("Measure again"))
    assert "Measured on this machine" in app.html and " here, " in app.said and "example" not in app.said
    assert open_page(**question).said == app.said  # the same question has the same answer for everyone
    assert "Example run on" in open_page(view="g3", map="28", scale="1").html  # another question


def test_knobs_that_change_nothing_in_a_view_do_not_turn():
    for view, live in (("g1", []), ("lens", ["Architecture", "Width multiplier"])):
        app = open_page(arch="studentnet", view=view).fine()
        knobs = ("Architecture", "Width multiplier", "Pruning ratio", "Bit width")
        assert [label for label in knobs if not app.knob(label).disabled] == live
