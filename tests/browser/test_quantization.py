"""The page of quantization: the bit width, a click on a layer, Back, a budget, and files for runtimes."""

import re

import pytest
from playwright.sync_api import expect

from compress_core.quantization.integer import missing
from tests.helpers.browser import eventually, places, press, query, said, sentence, settle, turn, visit

LINK = "/Quantization?arch=studentnet&width=0.25&bits=4"


def measured(page) -> None:
    """Wait until nothing is measured in the background any more."""
    expect(page.locator("body")).not_to_contain_text("in the background")
    expect(sentence(page)).to_contain_text("of 2,160 test images")
    settle(page)


def bars(page):
    """The upper bars of the layers."""
    return page.locator(".st-key-layer-bars .js-plotly-plot .subplot.xy .barlayer .point path")


def shapes(page) -> list[str]:
    """How those bars are drawn."""
    return bars(page).evaluate_all("paths => paths.map(path => path.getAttribute('d'))")


def click_bar(page, number: int) -> None:
    """Click a layer's bar near its top: on a log axis bars go on below it."""
    bars(page).nth(number).scroll_into_view_if_needed()
    box = bars(page).nth(number).bounding_box()
    turn(page, lambda: page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 6))


def pick(page, bits: str) -> None:
    """Give the layer shown bits of its own."""
    group = page.get_by_role("radiogroup").or_(page.get_by_role("group")).filter(has_text="as all")
    turn(page, group.first.get_by_text(bits, exact=True).click)


def undo(page, address: str, says: str) -> None:
    """Go Back to what there was."""
    page.go_back()
    eventually(page, lambda: (query(page), said(page)), (address, says))


def test_a_click_on_a_bar_takes_the_layer_and_back_undoes_it(tab):
    visit(tab, LINK)
    measured(tab)
    assert "4-bit weights (per channel, error compensation)" in said(tab)
    assert tab.locator(".js-plotly-plot").count() == 4
    before, plain = said(tab), query(tab)
    click_bar(tab, 6)
    expect(tab.locator("body")).to_contain_text("weights of Block 3 pointwise go to")
    taken = query(tab)
    assert "layer=cnn.3.3" in taken
    pick(tab, "2")
    expect(tab.locator("body")).to_contain_text("go to 4 levels in each channel")
    expect(sentence(tab)).to_contain_text("on average")
    measured(tab)
    own, average = query(tab), said(tab)
    assert "layer_bits=6b2" in own
    click_bar(tab, 2)  # bars can be clicked after the figure was drawn anew
    expect(tab.locator("body")).to_contain_text("weights of Block 1 pointwise go to")
    assert "layer=cnn.1.3" in query(tab)
    undo(tab, own, average)
    undo(tab, taken, before)
    undo(tab, plain, before)


@pytest.mark.slow
def test_the_bit_width_moves_numbers_and_figures_and_a_budget_is_spent_and_reset(tab):
    visit(tab, LINK)
    measured(tab)
    before, drawn, stood = said(tab), shapes(tab), places(tab)
    press(tab, "Bit width", "ArrowLeft")
    measured(tab)
    assert said(tab) != before and "3-bit weights" in said(tab) and "bits=3" in query(tab)
    eventually(tab, lambda: (shapes(tab) != drawn, places(tab)), (True, stood))
    expect(tab.locator("body")).to_contain_text("8 levels in each channel")

    before = said(tab)
    tab.get_by_role("button", name="Spend bytes").click()
    tab.get_by_role("spinbutton").fill("20")
    turn(tab, tab.get_by_role("button", name="Find each layer").click)
    expect(sentence(tab)).not_to_have_text(before)
    measured(tab)
    kilobytes = re.search(r"a file of ([\d.]+) KB", said(tab))
    assert "layer_bits=" in query(tab) and 18 <= float(kilobytes[1]) <= 20
    tab.keyboard.press("Escape")
    turn(tab, tab.get_by_role("button", name="Reset").click)
    expect(sentence(tab)).to_have_text(before)
    assert "layer_bits" not in query(tab)


@pytest.mark.slow
def test_the_keyboard_gives_a_layer_bits_and_a_switch_moves_the_numbers(tab):
    visit(tab, LINK + "&layer=cnn.3.3")
    measured(tab)
    tab.get_by_role("radio", name="as all: 4").or_(tab.get_by_role("button", name="as all: 4")).first.focus()
    turn(tab, lambda: (tab.keyboard.press("ArrowRight"), tab.keyboard.press("Enter")))
    expect(sentence(tab)).to_contain_text("on average")
    measured(tab)
    own, before = query(tab), said(tab)
    assert "layer_bits=6b" in own
    turn(tab, tab.locator(".st-key-page-coding label").first.click)
    expect(sentence(tab)).not_to_have_text(before)
    assert "coding=huffman" in query(tab)
    undo(tab, own, before)


@pytest.mark.slow
@pytest.mark.skipif(bool(missing()), reason=missing() or "")
def test_three_runtimes_and_their_files(tab):
    visit(tab, LINK + "&view=runtimes")
    expect(tab.get_by_text("onnxruntime, int8")).to_be_visible()
    with tab.expect_download() as started:
        tab.get_by_role("button", name="Download ONNX, int8").click()
    assert started.value.suggested_filename == "studentnet-int8.onnx"
