"""Quantized networks: what is rounded, what is compensated, and what cannot be."""

import copy
import math

import pytest
import torch
from torch import nn

import compress_core as cc
from compress_core.layers.inference import predict
from compress_core.layers.kinds import is_weighted
from compress_core.quantization.calibration import calibrate
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
    return {name: layer for name, layer in model.named_modules() if is_weighted(layer)}


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
    """Nearest per tensor, per channel, biases corrected, errors compensated: on unseen images, each no worse."""
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
        assert (outputs.mean(1) - after[name].mean(1)).abs().max() < 0.3 * spread, name


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
            made = self.a(x)  # and read once more
            return self.b(torch.relu(self.norm(made))).mean((2, 3)) + 0.1 * made.mean((1, 2, 3)).unsqueeze(1)

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
        ({"rounding": "error_compensating", "images": IMAGES[:, 0]}, "run on calibration images of 256 × 32 × 32"),
        ({"activations": 4, "images": IMAGES.expand(-1, 3, -1, -1)}, "run on calibration images of 256 × 3 × "),
        ({"correct_bias": True, "images": IMAGES * math.nan}, "needs images of finite numbers"),
        ({"correct_bias": True, "images": IMAGES.int()}, "of floating-point numbers; it was torch.int32"),
        (
            {"calibration": calibrate(cc.build("studentnet", 0.5), IMAGES[:8])},
            "of another network than this StudentNet",
        ),
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


def test_weights_too_large_for_their_levels_are_a_sentence():
    model = nn.Sequential(nn.Linear(2, 2))
    model[0].weight.data = torch.tensor([[3e38, -3e38], [0.0, 1.0]])
    with pytest.raises(ValueError, match="The weights of '0' are too large"):
        cc.quantize(model, 4)


class Shared(nn.Module):
    """One layer under two names, and another whose weight is its."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(16, 16)
        self.same, self.tied = self.a, nn.Linear(16, 16)
        self.tied.weight = self.a.weight

    def forward(self, x):
        return self.tied(torch.relu(self.same(torch.relu(self.a(x)))))


@pytest.mark.parametrize("rounding", cc.roundings())
def test_a_shared_weight_is_rounded_once_for_all(rounding, tmp_path):
    torch.manual_seed(0)
    model, rows = Shared(), torch.randn(64, 16)
    result = cc.quantize(model, 2, rounding=rounding, images=rows)
    assert all(len(row.unique()) <= 4 for row in result.model.tied.weight)
    assert torch.equal(result.model.tied.weight, result.model.same.weight)
    stored = result.state.tensors()
    assert all(torch.equal(stored[name], tensor) for name, tensor in result.model.state_dict().items())
    cc.save(result, tmp_path / "shared.safetensors")
    again = cc.load_file(tmp_path / "shared.safetensors", into=model)
    with torch.no_grad():
        assert torch.equal(again(rows), result.model(rows))


def test_the_layer_may_be_the_network():
    result = cc.quantize(nn.Linear(4, 4), 1)
    assert list(result.state.codes) == ["weight"] and all(len(row.unique()) <= 2 for row in result.model.weight)


def test_layers_that_stand_in_a_list_are_rounded_too():
    class Listed(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(16, 16), nn.Linear(16, 4)
            self.order = [self.a, self.b]

        def forward(self, x):
            for layer in self.order:
                x = layer(x)
            return x

    torch.manual_seed(0)
    model = Listed()
    result = cc.quantize(model, 1)
    assert result.model.order[0] is result.model.a is not model.a


def test_a_persons_own_hooks_stay():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3))
    model[0].register_forward_pre_hook(lambda _, given: (2 * given[0],))
    result = cc.quantize(model, 8, rounding="error_compensating", images=IMAGES)
    with torch.no_grad():
        assert torch.allclose(result.model(IMAGES), model(IMAGES), atol=0.05)
    assert len(result.model[0]._forward_pre_hooks) == len(model[0]._forward_pre_hooks) == 1


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_networks_of_other_precision_are_quantized_in_float32(kind):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3)).to(kind)
    result = cc.quantize(model, 8, rounding="error_compensating", images=IMAGES.to(kind))
    with torch.no_grad():
        before, after = model.float()(IMAGES), result.model(IMAGES)
    assert after.dtype == torch.float32 and torch.allclose(before, after, atol=0.05)


def test_weights_that_are_not_numbers_are_a_sentence():
    model = cc.build("studentnet", 0.25)
    model.cnn[1][3].weight.data[0, 0] = math.nan
    with pytest.raises(ValueError, match=r"'cnn.1.3.weight' holds values that are not finite"):
        cc.quantize(model, 4)
