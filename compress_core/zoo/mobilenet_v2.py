"""MobileNetV2: inverted residuals with linear bottlenecks.

Sandler et al. 2018, 'MobileNetV2: Inverted Residuals and Linear Bottlenecks', Table 2.
"""

import re

from torch import Tensor, nn

from compress_core.zoo.blocks import Classifier, ConvBNAct, InvertedResidual, make_divisible
from compress_core.zoo.registry import Architecture, Pretrained, Reported, register

STEM, LAST = 32, 1280
STAGES = (  # expansion t, output channels c, repeats n, stride s of the first
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
SMALL_FACTOR = 1 / 2  # of the paper's channels, the last layer's too
SMALL_STRIDES = (1, 2, 1, 2, 1, 2, 1)  # of the stages where the stem has one: 32×32 images end in 2×2 maps


class MobileNetV2(nn.Module):
    """Stem, inverted residuals, a last pointwise convolution, classifier."""

    def __init__(
        self,
        stem: int,
        stages: list[tuple[int, int, int, int]],
        last: int,
        num_classes: int,
        in_channels: int,
        stem_stride: int = 2,
        dropout: float = 0.2,
    ):
        super().__init__()
        self.stem = ConvBNAct(in_channels, stem, 3, stem_stride, activation=nn.ReLU6)
        blocks, c_in = [], stem
        for expansion, c_out, repeats, stride in stages:
            for i in range(repeats):
                blocks.append(InvertedResidual(c_in, c_out, stride if i == 0 else 1, expansion, shortcut=i > 0))
                c_in = c_out
        self.blocks = nn.Sequential(*blocks)
        self.head = ConvBNAct(c_in, last, activation=nn.ReLU6)
        self.classifier = Classifier(last, num_classes, dropout)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.head(self.blocks(self.stem(images))))


def _scaled(width: float, factor: float, divisor: int) -> tuple[int, list[tuple[int, int, int, int]], int]:
    """Stem, stages and last layer; the last layer never gets narrower than at width 1 (section 5)."""
    stages = [(t, make_divisible(c * factor * width, divisor), n, s) for t, c, n, s in STAGES]
    last = make_divisible(LAST * factor * max(1.0, width), divisor)
    return make_divisible(STEM * factor * width, divisor), stages, last


def _imagenet(width: float, num_classes: int, in_channels: int) -> MobileNetV2:
    return MobileNetV2(*_scaled(width, 1.0, 8), num_classes, in_channels)


def _small(width: float, num_classes: int, in_channels: int, stem_stride: int = 2) -> MobileNetV2:
    stem, stages, last = _scaled(width, SMALL_FACTOR, 4)
    if stem_stride == 2:
        stages = [(t, c, n, s) for (t, c, n, _), s in zip(stages, SMALL_STRIDES, strict=True)]
    return MobileNetV2(stem, stages, last, num_classes, in_channels, stem_stride, dropout=0.0)


def _from_torchvision(name: str) -> str:
    """`features.0` is the stem, `features.18` the last convolution, and those between are the blocks.

    There `conv` counts through what is named here; the first block has no expansion.
    """
    name = name.replace("features.0.", "stem.").replace("features.18.", "head.")
    name = name.replace("classifier.1.", "classifier.3.")

    def block(match: re.Match) -> str:
        index, place = int(match[1]) - 1, int(match[2]) + (match[1] == "1")
        return f"blocks.{index}." + ("expand", "depthwise", "project.0", "project.1")[place]

    return re.sub(r"features\.(\d+)\.conv\.(\d)", block, name)


register(
    Architecture(
        name="mobilenet_v2",
        title="MobileNetV2",
        paper="Sandler et al. 2018, Table 2",
        color="#9A8F00",
        marker="triangle-down",
        layer_titles={"blocks": "Block"},
        block_note=r"""Expand the channels t times, filter them by depth, and project them back **without** an
activation: ReLU would destroy what few channels hold (section 3.2). The shortcut joins the narrow ends.""",
        presets={"imagenet": _imagenet, "small": _small},
        reported=(
            Reported("MobileNetV2", "Sandler et al. 2018, Table 4", 1.0, {}, 72.0, 300, 3.4),
            Reported("MobileNetV2 (1.4)", "Sandler et al. 2018, Table 4", 1.4, {}, 74.7, 585, 6.9),
        ),
        pretrained=Pretrained({1.0: "mobilenet_v2"}, _from_torchvision),
    )
)
