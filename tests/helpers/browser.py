"""A visitor's hand and eye in a real Chromium. All of it waits for a state of the page, never for a time."""

import re
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

PATIENCE_S = 240  # something else may keep all cores busy
SCREEN = {"width": 1440, "height": 900}
KNOBS = ("Width multiplier", "Pruning ratio", "Bit width")
UNREADABLE = Path(__file__).with_name("unreadable.js").read_text()
OVERLAPS = Path(__file__).with_name("overlaps.js").read_text().partition("\n")[2]
CALM = 3  # looks in a row that find the page at rest
AT_REST = """calm => {
  const all = selector => [...document.querySelectorAll(selector)];
  const rests = all('[data-test-script-state="notRunning"]').length
    && all(".cc-sentence, [data-testid=stAlert], [data-testid=stMarkdown]").length
    && !all("[data-testid=stSkeleton], [data-stale=true]").length
    && all("[data-testid=stPlotlyChart]").every(chart => chart.querySelector(".js-plotly-plot .cartesianlayer"));
  window.calm = rests ? (window.calm ?? 0) + 1 : 0;
  return window.calm >= calm;
}"""
PLACES = """() => [...document.querySelectorAll(".cc-sentence, .cc-badge, .cc-h, .st-key-tiles, .js-plotly-plot")]
  .map(mark => [mark.getBoundingClientRect(), mark.matches(".js-plotly-plot")])
  .map(([box, drawn]) => [box.x, box.y, box.height, drawn ? box.width : 0].map(Math.round).join(" "))"""

expect.set_options(timeout=1000 * PATIENCE_S)


def settle(page: Page) -> None:
    """Wait until the script rests, nothing is stale, and every figure is drawn."""
    page.evaluate("window.calm = 0")
    page.wait_for_function(AT_REST, arg=CALM, polling=50)
    assert page.get_by_test_id("stException").count() == 0


def visit(page: Page, address: str = "/") -> None:
    """Open a link, which begins a new session, and wait for the page."""
    page.goto(address)
    settle(page)


def turn(page: Page, act: Callable[[], object]) -> None:
    """Do what moves the address, and wait for the page's answer."""
    before = page.url
    act()
    page.wait_for_function("before => location.href !== before", arg=before)
    settle(page)


def press(page: Page, knob: str, key: str) -> None:
    """Turn a slider with the keyboard."""
    turn(page, lambda: page.get_by_role("slider", name=knob).first.press(key))


def choose(page: Page, name: str) -> None:
    """Take one of several views."""
    turn(page, page.get_by_role("radio", name=name).or_(page.get_by_role("button", name=name)).first.click)


def hop(page: Page, name: str) -> None:
    """Go to another page by its link in the sidebar."""
    before = page.evaluate("location.pathname")
    page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
    page.wait_for_function("before => location.pathname !== before", arg=before)
    settle(page)


def eventually(page: Page, read: Callable[[], object], wanted: object) -> None:
    """Wait until what is read is what is wanted, and still is when the page rests."""
    given_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < given_up:
        if read() == wanted:
            settle(page)
            if read() == wanted:
                return
        page.wait_for_timeout(50)
    assert read() == wanted


def sentence(page: Page) -> Locator:
    """The sentence at the top of the page."""
    return page.locator(".cc-sentence")


def said(page: Page) -> str:
    """What that sentence says now."""
    return sentence(page).inner_text()


def knobs(page: Page) -> list[str]:
    """What the knobs below the dataset show; while they are made anew the old ones stand beside the new ones."""
    sidebar = page.get_by_test_id("stSidebar")
    box = sidebar.get_by_role("combobox", name="Architecture").first
    architecture = box.input_value() or re.sub(r"\W*Selected (\w+)\..*", r"\1", box.get_attribute("aria-label"))
    sliders = [sidebar.get_by_role("slider", name=name).first for name in KNOBS]
    return [architecture, *(slider.get_attribute("aria-valuetext") for slider in sliders)]


def query(page: Page) -> str:
    """The address behind its question mark."""
    return page.url.partition("?")[2]


def places(page: Page) -> list[str]:
    """Where the sentence, the headings and the figures stand, and how large they are (how wide: the figures)."""
    return page.evaluate(PLACES)


def check_fits(page: Page, figures: int | None = None) -> None:
    """Nothing is wider than the window, and the figures (or the first few) are seen without scrolling."""
    size = page.viewport_size
    within = ".every(box => box.x >= 0 && box.right <= width && box.y >= 50 && box.bottom <= height)"
    fits = f"""([width, height, figures]) => document.documentElement.scrollWidth <= width
      && [...document.querySelectorAll(".js-plotly-plot")].slice(0, figures)
        .map(plot => plot.getBoundingClientRect()){within}"""
    seen = page.locator(".js-plotly-plot").count() if figures is None else figures
    eventually(page, lambda: page.evaluate(fits, [size["width"], size["height"], seen]), True)


def check_readable(page: Page) -> None:
    """Every text stands out from what lies behind it, in dark and in light."""
    for theme, dark in (("dark", True), ("light", False)):
        page.emulate_media(color_scheme=theme)
        red = "getComputedStyle(document.querySelector('.stApp')).backgroundColor.match(/\\d+/g)[0]"
        eventually(page, lambda red=red: page.evaluate(f"{red} < 128"), dark)
        eventually(page, lambda: page.evaluate(UNREADABLE), [])
