"""ShuffleNetV2: split the channels, work on half of them, shuffle.

Ma et al. 2018, 'ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design', Table 5.
"""

import re

from torch import Tensor, nn

from compress_core.zoo.blocks import Classifier, ConvBNAct, ShuffleUnitV2, make_divisible
from compress_core.zoo.registry import Architecture, Pretrained, Reported, register

STEM = 24
PUBLISHED = {  # width: output channels of stages 2 to 4 and of the last convolution
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
REPEATS = (4, 8, 4)  # units of stages 2 to 4, the first of each at stride 2
SMALL_FACTOR = 1 / 2  # of the paper's channels; the stem or the pooling behind it halves: 32×32 images end in 2×2 maps


class ShuffleNetV2(nn.Module):
    """Stem, three stages of shuffle units, a last pointwise convolution, classifier."""

    def __init__(
        self,
        stem: int,
        stage_channels: list[int],
        last: int,
        num_classes: int,
        in_channels: int,
        stem_stride: int = 2,
        pool: bool = True,
    ):
        super().__init__()
        self.stem = ConvBNAct(in_channels, stem, 3, stem_stride)
        self.pool = nn.MaxPool2d(3, 2, 1) if pool else nn.Identity()
        stages, c_in = [], stem
        for c_out, repeats in zip(stage_channels, REPEATS, strict=True):
            units = [ShuffleUnitV2(c_in, c_out, 2), *(ShuffleUnitV2(c_out, c_out, 1) for _ in range(repeats - 1))]
            stages.append(nn.Sequential(*units))
            c_in = c_out
        self.stages = nn.Sequential(*stages)
        self.head = ConvBNAct(c_in, last)
        self.classifier = Classifier(last, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.head(self.stages(self.pool(self.stem(images)))))


def _published(width: float) -> list[float]:
    """Table 5 at its own widths, on straight lines between them, and in proportion below the smallest."""
    if width <= 0.5:
        return [c * width / 0.5 for c in PUBLISHED[0.5][:3]] + [PUBLISHED[0.5][3]]
    below = max(w for w in PUBLISHED if w < width)
    part = (width - below) / 0.5
    return [(1 - part) * a + part * b for a, b in zip(PUBLISHED[below], PUBLISHED[below + 0.5], strict=True)]


def _imagenet(width: float, num_classes: int, in_channels: int) -> ShuffleNetV2:
    *stages, last = (make_divisible(c, 2) for c in _published(width))
    return ShuffleNetV2(STEM, stages, last, num_classes, in_channels)


def _small(width: float, num_classes: int, in_channels: int, stem_stride: int = 2) -> ShuffleNetV2:
    *stages, last = (c * SMALL_FACTOR for c in PUBLISHED[1.0])
    stages = [make_divisible(c * width, 2) for c in stages]
    stem = make_divisible(STEM * SMALL_FACTOR * width, 2)
    return ShuffleNetV2(stem, stages, int(last), num_classes, in_channels, stem_stride, pool=stem_stride == 1)


def _from_torchvision(name: str) -> str:
    """`conv1` is the stem, `conv5` the last convolution, `branch1` and `branch2` pass and work.

    There a branch counts through what stands here in twos and threes: convolution, BatchNorm (and ReLU).
    """
    if name.startswith("fc."):
        return name.replace("fc.", "classifier.2.")
    name = name.replace("conv1.", "stem.").replace("conv5.", "head.")

    def branch(match: re.Match) -> str:
        stage, unit, number, place = (int(text) for text in match.groups())
        part = {1: ("passing", [(0, 0), (0, 1), (1, 0), (1, 1)]), 2: ("working", _WORKING)}[number]
        layer, index = part[1][place]
        return f"stages.{stage - 2}.{unit}.{part[0]}.{layer}.{index}."

    return re.sub(r"stage(\d)\.(\d)\.branch(\d)\.(\d)\.", branch, name)


_WORKING = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0), (2, 1)]

_TABLE_8 = ((0.5, 39.7, 41), (1.0, 30.6, 146), (1.5, 27.4, 299), (2.0, 25.1, 591))

register(
    Architecture(
        name="shufflenet_v2",
        title="ShuffleNetV2",
        paper="Ma et al. 2018, Table 5",
        color="#3A97CE",
        marker="x",
        layer_titles={"stages": "Stage"},
        block_note=r"""Half of the channels pass untouched, half are worked on, and the shuffle mixes the two. No
group convolution and no addition: guidelines G2 and G4 (section 3).""",
        presets={"imagenet": _imagenet, "small": _small},
        reported=tuple(
            Reported(f"ShuffleNet v2 {width:g}×", "Ma et al. 2018, Table 8", width, {}, round(100 - error, 1), macs)
            for width, error, macs in _TABLE_8
        ),
        pretrained=Pretrained(
            {
                0.5: "shufflenet_v2_x0_5",
                1.0: "shufflenet_v2_x1_0",
                1.5: "shufflenet_v2_x1_5",
                2.0: "shufflenet_v2_x2_0",
            },
            _from_torchvision,
        ),
    )
)
