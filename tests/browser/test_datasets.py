"""The dataset is changed on every page, and a visitor's own images become one."""

import re

import pytest
from playwright.sync_api import expect

from tests.data.test_images import encoded, picture, zipped
from tests.helpers.browser import hop, knobs, query, said, sentence, settle, turn, visit
from ui.menu import PAGES


def choose_dataset(page, title: str) -> None:
    """Take another dataset in the sidebar."""

    def take() -> None:
        page.get_by_test_id("stSidebar").get_by_role("combobox", name="Dataset").click()
        page.get_by_role("option", name=title).click()

    turn(page, take)


def test_the_first_screen_shows_photographs_and_digits_are_one_choice_away(tab):
    visit(tab)
    assert "as trained" in said(tab)
    expect(sentence(tab)).to_contain_text("of 2,000 test images right")
    names = tab.locator(".cc-tile > div").all_inner_texts()
    assert {name.removeprefix("is ") for name in names} & {"cat", "dog", "bird", "truck", "ship"}
    choose_dataset(tab, "Handwritten digits")
    assert query(tab) == "arch=studentnet"
    expect(sentence(tab)).to_contain_text("of 2,160 test images right")
    tab.go_back()
    expect(sentence(tab)).to_contain_text("of 2,000 test images right")


@pytest.mark.slow
def test_the_dataset_is_changed_on_every_page(tab):
    visit(tab, "/?arch=studentnet&width=0.5&prune=0.3&bits=4")
    for page in PAGES:
        if page.path != "app.py":
            hop(tab, page.label)
        choose_dataset(tab, "Photographs")
        assert "dataset=cifar10" in query(tab) and "prune=0.3" in query(tab)
        choose_dataset(tab, "Handwritten digits")
        assert "dataset=" not in query(tab) and knobs(tab)[1] == "0.50"
        assert tab.get_by_test_id("stAlert").count() == 0


@pytest.mark.slow
def test_ones_own_images_become_a_dataset_and_a_network_is_trained_on_them(tab, tmp_path):
    files = {f"{name}/{i}.png": encoded(picture()) for name in ("ant", "bee") for i in range(20)}
    zipped(tmp_path / "insects.zip", files | {"ant/list.txt": b"-", "bee/empty.png": b""})
    visit(tab, "/Datasets?arch=studentnet")
    tab.locator("input[type=file]").set_input_files(tmp_path / "insects.zip")
    expect(tab.get_by_text("insects.zip")).to_be_visible()
    tab.get_by_role("button", name="Add them").click()
    expect(sentence(tab)).to_contain_text("insects (own images)")
    settle(tab)
    expect(tab.get_by_test_id("stAlert")).to_contain_text("bee/empty.png: it is empty")
    assert "dataset=own-insects" in query(tab)
    visit(tab, f"/Distillation?{query(tab)}&view=train&epochs=5")
    tab.get_by_role("button", name="Train it", exact=True).click()
    expect(tab.get_by_test_id("stMain")).to_contain_text(re.compile("After epoch 5: labels alone"))
    settle(tab)
    hop(tab, "Compress")
    assert "of 8 test images right" in said(tab)
