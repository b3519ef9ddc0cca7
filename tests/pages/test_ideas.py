"""The page of ideas: every idea, its knobs, links and bad addresses."""

from functools import partial

import pytest

from tests.helpers import pages

IDEAS = {
    "separable": {"Kernel k × k": 5, "Input channels M": 32, "Output channels N": 256, "Map F × F": 7},
    "manifold": {"Dimensions n": 9, "Random matrix T, seed": 4, "Read back by": "pinv"},
    "residual": {"Thin channels C": 64, "Expansion t": 3, "Map F × F": 7},
    "fire": {"Squeeze ratio SR": 0.75, "Share of 3×3 filters": 0.25},
    "groups": {"Groups g": 8, "Channels c, in and out": 96, "Map F × F": 7},
}
SAID = {
    "separable": "5×5, 32 → 256 channels: 23 times fewer MACs",
    "manifold": "In 9 dimensions the read-out is left with a squared error of 28 %.",
    "residual": "12.5 KB instead of 37.6 KB for a 7×7 map",
    "fire": "SR 0.75 with 25 % of 3×3 filters: 3.37 M parameters and 2.47 G MACs.",
    "groups": "the layer could have 272 channels instead of 96.",
}
NAMES = {
    "separable": ["kernel", "inputs", "outputs", "map"],
    "manifold": ["dims", "seed", "readout"],
    "residual": ["thin", "expansion", "map"],
    "fire": ["squeeze", "share"],
    "groups": ["group_count", "channels", "map"],
}
open_page = partial(pages.open_page, "pages/Ideas.py")


@pytest.mark.parametrize("idea", IDEAS)
def test_each_knob_of_an_idea_changes_what_is_said_and_the_address_brings_it_back(idea):
    app, written = open_page(arch="studentnet", prune="0.3", idea=idea), {}
    assert len(app.fine().formulas) == 1 and "et al. 20" in app.explanations
    assert len(app.charts) == (3 if idea == "groups" else 2)
    for (label, value), name in zip(IDEAS[idea].items(), NAMES[idea], strict=True):
        before = app.said, app.formulas
        app.widget(label).set_value(value).run()
        assert (app.fine().said, app.formulas) != before
        written[name] = str(value)
        assert app.address == {"arch": "studentnet", "prune": "0.3", "idea": idea} | written
    assert SAID[idea] in app.said
    again = open_page(**app.address).fine()
    assert again.said == app.said and [again.widget(label).value for label in IDEAS[idea]] == [*IDEAS[idea].values()]


def test_a_knob_turned_back_to_zero_stays_there():
    app = open_page(idea="manifold", seed="5")
    app.widget("Random matrix T, seed").set_value(0).run()
    assert app.widget("Random matrix T, seed").value == 0 and app.address["seed"] == "0"


def test_another_idea_keeps_the_knobs_of_the_first():
    app = open_page(arch="studentnet", idea="separable", kernel="5")
    app.widget("Idea").set_value("fire").run()
    assert app.address == {"arch": "studentnet", "idea": "fire", "kernel": "5"} and "SR 0.125" in app.said
    app.widget("Idea").set_value("separable").run()
    assert app.widget("Kernel k × k").value == 5


def test_rubbish_in_the_address_is_a_sentence_and_the_nearest():
    rubbish = {"idea": ["cold fusion", "fire"], "kernel": "4.2", "inputs": "nan", "outputs": "inf", "layer": "cnn.1"}
    app = open_page(**rubbish, map="7").complains(
        "The idea cannot be 'cold fusion'. Allowed: separable, manifold,",
        "The idea stands in the address more than once; one is allowed. Taken instead: the first.",
        "The kernel size cannot be '4.2'. Allowed: 1, 3, 5, 7. Taken instead: 5.",
        "The number of input channels cannot be 'nan'. Allowed: 8, 16, 32, 64, 128, 256. Taken instead: 64.",
        "A recipe has no 'layer'",
    )
    assert [slider.value for slider in app.main.select_slider] == [5, 64, 256, 7]


def test_times_are_measured_once_and_shared():
    first, second = (open_page(idea="separable", kernel="3", inputs="16", outputs="16") for _ in range(2))
    assert first.said == second.said and "runs in turn, one image, 1 thread." in first.html
