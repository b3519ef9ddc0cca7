"""SqueezeNet: fire modules, late downsampling, and no linear layer.

Iandola et al. 2016, 'SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size', Table 1.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from compress_core.zoo.blocks import ConvBNAct, Fire, make_divisible
from compress_core.zoo.registry import Architecture, Pretrained, Reported, register

FIRES = (  # squeeze, expand 1×1, expand 3×3 of fire 2 to fire 9
    (16, 64, 64),
    (16, 64, 64),
    (32, 128, 128),
    (32, 128, 128),
    (48, 192, 192),
    (48, 192, 192),
    (64, 256, 256),
    (64, 256, 256),
)
SIMPLE_BYPASS = (3, 5, 7, 9)  # the fires whose input has as many channels as their output (Figure 2)


@dataclass(frozen=True)
class _Version:
    """What 1.1, which the authors published later, changes: a smaller stem, and max pooling earlier."""

    stem: int
    kernel: int
    pooled: tuple[int, ...]
    """A 3×3 max pooling at stride 2 stands before these fires."""


VERSIONS = {"1.0": _Version(96, 7, (2, 5, 9)), "1.1": _Version(64, 3, (2, 4, 6))}
SMALL = _Version(64, 3, (4, 6))  # 1.1, where the stem or the pooling behind it halves: 32×32 images end in 4×4 maps
SMALL_FACTOR = 1 / 2  # of the paper's channels


class SqueezeNet(nn.Module):
    """Stem, eight fire modules, a pointwise convolution with an output for each class, global average pooling."""

    def __init__(
        self,
        version: _Version,
        stem: int,
        fires: list[tuple[int, int, int]],
        num_classes: int,
        in_channels: int,
        stem_stride: int = 2,
        bypass: str = "none",
        norm: bool = False,
        stem_padding: int = 0,
        dropout: float = 0.5,
        rectified: bool = True,
        pool: bool = False,
    ):
        super().__init__()
        self.stem = ConvBNAct(in_channels, stem, version.kernel, stem_stride, norm=norm, padding=stem_padding)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True) if pool else nn.Identity()
        layers, c_in = [], stem
        for number, (squeeze, expand1, expand3) in enumerate(fires, start=2):
            if number in version.pooled:
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            bypassed = bypass
            if bypass != "none" and number in SIMPLE_BYPASS:
                bypassed = "simple"
            elif bypass == "simple":
                bypassed = "none"
            layers.append(Fire(c_in, squeeze, expand1, expand3, norm, bypassed))
            c_in = expand1 + expand3
        self.fires = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout) if dropout else nn.Identity(),
            nn.Conv2d(c_in, num_classes, 1),
            nn.ReLU() if rectified else nn.Identity(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.fires(self.pool(self.stem(images))))


def _fires(factor: float, divisor: int) -> list[tuple[int, int, int]]:
    return [tuple(make_divisible(c * factor, divisor) for c in fire) for fire in FIRES]


def _imagenet(
    width: float, num_classes: int, in_channels: int, version: str = "1.1", bypass: str = "none", norm: bool = False
) -> SqueezeNet:
    chosen = VERSIONS[version]
    stem = make_divisible(chosen.stem * width, 8)
    return SqueezeNet(chosen, stem, _fires(width, 8), num_classes, in_channels, bypass=bypass, norm=norm)


def _small(
    width: float,
    num_classes: int,
    in_channels: int,
    stem_stride: int = 2,
    version: str = "1.1",
    bypass: str = "none",
    norm: bool = True,
) -> SqueezeNet:
    """Here with BatchNorm, so that γ exists; the last convolution is not rectified, so that no class falls silent."""
    chosen = SMALL if version == "1.1" else VERSIONS[version]
    stem = make_divisible(chosen.stem * SMALL_FACTOR * width, 4)
    return SqueezeNet(
        chosen,
        stem,
        _fires(SMALL_FACTOR * width, 4),
        num_classes,
        in_channels,
        stem_stride,
        bypass,
        norm,
        stem_padding=chosen.kernel // 2,
        dropout=0.0,
        rectified=False,
        pool=stem_stride == 1,
    )


def _from_torchvision(name: str) -> str:
    """`features.0` is the stem; the fires keep their order, their convolutions become the first of a sequence."""
    parts = name.split(".")
    if parts[0] == "classifier":
        return name
    if parts[1] == "0":
        return f"stem.0.{parts[-1]}"
    return f"fires.{int(parts[1]) - 2}.{parts[2]}.0.{parts[-1]}"


register(
    Architecture(
        name="squeezenet",
        title="SqueezeNet",
        paper="Iandola et al. 2016, Table 1",
        color="#C06B9A",
        marker="hexagon",
        layer_titles={"fires": "Fire"},
        block_note=r"""Squeeze to few channels by 1×1, then expand by 1×1 and 3×3 side by side: the expensive 3×3
filters read few channels (section 3.2).""",
        presets={"imagenet": _imagenet, "small": _small},
        options={"version": ("1.1", "1.0"), "bypass": ("none", "simple", "complex"), "norm": (False, True)},
        reported=tuple(
            Reported(
                f"SqueezeNet, {bypass} bypass" if bypass != "none" else "SqueezeNet",
                "Iandola et al. 2016, Table 3",
                1.0,
                {"version": "1.0", "bypass": bypass},
                top1,
            )
            for bypass, top1 in (("none", 57.5), ("simple", 60.4), ("complex", 58.8))
        ),
        pretrained=Pretrained({1.0: "squeezenet1_1"}, _from_torchvision),
    )
)
