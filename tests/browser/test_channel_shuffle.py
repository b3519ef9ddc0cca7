"""The shuffle moves without the server and answers to the keyboard."""

from playwright.sync_api import expect

from tests.helpers.browser import eventually, press, query, said, visit

CENTRES = """() => [...document.querySelectorAll(".st-key-moves .scatterlayer .point")].map(point => {
  const box = point.getBoundingClientRect();
  return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];
})"""
DEALT = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]


def centres(page) -> list[list[int]]:
    """Where each channel stands, in the order of their numbers."""
    return page.evaluate(CENTRES)


def table(page) -> tuple[int, int]:
    """How many rows and columns the channels stand in."""
    columns, rows = zip(*centres(page), strict=True)
    return len(set(rows)), len(set(columns))


def order(page) -> list[int]:
    """The channels from left to right."""
    across = [x for x, _ in centres(page)]
    return sorted(range(len(across)), key=across.__getitem__)


def button(page, name: str):
    return page.locator("g.updatemenu-button", has_text=name)


def test_the_animation_goes_by_keyboard_and_pointer_without_the_server(tab):
    visit(tab, "/Channel_shuffle?arch=shufflenet_v1&g=3&n=4")
    flat = centres(tab)
    assert table(tab) == (1, 12) and order(tab) == list(range(12))
    tab.context.set_offline(True)  # whatever moves now, moves in the browser
    caption = tab.locator(".st-key-moves .trace:last-child .textpoint text")
    assert caption.text_content() == "12 channels, group after group"
    button(tab, "reshape").press("Enter")
    expect(caption).to_contain_text("reshape to (3, 4)")
    eventually(tab, lambda: table(tab), (3, 4))
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    eventually(tab, lambda: table(tab), (4, 3))
    button(tab, "flatten").click()
    eventually(tab, lambda: (table(tab), order(tab)), ((1, 12), DEALT))
    button(tab, "Reset").click()
    eventually(tab, lambda: centres(tab), flat)
    button(tab, "Play").click()
    eventually(tab, lambda: (table(tab), order(tab)), ((1, 12), DEALT))
    tab.context.set_offline(False)

    press(tab, "Groups g", "ArrowRight")
    assert "g=4" in query(tab) and "4 groups of 4" in said(tab)
    eventually(tab, lambda: table(tab), (1, 16))
    button(tab, "reshape").press("Enter")
    eventually(tab, lambda: table(tab), (4, 4))
