"""Class activation maps against the weights that make the answer."""

import pytest
import torch
from torch import nn

import compress_core as cc
from compress_core.analysis.class_activation import class_activation_map
from compress_core.layers.running import run_on


def last_maps(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    found = []
    pool = [module for module in model.modules() if isinstance(module, nn.AdaptiveAvgPool2d)][-1]
    hook = pool.register_forward_pre_hook(lambda module, inputs: found.append(inputs[0].clone()))
    run_on(model, images)
    hook.remove()
    return found[0]


@pytest.mark.parametrize("arch", cc.architectures())
def test_the_mean_over_all_places_is_the_logit_less_its_bias(arch):
    model, images = cc.load(arch), cc.dataset("digits").test()[0][:4]
    logits, linear = run_on(model, images), [m for m in model.modules() if isinstance(m, nn.Linear)]
    bias = linear[-1].bias.detach() if linear else torch.zeros(10)  # SqueezeNet's last convolution has it in its maps
    for label in (0, 7):
        maps = class_activation_map(model, images, label)
        assert maps.shape == (4, *last_maps(model, images).shape[2:])
        assert torch.allclose(maps.mean((1, 2)), logits[:, label] - bias[label], atol=1e-3)


def test_it_is_the_weighted_sum_of_the_last_maps():
    model, images = cc.load("mobilenet_v2", dataset="cifar10"), cc.dataset("cifar10").test()[0][:3]
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)][-1]
    by_hand = torch.einsum("k,nkhw->nhw", linear.weight[5].detach(), last_maps(model, images))
    assert torch.allclose(class_activation_map(model, images, 5), by_hand, atol=1e-4)


def test_one_without_an_average_over_places_is_refused():
    with pytest.raises(ValueError, match=r"Sequential has no nn\.AdaptiveAvgPool2d"):
        class_activation_map(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), torch.zeros(1, 1, 2, 2), 0)
