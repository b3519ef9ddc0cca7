"""The network of CIFAR-10's speed records, the teacher of photographs: wide, and trained in a few epochs.

K. Jordan 2024, *94 % on CIFAR-10 in 3.29 Seconds on a Single GPU* (arXiv 2404.00498), section 3.
"""

import torch
from torch import Tensor, nn

from compress_core.zoo.blocks import Block, make_divisible
from compress_core.zoo.registry import Architecture, register

CHANNELS = (64, 256, 256)
PATCH = 2  # pixels on a side, of what the stem whitens
LOGIT_SCALE = 1 / 9


class ConvGroup(nn.Sequential, Block):
    """Two 3×3 convolutions, each with a BatchNorm that only shifts and a GELU; max pooling after the first of them."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__(
            nn.Conv2d(c_in, c_out, 3, padding=1, bias=False),
            nn.MaxPool2d(2),
            _shifting_norm(c_out),
            nn.GELU(),
            nn.Conv2d(c_out, c_out, 3, padding=1, bias=False),
            _shifting_norm(c_out),
            nn.GELU(),
        )
        for conv in (self[0], self[4]):
            nn.init.dirac_(conv.weight.data[: conv.in_channels])  # the first channels begin as what comes in


def _shifting_norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels, momentum=0.4)  # few steps an epoch: the running mean must keep up
    norm.weight.requires_grad_(False)
    return norm


class Airbench(nn.Module):
    """A whitening stem, three groups of convolutions, and a linear classifier of the maxima."""

    def __init__(self, width: float, num_classes: int, in_channels: int):
        super().__init__()
        patch = in_channels * PATCH**2
        self.stem = nn.Sequential(nn.Conv2d(in_channels, 2 * patch, PATCH), nn.GELU())
        self.stem[0].weight.requires_grad_(False)
        channels = [make_divisible(c * width, 8) for c in CHANNELS]
        self.groups = nn.Sequential(*map(ConvGroup, (2 * patch, *channels), channels))
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.classifier = nn.Linear(channels[-1], num_classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.pool(self.groups(self.stem(images))).flatten(1)) * LOGIT_SCALE


def whiten_stem(model: Airbench, images: Tensor, ridge: float = 5e-4) -> None:
    """Let the stem, in place, read patches along their principal axes, scaled to equal variance, by either sign."""
    patches = images.unfold(2, PATCH, 1).unfold(3, PATCH, 1).permute(0, 2, 3, 1, 4, 5).flatten(0, 2).flatten(1)
    variances, axes = torch.linalg.eigh(patches.T.double().cov())
    filters = (axes / (variances + ridge).sqrt()).T.flip(0).reshape(-1, *model.stem[0].weight.shape[1:])
    model.stem[0].weight.data.copy_(torch.cat([filters, -filters]))


def _small(width: float, num_classes: int, in_channels: int, stem_stride: int = 1) -> Airbench:
    return Airbench(width, num_classes, in_channels)


register(
    Architecture(
        name="airbench",
        title="Airbench",
        paper="Jordan 2024, section 3",
        block_note=r"""Two full 3×3 convolutions, wide and shallow: made to learn CIFAR-10 in the fewest epochs.""",
        presets={"small": _small},
        prepare=whiten_stem,
        teacher=True,
    )
)
