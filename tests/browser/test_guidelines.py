"""The guidelines measured on this machine: with the keyboard, with Stop, and in a lecture."""

import pytest
from playwright.sync_api import expect

from tests.helpers.browser import choose, eventually, hop, places, press, query, said, sentence, settle, visit

LINK = "/Guidelines?arch=studentnet"


def source(page):
    """The line that says where the times come from."""
    return page.locator(".cc-under-way")


def button(page, name: str):
    """A button of the page; Streamlit has a Stop of its own, which is seen while a script takes long."""
    return page.get_by_test_id("stMainBlockContainer").get_by_role("button", name=name, exact=True)


def test_a_measurement_goes_by_keyboard_with_stop_and_outlives_other_knobs(tab):
    visit(tab, f"{LINK}&view=speed&scene=digits64")
    button(tab, "Measure on this machine").press("Enter")
    expect(button(tab, "Stop")).to_be_visible()
    press(tab, "MACs per image", "ArrowRight")  # the page answers while it goes on
    button(tab, "Stop").press("Enter")
    expect(button(tab, "Measure on this machine")).to_be_visible()
    expect(source(tab)).to_contain_text("Example run on ")

    visit(tab, f"{LINK}&view=g1&map=14")
    stood = places(tab)
    button(tab, "Measure on this machine").press("Enter")
    expect(tab.get_by_role("progressbar").first).to_be_visible()
    eventually(tab, lambda: places(tab), stood)
    expect(source(tab)).to_contain_text("Measured on this machine")
    settle(tab)
    assert " here, " in said(tab)
    eventually(tab, lambda: places(tab), stood)
    tab.reload()
    expect(source(tab)).to_contain_text("Measured on this machine")
    expect(button(tab, "Measure again")).to_be_visible()


@pytest.mark.slow
def test_a_lecture(tab):
    visit(tab, f"{LINK}&view=g2&g2=g = 4")
    before = said(tab)
    assert before.startswith("g = 4:")
    choose(tab, "Lens")
    assert "view=lens" in query(tab) and "keeps all four guidelines" in said(tab)
    tab.go_back()
    expect(sentence(tab)).to_have_text(before)
    settle(tab)
    tab.get_by_test_id("stMain").get_by_test_id("stPopover").get_by_role("button").click()
    expect(tab.get_by_test_id("stPopoverBody")).to_contain_text("Table 2")
    tab.keyboard.press("Escape")
    hop(tab, "Compress")
    assert "view" not in query(tab)
