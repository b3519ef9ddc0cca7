"""Networks that do unusual things with their channels: pruned exactly, left whole, or refused with a sentence."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import compress_core as cc
from tests.conftest import with_random_norms
from tests.pruning.oracle import largest_difference


def in_place(y):
    y.relu_()
    return torch.cat([y[:, 6:], y[:, :6]], 1)


def in_place_on_a_view(y):
    part = y[:, ::2]
    part += 1
    return y


ODD = {
    "a shuffle with sizes of its own": lambda y: y.view(-1, 3, 4, 8, 8).transpose(1, 2).flatten(1, 2),
    "halves swapped": lambda y: torch.cat(y.chunk(2, 1)[::-1], 1),
    "five uneven parts": lambda y: torch.cat(y.chunk(5, 1)[::-1], 1),
    "split and joined": lambda y: torch.cat(y.split([4, 8], 1), 1),
    "stacked": lambda y: torch.stack([y[:, :6], y[:, 6:]], 1).flatten(1, 2),
    "in place, unused": in_place,
    "in place on a view": in_place_on_a_view,
    "one channel by its number": lambda y: y + F.relu(y[:, 3]).unsqueeze(1),
    "some channels, in other shapes": lambda y: (
        y + torch.sigmoid(y.flatten(2)[:, 2:3]).unsqueeze(-1).mean((2, 3), True)
    ),
    "a batch turned": lambda y: y.transpose(0, 1).flip(0).transpose(0, 1),
    "a batch flattened": lambda y: y.flatten(0, 1).unflatten(0, (-1, 12)),
    "divided by how many there are": lambda y: y / y.size(1),
    "a constant made for them": lambda y: y + torch.ones(1, y.shape[1], 1, 1),
    "a constant": lambda y: torch.cat([(y * torch.tensor(0.5))[:, 6:], y[:, :6]], 1),
    "rolled": lambda y: torch.roll(y, 1, 1),
    "every second": lambda y: torch.cat([y[:, ::2], y[:, 1::2]], 1),
    "the same twice": lambda y: torch.cat([y, y], 1)[:, :12],
    "along the height": lambda y: torch.cat([y, y], 2),
    "softmax": lambda y: torch.softmax(y, 1),
    "squeezed gate": lambda y: y * torch.sigmoid(y.mean((2, 3), True)),
    "mean over channels": lambda y: y * y.mean(1, keepdim=True),
}


class Odd(nn.Module):
    def __init__(self, move):
        super().__init__()
        self.move = move
        self.stem = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12))
        self.read = nn.Sequential(nn.Conv2d(12, 10, 3, padding=1), nn.BatchNorm2d(10), nn.ReLU())
        self.beside = nn.Conv2d(12, 10, 1)
        self.fc = nn.Linear(10, 4)

    def forward(self, x):
        y = self.stem(x)
        z = self.read(self.move(y * 1.0)).mean((2, 3)) + self.beside(y).mean((2, 3))
        return self.fc(z)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("ratio", [0.3, 0.6])
def test_it_is_exact_or_says_why_not(name, ratio):
    torch.manual_seed(0)
    model = with_random_norms(Odd(ODD[name]).double())
    images = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    try:
        result = cc.prune_channels(model, images, ratio=ratio)
    except cc.UnsupportedModelError as error:
        assert "ignore=" in str(error) and name in ("in place on a view", "a constant made for them"), error
        return
    assert largest_difference(model, result, images) <= 1e-9


class Squeezed(nn.Module):
    """`squeeze()` drops a batch of one as well."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 12, 3), nn.BatchNorm2d(12), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.fc = nn.Linear(12, 4)

    def forward(self, x):
        return self.fc(self.stem(x).squeeze())


class Multiplied(nn.Module):
    """A depthwise convolution with several outputs for each channel."""

    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4))
        self.b = nn.Sequential(nn.Conv2d(4, 8, 3, groups=4), nn.BatchNorm2d(8))
        self.c = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        return self.c(self.b(self.a(x)))


class Aliased(nn.Module):
    """One grouped convolution under two names."""

    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(1, 12, 1), nn.BatchNorm2d(12))
        self.g = nn.Conv2d(12, 12, 1, groups=3)
        self.same = self.g
        self.n, self.c = nn.BatchNorm2d(12), nn.Conv2d(12, 2, 1)

    def forward(self, x):
        return self.c(self.n(self.same(self.a(x))))


class Tied(nn.Module):
    """A layer's weight that is read outside of it, and one that is made anew by a parametrization."""

    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(1, 8, 1), nn.BatchNorm2d(8))
        self.b = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))
        self.w = nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 8, 1))
        self.n, self.d = nn.BatchNorm2d(8), nn.Sequential(nn.Conv2d(8, 6, 1), nn.BatchNorm2d(6))
        self.c = nn.Conv2d(6, 2, 1)

    def forward(self, x):
        y = self.b(self.a(x)) * self.b[0].weight.sum()
        return self.c(self.d(self.n(self.w(y))))


@pytest.mark.parametrize(("make", "channels"), [(Squeezed, 3), (Multiplied, 1), (Aliased, 1), (Tied, 1)])
@pytest.mark.parametrize("ratio", [0.3, 0.5, 0.8])
def test_unusual_layers_are_pruned_exactly(make, channels, ratio):
    torch.manual_seed(0)
    model = with_random_norms(make().double())
    images = torch.randn(2, channels, 8, 8, dtype=torch.float64)
    result = cc.prune_channels(model, images, ratio=ratio)
    assert largest_difference(model, result, images) <= 1e-9


@pytest.mark.parametrize("ratio", [0.3, 0.6])
def test_layers_that_share_a_weight_each_keep_their_own_part_of_it(ratio):
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = (nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)) for _ in range(2))
            self.b[0].weight = self.a[0].weight
            self.stem, self.c = nn.Sequential(nn.Conv2d(1, 8, 1), nn.BatchNorm2d(8)), nn.Conv2d(8, 2, 1)

        def forward(self, x):
            return self.c(self.b(self.a(self.stem(x))))

    torch.manual_seed(0)
    model = with_random_norms(Shared().double())
    images = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    result = cc.prune_channels(model, images, ratio=ratio, proven=False)
    # The oracle zeroes the shared weight for both; here each layer has its own.
    alone = with_random_norms(Shared().double())
    alone.load_state_dict(model.state_dict())
    alone.b[0].weight = nn.Parameter(model.b[0].weight.detach().clone())
    assert largest_difference(alone, result, images) <= 1e-9


def test_optional_arguments_do_not_matter():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.c = nn.Sequential(nn.Conv2d(1, 8, 1), nn.BatchNorm2d(8)), nn.Conv2d(8, 2, 1)

        def forward(self, x, mask=None, scale=2.0):
            return self.c(self.a(x))

    images = torch.randn(2, 1, 4, 4)
    model = with_random_norms(Scaled())
    result = cc.prune_channels(model, images, ratio=0.5)
    assert largest_difference(model, result, images) <= 1e-5


@pytest.mark.parametrize("arch", cc.architectures())
@pytest.mark.parametrize(("weights", "width"), [("plain", 0.1), ("sparse-0.15", 0.25)])
def test_the_narrowest_networks_survive_the_hardest_cuts(arch, weights, width, cache):
    """Where a layer has a handful of channels, and a threshold takes nearly all of them."""
    for prune in (0.0, 0.5, 0.95):
        for scope in ("global", "layer"):
            compressed = cc.compress(
                cc.Recipe(arch=arch, weights=weights, width=width, prune=prune, scope=scope), cache
            )
            with torch.no_grad():
                assert compressed.model(torch.zeros(1, 1, 32, 32)).shape == (1, 10)
