"""Which channels are one and the same across layers, and so live and die together.

The network is run on labels (`labels.py`); a group is what the same layers put out, and a channel of it a class of
labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, fx, nn

from compress_core.errors import UnsupportedModelError
from compress_core.layers.duplicate import duplicate
from compress_core.layers.modules import SelectChannels
from compress_core.layers.running import check_example
from compress_core.layers.tracing import Tracer
from compress_core.pruning.labels import BATCH, LabelRun
from compress_core.pruning.movement import Move

NO_PLACE = -1
"""Stands for the place of a channel that belongs to no group, because it is frozen."""


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that the same layers put out; each of them may live or die, in all layers at once.

    The mappings go from a layer's name in `model.named_modules()` to a place in the group for each of its channels,
    or `NO_PLACE`.
    """

    name: str
    """The first layer that puts the channels out."""
    labels: Tensor
    """(size,) of each of its channels."""
    writers: dict[str, Tensor]
    """Dense, grouped and linear layers, by their output channels."""
    carriers: dict[str, Tensor]
    """Depthwise and BatchNorm layers, which pass each channel on by itself."""
    readers: dict[str, Tensor]
    """Dense, grouped and linear layers, by their input channels."""

    @property
    def size(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Coupling:
    """Everything that surgery knows of a network; it holds for every network of the same shape."""

    groups: tuple[ChannelGroup, ...]
    inputs: dict[str, Tensor]
    """For each layer a label for each input channel."""
    outputs: dict[str, Tensor]
    """For each layer a label for each output channel."""
    moves: tuple[Move, ...]
    label_count: int
    graph: fx.Graph
    constants: dict[str, object]
    """Tensors that stand in the network's code, as the tracer has named them."""

    def alive(self, survivors: Sequence[Tensor]) -> Tensor:
        """A bool for each label: whether it lives, if of each group those places survive."""
        alive = torch.ones(self.label_count, dtype=torch.bool)
        for group, kept in zip(self.groups, survivors, strict=True):
            alive[group.labels] = False
            alive[group.labels[kept]] = True
        return alive


def couple(model: nn.Module, example_input: Tensor) -> Coupling:
    """Find the coupled channels of a network by running it once; the model stays as it was.

    Raises:
        UnsupportedModelError: torch.fx cannot trace it, or it does not run on the example.
    """
    check_example(example_input)
    try:
        run = _run(model, example_input, "meta")
    except Exception:  # something in it wants values, such as a tensor made in its forward
        run = _run(model, example_input)
    return _coupling(run)


def _run(model: nn.Module, example_input: Tensor, device: str | None = None) -> LabelRun:
    """Run a copy of the network on labels; on the `meta` device, where nothing but shapes is computed, or its own."""
    double = duplicate(model, device).eval()
    try:
        graph = Tracer(SelectChannels).trace(double)
    except Exception as error:
        raise UnsupportedModelError(
            f"The wiring of {type(model).__name__} cannot be traced, so its channels cannot be coupled: {error}"
        ) from error
    run = LabelRun(double, graph, model)
    images = example_input[:1].to(device or example_input.device).expand(BATCH, *example_input.shape[1:])
    try:
        with torch.no_grad():
            run.run(images.contiguous())
    except Exception as error:
        why = str(error).partition("\n")[0]
        raise UnsupportedModelError(f"{type(model).__name__} does not run on the example input: {why}") from error
    return run


def _coupling(run: LabelRun) -> Coupling:
    """What a finished run has found."""
    for name in run.read_elsewhere & run.kinds.keys():
        run.freeze(run.inputs[name])
        run.freeze(run.outputs[name])
    roots = run.roots()
    inputs = {name: roots[labels] for name, labels in run.inputs.items()}
    outputs = {name: roots[labels] for name, labels in run.outputs.items()}
    groups = _groups(run.kinds, inputs, outputs, len(run.parent))
    moves = tuple(replace(move, before=roots[move.before]) for move in run.found_moves)
    return Coupling(groups, inputs, outputs, moves, len(run.parent), run.graph, run.constants)


def _groups(
    kinds: dict[str, str], inputs: dict[str, Tensor], outputs: dict[str, Tensor], count: int
) -> tuple[ChannelGroup, ...]:
    """Layers that write a channel in common make one group; its channels stand in the order of its layers."""
    writers = [name for name, kind in kinds.items() if kind == "dense"]
    read, owner, place = torch.zeros(count).bool(), torch.full((count,), NO_PLACE), torch.full((count,), NO_PLACE)
    for name in writers:
        read[inputs[name]] = True
    read[LabelRun.FROZEN] = False
    members: dict[int, Tensor] = {}
    for number, name in enumerate(writers):
        own = outputs[name][read[outputs[name]]]
        earlier = [i for i in dict.fromkeys(owner[own].tolist()) if i != NO_PLACE]
        new = list(dict.fromkeys(own[owner[own] == NO_PLACE].tolist()))
        joined = torch.cat([*(members.pop(i) for i in earlier), torch.tensor(new, dtype=torch.long)])
        if len(joined):
            members[number], owner[joined] = joined, number
    for labels in members.values():
        place[labels] = torch.arange(len(labels))
    sides: dict[int, tuple[dict, dict, dict]] = {number: ({}, {}, {}) for number in members}
    for kind, labels_by_name, side in (("dense", outputs, 0), ("carrier", outputs, 1), ("dense", inputs, 2)):
        for name, labels in labels_by_name.items():
            if kinds[name] == kind:
                for number in set(owner[labels].tolist()) - {NO_PLACE}:
                    sides[number][side][name] = place[labels].where(owner[labels] == number, NO_PLACE)
    order = {name: number for number, name in enumerate(writers)}
    groups = [ChannelGroup(next(iter(sides[i][0])), labels, *sides[i]) for i, labels in members.items()]
    return tuple(sorted(groups, key=lambda group: order[group.name]))
