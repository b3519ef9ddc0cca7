"""A walk through the architectures in a real browser."""

from tests.browser.test_ideas import said
from tests.browser.test_journeys import press, query, settle, visit


def test_a_walk_through_the_architectures(tab):
    visit(tab, "/Architectures?arch=mobilenet_v2")
    assert "MobileNetV2: pointwise convolutions" in said(tab)
    assert "24 → 144" in tab.locator(".js-plotly-plot").first.inner_text()
    press(tab, "Block", "ArrowRight")
    assert "block=4" in query(tab) and "block 4 of 17" in tab.locator("body").inner_text()

    tab.get_by_role("radio", name="Same budget").click()
    tab.wait_for_function("location.href.includes('view=budget')")
    settle(tab)
    before = said(tab)
    press(tab, "Budget", "ArrowRight")
    assert said(tab) != before and "300 M MACs" in said(tab)

    tab.go_back()
    tab.wait_for_timeout(400)
    settle(tab)
    assert said(tab) == before

    tab.get_by_test_id("stSidebar").get_by_role("link", name="Ideas").click()
    tab.wait_for_timeout(600)
    settle(tab)
    assert "arch=mobilenet_v2" in query(tab) and "view" not in query(tab)


def test_one_network_fits_the_screen(tab):
    for arch in ("studentnet", "mobilenet_v2", "shufflenet_v2", "squeezenet"):
        visit(tab, f"/Architectures?arch={arch}")
        boxes = [plot.bounding_box() for plot in tab.locator(".js-plotly-plot").all()]
        assert len(boxes) == 3
        assert all(box["x"] + box["width"] <= 1440 and box["y"] + box["height"] <= 900 for box in boxes), arch
