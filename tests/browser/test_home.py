"""The home page: knobs move numbers and figures, and what matters is seen and explained."""

from playwright.sync_api import expect

import compress_core as cc
from compress_core.zoo import architecture
from tests.helpers.browser import eventually, knobs, press, said, sentence, turn, visit

LINK = "/?arch=studentnet&width=0.6&prune=0.4&bits=4&layer=cnn.5.3"


def figures(page) -> list[str]:
    """The marks of each figure, as drawn."""
    return page.locator(".js-plotly-plot .cartesianlayer").evaluate_all("plots => plots.map(plot => plot.innerHTML)")


def test_each_knob_moves_numbers_and_figures_and_keeps_the_keyboard(tab):
    visit(tab)
    assert knobs(tab) == ["StudentNet", "1.00", "0%", "32 (off)"]
    expect(sentence(tab)).to_contain_text("of 2,000 test images right")  # first of 1,000, then of all that are here
    assert tab.locator(".cc-card").count() == 6 and len(figures(tab)) == 2
    assert tab.locator(".cc-tile img").first.evaluate("image => image.naturalWidth") == 32
    for knob, key in (("Width multiplier", "ArrowLeft"), ("Bit width", "ArrowLeft"), ("Pruning ratio", "ArrowRight")):
        numbers, drawn = tab.locator(".cc-cards").inner_text(), figures(tab)
        press(tab, knob, key)
        assert tab.locator(".cc-cards").inner_text() != numbers
        eventually(tab, lambda drawn=drawn: figures(tab) != drawn, True)
    turn(tab, lambda: tab.keyboard.press("ArrowRight"))  # the slider is the same one, and has the focus
    assert knobs(tab) == ["StudentNet", "0.95", "10%", "16"]
    tab.get_by_test_id("stSidebar").get_by_role("combobox", name="Architecture").click()
    options = [architecture(name).title for name in cc.architectures()]
    eventually(tab, tab.get_by_role("option").all_inner_texts, options)


def test_a_cold_link_shows_explains_and_gives_away_the_network(tab, tmp_path):
    visit(tab, LINK)
    assert "40 % of its channels cut, 4-bit weights" in said(tab)
    assert "channels of Block 5 stay" in tab.locator(".cc-read").all_inner_texts()[1]
    for mark in (".cc-sentence", ".cc-cards", ".cc-steps"):
        box = tab.locator(mark).bounding_box()
        assert box["y"] >= 50 and box["y"] + box["height"] <= 900
    assert tab.locator(".cc-cards").evaluate("cards => cards.scrollWidth <= cards.clientWidth")

    explanations = ("accuracy after each", "scaling factor", "File size", "disagreements")
    for popover, part in zip(tab.get_by_test_id("stPopover").all()[:4], explanations, strict=True):
        popover.get_by_role("button").first.click()
        body = tab.get_by_test_id("stPopoverBody").filter(has_text=part)
        expect(body).to_be_visible()
        tab.keyboard.press("Escape")
        expect(body).to_have_count(0)

    with tab.expect_download() as started:
        tab.get_by_test_id("stDownloadButton").get_by_role("button").click()
    path = tmp_path / started.value.suggested_filename
    started.value.save_as(path)
    shown = cc.measure(cc.compress(cc.Recipe(width=0.6, prune=0.4, bits=4)), timed=False)
    assert path.stat().st_size == shown.file_bytes
    cc.load_file(path)
