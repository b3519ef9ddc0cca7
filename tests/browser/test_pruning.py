"""The page of pruning in a real browser: tiles under the pointer and the keyboard, Back, and nothing that jumps."""

import re
from pathlib import Path

import pytest

from tests.browser.test_ideas import said
from tests.browser.test_journeys import press, query, settle, visit

LINK = "/Pruning?arch=mobilenet_v2&prune=0.4"


def board(page):
    return page.locator(".board")


def words(page) -> str:
    return page.locator(".words").inner_text()


def open_page(page, address: str = LINK) -> None:
    visit(page, address)
    page.wait_for_function("() => document.querySelector('.st-key-tiles')?.getBoundingClientRect().height > 100")
    board(page).scroll_into_view_if_needed()
    page.wait_for_timeout(300)


def pixels(page, layer: str = "base") -> str:
    """What is drawn on the canvas of the tiles."""
    return page.locator(f"canvas.{layer}").evaluate("canvas => canvas.toDataURL()")


def point(page, row: int = 0, tile: int = 0) -> None:
    """Move the pointer to the middle of a tile, found by the keyboard's own way to it."""
    page.mouse.move(5, 5)
    x, y = board(page).evaluate(
        """(board, [row, tile]) => {
          const seen = board.getBoundingClientRect();
          for (let y = 2, rows = -1, last = null; y < seen.height; y += 2)
            for (let x = 60; x < seen.width / 2; x += 2) {
              board.dispatchEvent(new PointerEvent("pointermove", {clientX: seen.x + x, clientY: seen.y + y}));
              if (!board.classList.contains("on-tile")) continue;
              const text = board.parentElement.querySelector(".words").textContent;
              const name = text.split(", channel")[0];
              if (name !== last) { rows++; last = name; }
              if (rows > row) return null;
              if (rows === row && text.startsWith(`${name}, channel ${tile} `))
                return [seen.x + x + 2, seen.y + y + 2];
            }
        }""",
        [row, tile],
    )
    page.mouse.move(x, y)
    page.wait_for_timeout(100)


def calm(page, moved) -> None:
    before = page.url
    moved()
    page.wait_for_function("before => location.href != before", arg=before, timeout=30_000)
    page.wait_for_timeout(200)
    settle(page)


def test_pointing_at_a_tile_lights_its_twins_without_a_rerun(tab):
    open_page(tab)
    tab.evaluate("""() => { window.__ran = 0; new MutationObserver(() => window.__ran++).observe(
        document.querySelector('.stApp'), {attributes: true, attributeFilter: ['data-test-script-state']}) }""")
    before, over = pixels(tab), pixels(tab, "over")
    hint = words(tab)
    point(tab, row=3, tile=2)
    said_of_it = words(tab)
    assert said_of_it.startswith("Block 1 project, channel 2 ") and "|γ|" in said_of_it
    assert "Written by Block 1 project and Block 2 project" in said_of_it
    assert "read by Block 2 expand and Block 3 expand" in said_of_it
    assert pixels(tab, "over") != over and pixels(tab) == before
    tab.mouse.move(5, 5)
    tab.wait_for_timeout(200)
    assert words(tab) == hint and pixels(tab, "over") == over
    assert tab.evaluate("window.__ran") == 0


def test_a_click_changes_the_numbers_and_the_address_and_back_undoes_it(tab):
    open_page(tab)
    sentence, drawn = said(tab), pixels(tab)
    point(tab, row=0, tile=0)
    was_cut = "is cut" in words(tab)
    calm(tab, lambda: tab.mouse.down() or tab.mouse.up())
    assert query(tab).endswith(f"edits=0{'k' if was_cut else 'c'}0")
    assert said(tab) != sentence and pixels(tab) != drawn
    assert "by hand" in words(tab) and "Changed by hand: 1. The last change: " in tab.locator("body").inner_text()
    calm(tab, tab.go_back)
    assert "edits" not in query(tab) and said(tab) == sentence
    tab.mouse.move(5, 5)
    tab.wait_for_timeout(200)
    assert pixels(tab) == drawn


def test_a_second_click_is_as_if_nothing_had_been(tab):
    open_page(tab)
    point(tab, row=0, tile=0)
    calm(tab, lambda: tab.mouse.down() or tab.mouse.up())
    calm(tab, lambda: tab.mouse.down() or tab.mouse.up())
    assert "edits" not in query(tab)


def test_undo_and_reset(tab):
    open_page(tab)
    for tile in (0, 1, 2):
        point(tab, row=0, tile=tile)
        calm(tab, lambda: tab.mouse.down() or tab.mouse.up())
    three = query(tab)
    calm(tab, tab.get_by_role("button", name="Undo").click)
    assert query(tab).count("k") + query(tab).count("c") < three.count("k") + three.count("c")
    calm(tab, tab.get_by_role("button", name="Reset").click)
    assert "edits" not in query(tab)


def test_the_tiles_are_reached_and_turned_with_the_keyboard(tab):
    open_page(tab)
    tab.get_by_role("button", name="As a table").focus()
    tab.keyboard.press("Tab")  # the explanation
    tab.keyboard.press("Tab")
    assert words(tab).startswith("Stem, channel 0 ")
    tab.keyboard.press("ArrowRight")
    assert words(tab).startswith("Stem, channel 1 ")
    tab.keyboard.press("ArrowDown")
    assert words(tab).startswith("Block 0 project, channel 1 ")
    tab.keyboard.press("End")
    assert words(tab).startswith("Block 0 project, channel 7 ")
    tab.keyboard.press("ArrowRight")
    assert words(tab).startswith("Block 1 expand, channel 0 ")
    calm(tab, lambda: tab.keyboard.press("Enter"))
    assert re.search(r"edits=2[kc]0$", query(tab))
    assert "by hand" in words(tab)
    tab.keyboard.press("ArrowRight")  # the focus is where it was
    assert words(tab).startswith("Block 1 expand, channel 1 ")


def test_the_tiles_say_what_they_show(tab):
    open_page(tab)
    assert re.match(
        r"Channel tiles\. [\d,]+ of 4,564 channels in 35 layers stay\.", board(tab).get_attribute("aria-label")
    )
    tab.get_by_role("button", name="As a table").click()
    tab.get_by_test_id("stPopoverBody").get_by_test_id("stDataFrame").wait_for()


def test_the_threshold_keeps_the_keyboard_and_moves_the_ratio(tab):
    open_page(tab, "/Pruning?arch=studentnet&prune=0.3")
    ratios = []
    for _ in range(3):
        press(tab, "Threshold", "ArrowRight")
        ratios.append(float(re.search(r"prune=([\d.]+)", query(tab))[1]))
        shown = tab.get_by_role("slider", name="Pruning ratio").first.get_attribute("aria-valuetext")
        assert abs(float(shown.strip("%")) - 100 * ratios[-1]) <= 0.51
    assert 0.3 < ratios[0] < ratios[1] < ratios[2]
    assert tab.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.tagName")
    tab.keyboard.press("ArrowRight")  # without focusing it anew
    tab.wait_for_function("before => !location.href.endsWith(before)", arg=query(tab))


def test_the_slider_stands_where_the_axis_does(tab):
    open_page(tab, "/Pruning?arch=studentnet&prune=0.3")
    tab.mouse.move(5, 5)
    thumb = tab.locator(".st-key-cc-threshold input").bounding_box()["x"]
    line = tab.locator(".js-plotly-plot .shapelayer path").first.bounding_box()
    assert abs(thumb - (line["x"] + line["width"] / 2)) < 8


@pytest.mark.parametrize("arch", ["studentnet", "mobilenet_v2"])
def test_nothing_jumps(tab, arch):
    open_page(tab, f"/Pruning?arch={arch}&prune=0.4")

    def places() -> list:
        return tab.evaluate(
            """() => [...document.querySelectorAll('.cc-sentence, .cc-badge, .cc-h, .st-key-tiles, .stPlotlyChart')]
              .map(e => e.getBoundingClientRect()).map(box => [box.x, box.y, box.height].map(Math.round).join(' '))"""
        )

    stood = places()
    tab.evaluate(
        """() => { window.__heights = new Set(); const look = () => {
          window.__heights.add(Math.round(document.querySelector('.st-key-tiles').getBoundingClientRect().height));
          requestAnimationFrame(look) }; look() }"""
    )
    press(tab, "Pruning ratio", "ArrowRight")
    tab.wait_for_timeout(300)
    assert places() == stood
    point(tab, row=0, tile=0)
    calm(tab, lambda: tab.mouse.down() or tab.mouse.up())
    assert places() == stood
    assert len(tab.evaluate("[...window.__heights]")) == 1


def test_a_lecture(tab):
    open_page(tab, "/Pruning?arch=studentnet&prune=0.4")
    for name, view, heading in (
        ("Every criterion", "criteria", "40 % of the channels cut by each criterion"),
        ("Every healing", "healing", "The same cut, healed"),
        ("Weights against channels", "versus", "Holes against a smaller matrix"),
    ):
        calm(tab, tab.get_by_role("radio", name=name).or_(tab.get_by_role("button", name=name)).first.click)
        tab.get_by_text(heading).wait_for(timeout=60_000)
        settle(tab)
        assert f"view={view}" in query(tab)
    assert tab.locator(".cc-comparison tbody tr").count() == 6
    calm(tab, tab.go_back)
    assert "view=healing" in query(tab)
    tab.get_by_test_id("stSidebar").get_by_role("link", name="Compress").click()
    tab.wait_for_timeout(600)
    settle(tab)
    assert "40 % of its channels cut" in said(tab) and "view" not in query(tab)


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1920)])
@pytest.mark.parametrize("view", ["criteria", "healing", "versus"])
def test_light_and_dark_are_readable(chromium, site, theme, width, view):
    context = chromium.new_context(viewport={"width": width, "height": 2000}, color_scheme=theme, base_url=site)
    page = context.new_page()
    open_page(page, f"/Pruning?arch=studentnet&prune=0.4&view={view}")
    assert page.evaluate((Path(__file__).parent / "unreadable.js").read_text()) == []
    text = page.locator(".board").evaluate("board => getComputedStyle(board).color")
    assert (sum(map(int, re.findall(r"\d+", text)[:3])) > 400) == (theme == "dark")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()
