"""The sentences of quantization, held against numbers that are counted here."""

import math
import re

import numpy as np
import pandas as pd
import pytest

import compress_core as cc
from compress_core.pipeline import quantizable_layers
from compress_core.quantization.clipping import clippings
from compress_core.registry import ROUNDINGS, SCHEMES
from compress_core.studies.accuracy import Accuracy
from compress_core.studies.quantization import (
    CURVE_BITS,
    Packed,
    study_layers,
    study_packed,
    study_ranges,
    study_weights,
)
from compress_core.studies.runtimes import RuntimeComparison
from compress_core.text import quantization as explain
from compress_core.text.names import network_name, short_name
from compress_core.text.numbers import percent, size


@pytest.mark.parametrize(
    ("fields", "name", "short"),
    [
        ({}, "", ""),
        ({"bits": 4}, ", 4-bit weights", ", 4 bits"),
        ({"bits": 1}, ", 1-bit weights", ", 1 bit"),
        ({"bits": 4, "scheme": "ternary"}, ", ternary weights", ", ternary"),
        ({"bits": 8, "scheme": "binary"}, ", binary weights", ", binary"),
        ({"bits": 4, "layer_bits": "0b8.3b2"}, ", weights of 2 to 8 bits", ", 2 to 8 bits"),
        ({"bits": 4, "layer_bits": "0b4.99b2"}, ", 4-bit weights", ", 4 bits"),
        ({"activation_bits": 4}, ", 4-bit activations", ", 4-bit activations"),
        ({"bits": 8, "activation_bits": 6}, ", 8-bit weights, 6-bit activations", ", 8 bits, 6-bit activations"),
    ],
)
def test_what_is_rounded_is_said_truthfully(fields, name, short):
    recipe = cc.Recipe(**fields)
    assert network_name(recipe) == f"StudentNet at full width{name}"
    assert short_name(recipe) == f"width 1{short}"


def test_mixed_bits_are_told_by_their_mean(cache):
    recipe = cc.Recipe(bits=4, layer_bits="6b8")
    state = cc.compress(recipe, cache).state
    sizes = {name: codes.numel() for name, codes in state.codes.items()}
    mean = (4 * sum(sizes.values()) + 4 * sizes["cnn.3.3.weight"]) / sum(sizes.values())
    assert f"weights of {mean:.3g} bits on average" in network_name(recipe, None, state.mean_bits)


def said(recipe: cc.Recipe, cache) -> str:
    three = (study_packed(one, cache) for one in (recipe, recipe.weights_only(), cc.Recipe(arch=recipe.arch)))
    return explain.summary(*three)


def test_the_sentence_says_accuracy_before_and_after_and_the_file(cache):
    recipe = cc.Recipe(bits=3, prune=0.3, scheme="per_tensor", rounding="stochastic")
    text, m = said(recipe, cache), cc.measure(cc.compress(recipe, cache), timed=False)
    before = cc.measure(cc.compress(recipe.weights_only(), cache), timed=False)
    assert "30 % of its channels cut, 3-bit weights (per tensor, up or down by chance): " in text
    assert f"{percent(m.accuracy)} of 2,160 test images right, {percent(before.accuracy)} before rounding" in text
    assert f"a file of {size(m.file_bytes)}, " in text and "times smaller than the original's." in text


def test_the_sentence_where_nothing_is_rounded(cache):
    assert said(cc.Recipe(), cache).endswith(
        "nothing rounded: 97.3 % of 2,160 test images right, in a file of 1.04 MB."
    )
    assert "4-bit activations: " in said(cc.Recipe(activation_bits=4), cache)
    assert "ternary weights (−a, 0, +a in each channel, error comp" in said(cc.Recipe(bits=4, scheme="ternary"), cache)


def test_every_choice_has_a_title():
    for title, names in (
        (SCHEMES.title, cc.schemes()),
        (ROUNDINGS.title, cc.roundings()),
        (explain.clipping_title, ["usual", *clippings()]),
        (explain.activations_title, [2, 8, 32]),
    ):
        texts = [title(name) for name in names]
        assert len(set(texts)) == len(texts) and all(text[0] == text[0].upper() for text in texts)
        assert not any("_" in text for text in texts)


@pytest.mark.parametrize("arch", cc.architectures())
def test_every_layer_has_a_name_of_its_own_and_a_block(arch):
    names = explain.layer_names(arch)
    assert list(names) == list(quantizable_layers(arch)) and len(set(names.values())) == len(names)
    assert not any("," in name for name in names.values())
    assert all(len(explain.block_name(name)) <= 5 for name in names.values())


def test_names_and_blocks():
    assert explain.layer_names("studentnet")["cnn.3.0"] == "Block 3 depthwise"
    assert explain.layer_names("studentnet")["fc.0"] == "Classifier"
    assert explain.block_name("Block 3 depthwise") == "3" and explain.block_name("Stem") == "stem"
    assert explain.block_name("Stage 2 unit 1 reduce") == "2.1" and explain.block_name("Classifier") == "end"


def test_the_weights_of_a_layer_and_of_a_channel(cache):
    own = study_weights(cc.Recipe(bits=4), cache, "cnn.3.3")
    zero = (own.weights["after"] == 0).mean()
    sqnr = study_layers(cc.Recipe(bits=4), cache).set_index("layer").loc["cnn.3.3", "sqnr"]
    assert explain.describe_weights(own, "Block 3 pointwise", None) == (
        f"The 8,192 weights of Block 3 pointwise go to 16 levels in each channel, {percent(zero)} of them at zero: "
        f"SQNR {sqnr:.1f} dB."
    )
    assert "The 64 weights of channel 5 of Block 3" in explain.describe_weights(own, "Block 3", 5)
    plain = study_weights(cc.Recipe(), cache, "cnn.3.3")
    assert "are not rounded" in explain.describe_weights(plain, "Block 3", None)
    whole = study_weights(cc.Recipe(bits=2, scheme="codebook"), cache, "cnn.3.3")
    assert "go to 4 levels:" in explain.describe_weights(whole, "Block 3", None)


def test_a_channel_without_an_error_is_said(cache):
    own = study_weights(cc.Recipe(bits=4), cache, "cnn.3.3")
    own.weights["after"] = own.weights["before"]
    assert "nothing is lost" in explain.describe_weights(own, "Block 3", None)


def layers(**own: tuple[float, float]) -> pd.DataFrame:
    rows = [(name, 4, sqnr, error) for name, (sqnr, error) in own.items()]
    return pd.DataFrame(rows, columns=["layer", "bits", "sqnr", "error"])


def test_the_layer_that_bears_least_is_named():
    names = {"a": "Block 1", "b": "Block 2", "c": "Block 3"}
    table = layers(a=(20, 0.01), b=(10, 0.04), c=(30, 1e-9))
    assert explain.describe_layers(table, names, None, "nearest") == (
        "Rounded alone, Block 2 moves the logits most (4 %), Block 3 least (under 0.001 %); "
        "Block 2 keeps its weights worst (10.0 dB)."
    )
    solved = explain.describe_layers(table.assign(sqnr=[20, -6.3, 30]), names, None, "error_compensating")
    assert solved.startswith("Rounded alone, to the nearest level, Block 2 moves")
    assert "Block 2 got other weights most (−6.3 dB), to compensate errors." in solved
    assert explain.describe_layers(table, names, 4, "nearest").startswith(
        "Nothing is rounded yet; with 4 bits alone, Block 2"
    )
    assert "one after another" in explain.describe_layers(layers(a=(20, math.nan)), names, None, "nearest")


def points(**own: list[float]) -> pd.DataFrame:
    rows = [(scheme, bits, a) for scheme, values in own.items() for bits, a in zip(CURVE_BITS, values, strict=False)]
    return pd.DataFrame(rows, columns=["scheme", "bits", "accuracy"])


def test_how_few_bits_a_scheme_bears():
    table = points(
        per_channel=[0.1, 0.5, 0.93, 0.96, 0.97, 0.97, 0.97], per_tensor=[0.97, 0.1, 0.6, 0.95, 0.97, 0.96, 0.97]
    )
    assert explain.describe_curve(table, "per_channel", 0.97, True) == (
        "Per channel stays within a point of the unrounded network down to 4 bits. At 3 bits per channel is best "
        "(93.0 %), per tensor worst (60.0 %)."
    )
    assert "down to 5 bits" in explain.describe_curve(table, "per_tensor", 0.97, True)  # one bit was luck
    assert "loses more than a point; at best it has 97.0 %" in explain.describe_curve(table, "per_channel", 0.99, True)
    assert "measuring in the background" in explain.describe_curve(table, "per_channel", 0.97, False)


def test_the_smaller_coding_is_named_with_how_much(cache):
    now, original = study_packed(cc.Recipe(bits=4), cache), study_packed(cc.Recipe(), cache)
    plain, huffman = now.length("plain"), now.length("huffman")
    saved = f"{size(plain - huffman)} ({100 * (1 - huffman / plain):.2g} %)"
    assert explain.describe_bytes(now, original) == (
        f"Huffman coding is smaller, by {saved}: {size(huffman)}, "
        f"{original.file_bytes / huffman:.1f} times smaller than the original's {size(original.file_bytes)}."
    )
    one = study_packed(cc.Recipe(bits=1, scheme="codebook"), cache)
    assert explain.describe_bytes(one, original).startswith("Plain is smaller")
    assert "no codes" in explain.describe_bytes(original, original)


def test_the_table_of_bytes_adds_up(cache):
    now, original = study_packed(cc.Recipe(bits=4, coding="huffman"), cache), study_packed(cc.Recipe(), cache)
    columns, rows = explain.bytes_table(now, original)
    assert columns == ["Original", "Plain", "Huffman ●"]
    sums = [sum(values[i] for _, values, _ in rows[:-1]) for i in range(3)]
    assert sums == rows[-1][1] == [original.file_bytes, now.length("plain"), now.file_bytes]


def test_channels_that_one_grid_would_lose_are_counted():
    ranges = pd.DataFrame({"channel": range(4), "low": [-1, -0.5, -0.05, 0.02], "high": [1, 0.5, 0.05, 0.03]})
    text = explain.describe_ranges(ranges, "Block 1", 4)
    assert "reach 3.6 times as far as the median one" in text  # of 2, 1, 0.1 and 0.03, the median is 0.55
    assert "of one grid of 4 bits, 2 of 4 channels would use fewer than 3 levels" in text
    same = ranges.assign(low_after=ranges["low"], high_after=ranges["high"])
    assert explain.describe_ranges(same, "Block 1", 4).endswith("Equalizing leaves this layer as it was.")
    equal = ranges.assign(low_after=-0.5, high_after=0.5)
    assert explain.describe_ranges(equal, "Block 1", 4).endswith("Equalized, 1.0 times.")


def test_ranges_of_dead_channels_are_no_error(cache):
    ranges = pd.DataFrame({"channel": [0, 1], "low": [0.0, 0.0], "high": [0.0, 0.0]})
    assert "∞" in explain.describe_ranges(ranges, "Block 1", 4)
    explain.describe_ranges(study_ranges(cc.Recipe(bits=1), cache, "cnn.0.0"), "Block 0", 1)


def test_unknown_layers_are_counted():
    assert explain.describe_unknown(cc.Recipe(layer_bits="3b4")) == []
    (text,) = explain.describe_unknown(cc.Recipe(layer_bits="3b4.77b4.99b2"))
    assert text == (
        "Of the bits of single layers, 2 are for layers that StudentNet does not have: it has 16, counted from 0."
    )


def test_bits_of_layers_are_counted(cache):
    packed = study_packed(cc.Recipe(bits=4, layer_bits="0b8.3b2"), cache)
    text = explain.describe_budget(packed)
    assert text.startswith("Bits of the 16 layers: 1 at 2, 14 at 4, 1 at 8; ")
    assert explain.describe_budget(study_packed(cc.Recipe(bits=4), cache)) == "Every layer has 4 bits."


def test_choices_of_a_layers_bits():
    assert explain.bit_choices(None) == [0, 2, 3, 4, 5, 6, 8, 16, 32] and 7 in explain.bit_choices(7)
    assert explain.bits_title(0, cc.Recipe(bits=4)) == "as all: 4" and explain.bits_title(32, cc.Recipe()) == "off"


def integers(**fields) -> RuntimeComparison:
    rows = [
        (name, batch, ms * batch, ms * batch * 0.9, ms * batch * 1.1, 4 / ms, 9, length)
        for name, ms, length in (("torch", 4, 1000), ("onnx", 2, 1000), ("int8", 1, 300))
        for batch in (1, 64)
    ]
    table = pd.DataFrame(rows, columns=["runtime", "batch", "ms", "low", "high", "speedup", "runs", "file_bytes"])
    shares = {"torch": 1.0, "onnx": 1.0, "int8": 0.99}
    rest = {"off_grid": 0, "convolutions": 9, "cut_share": 0.0} | fields
    return RuntimeComparison(table, shares, shares, 2160, 1, b"", b"", **rest)


def test_integers_are_held_against_floats():
    text = explain.describe_runtimes(integers())
    assert "runs 2.0× faster for 1 image and 2.0× faster for 64 images (1 thread)" in text
    assert "in a file 3.3 times smaller; 99.0 % of its answers are PyTorch's." in text
    columns, rows = explain.runtimes_table(integers())
    assert len(columns) == 3 and [len(texts) for _, _, texts in rows] == [3] * 5
    assert rows[0][2][2] == "1.0 ms (0.90–1.10)"


def test_channel_counts_that_slow_onnxruntime_down_are_told_where_there_are_some():
    assert explain.describe_off_grid(integers(), cc.Recipe()) == ""
    assert explain.describe_off_grid(integers(off_grid=7, cut_share=0.3), cc.Recipe(prune=0.3, multiple_of=16)) == ""
    text = explain.describe_off_grid(integers(off_grid=7, cut_share=0.3), cc.Recipe(prune=0.3))
    assert "7 of 9 convolutions" in text and "multiples of 16" in text
    grouped = cc.Recipe(arch="shufflenet_v1", prune=0.3, multiple_of=16)
    text = explain.describe_off_grid(integers(off_grid=7, cut_share=0.3), grouped)
    assert "let each group keep as many channels, in multiples of 8" in text
    followed = grouped.with_(multiple_of=8, balance="on")
    assert explain.describe_off_grid(integers(off_grid=7, cut_share=0.3), followed) == ""


def test_the_layer_shown_first_does_not_move_with_the_bits(cache):
    first = {explain.default_layer(study_layers(cc.Recipe(bits=bits), cache)) for bits in (1, 4, 32)}
    assert len(first) == 1
    assert np.isfinite(study_layers(cc.Recipe(), cache)["spread"]).all()


def test_a_packed_recipe_knows_its_length():
    parts = pd.DataFrame({"plain": [3, 4], "huffman": [1, 4]})
    packed = Packed(cc.Recipe(bits=4, coding="huffman"), Accuracy(0.9, 10), parts, 4.0, 0.0)
    assert packed.file_bytes == 5 and packed.length("plain") == 7
    assert re.match(r".+", repr(packed))
