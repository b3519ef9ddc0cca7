"""Quick copies against deep ones."""

import copy

import pytest
import torch
from torch import nn

import compress_core as cc
from compress_core.layers.duplicate import duplicate
from tests.conftest import with_random_norms

IMAGES = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("arch", cc.architectures())
@pytest.mark.parametrize("ratio", [0.0, 0.4])
def test_a_copy_computes_the_same_and_shares_no_tensor(arch, ratio):
    torch.manual_seed(0)
    model = cc.prune_channels(with_random_norms(cc.build(arch, 0.25)), IMAGES, ratio=ratio).model
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        expected = model(IMAGES)
        double = duplicate(model)
        assert torch.equal(double(IMAGES), expected)
        for tensor in (*double.parameters(), *double.buffers()):
            tensor.zero_()
        assert torch.equal(model(IMAGES), expected)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert list(double.state_dict()) == list(before)


def test_hooks_and_modes_of_a_copy_are_its_own():
    model = cc.build("studentnet", 0.1).train()
    double = duplicate(model).eval()
    double.fc.register_forward_hook(lambda *_: None)
    assert model.training and not double.training and not model.fc._forward_hooks


def test_what_is_shared_within_a_network_is_shared_within_its_copy():
    layer = nn.Linear(3, 3)
    model = nn.Sequential(layer, layer, nn.Linear(3, 3))
    model[2].weight = layer.weight
    double = duplicate(model)
    assert double[0] is double[1] and double[2].weight is double[0].weight
    assert double[0].weight is not layer.weight
