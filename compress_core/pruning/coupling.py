"""Which channels are one and the same across layers, and so live and die together.

This is the one place that knows how StudentNet is wired. Selection and surgery only read the groups.
"""

from dataclasses import dataclass

from torch import nn

from compress_core.errors import UnsupportedModelError
from compress_core.zoo.studentnet import StudentNet


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that several layers share, position by position.

    Names are those of `model.named_modules()`.
    """

    writers: tuple[str, ...]
    """Dense layers whose outputs these channels are."""
    carriers: tuple[str, ...]
    """Depthwise and BatchNorm layers that pass each channel on by itself."""
    readers: tuple[str, ...]
    """Dense layers whose inputs they are."""
    size: int

    @property
    def name(self) -> str:
        """The layer that puts the channels out."""
        return self.writers[0]


def channel_groups(model: nn.Module) -> list[ChannelGroup]:
    """The prunable groups of a StudentNet, from the first block to the last.

    The outputs of the last block are not among them: no BatchNorm follows, so no γ scales them.

    Raises:
        UnsupportedModelError: any other network.
    """
    if not isinstance(model, StudentNet):
        raise UnsupportedModelError(
            f"Channels can be pruned in StudentNet only, so far; this is a {type(model).__name__}."
        )
    groups = [ChannelGroup(("cnn.0.0",), ("cnn.0.1", "cnn.1.0", "cnn.1.1"), ("cnn.1.3",), model.cnn[0][0].out_channels)]
    for block in range(1, len(model.cnn) - 2):
        after = block + 1
        carriers = (f"cnn.{after}.0", f"cnn.{after}.1")
        size = model.cnn[block][3].out_channels
        groups.append(ChannelGroup((f"cnn.{block}.3",), carriers, (f"cnn.{after}.3",), size))
    return groups
