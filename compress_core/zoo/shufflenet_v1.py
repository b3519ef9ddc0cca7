"""ShuffleNetV1: pointwise convolutions in groups, and a channel shuffle that lets the groups hear each other.

Zhang et al. 2018, 'ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices', Table 1.
"""

import math

from torch import Tensor, nn

from compress_core.zoo.blocks import Classifier, ConvBNAct, ShuffleUnitV1, make_divisible
from compress_core.zoo.registry import Architecture, Reported, register

STEM = 24
STAGE_CHANNELS = {  # groups: output channels of stages 2 to 4
    1: (144, 288, 576),
    2: (200, 400, 800),
    3: (240, 480, 960),
    4: (272, 544, 1088),
    8: (384, 768, 1536),
}
REPEATS = (4, 8, 4)  # units of stages 2 to 4, the first of each at stride 2
SMALL_FACTOR = 1 / 2  # of the paper's channels; the stem or the pooling behind it halves: 32×32 images end in 2×2 maps


class ShuffleNetV1(nn.Module):
    """Stem, three stages of shuffle units, classifier."""

    def __init__(
        self,
        stem: int,
        stage_channels: list[int],
        groups: int,
        num_classes: int,
        in_channels: int,
        stem_stride: int = 2,
        pool: bool = True,
        shuffle: bool = True,
    ):
        super().__init__()
        self.stem = ConvBNAct(in_channels, stem, 3, stem_stride)
        self.pool = nn.MaxPool2d(3, 2, 1) if pool else nn.Identity()
        stages, c_in = [], stem
        for stage, (c_out, repeats) in enumerate(zip(stage_channels, REPEATS, strict=True)):
            units = [ShuffleUnitV1(c_in, c_out, 2, groups, stage == 0, shuffle)]
            units += [ShuffleUnitV1(c_out, c_out, 1, groups, shuffle=shuffle) for _ in range(repeats - 1)]
            stages.append(nn.Sequential(*units))
            c_in = c_out
        self.stages = nn.Sequential(*stages)
        self.classifier = Classifier(c_in, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.stages(self.pool(self.stem(images))))


def _stage_channels(factor: float, groups: int) -> list[int]:
    """A quarter of each, the bottleneck, must itself come in `groups` equal groups."""
    return [make_divisible(c * factor, 4 * groups) for c in STAGE_CHANNELS[groups]]


def _imagenet(width: float, num_classes: int, in_channels: int, groups: int = 3, shuffle: bool = True) -> ShuffleNetV1:
    # The authors' code gives the stem 12, 24, 24, 48 channels at 0.5, 1, 1.5, 2: it doubles with the width.
    stem = make_divisible(STEM * 2 ** math.floor(math.log2(width)), groups)
    return ShuffleNetV1(stem, _stage_channels(width, groups), groups, num_classes, in_channels, shuffle=shuffle)


def _small(
    width: float, num_classes: int, in_channels: int, groups: int = 3, stem_stride: int = 2, shuffle: bool = True
) -> ShuffleNetV1:
    stem = make_divisible(STEM * SMALL_FACTOR * width, math.lcm(2, groups))
    channels = _stage_channels(width * SMALL_FACTOR, groups)
    return ShuffleNetV1(stem, channels, groups, num_classes, in_channels, stem_stride, stem_stride == 1, shuffle)


_ERRORS = {  # Table 2: top-1 error by width, for 1, 2, 3, 4 and 8 groups
    1.0: (33.6, 32.7, 32.6, 32.8, 32.4),
    0.5: (45.1, 44.4, 43.2, 41.6, 42.3),
    0.25: (57.1, 56.8, 55.0, 54.2, 52.7),
}
_MFLOPS = (143, 140, 137, 133, 137)  # Table 1, at width 1

register(
    Architecture(
        name="shufflenet_v1",
        title="ShuffleNetV1",
        paper="Zhang et al. 2018, Table 1",
        color="#009E73",
        marker="cross",
        layer_titles={"stages": "Stage"},
        block_note=r"""The pointwise convolutions work in g groups, which divides their cost by g. The shuffle deals
the channels out anew, so that the next groups read all of the former ones: channel $a\,n + i \to i\,g + a$
(section 3.1).""",
        presets={"imagenet": _imagenet, "small": _small},
        options={"groups": (3, 1, 2, 4, 8), "shuffle": (True, False)},
        reported=tuple(
            Reported(
                f"ShuffleNet {width:g}× (g = {groups})",
                "Zhang et al. 2018, Table 2" + (" (MFLOPs: Table 1)" if width == 1 else ""),
                width,
                {"groups": groups},
                round(100 - errors[i], 1),
                _MFLOPS[i] if width == 1 else None,
            )
            for width, errors in _ERRORS.items()
            for i, groups in enumerate(STAGE_CHANNELS)
        ),
    )
)
