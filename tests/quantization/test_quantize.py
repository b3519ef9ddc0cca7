"""Quantized networks: what is rounded, what is made good, and what cannot be."""

import copy
import math

import pytest
import torch
from torch import nn

import compress_core as cc
from compress_core.inference import predict
from compress_core.quantization.calibration import calibrate
from compress_core.quantization.state import LAYERS
from tests.conftest import with_random_norms

IMAGES = cc.dataset("digits").calibration(256, seed=0)


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    return cc.load("studentnet", 0.5)


def moved(result: cc.QuantizeResult, model: nn.Module) -> float:
    """The mean square by which logits moved, as a part of their own, on images that nothing was fitted to."""
    images = cc.dataset("digits").validation()[0]
    before, after = predict(model, images), predict(result.model, images)
    return float((after - before).square().mean() / before.square().mean())


def layers(model: nn.Module) -> dict[str, nn.Module]:
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, LAYERS)}


@pytest.mark.parametrize("arch", cc.architectures())
def test_folding_alone_changes_nothing(arch):
    model = with_random_norms(cc.build(arch, 0.25))
    images = torch.randn(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for fold in (False, True):
            logits = cc.quantize(model, 16, clipping="min_max", fold=fold).model(images)
            assert torch.allclose(logits, model(images), rtol=2e-2, atol=2e-2 * float(model(images).abs().max()))
    norms = [m for m in cc.quantize(model, 16).model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert not norms


def test_unfolded_weights_are_the_layers_own(trained):
    result = cc.quantize(trained, 8, fold=False)
    own, rounded = layers(trained), layers(result.model)
    for name, layer in own.items():
        scale = result.state.levels[f"{name}.weight"].scale
        assert ((layer.weight - rounded[name].weight).abs() <= 1.01 * scale).all()
        assert len(rounded[name].weight.unique()) <= 256 * len(layer.weight)
    assert not result.state.folded


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_each_step_up_moves_the_logits_less(trained, bits):
    """Nearest per tensor, per channel, biases corrected, errors made good: on unseen images, each no worse."""
    calibration = calibrate(trained, IMAGES)
    ways = [
        {"scheme": "per_tensor"},
        {"scheme": "per_channel"},
        {"correct_bias": True, "calibration": calibration},
        {"rounding": "error_compensating", "calibration": calibration},
    ]
    errors = [moved(cc.quantize(trained, bits, **way), trained) for way in ways]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.2 * errors[0]


def test_corrected_biases_set_every_mean_right(trained):
    """Layer by layer, behind quantized layers: the mean of each output over images is what the original's is."""
    result = cc.quantize(trained, 3, correct_bias=True, images=IMAGES)
    calibration = calibrate(trained, IMAGES)

    def means(model: nn.Module) -> dict[str, torch.Tensor]:
        found = {}
        watched = copy.deepcopy(model)
        for name, layer in layers(watched).items():
            layer.register_forward_hook(
                lambda _, __, out, name=name: found.update({name: out.transpose(0, 1).flatten(1)})
            )
        with torch.no_grad():
            watched(IMAGES)
        return found

    before, after = means(calibration.network), means(result.model)
    for name, outputs in before.items():
        spread = outputs.std(1).mean()
        # Means are taken at some places of the maps only.
        assert (outputs.mean(1) - after[name].mean(1)).abs().max() < 0.2 * spread, name


def test_calibration_is_found_once_and_serves_every_bit_width(trained):
    calibration = calibrate(trained, IMAGES)
    for bits in (2, 8):
        fresh = cc.quantize(trained, bits, rounding="error_compensating", images=IMAGES)
        kept = cc.quantize(trained, bits, rounding="error_compensating", calibration=calibration)
        assert all(torch.equal(fresh.state.codes[name], codes) for name, codes in kept.state.codes.items())


def test_a_network_whose_norms_cannot_be_folded_is_quantized_too():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.norm, self.b = (
                nn.Conv2d(1, 6, 3, bias=False),
                nn.BatchNorm2d(6),
                nn.Conv2d(6, 4, 3, bias=False),
            )

        def forward(self, x):
            return self.b(torch.relu(self.norm(self.a(x)))).mean((2, 3))

    torch.manual_seed(0)
    model = with_random_norms(Odd())
    result = cc.quantize(model, 4, rounding="error_compensating", images=IMAGES)
    with torch.no_grad():
        worst = (result.model(IMAGES) - model(IMAGES)).abs().max() / model(IMAGES).std()
    assert worst < 0.5 and result.model.norm.weight is not None


def test_a_layer_that_images_do_not_reach_is_rounded_to_nearest():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 900, 3))
    model.spare = nn.Linear(5, 2)
    model.forward = lambda x: model[2](model[1](model[0](x)))
    result = cc.quantize(model, 4, rounding="error_compensating", images=IMAGES)
    assert "spare.weight" in result.state.codes


def test_biases_and_norms_are_kept_in_16_bits_unless_they_do_not_fit():
    model = with_random_norms(cc.build("studentnet"))
    model.cnn[2][1].running_var[0] = 1e6
    kept = cc.quantize(model, 4, fold=False).state.kept
    assert kept["cnn.2.1.running_var"].dtype == torch.float32
    assert kept["cnn.3.1.running_var"].dtype == torch.float16
    assert kept["cnn.2.1.running_var"][0] == 1e6


@pytest.mark.parametrize("rounding", cc.roundings())
def test_nothing_of_the_original_changes(rounding):
    model = with_random_norms(cc.build("studentnet", 0.25))
    before = copy.deepcopy(model.state_dict())
    cc.quantize(model, 2, "per_channel", rounding, 4, equalize=True, correct_bias=True, images=IMAGES)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.modules())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bits": 0}, "1 to 16, or 32 for none; it was 0"),
        ({"bits": 33}, "1 to 16, or 32 for none; it was 33"),
        ({"bits": 4.5}, "1 to 16, or 32 for none; it was 4.5"),
        ({"bits": {"cnn.0.0": 40}}, "1 to 16, or 32 for none; it was 40"),
        ({"bits": {"cnn.9": 4}}, "No layer with weights is named 'cnn.9'. There are: cnn.0.0, "),
        ({"activations": 1}, "2 to 8 bits, or 32 for none; it was 1"),
        ({"activations": 4}, "look at calibration images: give at least one as images="),
        ({"rounding": "error_compensating"}, "look at calibration images: give at least one as images="),
        ({"rounding": "error_compensating", "images": IMAGES[:0]}, "give at least one as images="),
        ({"correct_bias": True}, "look at calibration images: give at least one as images="),
        ({"scheme": "spiral"}, "There is no scheme 'spiral'"),
        ({"rounding": "up"}, "There is no rounding 'up'"),
        ({"clipping": "none"}, "There is no clipping 'none'"),
    ],
)
def test_what_cannot_be_quantized_is_a_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        cc.quantize(cc.build("studentnet", 0.25), **arguments)


def test_weights_that_are_not_numbers_are_a_sentence():
    model = cc.build("studentnet", 0.25)
    model.cnn[1][3].weight.data[0, 0] = math.nan
    with pytest.raises(ValueError, match=r"'cnn.1.3.weight' holds values that are not finite"):
        cc.quantize(model, 4)
