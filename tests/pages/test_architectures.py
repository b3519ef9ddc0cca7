"""The page of architectures: its views, links and bad addresses."""

import pytest
from streamlit.testing.v1 import AppTest

import compress_core as cc
from compress_core.zoo import architecture
from tests.helpers import pages
from tests.helpers.pages import address, charts, fine, has, html, knob, said, warnings, widget

CHARTS = {"inside": 3, "width": 1, "budget": 1}


def open_page(arch: str = "mobilenet_v2", **params: str | list[str]) -> AppTest:
    return pages.open_page("pages/Architectures.py", arch=arch, **params)


@pytest.mark.parametrize("arch", cc.architectures())
def test_it_opens_for_every_architecture(arch):
    app = fine(open_page(arch, preset="small"))
    before = said(app)
    assert architecture(arch).title in before and len(charts(app)) == CHARTS["inside"]
    widget(app, "Preset").set_value("imagenet").run()
    assert said(fine(app)) != before and address(app) == {"arch": arch, "preset": "imagenet"}


def check_views(arch: str, preset: str) -> None:
    app = open_page(arch, preset=preset)
    for view in ("width", "budget", "inside"):
        widget(app, "View").set_value(view).run()
        assert len(charts(fine(app))) == CHARTS[view] and address(app)["view"] == view
        assert architecture(arch).title in said(app) or view == "budget"


def test_every_view_opens():
    check_views("mobilenet_v2", "small")


@pytest.mark.slow
@pytest.mark.parametrize("arch", cc.architectures())
def test_every_view_of_every_architecture(arch):
    check_views(arch, "imagenet")


@pytest.mark.parametrize("view", ["inside", "width"])
def test_two_networks_stand_side_by_side(view):
    app = open_page(view=view, preset="small")
    widget(app, "Beside it").set_value("resnet18").run()
    assert "MobileNetV2" in said(fine(app)) and "ResNet-18" in said(app) and address(app)["beside"] == "resnet18"


def test_a_network_beside_itself_is_alone():
    app = fine(open_page("squeezenet", beside="squeezenet"))
    assert len(charts(app)) == CHARTS["inside"] and widget(app, "Beside it").value == "none"


def test_the_share_of_pointwise_convolutions_is_table_2_of_mobilenet_v1():
    """94.86 % of the Mult-Adds and 74.59 % of the parameters."""
    said_of = said(open_page("mobilenet_v1"))
    assert "pointwise convolutions hold 74 % of the parameters and do 95 % of the MACs" in said_of


def test_knobs_change_the_numbers_and_the_address():
    app = open_page("mobilenet_v1", view="width")
    assert "569 M MACs" in said(app)
    knob(app, "Width multiplier").set_value(0.5).run()
    assert "149 M MACs, 0.26 of width 1 (α² = 0.25)" in said(fine(app))
    widget(app, "Cost").set_value("params").run()
    assert "1.33 M parameters" in said(fine(app))
    assert address(app) == {"arch": "mobilenet_v1", "width": "0.5", "view": "width", "cost": "params"}


def test_the_budget_knob_finds_other_widths():
    app = open_page("studentnet", view="budget", preset="small", cost="params", budget="100000")
    before = said(app)
    widget(app, "Budget").set_value(25_000).run()
    assert said(fine(app)) != before and "25.0 k parameters" in said(app) and address(app)["budget"] == "25000"


def test_a_block_is_chosen_and_one_that_a_network_lacks_is_its_last():
    app = fine(open_page("squeezenet", block="20"))
    assert "block 8 of 8" in html(app)
    widget(app, "Block").set_value(2).run()
    assert "block 2 of 8" in html(fine(app)) and address(app)["block"] == "2"
    widget(app, "View").set_value("width").run()
    assert not has(app, "Block")


def test_the_papers_numbers_stand_beside_ours():
    table = open_page(view="width").dataframe[0].value
    assert table["Source"].str.contains("Table 4").all() and table["MACs, counted (M)"].tolist() == [300.8, 582.2]


def test_rubbish_in_the_address_is_a_sentence_and_the_rest_holds():
    app = open_page(
        view="outside", preset="huge", beside="alexnet", block="99", cost=["params", "macs"], budget="<b>", width="0.5"
    )
    for sentence in (
        "The view cannot be 'outside'. Allowed: inside, width, budget.",
        "The preset cannot be 'huge'. Allowed: imagenet, small.",
        "The network beside cannot be 'alexnet'. Allowed: none, studentnet",
        "The block cannot be '99'. Allowed: 1 to 30. Taken instead: 30.",
        "The cost stands in the address more than once; one is allowed. Taken instead: the first.",
        "The budget cannot be '<b>'.",
    ):
        assert sentence in warnings(app)
    assert not app.exception and widget(app, "Cost").value == "params" and knob(app, "Width multiplier").value == 0.5
