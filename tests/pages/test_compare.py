"""The page of networks beside each other, and recipes that are pinned to stand beside others."""

from functools import partial
from urllib.parse import urlencode

import numpy as np
import pytest

import compress_core as cc
from compress_core.cache import StageCache
from compress_core.data.drawing import draw
from compress_core.recipe import Recipe
from compress_core.studies.compare import Input, study_reading
from tests.helpers import pages
from tests.helpers.pages import texts
from ui.given import Picture

open_page = partial(pages.open_page, "pages/Compare.py")
OWN = {"width": "0.25", "prune": "0.3", "bits": "4"}
PIN = {"a": "arch=squeezenet&width=0.25&bits=4"}
SEVEN = (((0.3, 0.2), (0.7, 0.2), (0.45, 0.8)), ((0.4, 0.5), (0.7, 0.5)))


def columns(app) -> list[list[str]]:
    """The words of each network's column."""
    return [texts(part) for part in app.part("cc-columns").split("<section")[1:]]


def test_all_networks_read_one_image():
    app = open_page(**OWN, **PIN, image="7").fine()
    original, own, pinned = columns(app)
    assert (original[1], own[1], pinned[1]) == ("Original", "This recipe", "A")
    assert "SqueezeNet, width 0.25, 4 bits" in pinned
    reading = study_reading(Recipe(arch="squeezenet", width=0.25, bits=4), StageCache(), Input(7))
    assert pinned[3] == str(reading["label"].iloc[0]) and f"The original says {original[3]} (" in app.said
    again = app.widget("Test image").set_value(8).run().fine()
    assert again.address["image"] == "8" and "a" in again.address


def test_the_next_image_they_differ_on_is_one_click_away():
    app = open_page(**OWN | {"bits": "1"}, image="0").fine()
    for _ in range(2):
        app.widget("Next they differ on").click().run().fine()
        original, own = columns(app)
        assert original[3] != own[3]


def test_a_drawing_is_read_and_kept(monkeypatch):
    app = open_page(**OWN, source="draw").fine()
    assert "Give an image" in app.said
    app.session_state["drawn"] = SEVEN
    app.run().fine()
    assert "The original says 7 (" in app.said and "As networks see it: 32×32" in app.html
    elsewhere = (
        app.switch_page("pages/Ideas.py").run().switch_page("pages/Compare.py").go_to(**OWN, source="draw").fine()
    )
    assert "The original says 7 (" in elsewhere.said
    assert "says 7" in elsewhere.go_to(**OWN, source="draw", view="ladder").fine().said


@pytest.mark.parametrize("view", [{}, {"view": "ladder"}, {"view": "inside"}, {"view": "inside", "inside": "looks"}])
def test_a_picture_that_was_given_stands_on_every_view(view):
    app = open_page(**OWN, source="upload", **view).fine()
    assert "Give an image" in app.said
    app.session_state["given by upload"] = Picture("1", "seven.png", draw(SEVEN))
    app.run().fine()
    assert "Give an image" not in app.said and "The last one: seven.png" in app.html


def test_a_picture_without_a_digit_is_a_sentence_and_loses_nothing():
    app = open_page(**OWN, **PIN, source="camera")
    app.session_state["given by camera"] = Picture("1", "wall.jpg", np.full((40, 40, 3), 128, np.uint8))
    app.run().complains("There is no digit to be seen")
    assert app.address == {"source": "camera", **OWN, **PIN}


def test_photographs_are_not_drawn():
    app = open_page(dataset="cifar10", source="draw").fine()
    assert "Draw" not in str(app.widget("Source of the image").options) and "The original says" in app.said


def test_where_they_differ_is_counted():
    app = open_page(**OWN | {"bits": "2"}, view="differ").fine()
    differ = int(app.said.partition("differ on ")[2].split(" ")[0])
    lost, won, neither = (int(app.said.partition(word)[0].split()[-1]) for word in (" lost", " won", " wrong"))
    assert differ == lost + won + neither > 0 and len(app.charts) == 2
    assert app.part("cc-tiles").count('class="cc-large"') == min(differ, 16)
    only = app.widget("Choice of images").set_value("lost").run().fine()
    assert only.part("cc-tiles").count("✓") == only.part("cc-tiles").count('class="cc-large"') == min(lost, 16)
    assert "Turn a knob" in open_page(view="differ").fine().said


def test_the_inside_of_a_layer_is_shown():
    app = open_page(prune="0.5", bits="4", view="inside").fine()
    assert "channels are cut" in app.said and len(app.charts) == 1
    other = app.widget("Layer shown").set_value("cnn.6.3").run().fine()
    assert other.said != app.said or other.address["layer"] == "cnn.6.3"
    filters = other.widget("Part of the inside").set_value("filters").run().fine()
    assert "4-bit weights move them by" in filters.said and filters.address["layer"] == "cnn.6.3"
    assert "places" in filters.widget("Part of the inside").set_value("looks").run().fine().said


def test_the_ladder_is_built_rung_by_rung_and_a_rung_is_taken(begin_work):
    app = open_page(view="ladder", image="3").fine()
    assert app.part("cc-ladder").count('class="cc-rung') >= 4 and "…" in texts(app.part("cc-ladder"))
    begin_work()
    app.come_back_until(lambda page: "…" not in texts(page.part("cc-ladder")))
    assert "KB" in app.part("cc-ladder")
    app.widget("Take 3").click().run().fine()
    assert app.address["arch"] == "studentnet" and app.address["bits"] != "32"


def test_recipes_are_pinned_stand_beside_others_and_go():
    app = pages.open_page("app.py", **OWN).fine()
    assert not app.warning and "cc-numbers" not in app.html
    app.knob("Pin").click().run().fine()
    assert Recipe.from_query(app.address["a"]) == Recipe(width=0.25, prune=0.3, bits=4)
    app.knob("Bit width").set_value(2).run().fine()
    head = texts(app.part("cc-numbers"))
    assert {"Original", "This recipe", "A"} <= {word.strip() for word in head}
    app.knob("Pin").click().run().fine()
    assert Recipe.from_query(app.address["b"]).bits == 2
    compare = pages.open_page("pages/Compare.py", **app.address).fine()
    assert [column[1] for column in columns(compare)] == ["Original", "This recipe", "A", "B"]
    compare.knob("Take A").click().run().fine()
    assert compare.knob("Bit width").value == 4 and compare.address["b"] == app.address["b"]
    compare.knob("Let A go").click().run().fine()
    assert "a" not in compare.address and [column[1] for column in columns(compare)][2:] == ["B"]


def test_every_recipe_of_a_visit_stands_there_and_is_taken_again(begin_work):
    app = pages.open_page("app.py", **OWN).fine()
    app.knob("Bit width").set_value(2).run().fine()
    app.switch_page("pages/Pruning.py").run().knob("Architecture").set_value("squeezenet").run().fine()
    visit = app.switch_page("pages/Compare.py").go_to(**app.address, view="visit").fine()
    begin_work()
    visit.come_back_until(lambda page: all("…" not in button.label for button in strip(page)))
    names = [button.label.partition("  \n")[2] for button in strip(visit)]
    assert names == [
        "SqueezeNet, width 0.25, 30 % cut, 2 bits",
        "StudentNet, width 0.25, 30 % cut, 2 bits",
        "StudentNet, width 0.25, 30 % cut, 4 bits",
    ]
    assert "3 recipes in this visit" in visit.said and all("KB" in button.label for button in strip(visit))
    strip(visit)[2].click().run().fine()
    assert visit.address["arch"] == "studentnet" and visit.address["bits"] == "4"


def strip(app) -> list:
    return [button for button in app.main.button if button.key.startswith("again")]


def test_what_is_pinned_of_another_dataset_has_numbers_but_reads_nothing_here():
    app = open_page(dataset="cifar10", a="arch=studentnet&width=0.25").fine()
    assert [column[1] for column in columns(app)] == ["Original"]
    assert "Handwritten digits" in app.part("cc-numbers")


@pytest.mark.parametrize("page", ["app.py", "pages/Compare.py", "pages/Ideas.py"])
def test_a_bad_pin_is_a_sentence(page):
    app = pages.open_page(page, **OWN, a="arch=studentnet&bits=99", b="%%%&x=1", c=urlencode({"arch": "no"}))
    app.complains("Pinned as A: The bit width cannot be 99", "Pinned as B", "Pinned as C")
    assert app.knob("Bit width").value == 4


def test_a_pin_that_cannot_be_read_is_left_out(folder):
    pages.truncate(folder, "shufflenet_v2")
    app = open_page(**OWN, a="arch=shufflenet_v2", b="width=0.25")
    app.complains("A: ")
    assert [column[1] for column in columns(app)] == ["Original", "This recipe", "B"]


def test_bad_addresses_are_sentences():
    app = open_page(view="x", source="radio", image="-4", inside="out", layer="nowhere", which="none")
    app.complains("'x'", "'radio'", "'-4'", "'out'", "'nowhere'", "'none'")
    assert cc.dataset("cifar10").classes  # the page stands all the same
    assert "The original says" in app.said


def test_every_page_offers_the_file_in_every_form_and_a_report():
    app = pages.open_page("pages/Ideas.py", **OWN).fine()
    assert any(box.proto.popover.label == "Save" for box in app.sidebar.get("popover")) or "Save" in str(app.sidebar)


def test_a_drawing_that_is_none_is_a_sentence_and_the_one_before_stays():
    app = open_page(**OWN, source="draw").fine()
    app.session_state["drawn"], app.session_state["not drawn"] = SEVEN, "This drawing leaves its board. Draw it anew."
    app.run().complains("leaves its board")
    assert "The original says 7 (" in app.said
    app.run().fine()
