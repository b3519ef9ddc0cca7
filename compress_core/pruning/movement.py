"""Where channels go when a network moves data: shuffles, splits and concatenations, read off from positions.

Wherever channels stand in a dimension of their own, their elements get fresh numbers. A view, a transpose, a split or a
concatenation is executed on the numbers as it is, and what comes out says where each element lay before. So a channel
shuffle needs no special case.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, fx


@dataclass(frozen=True)
class Channels:
    """The labels of a tensor whose channels stand in a dimension of their own. Dimensions count without the batch."""

    shape: tuple[int, ...]
    axis: int | None
    """The dimension of the channels; None where nothing of the tensor may go, and any dimension can be read."""
    labels: Tensor
    """(shape[axis],), one for each channel; empty where the axis is None."""

    @staticmethod
    def whole(shape: tuple[int, ...]) -> "Channels":
        """A tensor of which nothing may go."""
        return Channels(tuple(shape), None, torch.empty(0, dtype=torch.long))

    def along(self, axis: int) -> Tensor | None:
        """A label for each place of that dimension (negative: from the end); None where it is not the channels'."""
        if not -len(self.shape) <= axis < len(self.shape):
            return None
        axis %= len(self.shape)
        if self.axis is None:
            return torch.zeros(self.shape[axis], dtype=torch.long)
        return self.labels if axis == self.axis else None

    def everywhere(self) -> Tensor:
        """A label for each element, in the shape of the tensor."""
        if self.axis is None:
            return torch.zeros(()).long().expand(self.shape)
        sizes = [1] * len(self.shape)
        sizes[self.axis] = -1
        return self.labels.view(sizes).expand(self.shape)


@dataclass(frozen=True)
class Move:
    """Data movement from some tensors to one, channel by channel: what surgery may have to say anew."""

    node: str
    sources: tuple[str, ...]
    """The nodes that the channels come from."""
    index: Tensor
    """Where each of its channels (of a matrix: each column) comes from, in the sources laid side by side."""
    before: Tensor
    """A label for each channel (column) of the sources laid side by side."""
    flat: bool
    """Whether it makes matrices (N, columns) of maps."""
    dim: int
    """The dimension of the channels, the batch counted."""
    keeps_order: bool
    """Whether it lays its sources side by side and does nothing else, so that it fits whatever is left of them."""


class Positions:
    """A number for every element of a run's tensors, and who has which."""

    def __init__(self) -> None:
        self.owners: list[fx.Node] = []
        self.channels: list[Channels] = []
        self.starts: list[int] = []
        self.number: dict[fx.Node, int] = {}
        self.end = 0

    def begin(self, node: fx.Node, channels: Channels) -> None:
        self.number[node] = len(self.owners)
        self.owners.append(node)
        self.channels.append(channels)
        self.starts.append(self.end)
        self.end += math.prod(channels.shape)

    def of(self, node: fx.Node) -> Tensor:
        number = self.number[node]
        start, shape = self.starts[number], self.channels[number].shape
        return torch.arange(start, start + math.prod(shape)).view(shape)

    def owners_of(self, positions: Tensor) -> Tensor:
        """For each position the number of the tensor that it lies in."""
        return torch.bucketize(positions.contiguous(), torch.tensor(self.starts), right=True) - 1

    def read(self, node: fx.Node, came_from: Tensor, sizeless: bool) -> tuple[Channels, Move] | None:
        """What a node has moved, its channels standing by themselves again; None where they do not.

        Args:
            came_from: the positions of its elements, without the batch.
            sizeless: whether the node does to what is left of its input what it did to the whole.
        """
        if not came_from.numel():
            return None
        for axis in range(came_from.dim()):
            moved = self._by_channel(node, came_from, axis)
            if moved is not None:
                return moved
        return self._by_column(node, came_from, sizeless) if came_from.dim() == 1 else None

    def _by_channel(self, node: fx.Node, came_from: Tensor, axis: int) -> tuple[Channels, Move] | None:
        """Whole channels, each in its own order within, from tensors that differ in nothing but their number."""
        by_channel = came_from.movedim(axis, 0).reshape(came_from.shape[axis], -1)
        owners = self.owners_of(by_channel[:, 0])
        numbers = list(dict.fromkeys(owners.tolist()))  # in the order of their appearance
        sources = [self.channels[n] for n in numbers]
        shapes = {(*s.shape[:axis], *s.shape[axis + 1 :]) for s in sources}
        rest = (*came_from.shape[:axis], *came_from.shape[axis + 1 :])
        if shapes != {rest} or {s.axis for s in sources} - {None} != {axis}:
            return None
        inner = math.prod(rest[axis:])
        counts = torch.zeros(len(self.starts), dtype=torch.long)
        counts[numbers] = torch.tensor([source.shape[axis] for source in sources])
        start = torch.tensor(self.starts)[owners]
        channel = (by_channel[:, 0] - start).div(inner, rounding_mode="floor") % counts[owners]
        # How the elements would be numbered, were each channel taken whole from where its first element comes from.
        places = torch.arange(math.prod(rest))
        outer = places.div(inner, rounding_mode="floor") * counts[owners, None]
        if not torch.equal((start + channel * inner)[:, None] + outer * inner + places % inner, by_channel):
            return None
        index = channel + _starts(numbers, counts)[owners]
        before = torch.cat([source.along(axis) for source in sources])
        names = tuple(self.owners[n].name for n in numbers)
        return Channels(tuple(came_from.shape), axis, before[index]), Move(
            node.name, names, index, before, False, axis + 1, False
        )

    def _by_column(self, node: fx.Node, came_from: Tensor, sizeless: bool) -> tuple[Channels, Move]:
        """The columns of a matrix, each from anywhere in its sources laid flat."""
        owners = self.owners_of(came_from)
        numbers = list(dict.fromkeys(owners.tolist()))  # in the order of their appearance
        sources = [self.channels[n] for n in numbers]
        sizes = torch.zeros(len(self.starts), dtype=torch.long)
        sizes[numbers] = torch.tensor([math.prod(source.shape) for source in sources])
        index = came_from + (_starts(numbers, sizes) - torch.tensor(self.starts))[owners]
        before = torch.cat([source.everywhere().reshape(-1) for source in sources])
        direct = list(node.args[:1]) == [self.owners[n] for n in numbers]
        keeps_order = sizeless and direct and torch.equal(index, torch.arange(len(before)))
        move = Move(node.name, tuple(self.owners[n].name for n in numbers), index, before, True, 1, keeps_order)
        return Channels(tuple(came_from.shape), 0, before[index]), move


def _starts(numbers: list[int], sizes: Tensor) -> Tensor:
    """Where each of some tensors starts when they are laid side by side, by its number."""
    starts = torch.zeros_like(sizes)
    starts[numbers] = sizes[numbers].cumsum(0) - sizes[numbers]
    return starts
