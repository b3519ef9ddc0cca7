"""Recalibration against statistics computed by hand."""

import copy

import pytest
import torch
from torch import nn

import compress_core as cc
from tests.conftest import with_random_norms


def test_each_norm_gets_the_statistics_of_what_reaches_it():
    """Walk through the layers one by one and compute mean and variance of each BatchNorm's input with torch."""
    torch.manual_seed(0)
    model = with_random_norms(cc.build("studentnet", 0.25))
    images = torch.randn(20, 1, 32, 32)
    healed = cc.recalibrate(model, images)
    with torch.no_grad():
        x = images
        for block in list(healed.cnn)[:-1]:
            for layer in block:
                if isinstance(layer, nn.BatchNorm2d):
                    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
                    assert torch.allclose(layer.running_mean, mean, atol=1e-4)
                    assert torch.allclose(layer.running_var, variance, rtol=1e-3, atol=1e-5)
                    x = nn.functional.batch_norm(x, None, None, layer.weight, layer.bias, training=True)
                else:
                    x = layer(x)


def test_it_touches_nothing_but_the_statistics_of_a_copy():
    model = with_random_norms(cc.build("studentnet", 0.25))
    before = copy.deepcopy(model.state_dict())
    healed = cc.recalibrate(model, torch.randn(8, 1, 32, 32))
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    for name, tensor in healed.state_dict().items():
        if "running" not in name and "num_batches" not in name:
            assert torch.equal(tensor, before[name])
    assert not healed.training and healed.cnn[0][1].momentum == model.cnn[0][1].momentum


def test_it_brings_a_cut_network_back(cache):
    """The page's most striking number: far down right after the cut, most of the way back without a label."""
    cut = cc.measure(cc.compress(cc.Recipe(prune=0.4, heal="none"), cache), cache=cache, timed=False)
    healed = cc.measure(cc.compress(cc.Recipe(prune=0.4), cache), cache=cache, timed=False)
    assert healed.accuracy > cut.accuracy + 0.3


def test_no_images_is_a_sentence():
    with pytest.raises(ValueError, match="at least one image"):
        cc.recalibrate(cc.build("studentnet"), torch.zeros(0, 1, 32, 32))
