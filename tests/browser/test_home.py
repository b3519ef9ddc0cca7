"""The home page: knobs move numbers and figures, and what matters is seen and explained."""

import pytest
from playwright.sync_api import Page, expect

import compress_core as cc
from compress_core.text import numbers
from compress_core.zoo import architecture
from tests.helpers.browser import eventually, knobs, press, query, said, sentence, settle, turn, visit
from ui.knobs import RATIOS, STOPS

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
    for popover, part in zip(
        tab.get_by_test_id("stMain").get_by_test_id("stPopover").all()[:4], explanations, strict=True
    ):
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


def put(page: Page, knob: str, share: float) -> None:
    """Click on a slider's track, at a share of its length."""
    thumb = page.get_by_test_id("stSidebar").get_by_role("slider", name=knob).first
    track = thumb.locator("xpath=../../..").bounding_box()  # the input, a point, the knob itself, its track
    y = thumb.bounding_box()["y"]
    turn(page, lambda: page.mouse.click(track["x"] + share * track["width"], y))


def test_a_newcomer_is_two_clicks_from_half_the_channels_and_four_bits(tab):
    """From the plain address; the sentence, the cards and the figure say what `measure` says of that recipe."""
    visit(tab)
    put(tab, "Pruning ratio", 0.5 / RATIOS[-1])
    put(tab, "Bit width", STOPS["bits"].index(4) / (len(STOPS["bits"]) - 1))
    assert knobs(tab)[2:] == ["50%", "4"]
    expect(sentence(tab)).to_contain_text("on 2,000 photographs")
    settle(tab)
    recipe = cc.Recipe(dataset="cifar10", prune=0.5, bits=4)
    own, original = (cc.measure(cc.compress(one), timed=False) for one in (recipe, cc.Recipe(dataset="cifar10")))
    lost = 100 * (original.accuracy - own.accuracy)
    assert "50 % of its channels cut, 4-bit weights" in said(tab) and f"{lost:.1f} ± " in said(tab)
    assert f"{numbers.factor(original.file_bytes / own.file_bytes)} times smaller" in said(tab)
    cards = [card.inner_text().split("\n")[1] for card in tab.locator(".cc-card").all()[:4]]
    assert cards[:2] == [numbers.percent(own.accuracy), numbers.size(own.file_bytes)]
    assert cards[2:] == [numbers.count(own.params), numbers.count(own.macs)]
    mark = (
        "plot => plot._fullData.filter(trace => trace.name === 'this recipe').map(trace => [trace.x[0], trace.y[0]])[0]"
    )
    x, y = tab.locator(".st-key-tradeoff .js-plotly-plot").evaluate(mark)
    assert (x, y) == (pytest.approx(own.file_bytes / 1000), pytest.approx(100 * own.accuracy))


def test_a_click_takes_a_recipe_and_back_gives_the_last_one_back(tab):
    visit(tab, "/?arch=studentnet&width=0.25&prune=0.5&bits=4")
    expect(sentence(tab)).to_contain_text("on 2,160 digits")  # until then the axis may move
    settle(tab)
    points = tab.locator(".st-key-tradeoff .scatterlayer .trace").first.locator(".point")
    frame = tab.locator(".st-key-tradeoff .nsewdrag").bounding_box()
    boxes = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in map(_box, points.all()) if box]
    inside = [
        (x, y)
        for x, y in boxes
        if 20 < x - frame["x"] < frame["width"] - 20 and 20 < y - frame["y"] < frame["height"] - 20
    ]
    x, y = max(inside, key=lambda place: place[1])  # the lowest, with nothing near it
    before, name = query(tab), said(tab)
    turn(tab, lambda: tab.mouse.click(x, y))
    assert said(tab) != name and query(tab) != before and knobs(tab)[0] == "StudentNet"
    tab.go_back()
    eventually(tab, lambda: query(tab), before)


def _box(point) -> dict | None:
    return point.bounding_box()
