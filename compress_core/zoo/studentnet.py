"""StudentNet: depthwise and pointwise convolutions with a width multiplier.

Hung-yi Lee, Machine Learning 2020 (National Taiwan University), homework 7, 'Network Compression'.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from compress_core.zoo.blocks import Block
from compress_core.zoo.registry import Architecture, register

BASE = 16
MULTIPLIERS = (1, 2, 4, 8, 16, 16, 16, 16)
SCALED_BLOCKS = range(3, 7)  # the width multiplier acts on these; the first and the last keep their width
REFERENCE_POOLING = (0, 1, 2, 3)
SMALL_POOLING = (0, 1, 2, 4)  # of 32×32 images; the last pooling comes one block later, so that 4×4 maps are read too


def studentnet_channels(width: float) -> list[int]:
    """Output channels of the eight blocks at a width multiplier, rounded down as in the homework."""
    channels = [BASE * m for m in MULTIPLIERS]
    for block in SCALED_BLOCKS:
        channels[block] = max(1, int(round(channels[block] * width, 6)))
    return channels


class StudentBlock(nn.Sequential, Block):
    """Depthwise 3×3 → BatchNorm → ReLU6 → pointwise, and a max pooling behind some; the first is a full convolution."""


class StudentNet(nn.Module):
    """Eight blocks, global average pooling and one linear layer.

    A block after the first is depthwise 3×3 → BatchNorm → ReLU6 → pointwise, so the scaling factors γ of
    block i belong to the channels that block i − 1 puts out. Parameters bear the homework's names.
    """

    def __init__(
        self, channels: Sequence[int], num_classes: int, in_channels: int, pooled: Sequence[int] = REFERENCE_POOLING
    ):
        super().__init__()
        blocks = [
            StudentBlock(
                nn.Conv2d(in_channels, channels[0], 3, 1, 1),
                nn.BatchNorm2d(channels[0]),
                nn.ReLU6(),
                *([nn.MaxPool2d(2, 2, 0)] if 0 in pooled else []),
            )
        ]
        for i, (c_in, c_out) in enumerate(pairwise(channels), start=1):
            layers = [
                nn.Conv2d(c_in, c_in, 3, 1, 1, groups=c_in),  # depthwise
                nn.BatchNorm2d(c_in),
                nn.ReLU6(),
                nn.Conv2d(c_in, c_out, 1),  # pointwise
            ]
            if i in pooled:
                layers.append(nn.MaxPool2d(2, 2, 0))
            blocks.append(StudentBlock(*layers))
        self.cnn = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d((1, 1)))
        self.fc = nn.Sequential(nn.Linear(channels[-1], num_classes))

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(torch.flatten(self.cnn(images), 1))


def _reference(width: float, num_classes: int, in_channels: int) -> StudentNet:
    return StudentNet(studentnet_channels(width), num_classes, in_channels, REFERENCE_POOLING)


def _small(width: float, num_classes: int, in_channels: int, stem_stride: int = 2) -> StudentNet:
    pooled = SMALL_POOLING if stem_stride == 2 else SMALL_POOLING[1:]  # the first pooling is the stem's stride
    return StudentNet(studentnet_channels(width), num_classes, in_channels, pooled)


register(
    Architecture(
        name="studentnet",
        title="StudentNet",
        paper="Hung-yi Lee, Machine Learning 2020, homework 7",
        color="#D55E00",
        marker="circle",
        layer_titles={"cnn": "Block"},
        block_note=r"""A block filters each channel by itself (3×3, depthwise) and then mixes the channels (1×1,
pointwise): together about $\frac{1}{N} + \frac{1}{9}$ of the work of a full 3×3 convolution with N outputs.""",
        presets={"reference": _reference, "imagenet": _reference, "small": _small},
    )
)
