"""Running a network on labels: every channel gets an integer, and each operation says what becomes of it.

A dense layer makes new labels, a depthwise one passes its input's on, an elementwise operation merges those of its
operands place by place, and what only moves data is executed on positions (`movement.py`), from which the labels are
read. Channels may stand in any dimension: a convolution reads them along the first, a linear layer along the last.
What is not known freezes the labels that it touches: never wrong, at worst unpruned. So does what averages over
channels, such as LayerNorm: without one of them the others would come out differently.
"""

import contextlib
from collections.abc import Mapping

import torch
from torch import Tensor, fx, nn

from compress_core.layers.kinds import is_batchnorm, is_depthwise, is_weighted
from compress_core.pruning.movement import Channels, Move, Positions
from compress_core.pruning.operations import (
    ACTIVATIONS,
    AVERAGING,
    ELEMENTWISE,
    ELEMENTWISE_MODULES,
    POOLING,
    POOLING_MODULES,
    changes_its_input,
    is_one_of,
    is_sizeless,
    leaves_in,
    moves,
    tensors_in,
)

BATCH = 3
"""Images in a run: few, and another number than most dimensions have, so that a batch that is moved is noticed."""


class LabelRun(fx.Interpreter):
    """Runs a network, and beside it what is known of its channels: their labels, or where they were moved from.

    Args:
        module: the network to run. Shapes are all that is read of its values, so it may lie on the `meta` device.
        graph: its wiring.
        real: the same network with its tensors, for movement by an index that it holds.
    """

    FROZEN = 0

    def __init__(self, module: nn.Module, graph: fx.Graph, real: nn.Module):
        super().__init__(module, graph=graph)
        self.real = real
        self.parent = [self.FROZEN]
        self.known: dict[fx.Node, object] = {}
        """`Channels` where they stand in a dimension of their own, else the positions of the elements."""
        self.positions = Positions()
        self.inputs: dict[str, Tensor] = {}
        self.outputs: dict[str, Tensor] = {}
        self.kinds: dict[str, str] = {}
        self.found_moves: list[Move] = []
        self.read_elsewhere: set[str] = set()  # layers whose parameters are used outside of them
        self.constants: dict[str, object] = {}
        self.alias_of: dict[fx.Node, fx.Node] = {}  # what gave back its very input

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

    def roots(self) -> Tensor:
        """The root of every label."""
        roots = torch.tensor(self.parent)
        while not torch.equal(roots, roots[roots]):
            roots = roots[roots]
        return roots

    def merge(self, a: Tensor, b: Tensor) -> None:
        """Make the labels of two tensors one, place by place; the smaller root stays, so that FROZEN always does."""
        for one, other in zip(a.tolist(), b.tolist(), strict=True):
            if one != other:
                low, high = sorted((self.root(one), self.root(other)))
                self.parent[high] = low

    def freeze(self, labels: Tensor) -> None:
        self.merge(labels, torch.zeros_like(labels))

    def freeze_origin(self, node: fx.Node) -> None:
        """Freeze a node's labels, and all those of the tensors that its elements were moved from."""
        for channels in leaves_in(self.known[node], Channels):
            self.freeze(channels.labels)
        for came_from in tensors_in(self.known[node]):
            for owner in self.positions.owners_of(came_from).unique().tolist():
                self.freeze(self.positions.channels[owner].labels)

    # -- the run -----------------------------------------------------------------------------------------------------

    def run_node(self, node: fx.Node) -> object:
        sources = [n for n in node.all_input_nodes if n in self.known]
        versions = [_version(self.env[n]) for n in sources]
        value = super().run_node(node)
        if node.op == "get_attr":
            self.read_elsewhere.add(node.target.rpartition(".")[0])
            if "." not in node.target:
                self.constants[node.target] = self.real_attribute(node)
        if node.op == "placeholder" and isinstance(value, Tensor):
            self.learn(node, self.begin(value))
        if node.op == "output":
            for source in sources:
                self.freeze_origin(source)
        if not sources or not tensors_in(value) or node.op == "output":
            return value  # a shape, a parameter: nothing that has channels
        learned = None
        same = [n for n in sources if self.env[n] is value]
        if same and versions == [_version(self.env[n]) for n in sources]:
            self.alias_of[node] = same[0]
            learned = self.known[same[0]]  # it gave its very input back, as a dropout of whole paths does
        elif all(v.dim() and len(v) == BATCH for v in tensors_in(value)) and not self.hidden(node):
            with contextlib.suppress(RuntimeError, TypeError, IndexError, KeyError, ValueError, AttributeError):
                learned = self.move(node, value) if moves(self.target_of(node)) else self.label(node, value)
        if learned is None:
            for source in sources:
                self.freeze_origin(source)
            learned = fx.node.map_aggregate(
                value, lambda v: Channels.whole(v.shape[1:]) if isinstance(v, Tensor) else v
            )
        self.learn(node, learned)
        return value

    def begin(self, value: Tensor) -> Channels:
        """What is known of the network's input: nothing of it may go."""
        return Channels.whole(value.shape[1:])

    def call_module(self, target: str, args: tuple, kwargs: dict) -> object:
        module = self.submodules[target]
        if (
            args
            and args[0].is_meta
            and (is_batchnorm(module) or isinstance(module, ACTIVATIONS))
            and not _has_hooks(module)
        ):
            return torch.empty_like(args[0])  # torch works such shapes out in Python, in half the time of a run
        return super().call_module(target, args, kwargs)

    def target_of(self, node: fx.Node) -> object:
        """The module, the function or the method's name that a node calls."""
        return self.submodules[node.target] if node.op == "call_module" else node.target

    def learn(self, node: fx.Node, what: object) -> None:
        self.known[node] = what
        if isinstance(what, Channels):
            self.positions.begin(node, what)

    def hidden(self, node: fx.Node) -> bool:
        """Whether it changes a tensor in place that others read too, which its own labels would not show."""
        if not changes_its_input(node, self.target_of(node)):
            return False
        changed = node.args[0] if node.args and isinstance(node.args[0], fx.Node) else None
        while changed in self.alias_of and len(changed.users) == 1:
            changed = self.alias_of[changed]
        if changed is None or len(changed.users) > 1 or not node.users:
            return True
        return changed.op != "placeholder" and moves(self.target_of(changed))

    def label(self, node: fx.Node, value: Tensor) -> Channels | None:
        """What becomes of the channels of a node that computes; None where what it does is not known.

        Where it reads channels that do not stand in a dimension of their own, those stay: a place would mean another
        channel once some are gone.
        """
        target = self.target_of(node)
        for source in [n for n in node.all_input_nodes if n in self.known]:
            if isinstance(self.known[source], Tensor):
                self.freeze_origin(source)
                self.learn(source, Channels.whole(self.known[source].shape))
            if not isinstance(self.known[source], Channels):
                return None
        shape = tuple(value.shape[1:])
        if isinstance(target, nn.Module) and _has_hooks(target):
            return None  # they compute what surgery does not see
        if is_one_of(target, ELEMENTWISE_MODULES, ELEMENTWISE):
            return self.label_elementwise(node, shape)
        source = self.known[node.args[0]]
        if is_weighted(target):
            return self.label_layer(node.target, target, source, shape)
        if is_batchnorm(target) and target.affine:
            return self.note(node.target, "carrier", source.along(0), source.along(0), shape, 0)
        if is_one_of(target, POOLING_MODULES, POOLING) and len(shape) == 3:
            return _standing(shape, 0, source.along(0))
        if target in AVERAGING:
            return self.label_mean(node, source, shape)
        return None

    def label_layer(self, name: str, layer: nn.Conv2d | nn.Linear, source: Channels, shape: tuple) -> Channels | None:
        axis = 0 if isinstance(layer, nn.Conv2d) else len(shape) - 1
        before = source.along(axis)
        if before is None or "weight" not in layer._parameters:
            return None  # a parametrization makes the weight anew from what surgery does not see
        if is_depthwise(layer):
            return self.note(name, "carrier", before, before, shape, axis)
        after = self.outputs.get(name)
        return self.note(name, "dense", before, self.fresh(shape[axis]) if after is None else after, shape, axis)

    def note(
        self, name: str, kind: str, before: Tensor | None, after: Tensor | None, shape: tuple, axis: int
    ) -> Channels | None:
        """Keep the labels of a layer's two sides; those of a layer that runs more than once are merged."""
        sides = [(self.inputs, before), (self.outputs, after)]
        if before is None or after is None:
            for kept, _ in sides:
                if name in kept:
                    self.freeze(kept[name])
            return None
        for kept, channels in sides:
            if name in kept:
                self.merge(kept[name], channels)
            kept.setdefault(name, channels)
        self.kinds[name] = kind
        return _standing(shape, axis, after)

    def label_elementwise(self, node: fx.Node, shape: tuple) -> Channels | None:
        sources = [self.known[n] for n in node.all_input_nodes if n in self.known]
        others = [self.env[n] for n in node.all_input_nodes if n not in self.known]
        if any(not isinstance(other, Tensor) or other.numel() > 1 for other in others):
            return None  # by a number that may depend on how many channels there are, or by one for each
        axes = {source.axis for source in sources} - {None}
        if len(axes) > 1 or any(len(source.shape) != len(shape) for source in sources):
            return None
        if not axes:
            return Channels.whole(shape)
        (axis,) = axes
        first, *rest = [source.along(axis).expand(shape[axis]) for source in sources]
        for other in rest:
            self.merge(first, other)
        return _standing(shape, axis, first)

    def label_mean(self, node: fx.Node, source: Channels, shape: tuple) -> Channels | None:
        dims = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
        rank = len(source.shape) + 1
        dims = {d % rank for d in ([dims] if isinstance(dims, int) else dims or range(rank))}
        if source.axis is None or dims & {0, source.axis + 1}:
            return None
        keeps = len(shape) == len(source.shape)
        axis = source.axis - (0 if keeps else sum(d <= source.axis for d in dims))
        return _standing(shape, axis, source.labels)

    # -- movement ----------------------------------------------------------------------------------------------------

    def move(self, node: fx.Node, value: object) -> object:
        """The channels that a node has moved, or where its elements come from; None where that cannot be told."""
        sources = [n for n in node.all_input_nodes if n in self.known]
        if not any(self.may_lose(self.known[n]) for n in sources):
            return None
        simple = self.turned(node) or self.joined(node, value)
        if simple is not None:
            return simple
        came_from = self.execute(node)
        if [t.shape for t in tensors_in(came_from)] != [v.shape[1:] for v in tensors_in(value)]:
            return None
        if not isinstance(came_from, Tensor):
            return came_from
        read = self.positions.read(node, came_from, is_sizeless(self.target_of(node)))
        if read is None:
            return came_from
        channels, move = read
        if move is not None:
            self.found_moves.append(move)
        return channels

    @staticmethod
    def may_lose(known: object) -> bool:
        return bool(tensors_in(known)) or any(channels.axis is not None for channels in leaves_in(known, Channels))

    def turned(self, node: fx.Node) -> Channels | None:
        """The channels of one tensor, all and in their order, where a node only turned or joined other dimensions.

        Numbers of the channels that share one place in memory along all other dimensions show it by their strides.
        """
        source = self.known.get(node.args[0]) if isinstance(node.args[0], fx.Node) else None
        if not is_sizeless(self.target_of(node)) or not isinstance(source, Channels) or len(source.labels) < 2:
            return None
        numbers = Channels(source.shape, source.axis, torch.arange(len(source.labels))).everywhere()
        moved = self.execute(node, {node.args[0]: numbers})
        axes = [axis for axis, size in enumerate(moved.shape) if size > 1 and moved.stride(axis)]
        if len(axes) != 1 or moved.data_ptr() != numbers.data_ptr():
            return None
        return _standing(moved.shape, axes[0], source.labels)

    def joined(self, node: fx.Node, value: Tensor) -> Channels | None:
        """The channels of tensors that were laid side by side."""
        if node.target is not torch.cat or not isinstance(node.args[0], tuple | list):
            return None
        if not all(isinstance(self.known.get(n), Channels) for n in node.args[0]):
            return None
        sources = [self.known[n] for n in node.args[0]]
        axes = {source.axis for source in sources} - {None}
        if len(axes) != 1 or any(len(source.shape) != value.dim() - 1 for source in sources):
            return None
        (axis,) = axes
        labels = torch.cat([source.along(axis) for source in sources])
        joined = _standing(tuple(value.shape[1:]), axis, labels)
        if joined is not None:
            names = tuple(n.name for n in node.args[0])
            self.found_moves.append(Move(node.name, names, torch.arange(len(labels)), labels, False, axis + 1, True))
        return joined

    def execute(self, node: fx.Node, stand_ins: Mapping[fx.Node, Tensor] | None = None) -> object:
        """Move positions, or other numbers of the elements, as the node moves data."""

        def stand_in(n: fx.Node) -> object:
            if stand_ins and n in stand_ins:
                return _with_batch(stand_ins[n])
            if n in self.known:
                known = self.positions.of(n) if isinstance(self.known[n], Channels) else self.known[n]
                return fx.node.map_aggregate(known, _with_batch)
            return self.real_attribute(n) if n.op == "get_attr" else self.env[n]

        args, kwargs = fx.node.map_arg((node.args, node.kwargs), stand_in)
        if node.op == "call_module":
            moved = self.real.get_submodule(node.target)(*args, **kwargs)
        else:  # positions that were moved before have other strides than the values
            moved = getattr(self, node.op)("reshape" if node.target == "view" else node.target, args, kwargs)
        for v in tensors_in(moved):
            if v.is_floating_point() or not v.dim() or len(v) != BATCH or (v.stride(0) and not v.eq(v[:1]).all()):
                raise ValueError("not only data within each image was moved")
        return fx.node.map_aggregate(moved, lambda v: v[0] if isinstance(v, Tensor) else v)

    def real_attribute(self, node: fx.Node) -> object:
        found: object = self.real
        for part in node.target.split("."):
            found = getattr(found, part, None)
        return self.fetch_attr(node.target) if found is None else found  # the tracer's own, which only its copy has


def _version(value: object) -> int | None:
    """How often a tensor was changed in place."""
    return value._version if isinstance(value, Tensor) else None


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_pre_hooks or module._forward_hooks)


def _with_batch(value: object) -> object:
    return value.expand(BATCH, *value.shape) if isinstance(value, Tensor) else value


def _standing(shape: tuple, axis: int, labels: Tensor | None) -> Channels | None:
    if labels is None or len(shape) <= axis or shape[axis] != len(labels):
        return None
    return Channels(tuple(shape), axis, labels) if labels.any() else Channels.whole(shape)
