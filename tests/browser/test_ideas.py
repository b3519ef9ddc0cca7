"""A lecture on the page of ideas: a prepared link, the keyboard, Back, and the way home."""

import pytest
from playwright.sync_api import expect

from tests.helpers.browser import choose, hop, press, query, said, sentence, settle, visit


@pytest.mark.slow
def test_a_lecture(tab):
    visit(tab, "/Ideas?arch=studentnet&prune=0.3&idea=manifold&dims=2&seed=3")
    assert "In 2 dimensions" in said(tab)
    for _ in range(3):
        press(tab, "Dimensions n", "ArrowRight")
    assert "In 5 dimensions" in said(tab) and "dims=5" in query(tab)
    choose(tab, "Inverted residual")
    assert "idea=residual" in query(tab) and "turned inside out" in said(tab)
    tab.go_back()
    expect(sentence(tab)).to_contain_text("In 5 dimensions")  # its knobs were kept
    settle(tab)
    tab.get_by_test_id("stMain").get_by_test_id("stPopover").get_by_role("button").click()
    expect(tab.get_by_test_id("stPopoverBody")).to_contain_text("section 3.2")
    tab.keyboard.press("Escape")
    hop(tab, "Compress")
    assert "30 % of its channels cut" in said(tab) and "dims" not in query(tab)
