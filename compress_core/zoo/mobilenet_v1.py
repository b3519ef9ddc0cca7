"""MobileNetV1: a full convolution, then thirteen depthwise separable ones.

Howard et al. 2017, 'MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications', Table 1.
"""

from torch import Tensor, nn

from compress_core.zoo.blocks import Classifier, ConvBNAct, DepthwiseSeparable, make_divisible
from compress_core.zoo.registry import Architecture, Reported, register

STEM = 32
BLOCKS = (  # output channels, stride
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)
SMALL_FACTOR = 3 / 8  # of the paper's channels, the last layer's too
SMALL_KEEPS_SIZE = 5  # the block whose stride is dropped where the stem has one: 32×32 images end in 2×2 maps


class MobileNetV1(nn.Module):
    """Stem, depthwise separable blocks, classifier; `channels` are those of the stem and of each block."""

    def __init__(
        self, channels: list[int], strides: list[int], num_classes: int, in_channels: int, stem_stride: int = 2
    ):
        super().__init__()
        self.stem = ConvBNAct(in_channels, channels[0], 3, stem_stride)
        self.blocks = nn.Sequential(
            *(DepthwiseSeparable(channels[i], channels[i + 1], stride) for i, stride in enumerate(strides))
        )
        self.classifier = Classifier(channels[-1], num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.blocks(self.stem(images)))


def _channels(factor: float, divisor: int) -> list[int]:
    return [make_divisible(c * factor, divisor) for c in (STEM, *(c for c, _ in BLOCKS))]


def _imagenet(width: float, num_classes: int, in_channels: int) -> MobileNetV1:
    return MobileNetV1(_channels(width, 8), [stride for _, stride in BLOCKS], num_classes, in_channels)


def _small(width: float, num_classes: int, in_channels: int, stem_stride: int = 2) -> MobileNetV1:
    strides = [1 if i == SMALL_KEEPS_SIZE and stem_stride == 2 else stride for i, (_, stride) in enumerate(BLOCKS)]
    return MobileNetV1(_channels(width * SMALL_FACTOR, 4), strides, num_classes, in_channels, stem_stride)


register(
    Architecture(
        name="mobilenet_v1",
        title="MobileNetV1",
        paper="Howard et al. 2017, Table 1",
        color="#C17F00",
        marker="triangle-up",
        layer_titles={"blocks": "Block"},
        block_note=r"""A depthwise 3×3 convolution, then a pointwise one, each with BatchNorm and ReLU. Against a full
convolution with N outputs that is $\frac{1}{N} + \frac{1}{9}$ of the work (section 3.1).""",
        presets={"imagenet": _imagenet, "small": _small},
        reported=tuple(
            Reported(f"{width} MobileNet-224", "Howard et al. 2017, Table 6", width, {}, top1, macs, params)
            for width, top1, macs, params in (
                (1.0, 70.6, 569, 4.2),
                (0.75, 68.4, 325, 2.6),
                (0.5, 63.7, 149, 1.3),
                (0.25, 50.6, 41, 0.5),
            )
        ),
    )
)
