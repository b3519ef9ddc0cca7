"""Fast inference computes what plain inference does."""

import copy

import pytest
import torch
from torch import nn

import compress_core as cc
from compress_core.layers.folding import fold_batchnorm
from compress_core.layers.inference import predict, prepare
from compress_core.zoo.blocks import ChannelShuffle
from tests.conftest import with_random_norms


@pytest.mark.parametrize(
    ("arch", "threads"), [*((arch, 1) for arch in cc.architectures()), ("studentnet", 2), ("shufflenet_v1", 2)]
)
def test_predictions_are_those_of_the_plain_network(arch, threads):
    model = with_random_norms(cc.build(arch))
    images = torch.randn(301, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model(images)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert torch.allclose(predict(model, images), expected, rtol=1e-3, atol=1e-3 * expected.abs().max())
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("ratio", [0.0, 0.4])
@pytest.mark.parametrize("arch", [*cc.architectures(), "resnet18"])
def test_folding_is_exact_complete_and_leaves_the_model_alone(arch, ratio):
    """Whole networks and pruned ones, whose wiring and grouped convolutions have become others."""
    torch.manual_seed(0)
    images = torch.randn(3, 1, 32, 32, dtype=torch.float64)
    model = with_random_norms(cc.build(arch, 0.25).double())
    model = cc.prune_channels(model, images, ratio=ratio).model
    before = copy.deepcopy(model.state_dict())
    folded = fold_batchnorm(model)
    with torch.no_grad():
        expected = model(images)
        assert torch.allclose(folded(images), expected, rtol=1e-9, atol=1e-9)
        assert torch.allclose(prepare(model)(images), expected, rtol=1e-9, atol=1e-9)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_a_batchnorm_that_somebody_else_reads_past_is_not_folded():
    """In a graph, a convolution with two readers must stay what it was."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x):
            y = self.conv(x)
            return self.norm(y) + y

    model = torch.fx.symbolic_trace(with_random_norms(Two()))
    images = torch.randn(2, 1, 4, 4)
    with torch.no_grad():
        assert torch.equal(fold_batchnorm(model)(images), model(images))


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 6])
def test_the_quick_shuffle_equals_the_plain_one(groups):
    maps = torch.randn(2, 12, 3, 5).contiguous(memory_format=torch.channels_last)
    shuffle = ChannelShuffle(groups)
    quick = prepare(nn.Sequential(shuffle))(maps)
    assert torch.equal(quick, shuffle(maps)) and quick.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("size", [(8, 8), (9, 8), (7, 11)])
def test_quick_pooling_equals_torchs(size):
    block = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU6(), nn.MaxPool2d(2, 2, 0)).eval()
    images = torch.randn(5, 2, *size) * 5
    with torch.no_grad():
        assert torch.allclose(prepare(block)(images), block(images), atol=1e-6)


@pytest.mark.parametrize(
    "pool", [nn.MaxPool2d(3, 2), nn.MaxPool2d(2, 2, 1), nn.MaxPool2d(2, 1), nn.MaxPool2d(2, 2, ceil_mode=True)]
)
def test_other_poolings_stay_what_they_are(pool):
    assert type(prepare(nn.Sequential(pool))[0]) is nn.MaxPool2d


def test_what_stands_in_several_places_is_not_folded():
    """A BatchNorm behind a shared ReLU is no neighbour of the convolution before it, nor is one of a shared layer."""
    torch.manual_seed(0)
    act, conv = nn.ReLU(), nn.Conv2d(8, 8, 3)
    for model in (
        nn.Sequential(nn.Conv2d(3, 8, 3), act, nn.Conv2d(8, 8, 3), act, nn.BatchNorm2d(8)),
        nn.Sequential(nn.Conv2d(3, 8, 3), conv, nn.BatchNorm2d(8), act, conv, nn.BatchNorm2d(8)),
    ):
        with_random_norms(model)
        images = torch.randn(2, 3, 14, 14)
        with torch.no_grad():
            assert torch.allclose(fold_batchnorm(model)(images), model(images), atol=1e-5)


def test_an_activation_writes_over_what_it_alone_reads_and_over_nothing_else():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.act, self.other, self.second = nn.Conv2d(1, 4, 1), nn.ReLU(), nn.ReLU(), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            y = self.conv(x)
            return self.other(self.second(y)) + self.act(y) + y + self.act(x)

    model, images = torch.fx.symbolic_trace(Two()), torch.randn(2, 1, 4, 4)
    quick, given = prepare(model), images.clone()
    with torch.no_grad():
        assert torch.allclose(quick(images), model(images), atol=1e-6) and torch.equal(images, given)
    assert quick.other.inplace and not quick.act.inplace and not model.other.inplace

    kept = []
    watched = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Identity(), nn.ReLU())
    assert prepare(watched)[2].inplace and not watched[2].inplace
    watched[0].register_forward_hook(lambda _, __, output: kept.append(output))
    with torch.no_grad():
        prepare(watched)(images)
    assert kept[0].min() < 0, "somebody has noted what the convolution put out"
    twice = nn.Sequential(watched[1], nn.Conv2d(1, 4, 1), act := nn.ReLU(), nn.Conv2d(4, 4, 1), act)
    assert not prepare(twice)[2].inplace
