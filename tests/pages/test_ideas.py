"""The page of ideas under AppTest: every idea, its knobs, links and bad addresses."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import ROOT
from tests.pages.test_home import address, html, warnings

LINKS = {
    "separable": {"kernel": "5", "inputs": "32", "outputs": "256", "map": "7"},
    "manifold": {"dims": "9", "seed": "4", "readout": "pinv"},
    "residual": {"thin": "64", "expansion": "3", "map": "7"},
    "fire": {"squeeze": "0.75", "share": "0.25"},
    "groups": {"group_count": "8", "channels": "96", "map": "7"},
}


def open_ideas(**params: str | list[str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/Ideas.py")
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


def knob(app: AppTest, label: str):
    return next(slider for slider in app.main.select_slider if slider.label == label)


def said(app: AppTest) -> str:
    """The sentence for the chosen values."""
    return next(e.proto.body for e in app.get("html") if 'class="cc-sentence"' in e.proto.body)


def formulas(app: AppTest) -> list[str]:
    return [element.value for element in app.main.markdown if element.value.startswith("$")]


@pytest.mark.parametrize("idea", LINKS)
def test_each_idea_has_a_sentence_a_formula_figures_and_an_explanation(idea):
    app = open_ideas(idea=idea)
    assert not app.exception and not app.warning
    assert said(app) and len(formulas(app)) == 1
    assert len(app.get("plotly_chart")) == (3 if idea == "groups" else 2)
    assert "et al. 20" in " ".join(element.value for element in app.main.markdown)


@pytest.mark.parametrize("idea", LINKS)
def test_a_link_reproduces_what_was_prepared(idea):
    app = open_ideas(arch="studentnet", idea=idea, **LINKS[idea])
    assert not app.exception and not app.warning
    assert [str(slider.value) for slider in app.main.select_slider] == list(LINKS[idea].values())
    assert said(app) != said(open_ideas(idea=idea))


@pytest.mark.parametrize(
    ("idea", "label", "value", "name"),
    [
        ("separable", "Kernel k × k", 7, "kernel"),
        ("separable", "Output channels N", 16, "outputs"),
        ("manifold", "Dimensions n", 12, "dims"),
        ("manifold", "Random matrix T, seed", 7, "seed"),
        ("manifold", "Read back by", "pinv", "readout"),
        ("residual", "Expansion t", 2, "expansion"),
        ("fire", "Squeeze ratio SR", 0.5, "squeeze"),
        ("fire", "Share of 3×3 filters", 0.99, "share"),
        ("groups", "Groups g", 8, "group_count"),
    ],
)
def test_a_knob_changes_the_reading_and_the_address(idea, label, value, name):
    app = open_ideas(arch="studentnet", idea=idea)
    before = said(app)
    knob(app, label).set_value(value).run()
    assert not app.exception and said(app) != before
    assert address(app) == {"arch": "studentnet", "idea": idea, name: str(value)}


def test_a_knob_turned_back_to_zero_stays_there():
    app = open_ideas(idea="manifold", seed="5")
    knob(app, "Random matrix T, seed").set_value(0).run()
    assert knob(app, "Random matrix T, seed").value == 0 and address(app)["seed"] == "0"


def test_another_idea_keeps_the_knobs_of_the_first():
    app = open_ideas(arch="studentnet", idea="separable", kernel="5")
    app.main.button_group[0].set_value("fire").run()
    assert address(app) == {"arch": "studentnet", "idea": "fire", "kernel": "5"} and "SR 0.125" in said(app)
    app.main.button_group[0].set_value("separable").run()
    assert knob(app, "Kernel k × k").value == 5


@pytest.mark.parametrize(
    ("params", "sentence", "taken"),
    [
        ({"idea": "cold fusion"}, "The idea cannot be 'cold fusion'. Allowed: separable, manifold,", "separable"),
        ({"kernel": "4.2"}, "The kernel size cannot be '4.2'. Allowed: 1, 3, 5, 7.", "5"),
        ({"kernel": "inf"}, "The kernel size cannot be 'inf'.", "7"),
        ({"kernel": "nan"}, "The kernel size cannot be 'nan'.", "3"),
        ({"outputs": "<b>many</b>"}, "The number of output channels cannot be '<b>many</b>'.", "128"),
        ({"idea": "manifold", "dims": "1000"}, "The number of dimensions cannot be '1000'. Allowed: 2 to 30.", "30"),
        ({"idea": "manifold", "readout": "7"}, "The read-out cannot be '7'. Allowed: fit, pinv.", "fit"),
        ({"idea": ["fire", "groups"]}, "The idea stands in the address more than once; one is allowed.", "the first"),
        ({"map": "m" * 5000}, "(5,000 characters)", "14"),
        ({"layer": "cnn.1"}, "A recipe has no 'layer'", ""),
    ],
)
def test_rubbish_in_the_address_is_a_sentence_and_the_nearest(params, sentence, taken):
    app = open_ideas(**params)
    assert not app.exception and said(app)
    assert sentence in warnings(app)
    assert not taken or f"Taken instead: {taken}." in warnings(app)


def test_a_number_written_otherwise_is_the_same_number():
    app = open_ideas(kernel="5.0")
    assert not app.warning and knob(app, "Kernel k × k").value == 5


def test_times_are_measured_once_and_shared():
    first, second = (open_ideas(idea="separable", kernel="3", inputs="16", outputs="16") for _ in range(2))
    assert said(first) == said(second)
    assert "runs in turn, one image, 1 thread." in html(first)


def test_the_recipe_survives_the_page():
    app = open_ideas(arch="studentnet", prune="0.3", idea="fire")
    assert app.session_state["address"].recipe.prune == 0.3
    knob(app, "Squeeze ratio SR").set_value(1.0).run()
    assert address(app) == {"arch": "studentnet", "prune": "0.3", "idea": "fire", "squeeze": "1.0"}
