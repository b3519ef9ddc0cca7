"""The page of quantization under AppTest: networks, schemes, bit widths, layers' own bits, links, lacking parts."""

import re
import time

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import compress_core as cc
from compress_core.quantization import integer
from compress_core.quantization.clipping import clippings
from compress_core.registry import ROUNDINGS, SCHEMES
from compress_core.text.numbers import percent, size
from compress_core.zoo import architecture
from tests.conftest import ROOT
from tests.pages.test_home import address, folder, html, knob, truncate, warnings
from tests.pages.test_ideas import said

__all__ = ["folder"]


@pytest.fixture(autouse=True)
def no_knob_is_moving(monkeypatch):
    """What is measured beside the page waits for a calm that a test, which asks again and again, does not give."""
    monkeypatch.setattr("ui.background.CALM_S", 0.0)


def open_page(**params: str | list[str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/Quantization.py")
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


def widget(app: AppTest, kind: str, label: str):
    return next(one for one in getattr(app.main, kind) if one.label == label)


def rest(app: AppTest, done, seconds: float = 240) -> AppTest:
    """Come back to ask, as the browser does, until what is measured beside the page is there."""
    ends = time.monotonic() + seconds
    while not done(app) and time.monotonic() < ends:
        time.sleep(0.3)
        app.run()
    assert not app.exception and done(app)
    return app


def all_measured(app: AppTest) -> bool:
    return "beside the page" not in html(app)


def picker(app: AppTest):
    return next(group for group in app.main.button_group if "as all" in str(group.options[0]))


def checked(app: AppTest) -> AppTest:
    assert not app.exception and not app.warning
    assert len(app.get("plotly_chart")) == 4 and "of 2,160 test images right" in said(app)
    return app


@pytest.mark.parametrize("arch", cc.architectures())
def test_it_opens_for_every_network(arch):
    app = checked(open_page(arch=arch, bits="4", prune="0.3"))
    assert architecture(arch).title in said(app) and "4-bit weights (per channel, to the nearest level)" in said(app)


def test_nothing_rounded_is_said_and_layers_are_judged_all_the_same():
    app = checked(open_page())
    assert "nothing rounded" in said(app) and "Move the bit width" in said(app)
    rest(app, all_measured)
    assert "are not rounded" in html(app) and "Nothing is rounded yet; with 4 bits alone" in html(app)
    assert "reach" in html(app) and "no codes that Huffman could shorten" in html(app)


@pytest.mark.parametrize("scheme", cc.schemes())
@pytest.mark.parametrize("bits", ["1", "3", "8", "16"])
def test_every_scheme_and_bit_width(scheme, bits):
    app = checked(open_page(arch="studentnet", width="0.25", bits=bits, scheme=scheme))
    fixed = SCHEMES[scheme].fixed_bits
    assert (f"{scheme} weights" if fixed else f"{bits}-bit weights") in said(app)
    assert (SCHEMES[scheme].title in said(app)) == (not fixed)


@pytest.mark.parametrize("rounding", cc.roundings())
@pytest.mark.parametrize("clipping", ["usual", *clippings()])
def test_every_rounding_and_clipping(rounding, clipping):
    app = checked(open_page(arch="studentnet", width="0.25", bits="3", rounding=rounding, clipping=clipping))
    assert ROUNDINGS[rounding].title in said(app)


def test_the_numbers_are_those_of_the_recipe(cache):
    app = open_page(arch="studentnet", bits="4", coding="huffman")
    c, plain = (cc.compress(cc.Recipe(bits=4, coding=coding), cache) for coding in ("huffman", "plain"))
    m, p, o = (cc.measure(one, timed=False) for one in (c, plain, cc.compress(cc.Recipe(), cache)))
    assert f"{percent(m.accuracy)} of 2,160 test images right, {percent(o.accuracy)} before rounding" in said(app)
    assert f"a file of {size(m.file_bytes)}, " in said(app)
    table = next(e.proto.body for e in app.get("html") if '"cc-comparison"' in e.proto.body)
    last = re.sub(r"<[^>]+>", "|", table.split("The whole file")[1])
    assert [size(one.file_bytes) for one in (o, p, m)] == [text for text in last.split("|") if text]


@pytest.mark.parametrize(
    ("label", "value", "written"),
    [
        ("Levels of the weights", "codebook", {"scheme": "codebook"}),
        ("Rounding", "error_compensating", {"rounding": "error_compensating"}),
        ("How far the levels reach", "mse", {"clipping": "mse"}),
        ("Activations", 4, {"activation_bits": "4"}),
    ],
)
def test_the_selectors_and_the_sidebar_are_one(label, value, written):
    app = open_page(arch="studentnet", bits="3")
    before = said(app)
    widget(app, "selectbox", label).set_value(value).run()
    assert not app.exception and said(app) != before
    assert address(app) == {"arch": "studentnet", "bits": "3"} | written
    assert knob(app, label).value == value
    other = {"scheme": "ternary"} if label == "Levels of the weights" else {}
    if other:
        knob(app, label).set_value("ternary").run()
        assert widget(app, "selectbox", label).value == "ternary" and "ternary weights" in said(app)


@pytest.mark.parametrize(
    ("label", "on", "written"),
    [
        ("Fold BatchNorm", False, {"fold": "off"}),
        ("Equalize layers", True, {"equalize": "on"}),
        ("Correct biases", True, {"correct_bias": "on"}),
        ("Huffman coding", True, {"coding": "huffman"}),
    ],
)
def test_the_switches(label, on, written):
    app = open_page(arch="squeezenet", width="0.25", bits="3")
    widget(app, "toggle", label).set_value(on).run()
    assert not app.exception and address(app) == {"arch": "squeezenet", "width": "0.25", "bits": "3"} | written
    assert knob(app, label).value == next(iter(written.values()))


def test_a_switch_that_makes_no_difference_is_switched_off():
    app = open_page(arch="studentnet", bits="3", rounding="error_compensating", scheme="codebook")
    assert widget(app, "toggle", "Correct biases").disabled
    assert widget(app, "selectbox", "How far the levels reach").disabled
    assert not widget(open_page(arch="studentnet", bits="3"), "toggle", "Correct biases").disabled


def test_activations_are_told():
    app = checked(open_page(arch="studentnet", bits="4", activation_bits="4"))
    assert "4-bit weights, 4-bit activations" in said(app)
    alone = checked(open_page(arch="studentnet", activation_bits="4"))
    assert "StudentNet at full width, 4-bit activations: " in said(alone)


def test_pruned_to_uneven_groups_with_every_switch():
    app = checked(
        open_page(arch="shufflenet_v1", width="0.5", prune="0.3", bits="4", equalize="on", layer_bits="3b8.4b2")
    )
    rest(app, all_measured)
    assert "on average" in said(app) and "Stage 2 unit 0 expand" in str(widget(app, "selectbox", "Layer shown").options)
    for layer in ("stages.0.1.reduce.0", "stages.0.0.expand.0"):  # convolutions of their own by now
        widget(app, "selectbox", "Layer shown").set_value(layer).run()
        assert not app.exception and address(app)["layer"] == layer


def test_a_layer_gets_bits_of_its_own_and_loses_them_again():
    app = open_page(arch="studentnet", bits="4", layer="cnn.3.3")
    before = said(app)
    picker(app).set_value(2).run()
    assert not app.exception and address(app)["layer_bits"] == "6b2"
    assert said(app) != before and "on average" in said(app)
    assert "go to 4 levels in each channel" in html(app)
    picker(app).set_value(0).run()
    assert "layer_bits" not in address(app) and said(app) == before


def test_a_layer_may_be_rounded_alone():
    app = open_page(arch="studentnet", layer="cnn.3.3")
    picker(app).set_value(2).run()
    assert not app.exception and "weights of" in said(app) and "before rounding" in said(app)
    rest(app, all_measured)


def test_bits_of_an_address_that_the_picker_lacks_are_shown():
    app = open_page(arch="studentnet", bits="4", layer="cnn.3.3", layer_bits="6b7")
    assert not app.exception and picker(app).value == 7


def test_the_select_box_at_the_bars_shows_a_layer():
    app = open_page(arch="studentnet", bits="4")
    widget(app, "selectbox", "Layer whose bits are set").set_value("cnn.2.3").run()
    assert not app.exception and address(app)["layer"] == "cnn.2.3"
    assert widget(app, "selectbox", "Layer shown").value == "cnn.2.3" and "Block 2 pointwise go to" in html(app)


def test_reset_takes_all_bits_of_single_layers_back():
    app = open_page(arch="studentnet", bits="4", layer_bits="3b8.5b2")
    app.button(key="bits-reset").click().run()
    assert not app.exception and "layer_bits" not in address(app)
    assert not [button for button in app.button if button.label == "Reset"]


def test_another_network_does_not_take_the_bits_of_layers_with_it():
    app = open_page(arch="studentnet", bits="4", layer_bits="3b8.5b2", layer="cnn.3.3")
    knob(app, "Architecture").set_value("squeezenet").run()
    assert not app.exception and not app.warning and "layer_bits" not in address(app)


def test_a_budget_is_spent():
    app = open_page(arch="studentnet", bits="4")
    app.number_input(key="kilobytes").set_value(100)
    next(button for button in app.button if "Find each layer" in button.label).click().run()
    rest(app, lambda app: "layer_bits" in address(app))
    recipe = cc.Recipe(bits=4, layer_bits=address(app)["layer_bits"])
    m = cc.measure(cc.compress(recipe), timed=False)
    assert 0.9 * 100_000 < m.file_bytes <= 100_000 and size(m.file_bytes) in said(app)


def test_a_budget_that_cannot_be_met_is_a_sentence():
    app = open_page(arch="studentnet", bits="4")
    app.number_input(key="kilobytes").set_value(20)
    next(button for button in app.button if "Find each layer" in button.label).click().run()
    rest(app, lambda app: "No plan meets this budget" in warnings(app))
    assert "layer_bits" not in address(app)


def test_there_is_nothing_to_spend_where_the_scheme_says_the_bits():
    app = open_page(arch="studentnet", bits="4", scheme="binary")
    assert not app.exception and not app.number_input


def test_a_channel_is_part_of_the_link():
    app = open_page(arch="studentnet", bits="4", layer="cnn.3.3", channel="5", order="numbered")
    assert not app.exception and not app.warning
    assert "The 64 weights of channel 5 of Block 3 pointwise go to 16 levels" in html(app)
    widget(app, "selectbox", "Layer shown").set_value("cnn.0.0").run()
    assert "channel 5 of Block 0" in html(app)


def test_a_channel_that_a_layer_lacks_is_every_channel():
    app = open_page(arch="studentnet", bits="4", layer="cnn.0.0", channel="200")
    assert not app.exception and "The 144 weights of Block 0 go" in html(app)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"layer": "conv9"}, "The page cannot show layer 'conv9'."),
        ({"channel": "first"}, "The channel cannot be 'first'."),
        ({"view": "outside"}, "The view cannot be 'outside'. Allowed: closed, runtimes."),
        ({"scheme": "spiral"}, "The scheme cannot be 'spiral'."),
        ({"rounding": "<b>"}, "The rounding cannot be '<b>'."),
        ({"activation_bits": "9"}, "The bit width of activations cannot be 9."),
        ({"layer_bits": "3b"}, "The bits of single layers cannot be '3b'."),
        ({"layer_bits": "3b4.99b2"}, "Of the bits of single layers, 1 is for a layer that StudentNet does not have"),
        ({"bits": "17.5"}, "The bit width cannot be 17.5."),
    ],
)
def test_rubbish_in_the_address_is_a_sentence(params, sentence):
    app = open_page(**({"arch": "studentnet", "bits": "4"} | params))
    assert not app.exception and said(app)
    assert sentence.lower() in warnings(app).lower()


def test_a_damaged_checkpoint_is_a_sentence(folder):
    truncate(folder, "0.50")
    app = open_page(arch="studentnet", width="0.5", bits="4")
    assert not app.exception and "Taken instead: width" in warnings(app)


def test_three_runtimes_are_timed_beside_the_page():
    app = open_page(arch="studentnet", width="0.25", bits="4", view="runtimes")
    if lacks := integer.missing():
        assert lacks in html(app)
        return
    rest(app, lambda app: "onnxruntime, int8" in html(app))
    assert "64 images: median" in html(app) and "of its answers are PyTorch" in html(app)
    assert len(app.get("download_button")) == 2


def test_without_onnxruntime_a_sentence_says_what_lacks_and_the_rest_works(monkeypatch):
    monkeypatch.setattr(integer, "_is_there", lambda name: name != "onnxruntime")
    app = checked(open_page(arch="studentnet", bits="4", view="runtimes"))
    assert "need onnxruntime, which is not installed: pip install onnxruntime" in html(app)


def test_every_scheme_and_rounding_has_its_formula_and_its_paper():
    from ui.about.home import quantization as about

    for names, text in ((SCHEMES, about.SCHEMES_TABLE), (ROUNDINGS, about.SWITCHES)):
        for name, one in names.items():
            row = next(line for line in text.splitlines() if line.startswith(f"| {one.title} |"))
            assert len(row.split(" | ")[1]) > 5 and one.paper in row, name


def test_turning_bits_measures_no_scheme_again():
    st.cache_resource.clear()
    app = rest(open_page(arch="studentnet", width="0.25", bits="4"), all_measured)
    from ui.engine import engine

    runs = engine().results.runs["outcome"]
    knob(app, "Bit width").set_value(3).run()
    assert engine().results.runs["outcome"] == runs and "3-bit weights" in said(app)
