"""Running a network on labels: every channel gets an integer, and each operation says what becomes of it.

A dense layer makes new labels, a depthwise one passes its input's on, an elementwise operation merges those of its
operands place by place, and what only moves data (a view, a transpose, a split, a concatenation) is executed on the
tensor of labels as it is. So a channel shuffle needs no special case. What is not known freezes the labels that it
touches: never wrong, at worst unpruned.
"""

import contextlib
import math
import operator
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from compress_core.pruning.modules import SelectChannels


@dataclass(frozen=True)
class Move:
    """Data movement from some tensors to one, channel by channel: what surgery may have to say anew."""

    node: str
    sources: tuple[str, ...]
    """The nodes that the channels come from."""
    index: Tensor
    """Where each of its channels (of a matrix: each column) comes from, in the sources laid side by side."""
    flat: bool
    """Whether it makes matrices (N, columns) of maps."""
    keeps_order: bool
    """Whether it lays its sources side by side and does nothing else, so that it fits whatever is left of them."""


_ELEMENTWISE_MODULES = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.GELU, nn.Mish, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid),
    *(nn.Tanh, nn.Softplus, nn.Dropout, nn.Dropout2d, nn.Identity),
)
_POOLING_MODULES = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Upsample)
_ELEMENTWISE = {
    *(operator.add, operator.iadd, operator.mul, operator.imul, operator.sub, operator.truediv),
    *(torch.add, torch.mul, torch.sub, torch.relu, torch.sigmoid, torch.tanh, torch.clamp),
    *(F.relu, F.relu6, F.hardswish, F.hardsigmoid, F.silu, F.gelu, F.sigmoid, F.tanh, F.leaky_relu, F.dropout),
    *("add", "add_", "mul", "mul_", "sub", "relu", "relu_", "sigmoid", "tanh", "clamp", "contiguous", "clone", "float"),
}
_POOLING = {F.max_pool2d, F.avg_pool2d, F.adaptive_avg_pool2d, F.adaptive_max_pool2d, F.interpolate}
BATCH = 3
"""Images in a run: few, and another number than most dimensions have, so that a batch that is moved is noticed."""
_MOVING = {
    *(torch.cat, torch.flatten, torch.reshape, torch.transpose, torch.permute, torch.chunk, torch.split, torch.squeeze),
    *(torch.unsqueeze, torch.index_select, torch.narrow, torch.stack, torch.unbind, operator.getitem),
    *("view", "reshape", "flatten", "transpose", "permute", "chunk", "split", "squeeze", "unsqueeze", "index_select"),
    *("narrow", "unbind", "t"),
}


class LabelRun(fx.Interpreter):
    """Runs a network on a real input, and beside it on labels and on positions.

    A node's labels have the shape of its value, without the batch. Its positions say where each element comes from:
    fresh numbers wherever channels stand in their own dimension, so that what data movement did since is read off.
    """

    FROZEN = 0

    def __init__(self, module: fx.GraphModule):
        super().__init__(module, garbage_collect_values=False)
        self.parent = [self.FROZEN]
        self.labels: dict[fx.Node, object] = {}
        self.positions: dict[fx.Node, object] = {}
        self.starts: list[tuple[int, fx.Node]] = []  # first position of each node that has fresh ones
        self.next_position = 0
        self.inputs: dict[str, Tensor] = {}
        self.outputs: dict[str, Tensor] = {}
        self.kinds: dict[str, str] = {}
        self.found_moves: list[Move] = []
        self.read_elsewhere: set[str] = set()  # layers whose parameters are used outside of them

    # -- labels ------------------------------------------------------------------------------------------------------

    def fresh(self, count: int) -> Tensor:
        first = len(self.parent)
        self.parent.extend(range(first, first + count))
        return torch.arange(first, first + count)

    def root(self, label: int) -> int:
        while self.parent[label] != label:
            self.parent[label] = self.parent[self.parent[label]]
            label = self.parent[label]
        return label

    def merge(self, a: Tensor, b: Tensor) -> None:
        """Make the labels of two tensors one, place by place; the smaller root stays, so that FROZEN always does."""
        pairs = torch.stack((a.reshape(-1), b.reshape(-1)), 1)
        for one, other in pairs[pairs[:, 0] != pairs[:, 1]].unique(dim=0).tolist():
            low, high = sorted((self.root(one), self.root(other)))
            self.parent[high] = low

    def freeze(self, labels: object) -> None:
        for tensor in tensors_in(labels):
            self.merge(tensor.unique(), torch.zeros_like(tensor.unique()))

    # -- the run -----------------------------------------------------------------------------------------------------

    def run_node(self, node: fx.Node) -> object:
        value = super().run_node(node)
        if node.op == "placeholder":
            if isinstance(value, Tensor):
                self.labels[node] = torch.zeros(value.shape[1:], dtype=torch.long)
                self.place(node, value)
            return value
        if node.op == "get_attr":
            self.read_elsewhere.add(node.target.rpartition(".")[0])
        known = [n for n in node.all_input_nodes if n in self.labels]
        if node.op == "output":
            for source in known:
                self.freeze_origin(source)
            return value
        if not known or not tensors_in(value):
            return value  # a shape, a parameter: nothing that has channels
        labels = None
        if all(v.dim() and len(v) == BATCH for v in tensors_in(value)) and not self.hidden(node):
            with contextlib.suppress(RuntimeError, TypeError, IndexError, KeyError, ValueError, AttributeError):
                labels = self.label(node, value)
        if labels is None or [t.shape for t in tensors_in(labels)] != [v.shape[1:] for v in tensors_in(value)]:
            for source in known:
                self.freeze_origin(source)
            labels = fx.node.map_aggregate(value, _frozen)
        self.labels[node] = labels
        self.place(node, value)
        return value

    def moves(self, node: fx.Node) -> bool:
        """Whether the node does nothing but move data."""
        if node.op == "call_module":
            return isinstance(self.module.get_submodule(node.target), nn.Flatten | SelectChannels)
        return node.op in ("call_function", "call_method") and node.target in _MOVING

    def hidden(self, node: fx.Node) -> bool:
        """Whether it does something that its labels would not show.

        It computes on channels that do not stand in a dimension of their own, where a place means another channel
        once some are gone; or it changes a tensor in place that others read too.
        """
        known = [n for n in node.all_input_nodes if n in self.labels]
        if not self.moves(node):
            if any(t.dim() not in (1, 3) for n in known for t in tensors_in(self.labels[n])):
                return True
            if any(not isinstance(self.labels[n], Tensor) for n in known):
                return True
        target = self.module.get_submodule(node.target) if node.op == "call_module" else node.target
        name = target if isinstance(target, str) else getattr(target, "__name__", "")
        in_place = getattr(target, "inplace", False) or target in (operator.iadd, operator.imul, operator.isub)
        in_place = in_place or (name.endswith("_") and not name.endswith("__")) or node.kwargs.get("inplace", False)
        changed = node.args[0] if node.args and isinstance(node.args[0], fx.Node) else None
        return bool(in_place and (changed is None or len(changed.users) > 1 or self.moves(changed) or not node.users))

    def freeze_origin(self, node: fx.Node) -> None:
        """Freeze a node's labels, and all those of the tensors that its elements were moved from."""
        self.freeze(self.labels.get(node))
        starts = torch.tensor([start for start, _ in self.starts])
        for positions in tensors_in(self.positions.get(node)):
            owners = torch.searchsorted(starts, positions.unique(), right=True) - 1
            for owner in owners.unique().tolist():
                self.freeze(self.labels.get(self.starts[owner][1]))

    def label(self, node: fx.Node, value: object) -> object:
        """The labels of a node's value; None where what it does is not known."""
        target = self.module.get_submodule(node.target) if node.op == "call_module" else node.target
        source = self.labels.get(node.args[0]) if node.args and isinstance(node.args[0], fx.Node) else None
        match target:
            case nn.Conv2d() | nn.Linear():
                return self.label_layer(node.target, target, source, value)
            case _BatchNorm() if target.affine:
                return self.note(node.target, "carrier", source, source)
        if isinstance(target, _ELEMENTWISE_MODULES) or (not isinstance(target, nn.Module) and target in _ELEMENTWISE):
            return self.label_elementwise(node, value)
        if isinstance(target, _POOLING_MODULES) or (not isinstance(target, nn.Module) and target in _POOLING):
            return _spread(channels_of(source), value)
        if target in ("mean", torch.mean):
            return self.label_mean(node, source)
        if isinstance(target, nn.Flatten | SelectChannels):
            return self.moved_by(target, source)
        if not isinstance(target, nn.Module) and target in _MOVING:
            return self.execute(node, self.labels)
        return None

    def label_layer(self, name: str, layer: nn.Conv2d | nn.Linear, source: Tensor, value: Tensor) -> Tensor | None:
        channels = channels_of(source) if isinstance(layer, nn.Conv2d) else source if source.dim() == 1 else None
        if channels is None or "weight" not in layer._parameters or layer._forward_pre_hooks or layer._forward_hooks:
            return None  # hooks and parametrizations make the weight anew from what surgery does not see
        if isinstance(layer, nn.Conv2d) and layer.groups == layer.in_channels == layer.out_channels > 1:
            return self.note(name, "carrier", source, _spread(channels, value))
        out = self.outputs.get(name)
        out = self.fresh(value.shape[1]) if out is None else out
        return self.note(name, "dense", source, _spread(out, value))

    def note(self, name: str, kind: str, before: Tensor, after: Tensor) -> Tensor | None:
        """Keep the labels of a layer's two sides; those of a layer that runs more than once are merged."""
        sides = [(self.inputs, channels_of(before)), (self.outputs, channels_of(after))]
        if any(channels is None for _, channels in sides):
            for kept, _ in sides:
                self.freeze(kept.get(name))
            return None
        for kept, channels in sides:
            if name in kept:
                self.merge(kept[name], channels)
            kept.setdefault(name, channels)
        self.kinds[name] = kind
        return after

    def label_elementwise(self, node: fx.Node, value: Tensor) -> Tensor:
        known = [n for n in node.all_input_nodes if n in self.labels]
        first, *rest = [self.labels[n].expand(value.shape[1:]) for n in known]
        for other in rest:
            if channels_of(first) is not None and channels_of(other) is not None:
                self.merge(channels_of(first), channels_of(other))
            else:
                self.merge(first, other)
        others = [self.env[n] for n in node.all_input_nodes if n not in self.labels]
        if any(not isinstance(other, Tensor) or other.numel() > 1 for other in others):
            for source in known:  # by a number that may depend on how many channels there are, or by one for each
                self.freeze_origin(source)
        return first

    def label_mean(self, node: fx.Node, source: Tensor) -> Tensor | None:
        dims = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
        dims = {d % (source.dim() + 1) for d in ([dims] if isinstance(dims, int) else dims or [])}
        if source.dim() != 3 or dims != {2, 3} or channels_of(source) is None:
            return None
        channels = channels_of(source)
        keeps = node.args[2] if len(node.args) > 2 else node.kwargs.get("keepdim")
        return channels.view(-1, 1, 1) if keeps else channels

    def execute(self, node: fx.Node, stand_ins: dict[fx.Node, object]) -> object:
        """Move the labels (or positions) as the node moves data."""

        def stand_in(n: fx.Node) -> object:
            return fx.node.map_aggregate(stand_ins[n], _with_batch) if n in stand_ins else self.env[n]

        args, kwargs = fx.node.map_arg((node.args, node.kwargs), stand_in)
        try:
            target = "reshape" if node.target == "view" else node.target  # labels repeat, so their strides differ
            moved = getattr(self, node.op)(target, args, kwargs)
        except (RuntimeError, TypeError, IndexError):
            return None
        if not all(v.dim() and len(v) == BATCH and v.eq(v[:1]).all() for v in tensors_in(moved)):
            return None
        return fx.node.map_aggregate(moved, _without_batch)

    # -- positions ---------------------------------------------------------------------------------------------------

    def place(self, node: fx.Node, value: object) -> None:
        """Say where the elements come from, note the move where channels stand by themselves again, start afresh."""
        moves = self.moves(node)
        came_from = None
        if moves and node.op == "call_module":
            module, before = self.module.get_submodule(node.target), self.positions.get(node.args[0])
            came_from = self.moved_by(module, before if isinstance(before, Tensor) else None)
        elif moves:
            came_from = self.execute(node, self.positions)
        if came_from is not None and (isinstance(value, tuple | list) or value.dim() not in (2, 4)):
            self.positions[node] = came_from
            return
        if moves and (came_from is None or not self.note_move(node, value, came_from)):
            self.freeze(self.labels[node])
            for source in node.all_input_nodes:
                if source in self.labels:
                    self.freeze_origin(source)
        if isinstance(value, tuple | list):
            return
        self.starts.append((self.next_position, node))
        count = self.labels[node].numel()
        fresh = torch.arange(self.next_position, self.next_position + count)
        self.positions[node] = fresh.view(self.labels[node].shape)
        self.next_position += count

    @staticmethod
    def moved_by(module: nn.Flatten | SelectChannels, tensor: Tensor | None) -> Tensor | None:
        """What a module that only moves data makes of labels or positions, which have no batch."""
        if tensor is None or isinstance(module, SelectChannels):
            return None if tensor is None else tensor[module.index]
        return tensor.flatten() if module.start_dim == 1 and module.end_dim == -1 else None

    def note_move(self, node: fx.Node, value: Tensor, came_from: Tensor | None) -> bool:
        """Whether the channels of this value come whole, and in their own order within, from earlier nodes."""
        if came_from is None or came_from.shape != value.shape[1:]:
            return False
        starts = torch.tensor([start for start, _ in self.starts])
        owners = torch.searchsorted(starts, came_from.reshape(-1).contiguous(), right=True) - 1
        numbers = list(dict.fromkeys(owners.unique_consecutive().tolist()))
        sources = [self.starts[i][1] for i in numbers]
        flat = value.dim() == 2
        sizes = [math.prod(self.labels[s].shape) for s in sources]
        # Where each element lies in the sources laid side by side.
        offsets = torch.zeros(len(self.starts), dtype=torch.long)
        offsets[numbers] = torch.tensor([0, *sizes[:-1]]).cumsum(0) - starts[numbers]
        lies = (came_from.reshape(-1) + offsets[owners]).view(came_from.shape)
        if not flat:
            places = value.shape[2] * value.shape[3]
            if any(self.labels[s].dim() != 3 or math.prod(self.labels[s].shape[1:]) != places for s in sources):
                return False
            if not torch.equal(lies, lies[:, :1, :1] + torch.arange(places).view(value.shape[2:])):
                return False
            lies = lies[:, 0, 0] // places
        elif len(sources) > 1 and any(self.labels[s].dim() != 1 for s in sources):
            return False
        in_order = torch.equal(lies, torch.arange(len(lies)))
        direct = node.args[0] if isinstance(node.args[0], tuple | list) else [node.args[0]]
        keeps_order = in_order and list(direct) == sources and self.lays_side_by_side(node, flat)
        self.found_moves.append(Move(node.name, tuple(s.name for s in sources), lies, flat, keeps_order))
        return True

    def lays_side_by_side(self, node: fx.Node, flat: bool) -> bool:
        """Whether the node, as it is written, fits its sources whatever is left of them."""
        if node.op == "call_module":
            return flat and isinstance(self.module.get_submodule(node.target), nn.Flatten)
        return node.target is torch.cat or (flat and node.target in (torch.flatten, "flatten"))


def is_free(node: fx.Node) -> bool:
    """Whether nothing is lost with a node whose result nobody reads: it moves data, or asks for a shape."""
    arithmetic = (operator.add, operator.sub, operator.mul, operator.floordiv, operator.truediv, operator.mod, getattr)
    return (node.op == "call_method" and node.target == "size") or (
        node.op in ("call_function", "call_method") and (node.target in _MOVING or node.target in arithmetic)
    )


def tensors_in(value: object) -> list[Tensor]:
    """All tensors in a value, however deep in tuples, lists and dictionaries."""
    found: list[Tensor] = []
    fx.node.map_aggregate(value, lambda v: found.append(v) if isinstance(v, Tensor) else None)
    return found


def _frozen(value: object) -> object:
    return torch.zeros(value.shape[1:], dtype=torch.long) if isinstance(value, Tensor) else value


def _with_batch(value: object) -> object:
    return value.expand(BATCH, *value.shape) if isinstance(value, Tensor) else value


def _without_batch(value: object) -> object:
    return value[0] if isinstance(value, Tensor) else value


def channels_of(labels: Tensor | None) -> Tensor | None:
    """The one label of each channel (C,) of maps (C, H, W) or vectors (C,); None where a map holds several."""
    if labels is None or labels.dim() not in (1, 3):
        return None
    if labels.dim() == 1:
        return labels
    first = labels[:, :1, :1]
    return first[:, 0, 0] if labels.stride()[1:] == (0, 0) or labels.eq(first).all() else None


def _spread(channels: Tensor | None, value: Tensor) -> Tensor | None:
    """A label for each channel over the places of a value (1, C, …)."""
    if channels is None or len(channels) != value.shape[1]:
        return None
    return channels.view(-1, *[1] * (value.dim() - 2)).expand(value.shape[1:])
