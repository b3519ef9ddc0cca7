"""The page of quantization: networks, schemes, bit widths, layers' own bits, links, lacking parts."""

import pytest
from streamlit.testing.v1 import AppTest

import compress_core as cc
from compress_core.quantization import integer
from compress_core.quantization.clipping import clippings
from compress_core.registry import ROUNDINGS, SCHEMES
from compress_core.text.numbers import percent, size
from compress_core.zoo import architecture
from tests.helpers import pages
from tests.helpers.pages import (
    SMALL,
    address,
    charts,
    come_back_until,
    fine,
    has,
    html,
    knob,
    said,
    table_rows,
    warnings,
    widget,
)
from ui.engine import engine


def open_page(arch: str = "studentnet", width: str = "0.25", **params: str | list[str]) -> AppTest:
    return pages.open_page("pages/Quantization.py", arch=arch, width=width, **params)


def checked(app: AppTest) -> AppTest:
    assert len(charts(fine(app))) == 4 and "of 180 test images right" in said(app)
    return app


def complete(app: AppTest) -> bool:
    return "in the background" not in html(app)


@pytest.fixture
def few_points(monkeypatch):
    """A curve of two bit widths: every scheme is measured at each."""
    monkeypatch.setattr("compress_core.studies.quantization.CURVE_BITS", (3, 4))


@pytest.mark.parametrize("arch", cc.architectures())
def test_it_opens_for_every_network(arch):
    app = checked(open_page(arch, **{name: SMALL[name] for name in ("prune", "bits")}))
    assert f"{architecture(arch).title} at width 0.25, " in said(app)
    assert "4-bit weights (per channel, to the nearest level): " in said(app)


def test_where_nothing_is_rounded_layers_and_schemes_are_judged_all_the_same(begin_work, few_points):
    app = checked(open_page())
    assert "nothing rounded" in said(app) and "Move the bit width" in said(app) and not complete(app)
    begin_work()
    come_back_until(fine(app), complete)
    assert "are not rounded" in html(app) and "Nothing is rounded yet; with 4 bits alone" in html(app)
    assert "reach" in html(app) and "no codes that Huffman could shorten" in html(app)
    runs = engine().results.runs
    before = {study: runs[study] for study in ("study_accuracy", "study_sensitivity")}
    knob(app, "Bit width").set_value(3).run()
    assert complete(checked(app)) and "3-bit weights" in said(app)  # layers were probed before anyone asked
    assert {study: runs[study] for study in before} == before


@pytest.mark.parametrize(
    ("scheme", "bits"),
    [("per_channel", "16"), ("codebook", "1"), ("per_tensor_symmetric", "3"), ("min_max", "8"), ("ternary", "8")],
)
def test_schemes_and_bit_widths_of_every_kind(scheme, bits):
    check_scheme(scheme, bits)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", cc.schemes())
@pytest.mark.parametrize("bits", ["1", "2", "8", "16"])
def test_every_scheme_and_bit_width(scheme, bits):
    check_scheme(scheme, bits)


def check_scheme(scheme: str, bits: str) -> None:
    app, fixed = checked(open_page(bits=bits, scheme=scheme)), SCHEMES[scheme].fixed_bits
    assert (f"{scheme} weights" if fixed else f"{bits}-bit weights") in said(app)
    assert (SCHEMES[scheme].title in said(app)) == (not fixed)


@pytest.mark.parametrize(
    ("rounding", "clipping"), [("stochastic", "percentile"), ("nearest", "mse"), ("error_compensating", "min_max")]
)
def test_roundings_and_clippings_of_every_kind(rounding, clipping):
    app = checked(open_page(bits="3", rounding=rounding, clipping=clipping))
    assert ROUNDINGS[rounding].title in said(app)


@pytest.mark.slow
@pytest.mark.parametrize("clipping", ["usual", *clippings()])
@pytest.mark.parametrize("rounding", cc.roundings())
def test_every_rounding_and_clipping(rounding, clipping):
    test_roundings_and_clippings_of_every_kind(rounding, clipping)


def test_the_numbers_are_those_of_the_recipe():
    app = open_page(bits="4", coding="huffman", activation_bits="4")
    recipes = cc.Recipe(), *(cc.Recipe(width=0.25, bits=4, activation_bits=4, coding=c) for c in ("plain", "huffman"))
    before = cc.measure(cc.compress(cc.Recipe(width=0.25), engine().networks), timed=False)
    o, p, m = (cc.measure(cc.compress(one, engine().networks), timed=False) for one in recipes)
    assert "4-bit weights, 4-bit activations" in said(app)
    assert f"{percent(m.accuracy)} of 180 test images right, {percent(before.accuracy)} before rounding" in said(app)
    assert f"a file of {size(m.file_bytes)}, " in said(app)
    assert table_rows(app)[-1] == ["The whole file", *(size(one.file_bytes) for one in (o, p, m))]
    alone = checked(open_page(activation_bits="4"))
    assert "StudentNet at width 0.25, 4-bit activations: " in said(alone)


def test_the_selectors_the_switches_and_the_sidebar_are_one():
    app = open_page(bits="3")
    chosen = {
        "Levels of the weights": ("scheme", "per_tensor_symmetric", "per_tensor_symmetric"),
        "How far the levels reach": ("clipping", "mse", "mse"),
        "Rounding": ("rounding", "stochastic", "stochastic"),
        "Activations": ("activation_bits", 4, "4"),
        "Fold BatchNorm": ("fold", False, "off"),
        "Equalize layers": ("equalize", True, "on"),
        "Correct biases": ("correct_bias", True, "on"),
    }
    for label, (_, value, _) in chosen.items():
        widget(app, label).set_value(value)
    widget(app, "Huffman coding").set_value(True).run()
    written = {name: text for name, _, text in chosen.values()} | {"coding": "huffman"}
    assert address(checked(app)) == {"arch": "studentnet", "width": "0.25", "bits": "3"} | written
    assert all(knob(app, label).value == value == widget(app, label).value for label, (_, value, _) in chosen.items())
    assert knob(app, "Huffman coding").value == "huffman" and widget(app, "Huffman coding").value
    recipe = cc.Recipe(width=0.25, bits=3, coding="huffman", **{name: value for name, value, _ in chosen.values()})
    m = cc.measure(cc.compress(recipe, engine().networks), timed=False)
    assert f"{percent(m.accuracy)} of 180 test images right" in said(app) and size(m.file_bytes) in said(app)
    knob(app, "Levels of the weights").set_value("ternary").run()
    assert widget(app, "Levels of the weights").value == "ternary" and "ternary weights" in said(app)


def test_a_switch_that_makes_no_difference_is_switched_off():
    for params, idle in (({}, False), ({"rounding": "error_compensating", "scheme": "codebook"}, True)):
        app = open_page(bits="3", **params)
        assert [widget(app, label).disabled for label in ("Correct biases", "How far the levels reach")] == [idle] * 2


def test_groups_that_are_uneven_by_now_are_layers_all_the_same():
    app = checked(open_page("shufflenet_v1", prune="0.3", bits="4", equalize="on", layer_bits="3b8.4b2"))
    assert "on average" in said(app) and "Stage 2 unit 0 expand" in widget(app, "Layer shown").options
    for layer in ("stages.0.1.reduce.0", "stages.0.0.expand.0"):  # convolutions of their own by now
        widget(app, "Layer shown").set_value(layer).run()
        assert address(checked(app))["layer"] == layer


@pytest.mark.slow
def test_groups_that_are_uneven_by_now_are_judged_layer_by_layer(begin_work, few_points):
    begin_work()
    app = open_page("shufflenet_v1", "0.5", prune="0.3", bits="4", equalize="on", layer_bits="3b8.4b2")
    assert "Rounded alone, " in html(come_back_until(app, complete))


def test_a_layer_gets_bits_of_its_own_and_loses_them_again():
    app = open_page(bits="4", layer="cnn.3.3")
    before = said(app)
    widget(app, "Bits of this layer").set_value(2).run()
    assert address(checked(app))["layer_bits"] == "6b2" and "on average" in said(app)
    assert "go to 4 levels in each channel" in html(app)
    widget(app, "Bits of this layer").set_value(0).run()
    assert "layer_bits" not in address(app) and said(app) == before and not has(app, "Reset")


def test_a_layer_may_be_rounded_alone():
    app = open_page(layer="cnn.3.3")
    widget(app, "Bits of this layer").set_value(2).run()
    assert "weights of" in said(checked(app)) and "on average" in said(app) and "before rounding" in said(app)


def test_bits_of_single_layers_show_and_go_at_a_click_or_with_the_network():
    for leave in (
        lambda app: widget(app, "Reset").click(),
        lambda app: knob(app, "Architecture").set_value("squeezenet"),
    ):
        app = checked(open_page(bits="4", layer="cnn.3.3", layer_bits="6b7.3b8"))
        assert widget(app, "Bits of this layer").value == 7  # the picker offers it only where an address says so
        leave(app).run()
        assert "layer_bits" not in address(checked(app)) and not has(app, "Reset")


def test_the_layer_at_the_bars_is_the_layer_shown():
    app = open_page(bits="4")
    widget(app, "Layer whose bits are set").set_value("cnn.2.3").run()
    assert address(checked(app))["layer"] == "cnn.2.3"
    assert widget(app, "Layer shown").value == "cnn.2.3" and "Block 2 pointwise go to" in html(app)


def spend(app: AppTest, kilobytes: int) -> AppTest:
    app.number_input(key="kilobytes").set_value(kilobytes)
    return widget(app, "Find each layer's bits").click().run()


def test_a_budget_is_spent_once_every_layer_is_judged(begin_work, few_points):
    app = spend(open_page(bits="4", prune="0.1"), 16)  # a recipe that no other test judges
    assert "Every layer is rounded by itself to every bit width" in html(checked(app))
    begin_work()
    come_back_until(app, lambda app: "layer_bits" in address(app))
    recipe = cc.Recipe(width=0.25, bits=4, prune=0.1, layer_bits=address(app)["layer_bits"])
    file_bytes = cc.measure(cc.compress(recipe, engine().networks), timed=False).file_bytes
    assert 0.9 * 16_000 < file_bytes <= 16_000 and size(file_bytes) in said(app)


def test_a_budget_that_cannot_be_met_is_a_sentence(begin_work, few_points):
    begin_work()
    app = spend(open_page(bits="4", prune="0.1"), 3)
    come_back_until(app, lambda app: "No plan meets this budget" in warnings(app))
    assert "layer_bits" not in address(app)


def test_there_is_nothing_to_spend_where_the_scheme_says_the_bits():
    assert not checked(open_page(bits="4", scheme="binary")).number_input


def test_a_channel_is_part_of_the_link():
    app = checked(open_page(bits="4", layer="cnn.3.3", channel="5", order="numbered"))
    assert "weights of channel 5 of Block 3 pointwise go to 16 levels" in html(app)
    assert widget(app, "Order").value == "numbered"
    widget(app, "Layer shown").set_value("cnn.0.0").run()
    assert "weights of channel 5 of Block 0" in html(app)
    widget(app, "Channel shown").set_value("all").run()
    assert "The 144 weights of Block 0 go" in html(app)
    assert "The 144 weights of Block 0 go" in html(checked(open_page(bits="4", layer="cnn.0.0", channel="200")))


@pytest.mark.parametrize(
    ("params", "sentences"),
    [
        (
            {"layer": "conv9", "channel": "first", "view": "outside", "scheme": "spiral", "rounding": "<b>"}
            | {"activation_bits": "9", "layer_bits": "3b", "bits": "17.5"},
            [
                "The page cannot show layer 'conv9'.",
                "The channel cannot be 'first'.",
                "The view cannot be 'outside'. Allowed: closed, runtimes.",
                "The scheme cannot be 'spiral'.",
                "The rounding cannot be '<b>'.",
                "The bit width of activations cannot be 9.",
                "The bits of single layers cannot be '3b'.",
                "The bit width cannot be 17.5.",
            ],
        ),
        (
            {"layer_bits": "3b4.99b2", "order": ["widest", "numbered"], "bits": "4"},
            [
                "Of the bits of single layers, 1 is for a layer that StudentNet does not have",
                "The order stands in the address more than once",
            ],
        ),
    ],
)
def test_rubbish_in_the_address_is_a_sentence(params, sentences):
    app = open_page(**params)
    assert not app.exception and "StudentNet at width 0.25, " in said(app)
    assert [one for one in sentences if one.lower() not in warnings(app).lower()] == []


@pytest.mark.skipif(bool(integer.missing()), reason="onnxruntime is not installed")
def test_three_runtimes_are_timed_in_the_background(monkeypatch):
    monkeypatch.setattr("compress_core.analysis.runtimes.compare_runtimes.__defaults__", ((1, 64), 0.05))
    app = open_page(bits="4")
    assert not has(app, "Download") and not app.get("download_button")
    widget(app, "View").set_value("runtimes").run()
    assert address(checked(app))["view"] == "runtimes"
    come_back_until(app, lambda app: "onnxruntime, int8" in html(app))
    assert "64 images: median" in html(app) and "of its answers are PyTorch" in html(app)
    assert len(app.get("download_button")) == 2


def test_without_onnxruntime_a_sentence_says_what_lacks_and_the_rest_works(monkeypatch):
    monkeypatch.setattr(integer, "_is_there", lambda name: name != "onnxruntime")
    app = checked(open_page(bits="4", view="runtimes"))
    assert "need onnxruntime, which is not installed: pip install onnxruntime" in html(app)
