"""Networks beside each other as people do it: draw, take a picture, give a bad file, pin, and go down the ladder."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.helpers.browser import choose, eventually, hop, knobs, press, query, said, sentence, settle, turn, visit
from tests.helpers.hostile import cases

slow = pytest.mark.slow
PINS = "a=arch%3Dmobilenet_v2%26bits%3D4&b=arch%3Dsqueezenet&c=arch%3Dshufflenet_v2"
LINK = "/Compare?arch=studentnet&prune=0.3&bits=4"
SEVEN = [[(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)], [(0.4, 0.5), (0.7, 0.5)]]


def draw(page: Page, strokes: list[list[tuple[float, float]]]) -> None:
    box = page.locator("canvas.board").bounding_box()
    at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    for first, *others in strokes:
        page.mouse.move(*at(*first))
        page.mouse.down()
        for point in others:
            page.mouse.move(*at(*point), steps=6)
        page.mouse.up()


def answers(page: Page) -> list[str]:
    return page.locator(".cc-column .cc-says").all_inner_texts()


def columns(page: Page) -> list[str]:
    return page.locator(".cc-column h4").all_inner_texts()


def test_a_seven_is_drawn_and_read_by_all_and_stays(tab):
    visit(tab, f"{LINK}&source=draw&{PINS}")
    assert "Give an image" in said(tab)
    draw(tab, SEVEN)
    eventually(tab, lambda: answers(tab), ["7"] * 5)
    expect(sentence(tab)).to_contain_text("The original says 7")
    for name in ("This recipe", "A", "B", "C"):
        assert name in tab.locator(".cc-columns").inner_text()
    hop(tab, "Ideas")
    hop(tab, "Compare")
    eventually(tab, lambda: answers(tab), ["7"] * 5)
    tab.get_by_role("button", name="Clear").click()
    expect(sentence(tab)).to_contain_text("Give an image")


@slow
def test_a_one_is_drawn_with_the_keyboard_alone(tab):
    visit(tab, f"{LINK}&source=draw")
    board = tab.get_by_role("application", name="Draw a digit")
    board.focus()
    for key in (*["ArrowUp"] * 12, " ", *["ArrowDown"] * 24, " "):
        board.press(key)
    eventually(tab, lambda: answers(tab), ["1", "1"])
    board.press("Backspace")
    expect(sentence(tab)).to_contain_text("Give an image")


def test_files_and_a_camera_are_read_and_a_bad_file_loses_nothing(tab):
    tab.context.grant_permissions(["camera"])
    visit(tab, f"{LINK}&dataset=cifar10&source=upload&a=arch%3Dmobilenet_v2%26dataset%3Dcifar10%26bits%3D4")
    photograph = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)).save(photograph, "PNG")
    give = tab.locator("input[type=file]")
    give.set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": photograph.getvalue()})
    expect(tab.locator(".cc-column")).to_have_count(3)
    settle(tab)
    before = answers(tab)
    bad = cases()["a PNG of 30,000 × 30,000"].content
    give.set_input_files({"name": "bomb.png", "mimeType": "image/png", "buffer": bad})
    expect(tab.get_by_test_id("stAlert")).to_contain_text("more than 50 million pixels")
    settle(tab)
    assert answers(tab) == before and "The last one: mine.png" in tab.locator("body").inner_text()
    give.set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": photograph.getvalue()})
    eventually(tab, lambda: answers(tab), before)
    choose(tab, "Camera")
    tab.get_by_role("button", name="Take Photo").click()
    expect(tab.locator(".cc-column")).to_have_count(3)
    settle(tab)
    assert "source=camera" in query(tab) and len(answers(tab)) == 3


def test_a_recipe_is_pinned_seen_elsewhere_taken_and_let_go(tab):
    visit(tab, "/?arch=studentnet&width=0.25&prune=0.3&bits=4")
    sidebar = tab.get_by_test_id("stSidebar")
    turn(tab, sidebar.get_by_role("button", name="Pin", exact=True).click)
    press(tab, "Bit width", "ArrowLeft")
    expect(tab.locator(".cc-numbers thead")).to_contain_text("A")
    hop(tab, "Compare")
    assert [title.strip() for title in tab.locator(".cc-column h4").all_inner_texts()] == [
        "Original",
        "This recipe",
        "A",
    ]
    sidebar.get_by_role("button", name="A", exact=True).click()
    turn(tab, tab.get_by_role("button", name="Take A").click)
    assert knobs(tab)[3] == "4"
    tab.go_back()
    eventually(tab, lambda: knobs(tab)[3], "3")
    cold = tab.context.new_page()
    visit(cold, f"/Compare?{query(tab)}")
    assert [title.strip() for title in cold.locator(".cc-column h4").all_inner_texts()] == [
        "Original",
        "This recipe",
        "A",
    ]


@slow
def test_the_ladder_ends_at_its_last_rung(tab):
    visit(tab, "/Compare?arch=studentnet&view=ladder&image=100")
    eventually(tab, lambda: "…" in tab.locator(".cc-ladder").inner_text(), False)
    turn(tab, tab.get_by_role("button", name="Take 4").click)
    assert knobs(tab)[3] != "32 (off)"
