"""A phone in the audience, a small laptop: nothing is cut off sideways, and the knobs are at hand."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.helpers.browser import PATIENCE_S, said, settle, turn, visit
from ui.menu import PAGES

PHONE = {"width": 390, "height": 844}
AGENT = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"
ADDRESSES = [
    "/?arch=studentnet&prune=0.5&bits=4",
    "/Compare?arch=studentnet&width=0.25&prune=0.5&bits=4&a=arch%3Dsqueezenet%26bits%3D4",
    "/Compare?arch=studentnet&width=0.25&prune=0.5&source=draw",
    "/Compare?arch=studentnet&width=0.25&prune=0.5&view=differ",
    "/Compare?arch=studentnet&width=0.25&prune=0.5&view=inside",
    "/Compare?arch=studentnet&view=ladder",
    "/Pruning?arch=studentnet&width=0.25&prune=0.5&view=versus",
    "/Pruning?arch=studentnet&width=0.25&prune=0.5&view=criteria",
    "/Pruning?arch=studentnet&width=0.25&prune=0.5&view=healing",
    "/Quantization?arch=studentnet&width=0.25&bits=4",
    "/Distillation?arch=studentnet&view=students&width=0.25",
    "/Architectures?arch=mobilenet_v2",
    "/Architectures?arch=squeezenet&view=width",
    "/Channel_shuffle?arch=shufflenet_v1",
    "/Channel_shuffle?arch=shufflenet_v1&show=maps&width=0.25",
    "/Ideas?idea=separable",
    "/Ideas?idea=fire",
    "/Guidelines?view=g1",
    "/Guidelines?view=lens",
    "/Guidelines?view=speed",
    "/Datasets?dataset=cifar10",
    "/Stories?arch=studentnet",
    "/?arch=studentnet&prune=0.5&bits=4&present=1",
]
CUT_OFF = """() => {
  const seen = box => box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
  const scrolls = element => {
    for (let parent = element.parentElement; parent && !parent.matches(".stMain"); parent = parent.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(parent).overflowX)) return true;
    }
    return false;
  };
  return [...document.querySelectorAll(".stMainBlockContainer *")]
    .filter(element => !element.matches("input") && seen(element.getBoundingClientRect()) && !scrolls(element))
    .map(element => `${element.tagName} ${element.textContent.slice(0, 40)}`);
}"""


@pytest.fixture(scope="module")
def phone(chromium, site) -> Iterator[Page]:
    context = chromium.new_context(base_url=site, viewport=PHONE, user_agent=AGENT, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE_S)
    yield page
    context.close()


def test_addresses_are_of_every_page():
    pages = {"/" if page.path == "app.py" else page.path.removeprefix("pages").removesuffix(".py") for page in PAGES}
    assert {address.partition("?")[0] for address in ADDRESSES} == pages


@pytest.mark.parametrize("address", [ADDRESSES[0], *(pytest.param(a, marks=pytest.mark.slow) for a in ADDRESSES[1:])])
def test_nothing_is_cut_off_sideways_on_a_phone(phone, address):
    visit(phone, address)
    assert phone.evaluate(CUT_OFF) == []
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_phone_has_the_knobs_above_the_sentence_and_cards_two_by_two(phone):
    visit(phone, "/?arch=studentnet&width=0.25")
    row = phone.locator(".st-key-cc-knobs").bounding_box()
    assert row["y"] >= 50 and row["height"] < 60 and row["x"] + row["width"] <= PHONE["width"]
    assert row["y"] + row["height"] <= phone.locator(".cc-sentence").bounding_box()["y"]
    boxes = [card.bounding_box() for card in phone.locator(".cc-card").all()]
    assert len({round(box["x"]) for box in boxes}) == 2 and len({round(box["y"]) for box in boxes}) == 3
    phone.get_by_role("button", name="no cut").tap()
    turn(phone, lambda: phone.get_by_role("slider", name="Pruning ratio").press("PageUp"))
    assert "of its channels cut" in said(phone)
    phone.keyboard.press("Escape")


def test_the_menu_of_a_phone_closes_after_a_choice(phone):
    visit(phone, "/?arch=studentnet&width=0.25")
    phone.locator(".st-key-cc-knobs").get_by_role("button").first.tap()
    phone.get_by_role("link", name="Ideas").tap()
    phone.wait_for_function("location.pathname === '/Ideas'")
    settle(phone)
    expect(phone.get_by_role("link", name="Ideas")).to_have_count(0)


def test_a_small_laptop_has_six_cards_in_a_row_all_knobs_and_the_first_figures_in_sight(tab):
    tab.set_viewport_size({"width": 1280, "height": 720})
    visit(tab, "/?arch=studentnet&prune=0.5&bits=4")
    assert len({round(card.bounding_box()["y"]) for card in tab.locator(".cc-card").all()}) == 1
    for name in ("Width multiplier", "Pruning ratio", "Bit width"):
        box = tab.get_by_role("slider", name=name).bounding_box()
        assert box["y"] + box["height"] <= 720
    for figure in tab.locator(".js-plotly-plot").all():  # what is drawn, without the names of the axes
        box = figure.locator(".nsewdrag").first.bounding_box()
        assert box["y"] + box["height"] <= 720
