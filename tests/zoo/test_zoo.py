"""The contract of every architecture, and StudentNet against homework 7."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import compress_core as cc
from compress_core.zoo import architecture
from compress_core.zoo.registry import register
from compress_core.zoo.studentnet import studentnet_channels

CASES = [(arch, preset) for arch in cc.architectures() for preset in architecture(arch).presets]


@pytest.mark.parametrize(("arch", "preset"), CASES)
@pytest.mark.parametrize("width", [0.1, 0.35, 1.0, 2.0])
def test_every_preset_builds_and_runs(arch, preset, width):
    model = cc.build(arch, width, preset, num_classes=7).eval()
    channels = 1 if preset == "small" else 3
    size = 32 if preset == "small" else 64
    assert model(torch.zeros(2, channels, size, size)).shape == (2, 7)


@pytest.mark.parametrize("arch", cc.architectures())
def test_the_small_preset_keeps_to_its_budget(arch):
    """At most 7 M MACs and about 1 M parameters, so that a slider step can measure it on the whole test set."""
    table = cc.profile(cc.build(arch), torch.zeros(1, 1, 32, 32))
    assert table["macs"].sum() <= 7e6 and table["params"].sum() <= 1.1e6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "resnet"}, "There is no architecture 'resnet'. Choose one of: studentnet"),
        ({"name": "studentnet", "preset": "big"}, "StudentNet has no preset 'big'"),
        ({"name": "studentnet", "width": 3.0}, "between 0.1 and 2.0; it was 3.0"),
        ({"name": "studentnet", "width": float("nan")}, "between 0.1 and 2.0; it was nan"),
    ],
)
def test_what_cannot_be_built_is_a_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        cc.build(**arguments)


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="'studentnet' is registered already"):
        register(architecture("studentnet"))


def homework_7_studentnet() -> nn.Module:
    """Homework 7's network written out block by block from its description, as the oracle."""

    def block(c_in: int, c_out: int, pool: bool) -> nn.Sequential:
        layers = [
            nn.Conv2d(c_in, c_in, 3, 1, 1, groups=c_in),
            nn.BatchNorm2d(c_in),
            nn.ReLU6(),
            nn.Conv2d(c_in, c_out, 1),
        ]
        return nn.Sequential(*layers, *([nn.MaxPool2d(2, 2, 0)] if pool else []))

    net = nn.Module()
    net.cnn = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU6(), nn.MaxPool2d(2, 2, 0)),
        block(16, 32, True),
        block(32, 64, True),
        block(64, 128, True),
        block(128, 256, False),
        block(256, 256, False),
        block(256, 256, False),
        block(256, 256, False),
        nn.AdaptiveAvgPool2d((1, 1)),
    )
    net.fc = nn.Sequential(nn.Linear(256, 11))
    return net.eval()


def test_studentnet_has_homework_7s_parameters():
    model = cc.build("studentnet", preset="reference", num_classes=11)
    assert sum(p.numel() for p in model.parameters()) == 256_779


def test_a_homework_checkpoint_loads_and_computes_the_same():
    theirs = homework_7_studentnet()
    ours = cc.build("studentnet", preset="reference", num_classes=11).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    images = torch.randn(2, 3, 256, 256)
    with torch.no_grad():
        assert torch.allclose(ours(images), theirs.fc(theirs.cnn(images).flatten(1)), atol=1e-6)


@given(st.integers(2, 40))
@settings(deadline=None)
def test_the_width_acts_on_blocks_3_to_6_and_leaves_no_layer_empty(step):
    channels = studentnet_channels(step * 0.05)
    full = [16, 32, 64, 128, 256, 256, 256, 256]
    for block, (own, whole) in enumerate(zip(channels, full, strict=True)):
        assert own == (whole * step // 20 if 3 <= block <= 6 else whole) >= 1
