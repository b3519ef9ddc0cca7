"""The page of quantization: networks, schemes, bit widths, layers' own bits, links, lacking parts."""

from collections.abc import Iterable
from functools import partial
from itertools import product

import pytest

import compress_core as cc
from compress_core.quantization import integer
from compress_core.registry import CLIPPINGS, ROUNDINGS, SCHEMES
from compress_core.text.numbers import percent, size
from compress_core.zoo import architecture
from tests.helpers import pages
from ui.engine import engine

open_page = partial(pages.open_page, "pages/Quantization.py", arch="studentnet", width="0.25")


def checked(app: pages.Page) -> pages.Page:
    assert len(app.fine().charts) == 4 and " test images right" in app.said
    return app


def counted(app: pages.Page) -> pages.Page:
    """All test images are counted, and not the first of them only."""
    return checked(app.come_back_until(lambda page: "of 90 test images right" in page.said))


def complete(app: pages.Page) -> bool:
    return "in the background" not in app.html


@pytest.fixture
def few_points(monkeypatch):
    """A curve of two bit widths: every scheme is measured at each."""
    monkeypatch.setattr("compress_core.studies.quantization.CURVE_BITS", (3, 4))


@pytest.mark.parametrize("arch", cc.architectures())
def test_it_opens_for_every_network(arch):
    app = checked(open_page(arch=arch, **{name: pages.SMALL[name] for name in ("prune", "bits")}))
    assert f"{architecture(arch).title} at width 0.25, " in app.said
    assert "4-bit weights (per channel, error compensation): " in app.said


def test_where_nothing_is_rounded_layers_and_schemes_are_judged_all_the_same(begin_work, few_points):
    app = checked(open_page())
    assert "nothing rounded" in app.said and "Move the bit width" in app.said and not complete(app)
    begin_work()
    app.fine().come_back_until(complete)
    assert "are not rounded" in app.html and "Nothing is rounded yet; with 4 bits alone" in app.html
    assert "reach" in app.html and "no codes that Huffman could shorten" in app.html
    runs = engine().results.runs
    before = {study: runs[study] for study in ("study_accuracy", "study_sensitivity")}
    app.knob("Bit width").set_value(3).run()
    assert complete(checked(app)) and "3-bit weights" in app.said  # layers were probed before anyone asked
    assert {study: runs[study] for study in before} == before


def quick_first(quick: list[tuple[str, str]], every: Iterable[tuple[str, str]]) -> list:
    """Pairs that differ in kind, and the others, which are slow together."""
    return [*quick, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in every if pair not in quick)]


KINDS = [("per_channel", "16"), ("codebook", "1"), ("per_tensor_symmetric", "3"), ("ternary", "8")]


@pytest.mark.parametrize(("scheme", "bits"), quick_first(KINDS, product(cc.schemes(), ("1", "2", "8", "16"))))
def test_every_scheme_and_bit_width(scheme, bits):
    app, fixed = checked(open_page(bits=bits, scheme=scheme)), SCHEMES[scheme].fixed_bits
    assert (f"{scheme} weights" if fixed else f"{bits}-bit weights") in app.said
    assert (SCHEMES[scheme].title in app.said) == (not fixed)


WAYS = [("stochastic", "mse"), ("error_compensating", "min_max")]


@pytest.mark.parametrize(("rounding", "clipping"), quick_first(WAYS, product(ROUNDINGS, ("usual", *CLIPPINGS))))
def test_every_rounding_and_clipping(rounding, clipping):
    assert ROUNDINGS[rounding].title in checked(open_page(bits="3", rounding=rounding, clipping=clipping)).said


def test_the_numbers_are_those_of_the_recipe(begin_work):
    app = open_page(bits="4", coding="huffman", activation_bits="4")
    assert "of 15 test images right" in app.said
    begin_work()
    counted(app)
    recipes = cc.Recipe(), *(cc.Recipe(width=0.25, bits=4, activation_bits=4, coding=c) for c in ("plain", "huffman"))
    before = cc.measure(cc.compress(cc.Recipe(width=0.25), engine().networks), timed=False)
    o, p, m = (cc.measure(cc.compress(one, engine().networks), timed=False) for one in recipes)
    assert "4-bit weights, 4-bit activations" in app.said
    assert f"{percent(m.accuracy)} of 90 test images right, {percent(before.accuracy)} before rounding" in app.said
    assert f"a file of {size(m.file_bytes)}, " in app.said
    assert app.rows[-1] == ["The whole file", *(size(one.file_bytes) for one in (o, p, m))]
    alone = checked(open_page(activation_bits="4"))
    assert "StudentNet at width 0.25, 4-bit activations: " in alone.said


def test_the_selectors_the_switches_and_the_sidebar_are_one(begin_work):
    begin_work()
    app = open_page(bits="3", rounding="nearest")
    chosen = {
        "Quantization scheme": ("scheme", "per_tensor_symmetric", "per_tensor_symmetric"),
        "Clipping range": ("clipping", "percentile", "percentile"),
        "Rounding": ("rounding", "stochastic", "stochastic"),
        "Activations": ("activation_bits", 4, "4"),
        "Fold BatchNorm": ("fold", False, "off"),
        "Equalize layers": ("equalize", True, "on"),
        "Correct biases": ("correct_bias", True, "on"),
    }
    for label, (_, value, _) in chosen.items():
        app.widget(label).set_value(value)
    app.widget("Huffman coding").set_value(True).run()
    written = {name: text for name, _, text in chosen.values()} | {"coding": "huffman"}
    assert checked(app).address == {"arch": "studentnet", "width": "0.25", "bits": "3"} | written
    assert all(app.knob(label).value == value == app.widget(label).value for label, (_, value, _) in chosen.items())
    assert app.knob("Huffman coding").value == "huffman" and app.widget("Huffman coding").value
    recipe = cc.Recipe(width=0.25, bits=3, coding="huffman", **{name: value for name, value, _ in chosen.values()})
    m = cc.measure(cc.compress(recipe, engine().networks), timed=False)
    assert f"{percent(m.accuracy)} of 90 test images right" in counted(app).said and size(m.file_bytes) in app.said
    app.knob("Quantization scheme").set_value("ternary").run()
    assert app.widget("Quantization scheme").value == "ternary" and "ternary weights" in app.said


def test_what_makes_no_difference_is_switched_off():
    assert not open_page(bits="4", scheme="binary").fine().number_input  # there is nothing to spend
    for params, idle in (({"rounding": "nearest"}, False), ({"scheme": "codebook"}, True)):
        app = open_page(bits="3", **params)
        assert [app.widget(label).disabled for label in ("Correct biases", "Clipping range")] == [idle] * 2


def test_groups_that_are_uneven_by_now_are_layers_all_the_same():
    app = checked(open_page(arch="shufflenet_v1", prune="0.3", bits="4", equalize="on", layer_bits="3b8.4b2"))
    assert "on average" in app.said and "Stage 2 unit 0 expand" in app.widget("Layer shown").options
    for layer in ("stages.0.1.reduce.0", "stages.0.0.expand.0"):  # convolutions of their own by now
        app.widget("Layer shown").set_value(layer).run()
        assert checked(app).address["layer"] == layer


@pytest.mark.slow
def test_groups_that_are_uneven_by_now_are_judged_layer_by_layer(begin_work, few_points):
    begin_work()
    app = open_page(arch="shufflenet_v1", width="0.5", prune="0.3", bits="4", equalize="on", layer_bits="3b8.4b2")
    assert "Rounded alone, " in app.come_back_until(complete).html


def test_a_layer_gets_bits_of_its_own_and_loses_them_again():
    app = open_page(bits="4", layer="cnn.3.3")
    before = app.said
    app.widget("Bits of this layer").set_value(2).run()
    assert checked(app).address["layer_bits"] == "6b2" and "on average" in app.said
    assert "go to 4 levels in each channel" in app.html
    app.widget("Bits of this layer").set_value(0).run()
    assert "layer_bits" not in app.address and app.said == before and not app.has("Reset")
    app.knob("Bit width").set_value(32).run()
    app.widget("Bits of this layer").set_value(2).run()  # it may be rounded alone
    assert "on average" in checked(app).said and "before rounding" in app.said


def test_bits_of_single_layers_show_and_go_at_a_click_or_with_the_network():
    link = {"bits": "4", "layer": "cnn.3.3", "layer_bits": "6b7.3b8"}
    app, other = checked(open_page(**link)), checked(open_page(**link))
    assert app.widget("Bits of this layer").value == 7  # the picker offers it only where an address says so
    app.widget("Reset").click().run()
    other.knob("Architecture").set_value("squeezenet").run()
    for one in (app, other):
        assert "layer_bits" not in checked(one).address and not one.has("Reset")


def test_the_layer_at_the_bars_is_the_layer_shown():
    app = open_page(bits="4")
    app.widget("Layer whose bits are set").set_value("cnn.2.3").run()
    assert checked(app).address["layer"] == "cnn.2.3"
    assert app.widget("Layer shown").value == "cnn.2.3" and "Block 2 pointwise go to" in app.html


def spend(app: pages.Page, kilobytes: int) -> pages.Page:
    app.number_input(key="kilobytes").set_value(kilobytes)
    return app.widget("Find each layer's bits").click().run()


def test_a_budget_is_spent_once_every_layer_is_judged(begin_work, few_points):
    app = spend(open_page(bits="4", prune="0.1"), 16)  # a recipe that no other test judges
    assert "Every layer is rounded by itself to every bit width" in checked(app).html
    begin_work()
    app.come_back_until(lambda app: "layer_bits" in app.address)
    recipe = cc.Recipe(width=0.25, bits=4, prune=0.1, layer_bits=app.address["layer_bits"])
    file_bytes = cc.measure(cc.compress(recipe, engine().networks), timed=False).file_bytes
    assert 0.9 * 16_000 < file_bytes <= 16_000 and size(file_bytes) in app.said


def test_a_budget_that_cannot_be_met_is_a_sentence(begin_work, few_points):
    begin_work()
    app = spend(open_page(bits="4", prune="0.1"), 3)
    app.come_back_until(lambda app: "No plan meets this budget" in app.warnings)
    assert "layer_bits" not in app.address


def test_a_channel_is_part_of_the_link():
    app = checked(open_page(bits="4", layer="cnn.3.3", channel="5", order="numbered"))
    assert "weights of channel 5 of Block 3 pointwise go to 16 levels" in app.html
    assert app.widget("Order").value == "numbered"
    app.widget("Layer shown").set_value("cnn.0.0").run()
    assert "weights of channel 5 of Block 0" in app.html
    app.widget("Channel shown").set_value("all").run()
    assert "The 144 weights of Block 0 go" in app.html
    assert "The 144 weights of Block 0 go" in checked(open_page(bits="4", layer="cnn.0.0", channel="200")).html


def test_rubbish_in_the_address_is_a_sentence():
    rubbish = {"layer": "conv9", "channel": "first", "view": "outside", "scheme": "spiral", "rounding": "<b>"}
    app = open_page(**rubbish, activation_bits="9", layer_bits="3b", bits="17.5").complains(
        "The page cannot show layer 'conv9'.",
        "The channel cannot be 'first'.",
        "The view cannot be 'outside'. Allowed: closed, runtimes.",
        "The scheme cannot be 'spiral'.",
        "The rounding cannot be '<b>'.",
        "The bit width of activations cannot be 9.",
        "The bits of single layers cannot be '3b'.",
        "The bit width cannot be 17.5.",
    )
    assert "StudentNet at width 0.25, " in app.said
    app = open_page(layer_bits="3b4.99b2", order=["numbered", "widest"], bits="5").complains(
        "Of the bits of single layers, 1 is for a layer that StudentNet does not have",
        "The order stands in the address more than once",
    )
    assert "on average" in app.said and app.widget("Order").value == "numbered"


@pytest.mark.skipif(bool(integer.missing()), reason="onnxruntime is not installed")
def test_three_runtimes_are_timed_in_the_background(monkeypatch):
    monkeypatch.setattr("compress_core.analysis.runtimes.compare_runtimes.__defaults__", ((1, 64), 0.05))
    app = open_page(bits="4")
    assert not app.get("download_button")
    app.widget("View").set_value("runtimes").run()
    assert checked(app).address["view"] == "runtimes"
    app.come_back_until(lambda app: "onnxruntime, int8" in app.html)
    assert "64 images: median" in app.html and "of its answers are PyTorch" in app.html
    assert len(app.get("download_button")) == 2


def test_without_onnxruntime_a_sentence_says_what_lacks_and_the_rest_works(monkeypatch):
    monkeypatch.setattr(integer, "_is_there", lambda name: name != "onnxruntime")
    app = checked(open_page(bits="4", view="runtimes"))
    assert "need onnxruntime, which is not installed: pip install onnxruntime" in app.html
