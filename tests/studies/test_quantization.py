"""Quantization taken apart, held against the networks themselves."""

import itertools
import math

import numpy as np
import pytest
import torch

import compress_core as cc
from compress_core.layers.folding import fold_batchnorm
from compress_core.layers.inference import predict
from compress_core.pipeline import bits_by_layer, quantizable_layers
from compress_core.quantization.sensitivity import CHOICES, sensitivity
from compress_core.registry import SCHEMES
from compress_core.studies.quantization import (
    IMAGES,
    curve,
    is_rounded,
    kind_titles,
    layer_of,
    sensitivity_recipe,
    study_layers,
    study_packed,
    study_plan,
    study_ranges,
    study_sensitivity,
    study_weights,
    unknown_layers,
)
from tests.helpers.marks import sampled

UNEVEN = cc.Recipe(arch="shufflenet_v1", prune=0.3, bits=4)


@pytest.mark.parametrize("scheme", cc.schemes())
@pytest.mark.parametrize("bits", [1, 4])
def test_after_rounding_every_weight_is_one_of_its_channels_levels(scheme, bits, cache):
    recipe = cc.Recipe(width=0.25, bits=bits, scheme=scheme)
    for layer in ("cnn.3.0", "cnn.3.3"):
        own = study_weights(recipe, cache, layer)
        model = cc.compress(recipe, cache).model
        weight = model.get_submodule(layer).weight.detach().flatten(1)
        assert np.array_equal(own.weights["after"].to_numpy(np.float32), weight.flatten().numpy())
        assert own.channels == len(weight)
        for channel, rows in own.weights.groupby("channel"):
            levels = own.levels_of(channel)
            assert len(levels) <= 2**own.bits
            assert np.abs(rows["after"].to_numpy()[:, None] - levels).min(1).max() < 1e-6
        assert own.shared == (not scheme.startswith(("per_channel", "ternary", "binary")))


def test_before_rounding_the_weights_are_the_folded_ones(cache):
    folded = fold_batchnorm(cc.load("studentnet", width=1.0)).get_submodule("cnn.2.0").weight.detach()
    for bits in (4, 32):
        own = study_weights(cc.Recipe(bits=bits), cache, "cnn.2.0")
        assert np.allclose(own.weights["before"], folded.flatten().numpy(), atol=1e-6)
        assert bool(own.rounded) == (bits < 32)
    assert (own.weights["before"] == own.weights["after"]).all()


def test_the_error_of_each_layer_is_counted_in_decibels(cache):
    table = study_layers(cc.Recipe(bits=4), cache)
    assert table["layer"].tolist() == list(quantizable_layers("studentnet"))
    for row in table.sample(4, random_state=0).itertuples():
        own = study_weights(cc.Recipe(bits=4), cache, row.layer).weights
        noise, power = ((own["after"] - own["before"]) ** 2).sum(), (own["before"] ** 2).sum()
        assert row.sqnr == pytest.approx(10 * math.log10(power / noise), rel=1e-3)
        assert row.weights == len(own) and row.bits == 4 and not row.by_hand


def test_six_decibels_are_a_bit(cache):
    means = [study_layers(cc.Recipe(bits=bits), cache)["sqnr"].mean() for bits in (4, 6, 8)]
    assert all(10 < more - less < 14 for less, more in itertools.pairwise(means))


@pytest.mark.parametrize("recipe", [cc.Recipe(), cc.Recipe(activation_bits=4), cc.Recipe(prune=0.4)])
def test_where_nothing_is_rounded_nothing_is_lost(recipe, cache):
    assert not is_rounded(recipe)
    assert np.isinf(study_layers(recipe, cache)["sqnr"]).all()
    packed = study_packed(recipe, cache)
    assert packed.length("plain") == packed.length("huffman") and packed.mean_bits == 32


@pytest.mark.parametrize("recipe", [cc.Recipe(bits=3), cc.Recipe(bits=3, coding="huffman"), UNEVEN])
def test_the_bytes_are_those_of_the_file(recipe, cache):
    packed = study_packed(recipe, cache)
    for coding in ("plain", "huffman"):
        m = cc.measure(cc.compress(recipe.with_(coding=coding), cache), timed=False)
        assert packed.length(coding) == m.file_bytes and packed.parts[coding].to_dict() == m.breakdown
        assert packed.accuracy.value == m.accuracy
    assert packed.file_bytes == packed.length(recipe.coding)


def test_layers_that_fell_into_groups_are_one_row_and_have_all_their_weights(cache):
    model = cc.compress(UNEVEN, cache).model
    table = study_layers(UNEVEN, cache).set_index("layer")
    assert set(table.index) == set(quantizable_layers(UNEVEN.arch))
    ragged = [name for name, module in model.named_modules() if hasattr(module, "convs")]
    assert ragged
    for name in ragged:
        count = sum(conv.weight.numel() for conv in model.get_submodule(name).convs.values())
        own = study_weights(UNEVEN, cache, name)
        ranges = study_ranges(UNEVEN.with_(equalize=True), cache, name)
        assert table.loc[name, "weights"] == len(own.weights) == count
        assert len(ranges) == own.channels == sum(c.out_channels for c in model.get_submodule(name).convs.values())
        assert "low_after" in ranges and (ranges["low"] <= ranges["high"]).all()


def test_bits_of_single_layers_are_what_their_levels_have(cache):
    recipe = UNEVEN.with_(layer_bits="3b8.4b2")
    state = cc.compress(recipe, cache).state
    bits = bits_by_layer(recipe)
    for name, levels in state.levels.items():
        assert levels.bits == bits[layer_of(name)]
    table = study_layers(recipe, cache).set_index("number")
    assert table.loc[[3, 4], "by_hand"].all() and table["by_hand"].sum() == 2
    assert table.loc[3, "sqnr"] > table.loc[4, "sqnr"] + 20


def test_layers_that_are_left_whole_count_in_the_mean(cache):
    packed = study_packed(cc.Recipe(layer_bits="0b4"), cache)
    assert 15.9 < packed.mean_bits < 16  # all others are kept in 16 bits


def test_layers_that_the_network_lacks_are_unknown():
    assert unknown_layers(cc.Recipe(layer_bits="3b4.16b2.99b2")) == [16, 99]
    assert unknown_layers(cc.Recipe(arch="mobilenet_v2", layer_bits="3b4.16b2.99b2")) == [99]


@pytest.mark.parametrize("arch", cc.architectures())
def test_kinds(arch):
    model, found = cc.build(arch), kind_titles(arch)
    assert list(found) == list(quantizable_layers(arch))
    for name, kind in found.items():
        layer = model.get_submodule(name)
        assert (kind == "linear") == isinstance(layer, torch.nn.Linear)
        assert (kind == "depthwise") == (getattr(layer, "groups", 1) > 1 and layer.weight.shape[1] == 1)


def test_a_layer_rounded_alone_moves_the_logits_by_as_much_as_it_does_in_a_network_built_for_it(cache):
    recipe = sensitivity_recipe(cc.Recipe(bits=2), 2)
    errors = study_sensitivity(recipe, cache)
    model, images = cc.load("studentnet", width=1.0), cc.dataset("digits").calibration(IMAGES, 0)
    logits = predict(model, images)
    assert list(errors) == list(quantizable_layers("studentnet"))
    for layer in ("cnn.1.0", "cnn.3.3", "fc.0"):
        moved = predict(cc.quantize(model, {layer: 2}).model, images) - logits
        assert errors[layer] == pytest.approx(float(moved.square().mean() / logits.square().mean()), rel=0.02)


def test_the_cores_table_says_the_same(cache):
    recipe = sensitivity_recipe(cc.Recipe(bits=3), 3)
    images = cc.dataset("digits").calibration(IMAGES, 0)
    table = sensitivity(cc.load("studentnet", width=1.0), images, bits=(3, 32)).set_index(["layer", "bits"])["error"]
    for layer, error in study_sensitivity(recipe, cache).items():
        assert table[layer, 3] == pytest.approx(error, rel=0.02) and table[layer, 32] == 0


def test_what_does_not_matter_for_a_layer_alone_is_left_out():
    one = sensitivity_recipe(cc.Recipe(bits=4, layer_bits="3b2", rounding="error_compensating", coding="huffman"), 4)
    assert one == sensitivity_recipe(cc.Recipe(bits=8, activation_bits=4), 4) == cc.Recipe(bits=4, rounding="nearest")
    assert sensitivity_recipe(cc.Recipe(bits=8, scheme="ternary"), 8).bits == 2


@pytest.mark.parametrize("scheme", cc.schemes())
def test_the_curve_has_the_own_scheme_first_and_each_fixed_one_once(scheme):
    wanted = curve(cc.Recipe(bits=3, scheme=scheme, layer_bits="0b8", coding="huffman"))
    assert next(iter(wanted))[0] == scheme and {name for name, _ in wanted} == {
        scheme,
        *(name for name, entry in SCHEMES.items() if entry.compared),
    }
    for (name, bits), recipe in wanted.items():
        assert (recipe.scheme, recipe.bits, recipe.layer_bits, recipe.coding) == (name, bits, "", "plain")
    for name in wanted:
        assert not SCHEMES[name[0]].fixed_bits or SCHEMES[name[0]].fixed_bits == name[1]


@pytest.mark.parametrize(
    "recipe", sampled([cc.Recipe(bits=4), UNEVEN, cc.Recipe(bits=32)], lambda recipe: recipe == cc.Recipe(bits=4))
)
def test_a_plan_meets_its_budget_and_is_better_than_the_same_bits_everywhere(recipe, cache):
    recipe = recipe.with_(bits=min(recipe.bits, 8), rounding="nearest")
    found = {bits: study_sensitivity(sensitivity_recipe(recipe, bits), cache) for bits in CHOICES}
    budget = study_packed(recipe.with_(bits=3), cache).file_bytes
    planned = study_packed(recipe.with_(layer_bits=study_plan(recipe, cache, budget, found)), cache)
    assert 0.9 * budget < planned.file_bytes <= budget
    assert planned.accuracy.value > study_packed(recipe.with_(bits=3), cache).accuracy.value


def test_a_budget_that_no_plan_meets_is_a_sentence(cache):
    recipe = cc.Recipe(bits=4)
    found = {bits: study_sensitivity(sensitivity_recipe(recipe, bits), cache) for bits in CHOICES}
    with pytest.raises(ValueError, match="No plan meets this budget"):
        study_plan(recipe, cache, 10_000, found)


def test_equalizing_brings_the_ranges_of_channels_together(cache):
    ranges = study_ranges(cc.Recipe(arch="mobilenet_v1", bits=4, equalize="on"), cache, "blocks.3.0.0")
    assert len(ranges) == 48

    def apart(low: str, high: str) -> float:
        reach = (ranges[high] - ranges[low]).clip(lower=1e-6)
        return float(reach.max() / reach.median())

    assert apart("low_after", "high_after") <= apart("low", "high")
    assert "low_after" not in study_ranges(cc.Recipe(arch="mobilenet_v1", bits=4), cache, "blocks.3.0.0")


def test_a_network_whose_shuffles_became_selections_is_equalized_too(cache):
    recipe = UNEVEN.with_(equalize="on")
    whole, equal = cc.compress(UNEVEN.weights_only(), cache).model, cc.compress(recipe.with_(bits=16), cache).model
    images = cc.dataset("digits").test()[0][:16]
    assert torch.allclose(predict(whole, images), predict(equal, images), atol=0.05)


@pytest.mark.parametrize("fold", ["on", "off"])
def test_uneven_groups_read_rounded_activations_too(fold, cache):
    recipe = UNEVEN.with_(bits=8, activation_bits=8, fold=fold)
    assert study_packed(recipe, cache).accuracy.value > study_packed(UNEVEN, cache).accuracy.value - 0.05
    assert len(study_layers(recipe, cache)) == len(quantizable_layers(recipe.arch))
