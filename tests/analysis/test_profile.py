"""Parameters and MACs against torch's own counters and counts by hand."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import compress_core as cc
from compress_core.zoo import architecture

CASES = [(arch, preset) for arch in cc.architectures() for preset in architecture(arch).presets]


@pytest.mark.parametrize(("arch", "preset"), CASES)
@pytest.mark.parametrize("width", [0.25, 1.0])
def test_counts_equal_torchs_own(arch, preset, width):
    model = cc.build(arch, width, preset).eval()
    images = torch.zeros(1, 1, 32, 32) if preset == "small" else torch.zeros(1, 3, 224, 224)
    table = cc.profile(model, images)
    with FlopCounterMode(display=False) as counter:
        model(images)
    assert table["macs"].sum() * 2 == counter.get_total_flops()  # torch counts a MAC as two operations
    assert table["params"].sum() == sum(p.numel() for p in model.parameters())


def test_a_pruned_network_is_counted_as_it_is_now():
    model = cc.prune_channels(cc.build("studentnet").eval(), torch.zeros(1, 1, 32, 32), ratio=0.5).model
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 1, 32, 32))
    assert cc.profile(model, torch.zeros(1, 1, 32, 32))["macs"].sum() * 2 == counter.get_total_flops()


def test_rows_by_hand():
    model = nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 3, groups=8, stride=2, padding=1),
        nn.Conv2d(8, 6, 1),
        nn.Conv2d(6, 4, 3, groups=2),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    table = cc.profile(model, torch.zeros(5, 2, 8, 8))
    assert table["kind"].tolist() == ["dense", "batchnorm", "depthwise", "pointwise", "grouped", "linear"]
    assert table["params"].tolist() == [144, 16, 80, 54, 112, 51]
    assert table["macs"].tolist() == [144 * 64, 0, 72 * 16, 48 * 16, 108 * 4, 48]
    assert table["output_shape"].tolist()[2] == (8, 4, 4)


def test_the_model_keeps_no_trace():
    model = cc.build("studentnet").train()
    cc.profile(model, torch.zeros(1, 1, 32, 32))
    assert model.training and not any(layer._forward_hooks for layer in model.modules())
