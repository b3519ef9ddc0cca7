"""Equalized layers compute the same and share the spread of their ranges."""

import pytest
import torch
from torch import nn

import compress_core as cc
from compress_core.layers.folding import fold_batchnorm
from compress_core.quantization.equalization import equalize
from tests.conftest import with_random_norms

IMAGES = torch.randn(4, 1, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("arch", cc.architectures())
def test_an_equalized_network_computes_the_same(arch):
    model = fold_batchnorm(with_random_norms(cc.build(arch, 0.5).double()))
    equal = equalize(model)
    with torch.no_grad():
        before, after = model(IMAGES), equal(IMAGES)
    assert (after - before).abs().max() <= 1e-9 * before.abs().max()


def test_both_sides_of_a_channel_reach_as_far():
    """Nagel et al. 2019, equation 11: afterwards the ranges on either side are equal."""
    torch.manual_seed(0)
    first, depthwise, last = nn.Conv2d(1, 6, 3), nn.Conv2d(6, 6, 3, groups=6), nn.Conv2d(6, 4, 1)
    first.weight.data *= torch.logspace(-2, 2, 6).view(-1, 1, 1, 1)
    equal = equalize(nn.Sequential(first, nn.ReLU(), depthwise, nn.MaxPool2d(2), last))
    ranges = [equal[0].weight.abs().amax((1, 2, 3)), equal[2].weight.abs().amax((1, 2, 3))]
    reads = equal[4].weight.abs().amax((0, 2, 3))
    assert torch.allclose(ranges[0], ranges[1], rtol=0.02) and torch.allclose(ranges[1], reads, rtol=0.02)


@pytest.mark.parametrize("between", [nn.ReLU6(), nn.Sigmoid(), nn.BatchNorm2d(6)])
def test_where_a_factor_would_not_pass_nothing_is_changed(between):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 6, 3), between, nn.Conv2d(6, 4, 3)).eval()
    equal = equalize(model)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), equal.state_dict().values(), strict=True))


def test_layers_that_share_a_weight_stay():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1))
    model[0].weight.data *= torch.logspace(-2, 2, 4).view(-1, 1, 1, 1)
    model[2].weight = model[0].weight
    assert torch.equal(equalize(model)[0].weight, model[0].weight)


def test_filters_next_to_nothing_and_depthwise_layers_that_widen_are_no_trouble():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3, groups=8))
    model[0].weight.data[0] = 1e-42
    assert all(torch.isfinite(tensor).all() for tensor in equalize(model).state_dict().values())


@pytest.mark.parametrize("arch", ["shufflenet_v1", "shufflenet_v2"])
def test_what_pruning_left_is_equalized_too(arch):
    plain, equal = (
        cc.compress(cc.Recipe(arch=arch, width=0.5, prune=0.5, bits=16, equalize=switch)) for switch in ("off", "on")
    )
    images = cc.dataset("digits").validation()[0][:20]
    with torch.no_grad():
        assert torch.allclose(plain.model(images), equal.model(images), atol=0.05)


def test_what_others_read_too_stays():
    class Forked(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1), nn.Conv2d(6, 2, 1)

        def forward(self, x):
            x = self.a(x)
            return self.c(torch.relu(x) + self.b(x))

    torch.manual_seed(0)
    model = Forked()
    assert torch.equal(equalize(model).a.weight, model.a.weight)


def test_one_grid_a_layer_serves_equalized_layers_better():
    """MobileNetV1, trained: per tensor it collapses at 4 bits, equalized far less."""
    model = cc.load("mobilenet_v1")
    images, labels = cc.dataset("digits").validation()
    right = []
    for switch in (False, True):
        network = cc.quantize(model, 4, "per_tensor", equalize=switch).model
        with torch.no_grad():
            right.append(float(network(images).argmax(1).eq(labels).double().mean()))
    assert right[1] > right[0] + 0.1


def test_a_network_that_cannot_be_traced_is_a_sentence():
    class Asks(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(cc.UnsupportedModelError, match=r"Asks cannot be traced, so its layers cannot be equalized"):
        cc.quantize(Asks(), 4, equalize=True)
