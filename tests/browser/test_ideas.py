"""A lecture on the page of ideas: prepared links, the keyboard, Back, and all of it on one screen."""

import pytest

from tests.browser.test_journeys import press, query, settle, visit

KNOBS = {
    "separable": "Kernel k × k",
    "manifold": "Dimensions n",
    "residual": "Expansion t",
    "fire": "Squeeze ratio SR",
    "groups": "Channels c, in and out",
}


def said(page) -> str:
    return page.locator(".cc-sentence").inner_text()


def boxes(page) -> list[dict]:
    return [plot.bounding_box() for plot in page.locator(".js-plotly-plot").all()]


@pytest.mark.parametrize(("idea", "knob"), KNOBS.items())
def test_an_idea_fits_the_screen_and_stands_still_while_a_knob_turns(tab, idea, knob):
    visit(tab, f"/Ideas?arch=studentnet&idea={idea}")
    before, stood = said(tab), boxes(tab)
    assert all(box["x"] + box["width"] <= 1440 and box["y"] + box["height"] <= 900 for box in stood)
    assert tab.locator("[data-testid=stButtonGroup]").bounding_box()["y"] >= 60  # below Streamlit's own header
    press(tab, knob, "ArrowLeft" if idea != "manifold" and idea != "fire" else "ArrowRight")
    tab.wait_for_timeout(300)
    assert said(tab) != before and boxes(tab) == stood


def test_a_lecture(tab):
    visit(tab, "/Ideas?arch=studentnet&prune=0.3&idea=manifold&dims=2&seed=3")
    assert "In 2 dimensions" in said(tab)
    for _ in range(3):
        press(tab, "Dimensions n", "ArrowRight")
    assert "In 5 dimensions" in said(tab) and "dims=5" in query(tab)

    tab.get_by_role("radio", name="Inverted residual").click()
    tab.wait_for_function("location.href.includes('idea=residual')")
    settle(tab)
    assert "turned inside out" in said(tab)
    tab.go_back()
    tab.wait_for_timeout(400)
    settle(tab)
    assert "In 5 dimensions" in said(tab)  # its knobs were kept

    tab.get_by_test_id("stPopover").get_by_role("button").click()
    assert "section 3.2" in tab.get_by_test_id("stPopoverBody").inner_text()
    tab.keyboard.press("Escape")

    tab.get_by_test_id("stSidebar").get_by_role("link", name="Compress").click()
    tab.wait_for_timeout(600)
    settle(tab)
    assert "30 % of its channels cut" in said(tab) and "dims" not in query(tab)
