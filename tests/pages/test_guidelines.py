"""The page of guidelines under AppTest: every view, its knobs, links, bad addresses, and a measurement."""

import re
import threading
import time

import pytest
from compress_core.studies.guidelines.measure import Stopped, Watch
from streamlit.testing.v1 import AppTest

from compress_core.studies.guidelines import measure
from tests.conftest import ROOT
from tests.pages.test_home import address, html, warnings
from tests.pages.test_ideas import formulas, knob, said
from ui.engine import Engine
from ui.gate import LowPriority

LINKS = {
    "g1": {"g1": "1 : 2", "scale": "4", "map": "28"},
    "g2": {"g2": "g = 2", "scale": "2", "map": "14"},
    "g3": {"g3": "2 in series", "scale": "4", "map": "56"},
    "g4": {"g4": "shortcut", "scale": "2", "map": "28"},
}


def open_guidelines(**params: str | list[str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/Guidelines.py")
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


def alts(app: AppTest) -> list[str]:
    return [chart.proto.alt for chart in app.get("plotly_chart")]


@pytest.mark.parametrize("view", ["g1", "g2", "g3", "g4", "lens", "speed"])
def test_each_view_has_a_sentence_figures_an_explanation_and_a_stored_example(view):
    app = open_guidelines(view=view)
    assert not app.exception and not app.warning and said(app)
    assert len(alts(app)) == (2 if view == "speed" else 1) and all(alts(app))
    assert len(formulas(app)) == (1 if view.startswith("g") else 0)
    assert "Ma et al. 2018" in " ".join(element.value for element in app.main.markdown)
    assert "Example run on " in html(app) and [button.label for button in app.main.button] == [
        "Measure on this machine"
    ]
    assert len(app.dataframe) == (0 if view == "speed" else 1)


@pytest.mark.parametrize("view", LINKS)
def test_a_link_reproduces_what_was_prepared(view):
    app = open_guidelines(arch="studentnet", view=view, **LINKS[view])
    assert not app.exception and not app.warning
    assert [str(slider.value) for slider in app.main.select_slider] == list(LINKS[view].values())
    assert said(app) != said(open_guidelines(view=view))


@pytest.mark.parametrize(
    ("view", "label", "value", "name"),
    [
        ("g1", "c₁ : c₂", "1 : 6", "g1"),
        ("g1", "Channels ×", 4, "scale"),
        ("g2", "Groups g", "g = 4", "g2"),
        ("g2", "Map h × w", 14, "map"),
        ("g3", "Convolutions a block", "2 in parallel", "g3"),
        ("g4", "With", "ReLU", "g4"),
        ("speed", "MACs an image", 500_000, "macs"),
    ],
)
def test_a_knob_changes_the_reading_and_the_address(view, label, value, name):
    app = open_guidelines(arch="studentnet", view=view)
    before = said(app)
    knob(app, label).set_value(value).run()
    assert not app.exception and said(app) != before
    assert address(app) == {"arch": "studentnet", "view": view, name: str(value)}


def test_every_form_at_every_scale_and_size_has_an_answer():
    for view, names in (("g1", ["1 : 1"]), ("g3", ["1 alone"])):
        for scale in ("1", "2", "4"):
            for side in ("14", "28", "56"):
                app = open_guidelines(view=view, scale=scale, map=side, **{view: names[0]})
                assert not app.exception and "yardstick" in said(app)


def test_the_equal_macs_are_computed_and_shown():
    app = open_guidelines(view="g2")
    table = app.dataframe[0].value
    assert "184 (2 maps 176)" in list(table["Channels"])
    away = [float(re.sub("[−+ %]", "", text)) for text in table["against the first"]]
    assert max(away) <= 2 and "equal within 1.5 %" in html(app)


@pytest.mark.parametrize("arch", ["studentnet", "mobilenet_v2", "shufflenet_v1", "squeezenet"])
@pytest.mark.parametrize("preset", ["imagenet", "small"])
def test_the_lens_is_on_the_architecture_of_the_recipe(arch, preset):
    app = open_guidelines(arch=arch, view="lens", preset=preset)
    assert not app.exception and "operations" in said(app)
    assert len(app.dataframe[0].value) == 6


def test_another_width_has_no_example_and_says_so():
    app = open_guidelines(arch="studentnet", width="0.4", view="lens")
    assert not app.exception
    assert "No example of this width is stored." in html(app) and "measure them" in html(app)


@pytest.mark.parametrize("scene", ["digits", "digits64", "imagenet"])
@pytest.mark.parametrize("held", ["macs", "accuracy"])
def test_flops_and_speed_at_equal_macs_or_equal_accuracy(scene, held):
    app = open_guidelines(view="speed", scene=scene, held=held)
    assert not app.exception and said(app)
    if held == "accuracy" and scene != "imagenet":
        assert "of 2,160 test images right" in html(app) and "gets there fastest" in said(app)
    else:
        assert "takes" in said(app) and "MACs" in said(app)


@pytest.mark.parametrize("accuracy", [93, 95, 96, 97, 97.5, 98])
def test_every_accuracy_has_a_sentence(accuracy):
    app = open_guidelines(view="speed", held="accuracy", accuracy=str(accuracy))
    assert not app.exception and not app.warning and said(app)


@pytest.mark.parametrize(
    ("params", "sentence", "taken"),
    [
        ({"view": "g5"}, "The view cannot be 'g5'. Allowed: g1, g2, g3, g4, lens, speed.", "g1"),
        ({"g1": "1 : 3"}, "The ratio cannot be '1 : 3'. Allowed: 1 : 1, 1 : 2, 1 : 6, 1 : 12.", "1 : 12"),
        ({"scale": "3.9"}, "The number of times the channels cannot be '3.9'. Allowed: 1, 2, 4.", "4"),
        ({"view": "g2", "map": "inf"}, "The map size cannot be 'inf'.", "56"),
        ({"view": "speed", "held": "<b>luck</b>"}, "The quantity held equal cannot be '<b>luck</b>'.", "macs"),
        ({"view": ["g1", "lens"]}, "The view stands in the address more than once; one is allowed.", "the first"),
    ],
)
def test_rubbish_in_the_address_is_a_sentence_and_the_nearest(params, sentence, taken):
    app = open_guidelines(**params)
    assert not app.exception and said(app)
    assert sentence in warnings(app) and f"Taken instead: {taken}." in warnings(app)


def test_macs_of_another_scene_become_the_nearest_of_this_one():
    app = open_guidelines(view="speed", scene="imagenet", macs="1000000")
    assert not app.exception and knob(app, "MACs an image").value == 40_000_000


def until(app: AppTest, text: str) -> None:
    for _ in range(100):
        if text in html(app.run()):
            return
        time.sleep(0.2)
    raise AssertionError(f"'{text}' does not come")


def test_a_measurement_goes_on_beside_the_page_and_stands_for_everyone(monkeypatch):
    monkeypatch.setattr(measure, "BUDGETS_S", dict.fromkeys(measure.BUDGETS_S, 0.3))
    app = open_guidelines(view="g3", map="14", scale="1")
    app.main.button[0].click().run()
    assert not app.exception
    until(app, "Measured on this machine")
    assert [button.label for button in app.main.button] == ["Measure again"]
    assert " here, " in said(app) and "example" not in said(app)
    other = open_guidelines(view="g3", map="14", scale="1")
    assert said(other) == said(app)  # the same question has the same answer
    assert "Example run on" in html(open_guidelines(view="g3", map="28", scale="1"))  # another question
    other.main.button[0].click().run()
    until(other, "Measured on this machine")
    assert not other.exception


def test_the_recipe_survives_the_page():
    app = open_guidelines(arch="studentnet", prune="0.3", view="g2")
    assert app.session_state["address"].recipe.prune == 0.3
    knob(app, "Channels ×").set_value(2).run()
    assert address(app) == {"arch": "studentnet", "prune": "0.3", "view": "g2", "scale": "2"}


# The engine's part


def wait_until(true) -> None:
    for _ in range(300):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it does not come true")


def test_one_question_is_measured_once_at_a_time_and_its_progress_is_seen():
    engine, go, runs = Engine(), threading.Event(), []

    def compute(watch: Watch) -> str:
        runs.append(1)
        watch.progress(0.5)
        go.wait(5)
        return f"answer {len(runs)}"

    for _ in range(3):
        engine.beside.measure("question", compute)
    wait_until(lambda: engine.beside.measuring("question").share == 0.5)
    assert engine.beside.measured("question") is None
    go.set()
    wait_until(lambda: engine.beside.measuring("question") is None)
    assert engine.beside.measured("question") == "answer 1"
    engine.beside.measure("question", compute)
    wait_until(lambda: engine.beside.measured("question") == "answer 2")


def test_a_measurement_stopped_or_failed_leaves_what_was_known(caplog):
    engine = Engine()
    engine.beside.measure("question", lambda _: "known")
    wait_until(lambda: engine.beside.measured("question") == "known" and engine.beside.measuring("question") is None)

    def until_stopped(watch: Watch) -> str:
        while not watch.stopped():
            time.sleep(0.01)
        raise Stopped

    engine.beside.measure("question", until_stopped)
    engine.beside.measuring("question").stop.set()
    wait_until(lambda: engine.beside.measuring("question") is None)
    engine.beside.measure("question", lambda _: 1 / 0)
    wait_until(lambda: engine.beside.measuring("question") is None)
    assert engine.beside.measured("question") == "known" and "A measurement failed." in caplog.text


def test_while_a_round_is_timed_nobody_computes_and_in_between_visitors_go_first():
    engine, order = Engine(), []
    turn = LowPriority(engine.gate)
    entered, leave = threading.Event(), threading.Event()

    def visitor() -> None:
        with engine.gate:
            order.append("visitor")

    def measuring() -> None:
        with turn:
            order.append("first round")
            entered.set()
            leave.wait(5)
        with turn:
            order.append("second round")

    background = threading.Thread(target=measuring)
    background.start()
    entered.wait(5)
    visitors = [threading.Thread(target=visitor) for _ in range(3)]
    for one in visitors:
        one.start()
    wait_until(lambda: engine.gate.visitors == 4)
    assert order == ["first round"]
    leave.set()
    for one in (*visitors, background):
        one.join(5)
    assert order == ["first round", *["visitor"] * 3, "second round"]
