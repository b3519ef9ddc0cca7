"""The inverted residual against the classic one.

Sandler et al. 2018 (MobileNetV2), section 3.3, and He et al. 2016 (ResNet), Figure 5, right.
"""

from dataclasses import dataclass

from compress_core.studies.ideas.cost import Cost, conv_cost

BOTTLENECK, INVERTED = "bottleneck", "inverted bottleneck"
BYTES = 4
"""A number of a map in 32 bits."""


@dataclass(frozen=True)
class Residual:
    """A block with a shortcut around three convolutions."""

    name: str
    channels: tuple[int, int, int, int]
    """Of the input and of what each convolution gives."""
    layers: tuple[str, str, str]
    cost: Cost
    side: int

    @property
    def shortcut_bytes(self) -> int:
        """What the shortcut keeps in memory while the block runs, and what one block hands to the next."""
        return BYTES * self.channels[0] * self.side**2


def inverted_bottleneck(channels: int, expansion: int, side: int) -> Residual:
    """MobileNetV2's: thin ends of `channels`, `expansion` times as many between, filtered by depth."""
    wide = channels * expansion
    cost = (
        conv_cost(channels, wide, 1, side)
        + conv_cost(wide, wide, 3, side, groups=wide)
        + conv_cost(wide, channels, 1, side)
    )
    return Residual(INVERTED, (channels, wide, wide, channels), ("1×1", "3×3 depthwise", "1×1"), cost, side)


def bottleneck(channels: int, expansion: int, side: int) -> Residual:
    """ResNet's, with the same two widths the other way round: a full 3×3 convolution at the thin waist."""
    wide = channels * expansion
    cost = (
        conv_cost(wide, channels, 1, side) + conv_cost(channels, channels, 3, side) + conv_cost(channels, wide, 1, side)
    )
    return Residual(BOTTLENECK, (wide, channels, channels, wide), ("1×1", "3×3 full", "1×1"), cost, side)
