"""The page of quantization in a real browser: the bit width, a click on a layer, Back, a budget, light and dark."""

import re
from pathlib import Path

import pytest

from tests.browser.test_ideas import said
from tests.browser.test_journeys import press, query, settle, visit
from tests.browser.test_pruning import calm

LINK = "/Quantization?arch=studentnet&bits=4"


def measured(page) -> None:
    """Wait until nothing is measured beside the page any more."""
    page.wait_for_function("() => !document.body.innerText.includes('beside the page')", timeout=90_000)
    page.wait_for_timeout(700)
    settle(page)


def open_page(page, address: str = LINK) -> None:
    visit(page, address)
    measured(page)


def bars(page):
    """The upper bars of the layers."""
    return page.locator(".st-key-layer-bars .js-plotly-plot .subplot.xy .barlayer .point path")


def click_bar(page, number: int) -> None:
    bar = bars(page).nth(number)
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 6)  # on a log axis bars go on below it


def pick(page, bits: str) -> None:
    group = page.get_by_role("radiogroup").or_(page.get_by_role("group")).filter(has_text="as all")
    calm(page, group.first.get_by_text(bits, exact=True).click)


def test_a_cold_link_shows_the_first_three_things_without_scrolling(tab):
    open_page(tab)
    assert "4-bit weights (per channel, to the nearest level)" in said(tab)
    for plot in tab.locator(".js-plotly-plot").all()[:3]:
        box = plot.bounding_box()
        assert box["y"] >= 50 and box["y"] + box["height"] <= 900
    assert tab.locator(".js-plotly-plot").count() == 4
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_bit_width_moves_the_numbers_and_the_figures(tab):
    open_page(tab)
    before, heights = said(tab), bars(tab).evaluate_all("paths => paths.map(path => path.getAttribute('d'))")
    press(tab, "Bit width", "ArrowLeft")
    measured(tab)
    assert said(tab) != before and "3-bit weights" in said(tab) and "bits=3" in query(tab)
    assert bars(tab).evaluate_all("paths => paths.map(path => path.getAttribute('d'))") != heights
    assert "8 levels in each channel" in tab.locator("body").inner_text()


def test_a_click_on_a_bar_takes_the_layer_and_back_undoes_it(tab):
    open_page(tab)
    calm(tab, lambda: click_bar(tab, 6))
    assert "layer=cnn.3.3" in query(tab) and "weights of Block 3 pointwise go to" in tab.locator("body").inner_text()
    sentence = said(tab)
    pick(tab, "2")
    measured(tab)
    assert "layer_bits=6b2" in query(tab) and "on average" in said(tab)
    assert "go to 4 levels in each channel" in tab.locator("body").inner_text()
    calm(tab, lambda: click_bar(tab, 2))  # bars can be clicked after the figure was drawn anew
    assert "layer=cnn.1.3" in query(tab)
    for _ in range(2):
        calm(tab, tab.go_back)
    assert "layer_bits" not in query(tab) and said(tab) == sentence
    calm(tab, tab.go_back)
    assert "layer" not in query(tab)


def test_the_keyboard_does_the_same(tab):
    open_page(tab, LINK + "&layer=cnn.3.3")
    tab.get_by_role("radio", name="as all: 4").or_(tab.get_by_role("button", name="as all: 4")).first.focus()
    calm(tab, lambda: (tab.keyboard.press("ArrowRight"), tab.keyboard.press("Enter")))
    assert "layer_bits=6b" in query(tab)


def test_a_budget_is_spent_and_reset(tab):
    open_page(tab)
    sentence = said(tab)
    tab.get_by_role("button", name="Spend bytes").click()
    box = tab.get_by_role("spinbutton")
    box.fill("100")
    calm(tab, tab.get_by_role("button", name="Find each layer").click)
    measured(tab)
    length = re.search(r"a file of ([\d.]+) KB", said(tab))
    assert "layer_bits=" in query(tab) and 90 <= float(length[1]) <= 100
    tab.keyboard.press("Escape")
    calm(tab, tab.get_by_role("button", name="Reset").click)
    assert "layer_bits" not in query(tab) and said(tab) == sentence


def test_a_switch_of_the_page_and_the_sidebar_are_one(tab):
    open_page(tab)
    before = said(tab)
    calm(tab, tab.locator(".st-key-page-coding label").first.click)
    assert "coding=huffman" in query(tab) and said(tab) != before
    calm(tab, tab.go_back)
    assert "coding" not in query(tab) and said(tab) == before


def test_three_runtimes_and_their_files(tab):
    from compress_core.quantization.integer import missing

    if missing():
        pytest.skip(missing())
    open_page(tab, "/Quantization?arch=studentnet&width=0.25&bits=4")
    calm(tab, tab.get_by_text("Float and int8, three runtimes").click)
    tab.get_by_text("onnxruntime, int8").wait_for(timeout=90_000)
    settle(tab)
    with tab.expect_download() as started:
        tab.get_by_role("button", name="Download ONNX, int8").click()
    assert started.value.suggested_filename == "studentnet-int8.onnx"


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1920)])
@pytest.mark.parametrize(
    "address", [LINK, "/Quantization?arch=mobilenet_v2&width=0.25&bits=4&layer_bits=3b8.10b2&equalize=on"]
)
def test_light_and_dark_are_readable(chromium, site, theme, width, address):
    context = chromium.new_context(viewport={"width": width, "height": 1800}, color_scheme=theme, base_url=site)
    page = context.new_page()
    open_page(page, address)
    assert page.evaluate((Path(__file__).parent / "unreadable.js").read_text()) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()
