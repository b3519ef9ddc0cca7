"""Journeys in a real Chromium: knobs, links, Back and Forward, light and dark."""

import re
from pathlib import Path

import pytest

REST = '[data-test-script-state="notRunning"]'
KNOBS = ("Width multiplier", "Pruning ratio", "Bit width")
DEFAULT = ["StudentNet", "1.00", "0%", "32 (off)"]
LINK = "/?arch=studentnet&width=0.6&prune=0.4&bits=4"
LINKED = ["StudentNet", "0.60", "40%", "4"]


def settle(page) -> None:
    """Wait until the script rests and the page has its sentence."""
    page.wait_for_selector(".cc-sentence, [data-testid=stAlert], [data-testid=stMarkdown]", timeout=60_000)
    calm = 0
    for _ in range(600):
        calm = calm + 1 if page.locator(REST).count() and not page.locator('[data-testid="stSkeleton"]').count() else 0
        if calm == 6:
            break
        page.wait_for_timeout(50)
    else:
        raise AssertionError("the page does not come to rest")
    charts = page.locator('[data-testid="stPlotlyChart"]').count()
    if charts:  # plotly itself is loaded after the script has come to rest
        page.locator(".js-plotly-plot .cartesianlayer").nth(charts - 1).wait_for(state="attached", timeout=30_000)
    assert page.locator('[data-testid="stException"]').count() == 0


def visit(page, address: str = "/") -> None:
    page.goto(address)
    settle(page)


def knobs(page) -> list[str]:
    """What the four knobs show."""
    sliders = [page.get_by_role("slider", name=name).first.get_attribute("aria-valuetext") for name in KNOBS]
    box = page.get_by_test_id("stSidebar").get_by_role("combobox").first
    architecture = box.input_value() or re.sub(r"\W*Selected (\w+)\..*", r"\1", box.get_attribute("aria-label"))
    return [architecture, *sliders]


def press(page, knob: str, key: str) -> None:
    slider = page.get_by_role("slider", name=knob).first
    before = page.url
    slider.focus()
    page.keyboard.press(key)
    page.wait_for_function("before => location.href != before", arg=before, timeout=30_000)
    settle(page)


def query(page) -> str:
    return page.url.partition("?")[2]


def figures(page) -> list[str]:
    """The marks of each figure, as drawn."""
    return page.locator(".js-plotly-plot .cartesianlayer").evaluate_all("plots => plots.map(plot => plot.innerHTML)")


def test_the_page_opens_with_numbers_figures_and_images(tab):
    visit(tab)
    assert knobs(tab) == DEFAULT
    assert "of 2,160 test images right" in tab.locator(".cc-sentence").inner_text()
    assert tab.locator(".cc-card").count() == 6 and len(figures(tab)) == 2
    assert tab.locator(".cc-tile img").first.evaluate("image => image.naturalWidth") == 32


def test_what_matters_is_seen_without_scrolling(tab):
    visit(tab, LINK)
    for mark in (".cc-sentence", ".cc-cards", ".cc-steps"):
        box = tab.locator(mark).bounding_box()
        assert box["y"] >= 50 and box["y"] + box["height"] <= 900
    for plot in tab.locator(".js-plotly-plot").all():
        box = plot.bounding_box()
        assert box["y"] + box["height"] <= 900
    assert tab.evaluate(
        "document.querySelector('.cc-cards').scrollWidth <= document.querySelector('.cc-cards').clientWidth"
    )


@pytest.mark.parametrize(
    ("knob", "key"), [("Width multiplier", "ArrowLeft"), ("Pruning ratio", "ArrowRight"), ("Bit width", "ArrowLeft")]
)
def test_each_knob_moves_a_number_and_a_figure(tab, knob, key):
    visit(tab)
    numbers, drawn = tab.locator(".cc-cards").inner_text(), figures(tab)
    press(tab, knob, key)
    tab.wait_for_timeout(300)
    assert tab.locator(".cc-cards").inner_text() != numbers
    assert figures(tab) != drawn


def test_a_knob_keeps_the_keyboard(tab):
    """Turning it makes no new widget: the next key press goes to the same slider."""
    visit(tab)
    tab.get_by_role("slider", name="Pruning ratio").first.focus()
    for ratio in ("5%", "10%", "15%"):
        tab.keyboard.press("ArrowRight")
        tab.wait_for_timeout(400)
        settle(tab)
        assert knobs(tab)[2] == ratio


def test_the_architecture_knob_offers_every_architecture(tab):
    import compress_core as cc
    from compress_core.zoo import architecture

    visit(tab)
    tab.get_by_test_id("stSidebar").get_by_role("combobox").first.click()
    assert tab.get_by_role("option").all_inner_texts() == [architecture(name).title for name in cc.architectures()]


def test_a_cold_deep_link_restores_all_four_knobs(tab):
    visit(tab, LINK)
    assert knobs(tab) == LINKED
    assert "40 % of its channels cut, 4-bit weights" in tab.locator(".cc-sentence").inner_text()


def test_a_copied_link_shows_the_same_page_in_another_browser(tab, chromium, site):
    visit(tab)
    press(tab, "Pruning ratio", "ArrowRight")
    press(tab, "Bit width", "ArrowLeft")
    other = chromium.new_context().new_page()
    visit(other, f"{site}/?{query(tab)}")
    assert knobs(other) == knobs(tab) == ["StudentNet", "1.00", "5%", "16"]
    timeless = ".cc-card:nth-child(-n+4)"  # times are measured once a server, and shared
    assert other.locator(timeless).all_inner_texts() == tab.locator(timeless).all_inner_texts()
    other.context.close()


def test_reload_keeps_the_knobs(tab):
    visit(tab)
    press(tab, "Width multiplier", "ArrowLeft")
    tab.reload()
    settle(tab)
    assert knobs(tab) == ["StudentNet", "0.95", "0%", "32 (off)"]


def test_back_is_undo_and_forward_is_redo(tab):
    visit(tab, LINK)
    for key in ("ArrowRight", "ArrowRight"):
        press(tab, "Pruning ratio", key)
    press(tab, "Bit width", "ArrowLeft")
    seen = []
    for step in (tab.go_back, tab.go_back, tab.go_back, tab.go_forward, tab.go_forward):
        step()
        tab.wait_for_timeout(400)
        settle(tab)
        seen.append(knobs(tab)[2:])
    assert seen == [["50%", "4"], ["45%", "4"], ["40%", "4"], ["45%", "4"], ["50%", "4"]]
    press(tab, "Bit width", "ArrowRight")  # the knobs still turn after all that
    assert knobs(tab)[2:] == ["50%", "5"]


def test_back_to_a_plain_address_undoes_the_first_turn(tab):
    visit(tab)
    press(tab, "Bit width", "ArrowLeft")
    tab.go_back()
    tab.wait_for_timeout(400)
    settle(tab)
    assert query(tab) == "" and knobs(tab) == DEFAULT
    tab.go_forward()
    tab.wait_for_timeout(400)
    settle(tab)
    assert knobs(tab) == [*DEFAULT[:3], "16"]


def test_every_hop_carries_the_recipe(tab):
    visit(tab, LINK)
    for name in ("Second", "Compress", "Second"):
        tab.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
        tab.wait_for_timeout(600)
        settle(tab)
        assert knobs(tab) == LINKED
    press(tab, "Bit width", "ArrowRight")
    tab.get_by_test_id("stSidebar").get_by_role("link", name="Compress").click()
    tab.wait_for_timeout(600)
    settle(tab)
    assert knobs(tab) == [*LINKED[:3], "5"]
    assert "5-bit weights" in tab.locator(".cc-sentence").inner_text()


def test_a_cold_link_to_another_page_works_and_hops_home(tab):
    visit(tab, LINK.replace("/?", "/Second?"))
    assert knobs(tab) == LINKED
    tab.get_by_test_id("stSidebar").get_by_role("link", name="Compress").click()
    tab.wait_for_timeout(600)
    settle(tab)
    assert knobs(tab) == LINKED


def test_a_plain_address_and_a_second_tab_start_afresh(tab):
    visit(tab, LINK)
    second = tab.context.new_page()
    visit(second)
    assert knobs(second) == DEFAULT and knobs(tab) == LINKED
    press(second, "Bit width", "ArrowLeft")
    tab.reload()
    settle(tab)
    assert knobs(tab) == LINKED


def test_a_bad_address_is_a_sentence_and_the_knobs_still_turn(tab):
    visit(tab, "/?arch=resnet&prune=7&bits=abc&width=nan&foo=1")
    text = tab.get_by_test_id("stAlert").inner_text()
    for part in ("'resnet'", "ratio cannot be 7", "'abc'", "'nan'", "no 'foo'", "Taken instead: 0.95."):
        assert part in text
    assert tab.get_by_test_id("stAlert").locator("a").count() == 0
    assert knobs(tab) == ["StudentNet", "1.00", "95%", "32 (off)"]
    press(tab, "Bit width", "ArrowLeft")
    assert tab.get_by_test_id("stAlert").count() == 0
    tab.go_back()
    tab.wait_for_timeout(400)
    settle(tab)
    assert "ratio cannot be 7" in tab.get_by_test_id("stAlert").inner_text()


def test_the_layer_shown_is_part_of_the_link(tab):
    visit(tab, "/?arch=studentnet&prune=0.3&layer=cnn.5.3")
    assert "channels of Block 5 stay" in tab.locator(".cc-read").all_inner_texts()[1]


def test_the_download_is_the_file_whose_size_is_shown(tab, tmp_path):
    import compress_core as cc

    visit(tab, LINK)
    with tab.expect_download() as started:
        tab.get_by_test_id("stDownloadButton").get_by_role("button").click()
    path = tmp_path / started.value.suggested_filename
    started.value.save_as(path)
    assert (
        path.stat().st_size == cc.measure(cc.compress(cc.Recipe(width=0.6, prune=0.4, bits=4)), timed=False).file_bytes
    )
    cc.load_file(path)


def test_the_explanations_are_a_click_away(tab):
    visit(tab)
    for button, part in zip(
        tab.get_by_test_id("stPopover").all()[:4],
        ("accuracy after each", "scaling factor", "File size", "disagreements"),
        strict=True,
    ):
        button.get_by_role("button").first.click()
        body = tab.get_by_test_id("stPopoverBody").filter(has_text=part)
        body.wait_for()
        tab.keyboard.press("Escape")
        body.wait_for(state="detached")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1920)])
@pytest.mark.parametrize("address", ["/", LINK + "&foo=1"])
def test_light_and_dark_are_readable(chromium, site, theme, width, address):
    context = chromium.new_context(viewport={"width": width, "height": 1600}, color_scheme=theme, base_url=site)
    page = context.new_page()
    visit(page, address)
    background = page.locator(".stApp").evaluate("app => getComputedStyle(app).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 200) == (theme == "dark")
    assert page.evaluate((Path(__file__).parent / "unreadable.js").read_text()) == []
    context.close()
