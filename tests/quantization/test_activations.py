"""Rounded activations: the grid that each layer reads through, and back from the file."""

import pytest
import torch
from torch import nn

import compress_core as cc
from compress_core.layers.inference import predict
from compress_core.quantization.activations import QuantizedInput, observe, simulate, without_rounding

IMAGES = cc.dataset("digits").calibration(128, seed=0)


def test_a_layer_reads_the_nearest_of_so_many_values():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 3))
    grids = observe(model, IMAGES, 3)
    assert list(grids) == ["0", "2"] and float(grids["2"].zero_point) == 0  # behind a ReLU nothing is negative
    seen = {}
    simulated = simulate(model, grids)
    simulated[2].layer.register_forward_pre_hook(lambda _, given: seen.update(read=given[0]))
    with torch.no_grad():
        simulated(IMAGES)
        before = model[1](simulated[0](IMAGES))
    levels = (torch.arange(8) - grids["2"].zero_point.flatten()) * grids["2"].scale.flatten()
    nearest = levels[(before.unsqueeze(-1) - levels).abs().argmin(-1)]
    assert torch.allclose(seen["read"], nearest, atol=1e-5)
    assert not any(isinstance(m, QuantizedInput) for m in model.modules())


@pytest.mark.parametrize("arch", cc.architectures())
def test_eight_bits_hardly_move_the_logits_and_two_do(arch):
    model = cc.load(arch)
    logits = predict(model, IMAGES)
    moved = [
        float((predict(cc.quantize(model, 32, activations=bits, images=IMAGES).model, IMAGES) - logits).square().mean())
        / float(logits.square().mean())
        for bits in (8, 4, 2)
    ]
    assert moved[0] < 0.01 < moved[2] and moved == sorted(moved)


def test_a_layer_that_runs_twice_is_fitted_to_both():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x):
            return self.layer(100 * self.layer(x))

    torch.manual_seed(0)
    model, rows = Twice(), torch.randn(256, 8)
    grid = observe(model, rows, 8)["layer"]
    reach = 255 * float(grid.scale)
    with torch.no_grad():
        furthest = float((100 * model.layer(rows)).abs().max())
    assert reach > 0.5 * furthest


def test_networks_that_read_a_layers_weight_run_on():
    encoder = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).eval()
    rows = torch.randn(4, 5, 16)
    assert cc.quantize(encoder, 4, activations=8, images=rows).model(rows).shape == rows.shape


def test_they_come_back_from_the_file(tmp_path):
    compressed = cc.compress(cc.Recipe(width=0.5, bits=4, activation_bits=4, prune=0.3))
    cc.save(compressed, tmp_path / "w4a4.safetensors")
    loaded = cc.load_file(tmp_path / "w4a4.safetensors")
    with torch.no_grad():
        assert torch.equal(loaded(IMAGES), compressed.model(IMAGES))
    assert sum(isinstance(m, QuantizedInput) for m in loaded.modules()) == len(compressed.state.activations)


def test_the_plain_network_is_timed():
    compressed = cc.compress(cc.Recipe(width=0.5, activation_bits=4))
    bare = without_rounding(compressed.model)
    assert not any(isinstance(m, QuantizedInput) for m in bare.modules())
    assert without_rounding(bare) is bare
    assert any(isinstance(m, QuantizedInput) for m in compressed.model.modules())
