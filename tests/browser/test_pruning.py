"""The page of pruning: tiles under the pointer and the keyboard, Back, the threshold, and nothing that jumps."""

import re

import pytest
from playwright.sync_api import expect

from tests.helpers.browser import choose, eventually, hop, knobs, places, query, said, sentence, settle, turn, visit

TILES = "/Pruning?arch=mobilenet_v2&prune=0.4"
THRESHOLD = "/Pruning?arch=studentnet&prune=0.3"
FIND_TILE = """(board, start) => {
  const seen = board.getBoundingClientRect();
  const words = board.parentElement.querySelector(".words");
  for (let y = 2; y < seen.height; y += 2)
    for (let x = 60; x < seen.width; x += 2) {
      board.dispatchEvent(new PointerEvent("pointermove", {clientX: seen.x + x, clientY: seen.y + y}));
      if (words.textContent.startsWith(start)) return [seen.x + x + 2, seen.y + y + 2];
    }
}"""
COUNT_RUNS = """() => { window.runs = 0; new MutationObserver(() => window.runs++).observe(
  document.querySelector(".stApp"), {attributes: true, attributeFilter: ["data-test-script-state"]}) }"""
WATCH_HEIGHT = """() => { window.heights = new Set(); const look = () => {
  window.heights.add(Math.round(document.querySelector(".st-key-tiles").getBoundingClientRect().height));
  requestAnimationFrame(look) }; look() }"""


def open_tiles(page, address: str = TILES) -> None:
    page.set_viewport_size({"width": 1440, "height": 1600})  # all tiles can be pointed at
    visit(page, address)
    expect(sentence(page)).to_contain_text("of 2,160 test images")  # all are counted
    settle(page)
    page.wait_for_function("() => document.querySelector('.st-key-tiles').getBoundingClientRect().height > 100")
    page.locator(".board").scroll_into_view_if_needed()


def words(page):
    """What is said of the tile under the pointer."""
    return page.locator(".words")


def pixels(page, layer: str = "base") -> str:
    """What is drawn on the canvas of the tiles."""
    return page.locator(f"canvas.{layer}").evaluate("canvas => canvas.toDataURL()")


def point(page, layer: str, channel: int) -> None:
    """Move the pointer to a tile, which is found by what the tiles say."""
    start = f"{layer}, channel {channel} "
    page.mouse.move(5, 5)
    page.mouse.move(*page.locator(".board").evaluate(FIND_TILE, start))
    expect(words(page)).to_have_text(re.compile(f"^{start}"))


def click(page) -> None:
    """Click where the pointer is."""
    turn(page, lambda: (page.mouse.down(), page.mouse.up()))


def test_a_tile_lights_its_twins_a_click_changes_numbers_and_back_undoes_it(tab):
    open_tiles(tab)
    aria = tab.locator(".board").get_attribute("aria-label")
    assert re.match(r"Channel tiles\. [\d,]+ of 4,564 channels in 35 layers stay\.", aria)
    tab.evaluate(COUNT_RUNS)
    hint, base, over = words(tab).inner_text(), pixels(tab), pixels(tab, "over")
    point(tab, "Block 1 project", 2)
    for part in (
        "Second order: ",
        "Written by Block 1 project and Block 2",
        "read by Block 2 expand and Block 3 expand",
    ):
        expect(words(tab)).to_contain_text(part)
    assert pixels(tab, "over") != over and pixels(tab) == base
    tab.mouse.move(5, 5)
    expect(words(tab)).to_have_text(hint)
    assert pixels(tab, "over") == over and tab.evaluate("window.runs") == 0

    before, stood = said(tab), places(tab)
    tab.evaluate(WATCH_HEIGHT)
    point(tab, "Stem", 0)
    was_cut = "is cut" in words(tab).inner_text()
    click(tab)
    assert query(tab).endswith(f"edits=0{'k' if was_cut else 'c'}0")
    assert said(tab) != before and pixels(tab) != base
    eventually(tab, lambda: places(tab), stood)
    expect(words(tab)).to_contain_text("by hand")
    expect(tab.locator("body")).to_contain_text("Changed by hand: 1. The last change: ")
    tab.go_back()
    expect(sentence(tab)).to_have_text(before)
    tab.mouse.move(5, 5)
    eventually(tab, lambda: pixels(tab), base)
    assert "edits" not in query(tab)

    point(tab, "Stem", 0)
    click(tab)
    click(tab)  # as if nothing had been
    assert "edits" not in query(tab) and tab.evaluate("window.heights.size") == 1


@pytest.mark.slow
def test_tiles_are_turned_with_the_keyboard_undone_and_listed(tab):
    open_tiles(tab)
    tab.get_by_role("button", name="As a table").focus()
    tab.keyboard.press("Tab")  # the explanation
    for key, start in (
        ("Tab", "Stem, channel 0 "),
        ("ArrowRight", "Stem, channel 1 "),
        ("ArrowDown", "Block 0 project, channel 1 "),
        ("End", "Block 0 project, channel 7 "),
        ("ArrowRight", "Block 1 expand, channel 0 "),
    ):
        tab.keyboard.press(key)
        expect(words(tab)).to_have_text(re.compile(f"^{start}"))
    turn(tab, lambda: tab.keyboard.press("Enter"))
    first = query(tab)
    assert re.search(r"edits=2[kc]0$", first)
    expect(words(tab)).to_contain_text("by hand")
    tab.keyboard.press("ArrowRight")  # the focus is where it was
    expect(words(tab)).to_have_text(re.compile("^Block 1 expand, channel 1 "))
    turn(tab, lambda: tab.keyboard.press("Enter"))
    assert query(tab) != first
    turn(tab, tab.get_by_role("button", name="Undo").click)
    assert query(tab) == first
    turn(tab, tab.get_by_role("button", name="Reset").click)
    assert "edits" not in query(tab)
    tab.get_by_role("button", name="As a table").click()
    expect(tab.get_by_test_id("stPopoverBody").get_by_test_id("stDataFrame")).to_be_visible()


def test_the_threshold_stands_at_the_line_keeps_the_keyboard_and_moves_the_ratio(tab):
    open_tiles(tab, THRESHOLD)
    thumb = tab.locator(".st-key-cc-threshold input").bounding_box()["x"]
    line = tab.locator(".js-plotly-plot .shapelayer path").first.bounding_box()
    assert abs(thumb - (line["x"] + line["width"] / 2)) < 8
    tab.get_by_role("slider", name="Threshold").focus()
    ratios = [0.3]
    for _ in range(3):
        turn(tab, lambda: tab.keyboard.press("ArrowRight"))  # without focusing it anew
        ratios.append(float(re.search(r"prune=([\d.]+)", query(tab))[1]))
        assert abs(float(knobs(tab)[2].strip("%")) - 100 * ratios[-1]) <= 0.51
    assert ratios == sorted(set(ratios))


@pytest.mark.slow
def test_a_lecture(tab):
    visit(tab, "/Pruning?arch=studentnet&prune=0.4")
    for name, view, heading in (
        ("Every criterion", "criteria", "40 % of the channels cut by each criterion"),
        ("Every healing", "healing", "The same cut, healed"),
        ("Weights against channels", "versus", "Holes against a smaller matrix"),
    ):
        choose(tab, name)
        expect(tab.get_by_text(heading)).to_be_visible()
        expect(tab.locator("body")).not_to_contain_text("in the background")
        assert f"view={view}" in query(tab)
    assert tab.locator(".cc-comparison tbody tr").count() == 6
    tab.go_back()
    expect(tab.get_by_text("The same cut, healed")).to_be_visible()
    hop(tab, "Compress")
    assert "40 % of its channels cut" in said(tab) and "view" not in query(tab)
