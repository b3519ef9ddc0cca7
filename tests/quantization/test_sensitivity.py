"""Which layers bear few bits, and budgets."""

import pytest
import torch

import compress_core as cc
from compress_core.layers.inference import predict
from compress_core.quantization.packing import serialize
from compress_core.quantization.sensitivity import CHOICES, sensitivity, signal_to_noise, spend

IMAGES = cc.dataset("digits").calibration(128, seed=0)


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return cc.load("studentnet", 0.5)


@pytest.fixture(scope="module")
def found(model):
    return sensitivity(model, IMAGES)


def test_each_layer_is_rounded_alone(model, found):
    layers = [n for n, m in model.named_modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(found) == len(layers) * len(CHOICES) and found["layer"].unique().tolist() == layers
    logits = predict(model, IMAGES)
    row = found[(found["layer"] == "cnn.4.3") & (found["bits"] == 2)].iloc[0]
    alone = predict(cc.quantize(model, {"cnn.4.3": 2}).model, IMAGES)
    assert row["error"] == pytest.approx(float((alone - logits).square().mean() / logits.square().mean()), rel=1e-3)
    assert row["weights"] == model.get_submodule("cnn.4.3").weight.numel()


@pytest.mark.parametrize("coding", ["plain", "huffman"])
def test_a_budget_is_kept_and_spent_better_than_evenly(model, found, coding):
    even = cc.quantize(model, 3)
    budget = len(serialize(even.state, {}, coding))
    plan = spend(model, IMAGES, budget, coding=coding, found=found)
    spent = cc.quantize(model, plan)
    length = len(serialize(spent.state, {}, coding))
    assert 0.9 * budget < length <= budget and len(set(plan.values())) > 1
    images = cc.dataset("digits").validation()[0]
    logits = predict(model, images)
    errors = [float((predict(result.model, images) - logits).square().mean()) for result in (spent, even)]
    assert errors[0] < errors[1]


@pytest.mark.parametrize(
    ("budget", "message"),
    [(100, "No plan meets this budget: with 2 bits per weight everywhere"), (0, "above 0; it was 0"), ("all", "'all'")],
)
def test_budgets_that_cannot_be_met_are_sentences(model, found, budget, message):
    with pytest.raises(ValueError, match=message):
        spend(model, IMAGES, budget, found=found)


def test_nothing_to_measure_on_is_a_sentence(model):
    with pytest.raises(ValueError, match="needs at least one image"):
        sensitivity(model, IMAGES[:0])


def test_the_ratio_of_signal_to_noise():
    before = torch.tensor([3.0, 4.0])
    assert signal_to_noise(before, before + torch.tensor([0.0, 0.5])) == pytest.approx(20.0)  # 25 to 0.25
    assert signal_to_noise(before, before) == float("inf")
