"""The recipe in the address: cold links, hops, reload, Back and Forward, other tabs, bad values."""

import pytest
from playwright.sync_api import expect

from tests.helpers.browser import check_readable, eventually, hop, knobs, press, query, said, settle, turn, visit

DEFAULT = ["StudentNet", "1.00", "0%", "32 (off)"]
LINK = "arch=studentnet&width=0.6&prune=0.4&bits=4"
LINKED = ["StudentNet", "0.60", "40%", "4"]


def test_a_cold_link_every_hop_and_a_reload_carry_the_recipe(tab):
    visit(tab, f"/Second?{LINK}")
    assert knobs(tab) == LINKED
    hop(tab, "Compress")
    assert knobs(tab) == LINKED and "40 % of its channels cut, 4-bit weights" in said(tab)
    press(tab, "Bit width", "ArrowRight")
    hop(tab, "Second")
    assert knobs(tab) == [*LINKED[:3], "5"]
    tab.reload()
    settle(tab)
    assert knobs(tab) == [*LINKED[:3], "5"]
    hop(tab, "Compress")
    assert knobs(tab) == [*LINKED[:3], "5"] and "5-bit weights" in said(tab)


def test_back_is_undo_and_forward_is_redo_from_a_plain_address(tab):
    visit(tab)
    for knob, key in (("Pruning ratio", "ArrowRight"), ("Pruning ratio", "ArrowRight"), ("Bit width", "ArrowLeft")):
        press(tab, knob, key)
    for step, prune, bits in (
        (tab.go_back, "10%", "32 (off)"),
        (tab.go_back, "5%", "32 (off)"),
        (tab.go_back, "0%", "32 (off)"),
        (tab.go_forward, "5%", "32 (off)"),
        (tab.go_back, "0%", "32 (off)"),
    ):
        step()
        eventually(tab, lambda: knobs(tab), ["StudentNet", "1.00", prune, bits])
    assert query(tab) == ""
    for keys, prune in (("Control+y", "5%"), ("Control+Shift+Z", "10%"), ("Control+z", "5%"), ("Control+z", "0%")):
        tab.keyboard.press(keys)
        eventually(tab, lambda: knobs(tab), ["StudentNet", "1.00", prune, "32 (off)"])
    press(tab, "Bit width", "ArrowLeft")  # the knobs still turn after all that
    assert knobs(tab) == [*DEFAULT[:3], "16"]


@pytest.mark.slow
def test_another_tab_starts_afresh_and_a_copied_link_shows_the_same_page(tab):
    visit(tab, f"/?{LINK}")
    other = tab.context.new_page()
    visit(other)
    assert knobs(other) == DEFAULT
    press(other, "Bit width", "ArrowLeft")
    tab.reload()
    settle(tab)
    assert knobs(tab) == LINKED
    visit(tab, f"/?{query(other)}")
    assert knobs(tab) == knobs(other) == [*DEFAULT[:3], "16"]
    timeless = ".cc-card:nth-child(-n+4)"  # times are measured once a server, and shared
    assert other.locator(timeless).all_inner_texts() == tab.locator(timeless).all_inner_texts()


@pytest.mark.slow
def test_a_bad_address_is_a_readable_sentence_and_the_knobs_still_turn(tab):
    visit(tab, "/?arch=resnet&prune=7&bits=abc&width=nan&foo=1")
    alert = tab.get_by_test_id("stAlert")
    for part in ("'resnet'", "ratio cannot be 7", "'abc'", "'nan'", "no 'foo'", "Taken instead: 0.95."):
        assert part in alert.inner_text()
    assert alert.locator("a").count() == 0
    assert knobs(tab) == ["StudentNet", "1.00", "95%", "32 (off)"]
    check_readable(tab)
    press(tab, "Bit width", "ArrowLeft")
    assert alert.count() == 0
    tab.go_back()
    expect(alert).to_contain_text("ratio cannot be 7")


def test_a_hop_keeps_a_pages_own_choices_and_what_was_unfolded(tab):
    visit(tab, f"/Guidelines?{LINK}")
    turn(tab, tab.get_by_role("radio", name="G3 Fragments").or_(tab.get_by_role("button", name="G3 Fragments")).click)
    tab.get_by_test_id("stExpander").get_by_text("Finer choices: pruning").click()
    scope = tab.get_by_test_id("stSidebar").get_by_role("combobox", name="Scope")
    expect(scope).to_be_visible()
    settle(tab)
    hop(tab, "Datasets")
    expect(scope).to_be_visible()
    hop(tab, "Guidelines")
    expect(scope).to_be_visible()
    assert "view=g3" in query(tab) and "fragments" in tab.locator("body").inner_text()


def test_a_short_address_opens_the_same_page(tab):
    bits = ".".join(f"{layer}b{2 + layer % 7}" for layer in range(17))
    edits = ".".join(f"{group}c{channel}" for group in range(4) for channel in range(6))
    visit(tab, f"/?arch=studentnet&prune=0.5&bits=4&layer_bits={bits}&edits={edits}")
    shown, name = knobs(tab), said(tab).partition(":")[0]
    tab.get_by_role("button", name="Link").click()
    link = tab.get_by_test_id("stCode").inner_text().strip()
    assert "?r=" in link and len(link) < len(tab.url)
    tab.keyboard.press("Escape")
    visit(tab, link)
    assert knobs(tab) == shown and said(tab).startswith(name)
