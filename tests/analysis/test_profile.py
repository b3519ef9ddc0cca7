"""Parameters and MACs against torch's own counters and counts by hand."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import compress_core as cc

ALL = [*cc.architectures(), "resnet18"]
CASES = [(arch, preset) for arch in ALL for preset in ("imagenet", "small")]


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


def brute_force(layer: nn.Conv2d, height: int, width: int) -> int:
    """Multiply–accumulates of a convolution on such maps, counted one by one; padding counts as in the papers."""
    macs = 0
    out_h = (height + 2 * layer.padding[0] - layer.kernel_size[0]) // layer.stride[0] + 1
    out_w = (width + 2 * layer.padding[1] - layer.kernel_size[1]) // layer.stride[1] + 1
    for _ in range(layer.out_channels):
        for _ in range(out_h):
            for _ in range(out_w):
                for _ in range(layer.in_channels // layer.groups):
                    macs += layer.kernel_size[0] * layer.kernel_size[1]
    return macs


@pytest.mark.parametrize("arch", ALL)
def test_every_row_equals_a_brute_force_count(arch):
    model = cc.build(arch, 0.1).eval()
    table = cc.profile(model, torch.zeros(1, 1, 32, 32)).set_index("layer")
    inputs: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    names = {layer: name for name, layer in model.named_modules()}

    def note(layer: nn.Module, given: tuple, output: torch.Tensor) -> None:
        inputs[names[layer]] = (given[0], output)

    for layer in names:
        layer.register_forward_hook(note)
    with torch.no_grad():
        model(torch.zeros(1, 1, 32, 32))
    for name, row in table.iterrows():
        layer, (given, output) = model.get_submodule(name), inputs[name]
        own = sum(1 for p in layer.parameters() for _ in p.flatten())
        assert row["input_shape"] == given.shape[1:] and row["output_shape"] == output.shape[1:]
        assert row["params"] == own
        assert row["memory_access"] == given.numel() + output.numel() + own
        assert row["activation_bytes"] == len(output.numpy().tobytes())
        if isinstance(layer, nn.Conv2d):
            assert row["macs"] == brute_force(layer, *given.shape[2:])
        elif isinstance(layer, nn.Linear):
            assert row["macs"] == layer.in_features * layer.out_features
        else:
            assert row["macs"] == 0


def test_memory_access_is_guideline_1s_formula():
    """hw(c1 + c2) + c1·c2 of a pointwise convolution: ShuffleNetV2, section 2."""
    row = cc.profile(nn.Conv2d(24, 40, 1, bias=False), torch.zeros(1, 24, 14, 14)).iloc[0]
    assert row["memory_access"] == 14 * 14 * (24 + 40) + 24 * 40


def test_an_example_with_the_wrong_channels_is_a_sentence():
    with pytest.raises(ValueError, match=r"does not run on an example of 3×32×32 \(C×H×W\).*channels"):
        cc.profile(cc.build("studentnet"), torch.zeros(1, 3, 32, 32))
