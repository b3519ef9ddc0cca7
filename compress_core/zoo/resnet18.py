"""ResNet-18: not compact; the teacher, and the yardstick.

He et al. 2016, 'Deep Residual Learning for Image Recognition', Table 1.
"""

import re

from torch import Tensor, nn

from compress_core.zoo.blocks import BasicBlock, Classifier, ConvBNAct, make_divisible
from compress_core.zoo.registry import Architecture, Pretrained, register

STEM = 64
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))  # output channels, stride of the first; two blocks each
SMALL_FACTOR = 1 / 2  # of the paper's channels; the 3×3 stem or the pooling behind it halves: images end in 2×2 maps


class ResNet18(nn.Module):
    """Stem, four stages of two basic blocks, classifier."""

    def __init__(
        self,
        factor: float,
        num_classes: int,
        in_channels: int,
        kernel: int = 7,
        stem_stride: int = 2,
        pool: bool = True,
    ):
        super().__init__()
        c_in = make_divisible(STEM * factor, 8)
        self.stem = ConvBNAct(in_channels, c_in, kernel, stem_stride)
        self.pool = nn.MaxPool2d(3, 2, 1) if pool else nn.Identity()
        blocks = []
        for channels, stride in STAGES:
            c_out = make_divisible(channels * factor, 8)
            blocks += [BasicBlock(c_in, c_out, stride), BasicBlock(c_out, c_out, 1)]
            c_in = c_out
        self.blocks = nn.Sequential(*blocks)
        self.classifier = Classifier(c_in, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.blocks(self.pool(self.stem(images))))


def _imagenet(width: float, num_classes: int, in_channels: int) -> ResNet18:
    return ResNet18(width, num_classes, in_channels)


def _small(width: float, num_classes: int, in_channels: int, stem_stride: int = 2) -> ResNet18:
    return ResNet18(width * SMALL_FACTOR, num_classes, in_channels, 3, stem_stride, pool=stem_stride == 1)


def _from_torchvision(name: str) -> str:
    """`layer1.0` to `layer4.1` are our eight blocks; `conv1` and `bn1` our stem, and of a block our first sequence."""
    name = re.sub(r"layer(\d)\.(\d)\.", lambda m: f"blocks.{2 * int(m[1]) - 2 + int(m[2])}.", name)
    name = name.replace("downsample.", "shortcut.").replace("fc.", "classifier.2.")
    for theirs, block, stem in (("conv1.", "first.0.", "stem.0."), ("bn1.", "first.1.", "stem.1.")):
        name = name.replace(theirs, block if name.startswith("blocks.") else stem)
    return name.replace("conv2.", "second.0.").replace("bn2.", "second.1.")


register(
    Architecture(
        name="resnet18",
        title="ResNet-18",
        paper="He et al. 2016, Table 1",
        layer_titles={"stages": "Stage"},
        block_note=r"""Two full 3×3 convolutions and a shortcut. Not compact: the yardstick.""",
        presets={"imagenet": _imagenet, "small": _small},
        pretrained=Pretrained({1.0: "resnet18"}, _from_torchvision),
        yardstick=True,
    )
)
