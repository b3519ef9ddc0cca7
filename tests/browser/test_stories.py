"""A talk with the keyboard alone: every story from its first step to its last, and a link that opens one cold."""

import pytest
from playwright.sync_api import expect

from tests.helpers.browser import check_readable, knobs, said, settle, turn, visit
from ui.stories import shipped

SHOWN = """focus => {
  const box = document.querySelector(`.st-key-${focus}`)?.getBoundingClientRect();
  return Boolean(box) && box.width > innerWidth / 3 && box.height > 60;
}"""


@pytest.mark.parametrize(
    "story",
    [s if s.name == "two-bits" else pytest.param(s, marks=pytest.mark.slow) for s in shipped()],
    ids=lambda s: s.name,
)
def test_a_story_is_told_from_first_to_last_with_the_keyboard_alone(tab, story):
    tab.set_viewport_size({"width": 1920, "height": 1080})
    visit(tab, f"/?story={story.name}")
    for number, step in enumerate(story.steps, start=1):
        expect(tab.locator(".cc-say")).to_have_text(step.say)
        settle(tab)
        assert tab.get_by_test_id("stSidebar").count() == 0 or not tab.get_by_test_id("stSidebar").is_visible()
        if step.focus:
            tab.wait_for_function(SHOWN, arg=step.focus)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if number < len(story.steps):
            turn(tab, lambda: tab.keyboard.press("PageDown"))
    turn(tab, lambda: tab.keyboard.press("ArrowLeft"))
    expect(tab.locator(".cc-say")).to_have_text(story.steps[-2].say)
    turn(tab, lambda: tab.keyboard.press("Escape"))
    expect(tab.get_by_test_id("stSidebar")).to_be_visible()
    assert "story" not in tab.url


def test_f_makes_a_page_large_and_its_link_opens_cold(tab):
    visit(tab, "/?arch=studentnet&width=0.25&prune=0.3&bits=4")
    shown, size = said(tab), "parseFloat(getComputedStyle(document.querySelector('.cc-sentence')).fontSize)"
    before = tab.evaluate(size)
    turn(tab, lambda: tab.keyboard.press("f"))
    assert tab.evaluate(size) >= before and not tab.get_by_test_id("stSidebar").is_visible()
    check_readable(tab)
    link = tab.url
    turn(tab, lambda: tab.keyboard.press("Escape"))
    assert knobs(tab)[3] == "4"
    visit(tab, link)
    assert not tab.get_by_test_id("stSidebar").is_visible() and said(tab).split(":")[0] == shown.split(":")[0]


def test_the_address_is_a_qr_code_for_the_hall(tab):
    visit(tab, "/?arch=studentnet&width=0.25&prune=0.3&bits=4")
    tab.get_by_test_id("stSidebar").get_by_role("button", name="Link").click()
    code = tab.get_by_role("img", name="QR code of this address")
    expect(code).to_be_visible()
    assert code.evaluate("image => image.naturalWidth") > 150
    assert "prune=0.3" in tab.get_by_test_id("stCode").inner_text()
