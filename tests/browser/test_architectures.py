"""A walk through the architectures: blocks, a budget, Back, and on to the ideas."""

import pytest
from playwright.sync_api import expect

from tests.helpers.browser import choose, hop, press, query, said, sentence, settle, visit


@pytest.mark.slow
def test_a_walk_through_the_architectures(tab):
    visit(tab, "/Architectures?arch=mobilenet_v2&preset=imagenet")
    assert "MobileNetV2: pointwise convolutions" in said(tab)
    expect(tab.locator(".js-plotly-plot").first).to_contain_text("24 → 144")
    press(tab, "Block", "ArrowRight")
    assert "block=4" in query(tab)
    expect(tab.locator("body")).to_contain_text("block 4 of 17")
    choose(tab, "Same budget")
    before = said(tab)
    assert "view=budget" in query(tab)
    press(tab, "Budget", "ArrowRight")
    assert said(tab) != before and "300 M MACs" in said(tab)
    tab.go_back()
    expect(sentence(tab)).to_have_text(before)
    settle(tab)
    hop(tab, "Ideas")
    assert "arch=mobilenet_v2" in query(tab) and "view" not in query(tab)
