"""The page of architectures: its views, links and bad addresses."""

from functools import partial

import pytest

import compress_core as cc
from compress_core.zoo import architecture
from tests.helpers import pages

CHARTS = {"inside": 3, "width": 1, "budget": 1}
open_page = partial(pages.open_page, "pages/Architectures.py", arch="mobilenet_v2")


@pytest.mark.parametrize("arch", cc.architectures())
def test_it_opens_for_every_architecture(arch):
    app = open_page(arch=arch, preset="small").fine()
    assert architecture(arch).title in app.said and len(app.charts) == CHARTS["inside"]


def check_views(arch: str, preset: str) -> pages.Page:
    app = open_page(arch=arch, preset=preset)
    for view in ("width", "budget", "inside"):
        app.widget("View").set_value(view).run()
        assert len(app.fine().charts) == CHARTS[view] and app.address["view"] == view
        assert architecture(arch).title in app.said or view == "budget"
    return app


def test_every_view_opens_at_both_presets():
    app = check_views("mobilenet_v2", "small")
    before = app.said
    app.widget("Preset").set_value("imagenet").run()
    assert app.fine().said != before and app.address["preset"] == "imagenet"


@pytest.mark.slow
@pytest.mark.parametrize("arch", cc.architectures())
def test_every_view_of_every_architecture(arch):
    check_views(arch, "imagenet")


@pytest.mark.parametrize("view", ["inside", "width"])
def test_two_networks_stand_side_by_side(view):
    app = open_page(view=view, preset="small")
    app.widget("Compare with").set_value("resnet18").run()
    assert "MobileNetV2" in app.fine().said and "ResNet-18" in app.said and app.address["beside"] == "resnet18"


def test_a_network_beside_itself_is_alone():
    app = open_page(arch="squeezenet", beside="squeezenet").fine()
    assert len(app.charts) == CHARTS["inside"] and app.widget("Compare with").value == "none"


def test_the_share_of_pointwise_convolutions_is_table_2_of_mobilenet_v1():
    """94.86 % of the Mult-Adds and 74.59 % of the parameters."""
    said = open_page(arch="mobilenet_v1", preset="imagenet").said
    assert "pointwise convolutions hold 74 % of the parameters and do 95 % of the MACs" in said


def test_knobs_change_the_numbers_and_the_address():
    app = open_page(arch="mobilenet_v1", view="width", preset="imagenet")
    assert "569 M MACs" in app.said
    app.knob("Width multiplier").set_value(0.5).run()
    assert "149 M MACs, 0.26 of width 1 (α² = 0.25)" in app.fine().said
    app.widget("Cost").set_value("params").run()
    assert "1.33 M parameters" in app.fine().said
    assert app.address == {
        **{"arch": "mobilenet_v1", "width": "0.5"},
        **{"view": "width", "preset": "imagenet", "cost": "params"},
    }


def test_the_budget_knob_finds_other_widths():
    app = open_page(arch="studentnet", view="budget", preset="small", cost="params", budget="100000")
    before = app.said
    app.widget("Budget").set_value(25_000).run()
    assert app.fine().said != before and "25.0 k parameters" in app.said and app.address["budget"] == "25000"


def test_a_block_is_chosen_and_one_that_a_network_lacks_is_its_last():
    app = open_page(arch="squeezenet", block="20").fine()
    assert "block 8 of 8" in app.html
    app.widget("Block").set_value(2).run()
    assert "block 2 of 8" in app.fine().html and app.address["block"] == "2"
    app.widget("View").set_value("width").run()
    assert not app.has("Block")


def test_the_papers_numbers_stand_beside_ours():
    table = open_page(view="width").dataframe[0].value
    assert table["Source"].str.contains("Table 4").all() and table["MACs, counted (M)"].tolist() == [300.8, 582.2]


def test_rubbish_in_the_address_is_a_sentence_and_the_rest_holds():
    rubbish = {"view": "outside", "preset": "huge", "beside": "alexnet", "block": "99", "budget": "<b>"}
    app = open_page(**rubbish, cost=["params", "macs"], width="0.5").complains(
        "The view cannot be 'outside'. Allowed: inside, width, budget.",
        "The preset cannot be 'huge'. Allowed: imagenet, small.",
        "The network beside cannot be 'alexnet'. Allowed: none, studentnet",
        "The block cannot be '99'. Allowed: 1 to 30. Taken instead: 30.",
        "The cost stands in the address more than once; one is allowed. Taken instead: the first.",
        "The budget cannot be '<b>'.",
    )
    assert app.widget("Cost").value == "params" and app.knob("Width multiplier").value == 0.5
