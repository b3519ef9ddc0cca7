"""The pieces that the architectures share, each once: the units that the papers draw, and what those are made of.

A unit is a subclass of `Block`, so that pages can find it in a network and draw it. Every one of them is traceable
by `torch.fx`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Activation = Callable[[], nn.Module] | None


def make_divisible(channels: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to `channels`, at least one of it and never more than 10 % too few.

    The rounding of MobileNetV2's authors (Sandler et al. 2018, and their code).
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


class Block:
    """Marks a module as a unit of its architecture: what the paper draws and then repeats."""


class ConvBNAct(nn.Sequential):
    """Convolution, then BatchNorm, then an activation; the last two may be left out.

    The padding keeps the size of the map at stride 1. Without BatchNorm the convolution has a bias.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        activation: Activation = nn.ReLU,
        norm: bool = True,
        padding: int | None = None,
    ):
        padding = kernel // 2 if padding is None else padding
        layers = [nn.Conv2d(c_in, c_out, kernel, stride, padding, groups=groups, bias=not norm)]
        if norm:
            layers.append(nn.BatchNorm2d(c_out))
        if activation is not None:
            layers.append(activation())
        super().__init__(*layers)


def depthwise(channels: int, stride: int, activation: Activation) -> ConvBNAct:
    """A 3×3 filter for each channel by itself."""
    return ConvBNAct(channels, channels, 3, stride, groups=channels, activation=activation)


class DepthwiseSeparable(nn.Sequential, Block):
    """A depthwise 3×3 convolution, then a pointwise one: MobileNetV1 (Howard et al. 2017, section 3.1)."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1):
        super().__init__(depthwise(c_in, stride, nn.ReLU), ConvBNAct(c_in, c_out))


class InvertedResidual(nn.Module, Block):
    """Expand, filter by depth, project back without an activation: MobileNetV2 (Sandler et al. 2018, Table 1).

    The shortcut joins the narrow ends of all but the first block of a stage.
    """

    def __init__(self, c_in: int, c_out: int, stride: int, expansion: int, shortcut: bool):
        super().__init__()
        hidden = c_in * expansion
        self.expand = ConvBNAct(c_in, hidden, activation=nn.ReLU6) if expansion > 1 else nn.Identity()
        self.depthwise = depthwise(hidden, stride, nn.ReLU6)
        self.project = ConvBNAct(hidden, c_out, activation=None)  # the linear bottleneck
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.shortcut else y


def _shape(x: Tensor) -> Sequence[int]:
    """Of maps (N, C, H, W); while a network is traced to be written as ONNX, −1 and numbers.

    Else the file would work them out anew for every image, by a dozen nodes a shuffle.
    """
    return (-1, *map(int, x.shape[1:])) if torch.jit.is_tracing() else x.shape


class ChannelShuffle(nn.Module):
    """Deal the channels of g groups out in turn: channel a·n + i goes to place i·g + a, with n channels a group.

    ShuffleNet (Zhang et al. 2018, section 3.1): reshape to (g, n), transpose, flatten.
    """

    def __init__(self, groups: int):
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = _shape(x)
        dealt = x.view(n, self.groups, channels // self.groups, height, width).transpose(1, 2)
        return dealt.reshape(n, channels, height, width)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class ChannelSplit(nn.Module):
    """The first half of the channels, and the second: ShuffleNetV2 (Ma et al. 2018, section 3)."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = x.split(-(-_shape(x)[1] // 2), 1) if torch.jit.is_tracing() else x.chunk(2, 1)
        return first, second


class ShuffleUnitV1(nn.Module, Block):
    """Grouped pointwise, shuffle, depthwise, grouped pointwise, and a shortcut: ShuffleNet (2018, Figure 2 b and c).

    At stride 2 the shortcut is a 3×3 average pooling, and the two are concatenated. `first` is the unit in which
    stage 2 begins, whose few input channels are not grouped. Without `shuffle` every group keeps to itself (section
    4.1.2, Table 3).

    Raises:
        ValueError: the groups do not divide the channels.
    """

    def __init__(self, c_in: int, c_out: int, stride: int, groups: int, first: bool = False, shuffle: bool = True):
        super().__init__()
        middle, c_new = c_out // 4, c_out - c_in if stride == 2 else c_out
        for what, channels in (("bottleneck", middle), ("output", c_new), ("input", groups if first else c_in)):
            if channels % groups:
                raise ValueError(
                    f"ShuffleNetV1's unit: {groups} groups do not divide the {channels} channels of its {what}. "
                    f"Choose widths that are multiples of {4 * groups}, or another number of groups."
                )
        self.reduce = ConvBNAct(c_in, middle, groups=1 if first else groups)
        self.shuffle = ChannelShuffle(groups) if shuffle else nn.Identity()
        self.depthwise = depthwise(middle, stride, None)
        self.expand = ConvBNAct(middle, c_new, groups=groups, activation=None)
        self.pool = nn.AvgPool2d(3, 2, 1) if stride == 2 else None
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.expand(self.depthwise(self.shuffle(self.reduce(x))))
        return self.activation(x + y if self.pool is None else torch.cat((self.pool(x), y), 1))


class ShuffleUnitV2(nn.Module, Block):
    """Half of the channels pass untouched, half are worked on, then all are shuffled: ShuffleNetV2 (2018, Figure 3 c).

    At stride 2 (Figure 3 d) nothing is split: both branches read everything, and the channels double.
    """

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        half = c_out // 2
        self.split = ChannelSplit() if stride == 1 else None
        self.passing = (
            nn.Identity() if stride == 1 else nn.Sequential(depthwise(c_in, stride, None), ConvBNAct(c_in, half))
        )
        self.working = nn.Sequential(
            ConvBNAct(half if stride == 1 else c_in, half), depthwise(half, stride, None), ConvBNAct(half, half)
        )
        self.shuffle = ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        left, right = (x, x) if self.split is None else self.split(x)
        return self.shuffle(torch.cat((self.passing(left), self.working(right)), 1))


class Fire(nn.Module, Block):
    """Squeeze by 1×1, then expand by 1×1 and 3×3 side by side: SqueezeNet (Iandola et al. 2016, section 3.2).

    `bypass` adds the input to the output: as it is (`simple`), or through a 1×1 convolution (`complex`), which is
    needed where their channels differ (section 6).
    """

    def __init__(self, c_in: int, squeeze: int, expand1: int, expand3: int, norm: bool, bypass: str = "none"):
        super().__init__()
        self.squeeze = ConvBNAct(c_in, squeeze, norm=norm)
        self.expand1x1 = ConvBNAct(squeeze, expand1, norm=norm)
        self.expand3x3 = ConvBNAct(squeeze, expand3, 3, norm=norm)
        bypasses = {"none": None, "simple": nn.Identity()}
        if bypass == "complex":
            bypasses["complex"] = ConvBNAct(c_in, expand1 + expand3, norm=norm, activation=None)
        self.bypass = bypasses[bypass]

    def forward(self, x: Tensor) -> Tensor:
        squeezed = self.squeeze(x)
        y = torch.cat((self.expand1x1(squeezed), self.expand3x3(squeezed)), 1)
        return y if self.bypass is None else y + self.bypass(x)


class BasicBlock(nn.Module, Block):
    """Two 3×3 convolutions and a shortcut: ResNet (He et al. 2016, Figure 5, left)."""

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        self.first = ConvBNAct(c_in, c_out, 3, stride)
        self.second = ConvBNAct(c_out, c_out, 3, activation=None)
        same = stride == 1 and c_in == c_out
        self.shortcut = nn.Identity() if same else ConvBNAct(c_in, c_out, stride=stride, activation=None)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.second(self.first(x)) + self.shortcut(x))


class Classifier(nn.Sequential):
    """Global average pooling, dropout where wanted, and one linear layer: (N, C, H, W) → (N, classes)."""

    def __init__(self, channels: int, num_classes: int, dropout: float = 0.0):
        dropped = [nn.Dropout(dropout)] if dropout else []
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), *dropped, nn.Linear(channels, num_classes))
