"""Fast inference computes what plain inference does."""

import copy

import pytest
import torch
from torch import nn

import compress_core as cc
from compress_core.inference import fold_batchnorm, predict, prepare
from tests.conftest import with_random_norms


@pytest.mark.parametrize("arch", cc.architectures())
@pytest.mark.parametrize("threads", [1, 2])
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


def test_folding_is_exact_and_leaves_the_model_alone():
    model = with_random_norms(cc.build("studentnet", 0.25).double())
    before = copy.deepcopy(model.state_dict())
    images = torch.randn(3, 1, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(fold_batchnorm(model)(images), model(images), atol=1e-9)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


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
