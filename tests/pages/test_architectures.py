"""The page of architectures under AppTest: its views, links and bad addresses."""

import pytest
from streamlit.testing.v1 import AppTest

import compress_core as cc
from compress_core.zoo import architecture
from tests.conftest import ROOT
from tests.pages.test_home import address, html, warnings
from tests.pages.test_ideas import said


def open_page(**params: str | list[str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/Architectures.py")
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


@pytest.mark.parametrize("arch", cc.architectures())
@pytest.mark.parametrize("preset", ["imagenet", "small"])
@pytest.mark.parametrize("view", ["inside", "width", "budget"])
def test_every_view_of_every_architecture(arch, preset, view):
    app = open_page(arch=arch, preset=preset, view=view)
    assert not app.exception and not app.warning
    assert said(app) and (view == "budget" or architecture(arch).title in html(app))
    assert len(app.get("plotly_chart")) == {"inside": 3, "width": 1, "budget": 1}[view]


@pytest.mark.parametrize("view", ["inside", "width"])
def test_two_networks_stand_side_by_side(view):
    app = open_page(arch="mobilenet_v2", beside="resnet18", view=view)
    assert not app.exception and "MobileNetV2" in said(app) and "ResNet-18" in said(app)


def test_a_network_beside_itself_is_alone():
    app = open_page(arch="squeezenet", beside="squeezenet")
    assert not app.exception and len(app.get("plotly_chart")) == 3


def test_the_share_of_pointwise_convolutions_is_table_2_of_mobilenet_v1():
    """94.86 % of the Mult-Adds and 74.59 % of the parameters."""
    assert "pointwise convolutions hold 74 % of the parameters and do 95 % of the MACs" in said(
        open_page(arch="mobilenet_v1")
    )


def test_the_width_knob_changes_the_numbers():
    app = open_page(arch="mobilenet_v1", view="width")
    assert "569 M MACs" in said(app)
    app.sidebar.select_slider[0].set_value(0.5).run()
    assert "149 M MACs, 0.26 of width 1 (α² = 0.25)" in said(app)
    assert address(app)["view"] == "width" and address(app)["width"] == "0.5"


def test_the_budget_knob_finds_other_widths():
    app = open_page(arch="studentnet", view="budget", preset="small", cost="params", budget="100000")
    before = said(app)
    app.main.select_slider[0].set_value(25_000).run()
    assert not app.exception and said(app) != before and "25.0 k parameters" in said(app)


def test_the_papers_numbers_stand_beside_ours():
    table = open_page(arch="mobilenet_v2", view="width").dataframe[0].value
    assert table["Source"].str.contains("Table 4").all() and table["MACs, counted (M)"].tolist() == [300.8, 582.2]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"view": "outside"}, "The view cannot be 'outside'. Allowed: inside, width, budget."),
        ({"preset": "huge"}, "The preset cannot be 'huge'. Allowed: imagenet, small."),
        ({"beside": "alexnet"}, "The network beside cannot be 'alexnet'. Allowed: none, studentnet"),
        ({"block": "99"}, "The block cannot be '99'. Allowed: 1 to 30."),
        ({"cost": ["macs", "params"]}, "The cost stands in the address more than once"),
        ({"budget": "<b>"}, "The budget cannot be '<b>'."),
    ],
)
def test_rubbish_in_the_address_is_a_sentence(params, message):
    app = open_page(arch="mobilenet_v2", **params)
    assert not app.exception and message in warnings(app)


def test_a_block_that_a_network_does_not_have_is_its_last():
    app = open_page(arch="squeezenet", block="20")
    assert not app.exception and "block 8 of 8" in html(app)
