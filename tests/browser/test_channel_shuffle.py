"""The shuffle in a real browser: it moves without the server, answers to the keyboard, and fits the screen."""

from pathlib import Path

import pytest

from tests.browser.test_ideas import boxes, said
from tests.browser.test_journeys import press, query, visit

ADDRESS = "/Channel_shuffle?arch=shufflenet_v1"
VIEWS = ("shuffle", "hearing", "unit&prune=0.5", "maps&prune=0.5", "worth")
CENTRES = """() => [...document.querySelectorAll(".st-key-moves .scatterlayer .point")].map(point => {
  const box = point.getBoundingClientRect();
  return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];
})"""
MOVED = "centres => JSON.stringify((" + CENTRES + ")()) !== JSON.stringify(centres)"


def centres(page) -> list[list[int]]:
    """Where each channel stands, in the order of their numbers."""
    return page.evaluate(CENTRES)


def after(page, act) -> list[list[int]]:
    """Where they stand once they have moved and come to rest."""
    before = centres(page)
    act()
    page.wait_for_function(MOVED, arg=before)
    page.wait_for_timeout(1300)
    return centres(page)


def button(page, name: str):
    return page.locator("g.updatemenu-button", has_text=name)


def test_the_animation_steps_plays_and_resets_without_the_server(tab):
    visit(tab, ADDRESS + "&g=3&n=4")
    flat = centres(tab)
    assert len(flat) == 12 and len({y for _, y in flat}) == 1
    assert [x for x, _ in flat] == sorted(x for x, _ in flat)
    tab.context.set_offline(True)  # whatever moves now, moves in the browser
    rows = after(tab, lambda: button(tab, "reshape").click())
    assert len({y for _, y in rows}) == 3 and len({x for x, _ in rows}) == 4
    columns = after(tab, lambda: button(tab, "transpose").click())
    assert len({y for _, y in columns}) == 4 and len({x for x, _ in columns}) == 3
    dealt = after(tab, lambda: button(tab, "flatten").click())
    order = sorted(range(12), key=lambda channel: dealt[channel][0])
    assert order == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]
    assert after(tab, lambda: button(tab, "Reset").click()) == flat
    button(tab, "Play").click()
    tab.wait_for_function("dealt => !(" + MOVED + ")(dealt)", arg=dealt)
    tab.context.set_offline(False)


def test_the_keyboard_drives_the_animation_and_the_knobs(tab):
    visit(tab, ADDRESS + "&g=3&n=4")
    flat = centres(tab)
    button(tab, "reshape").focus()
    rows = after(tab, lambda: tab.keyboard.press("Enter"))
    assert len({y for _, y in rows}) == 3
    tab.keyboard.press("Tab")
    columns = after(tab, lambda: tab.keyboard.press("Space"))
    assert len({y for _, y in columns}) == 4
    press(tab, "Groups g", "ArrowRight")
    assert "g=4" in query(tab) and "4 groups of 4" in said(tab)
    assert len(centres(tab)) == 16 and len(flat) == 12
    button(tab, "transpose").focus()
    assert len({y for _, y in after(tab, lambda: tab.keyboard.press("Enter"))}) == 4


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_fits_the_screen(tab, view):
    visit(tab, f"{ADDRESS}&show={view}")
    assert boxes(tab)
    assert all(box["x"] + box["width"] <= 1440 and box["y"] + box["height"] <= 900 for box in boxes(tab))


def test_figures_stand_still_while_a_knob_turns(tab):
    visit(tab, f"{ADDRESS}&show=hearing")
    stood, before = boxes(tab), said(tab)
    press(tab, "Grouped layers k", "ArrowRight")
    tab.wait_for_timeout(300)
    assert said(tab) != before and boxes(tab) == stood


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1920)])
@pytest.mark.parametrize("view", VIEWS)
def test_light_and_dark_are_readable(chromium, site, theme, width, view):
    context = chromium.new_context(viewport={"width": width, "height": 1400}, color_scheme=theme, base_url=site)
    page = context.new_page()
    visit(page, f"{ADDRESS}&show={view}")
    assert page.evaluate((Path(__file__).parent / "unreadable.js").read_text()) == []
    context.close()
