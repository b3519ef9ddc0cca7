"""What surgery leaves in place of layers that no longer fit."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class RaggedConv2d(nn.Module):
    """A grouped convolution whose groups have lost different numbers of channels: each is a convolution of its own.

    `convs` are those of the groups that still put something out, `sizes` how many input channels each group has.
    """

    def __init__(self, convs: Sequence[nn.Conv2d | None], sizes: Sequence[int]):
        super().__init__()
        self.convs = nn.ModuleDict({str(i): conv for i, conv in enumerate(convs) if conv is not None})
        self.sizes = tuple(sizes)

    @property
    def bare(self) -> bool:
        """Whether its parts are convolutions still, and nothing rounds what they read."""
        return all(isinstance(conv, nn.Conv2d) for conv in self.convs.values())

    def forward(self, x: Tensor) -> Tensor:
        parts = x.split(self.sizes, 1)
        return torch.cat([conv(parts[int(group)]) for group, conv in self.convs.items()], 1)


class SelectChannels(nn.Module):
    """The channels (of a matrix: the columns) at `index`, in that order: what is left of a shuffle or a split.

    They stand in dimension `dim`. A run of neighbours is a view and copies nothing.
    """

    def __init__(self, index: Tensor, dim: int = 1):
        super().__init__()
        self.register_buffer("index", index, persistent=False)
        self.dim, self.count = dim, len(index)
        self.start = int(index[0]) if len(index) else 0
        self.run = torch.equal(index, torch.arange(self.start, self.start + self.count))

    def forward(self, x: Tensor) -> Tensor:
        if self.run:
            return x.narrow(self.dim, self.start, self.count)
        if x.dim() != 4 or self.dim != 1 or torch.jit.is_tracing():  # towards ONNX, where channels do not come last
            return x.index_select(self.dim, self.index)
        return select_channels(x, self.index)

    def extra_repr(self) -> str:
        return f"{self.start} … {self.start + self.count - 1}" if self.run else f"{self.count} channels"


def select_channels(maps: Tensor, index: Tensor) -> Tensor:
    """The channels at `index` of maps (N, C, H, W), with the channels last in memory, as inference keeps them.

    As columns of a matrix, which torch takes in a fourth of the time that it takes in more dimensions.
    """
    n, channels, height, width = maps.shape
    columns = maps.permute(0, 2, 3, 1).reshape(-1, channels).index_select(1, index)
    return columns.view(n, height, width, len(index)).permute(0, 3, 1, 2)
