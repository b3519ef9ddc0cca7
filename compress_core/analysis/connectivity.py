"""Connectivity: which input channels reach which output channels, through any layers.

The network is run on labels, as surgery runs it (`pruning/labels.py`), but here a label remembers which inputs reach
it: a dense layer's outputs are reached by what reaches its inputs, a grouped one's only by that of their group, a sum
by what reaches either operand, and what moves data takes each label along.
"""

import torch
from torch import Tensor, fx, nn

from compress_core.errors import UnsupportedModelError
from compress_core.layers.duplicate import duplicate
from compress_core.layers.kinds import groups_of, is_depthwise
from compress_core.layers.modules import RaggedConv2d, SelectChannels
from compress_core.layers.tracing import Tracer
from compress_core.pruning.labels import BATCH, LabelRun
from compress_core.pruning.movement import Channels


class ConnectivityRun(LabelRun):
    """A run on labels that remember which inputs reach them: `reached_by[label]` has bit i set where input i does.

    Args:
        begins_at: the node whose channels are the inputs; the network's own input if left out.
    """

    def __init__(self, module: nn.Module, graph: fx.Graph, real: nn.Module, begins_at: fx.Node | None = None):
        super().__init__(module, graph, real)
        self.begins_at = begins_at
        self.reached_by = [0]

    def fresh(self, count: int) -> Tensor:
        self.reached_by += [0] * count
        return super().fresh(count)

    def begin(self, value: Tensor) -> Channels:
        return self.inputs_of(value) if self.begins_at is None else super().begin(value)

    def inputs_of(self, value: Tensor) -> Channels:
        """Fresh labels for a tensor's channels, each of which is reached by itself."""
        labels = self.fresh(value.shape[1])
        for i, label in enumerate(labels.tolist()):
            self.reached_by[label] = 1 << i
        return Channels(tuple(value.shape[1:]), 0, labels)

    def run_node(self, node: fx.Node) -> object:
        value = super().run_node(node)
        if node is self.begins_at:
            self.learn(node, self.inputs_of(value))
        return value

    def label(self, node: fx.Node, value: Tensor) -> Channels | None:
        layer, source = self.target_of(node), self.known.get(node.args[0]) if node.args else None
        if not isinstance(layer, RaggedConv2d) or not isinstance(source, Channels):
            return super().label(node, value)
        sizes = [layer.convs[str(i)].out_channels if str(i) in layer.convs else 0 for i in range(len(layer.sizes))]
        before = source.along(0)
        return None if before is None else self.grouped(before, layer.sizes, sizes, tuple(value.shape[1:]), 0)

    def label_layer(self, name: str, layer: nn.Conv2d | nn.Linear, source: Channels, shape: tuple) -> Channels | None:
        axis = 0 if isinstance(layer, nn.Conv2d) else len(shape) - 1
        before, groups = source.along(axis), groups_of(layer)
        if before is None:
            return None
        if is_depthwise(layer):
            return Channels(shape, axis, before)  # each channel by itself
        return self.grouped(before, [len(before) // groups] * groups, [shape[axis] // groups] * groups, shape, axis)

    def grouped(self, before: Tensor, sizes_in: list, sizes_out: list, shape: tuple, axis: int) -> Channels:
        """Fresh labels for a layer's outputs, each reached by what reaches the inputs of its group."""
        after = self.fresh(sum(sizes_out))
        for inputs, outputs in zip(before.split(list(sizes_in)), after.split(list(sizes_out)), strict=True):
            bits = 0
            for label in inputs.tolist():
                bits |= self.reached_by[label]
            for label in outputs.tolist():
                self.reached_by[label] = bits
        return Channels(shape, axis, after)

    def label_elementwise(self, node: fx.Node, shape: tuple) -> Channels | None:
        sources = [self.known[n] for n in node.all_input_nodes if n in self.known]
        axes = {source.axis for source in sources} - {None}
        if len(sources) == 1 or len(axes) != 1:
            return super().label_elementwise(node, shape)
        (axis,) = axes
        after = self.fresh(shape[axis])
        for source in sources:
            for mine, other in zip(after.tolist(), source.along(axis).expand(shape[axis]).tolist(), strict=True):
                self.reached_by[mine] |= self.reached_by[other]
        return Channels(shape, axis, after)

    def matrix(self, node: fx.Node, inputs: int) -> Tensor:
        """Bool (channels of the node, inputs): which of them reach it.

        Raises:
            UnsupportedModelError: on the way there something is not known.
        """
        channels = self.known[node]
        if not isinstance(channels, Channels) or channels.axis is None:
            raise UnsupportedModelError(
                f"Which inputs reach the channels at '{node.name}' cannot be told: something before it is not known."
            )
        reached_by = [self.reached_by[label] for label in channels.labels.tolist()]
        return torch.tensor([[bool(bits >> i & 1) for i in range(inputs)] for bits in reached_by]).view(-1, inputs)


def graph_of(model: nn.Module) -> fx.Graph:
    """A network's wiring: its own where surgery has written one, which says what belonged to which unit."""
    return model.graph if isinstance(model, fx.GraphModule) else Tracer(SelectChannels).trace(model)


def run_connectivity(
    model: nn.Module, graph: fx.Graph, example_input: Tensor, begins_at: fx.Node | None = None
) -> ConnectivityRun:
    """A finished run of a copy of the network, on shapes alone; the model stays as it was."""
    run = ConnectivityRun(duplicate(model, "meta").eval(), graph, model, begins_at)
    images = example_input[:1].to("meta").expand(BATCH, *example_input.shape[1:])
    with torch.no_grad():
        run.run(images.contiguous())
    return run


def connectivity(model: nn.Module, example_input: Tensor) -> Tensor:
    """Bool (outputs, inputs): which channels of the input (N, C, …) reach which channels of what the network puts out.

    Raises:
        UnsupportedModelError: it holds something of which it is not known which inputs reach which outputs.
    """
    graph = graph_of(model)
    run = run_connectivity(model, graph, example_input)
    out = next(node for node in graph.nodes if node.op == "output")
    return run.matrix(out.args[0], example_input.shape[1])
