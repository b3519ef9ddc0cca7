"""What a block of a real network is made of, as boxes and arrows: read off its wiring, not drawn by hand."""

import operator
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, fx, nn

from compress_core.layers.kinds import layer_kind
from compress_core.layers.tracing import Tracer
from compress_core.zoo.blocks import Block, ChannelShuffle, ChannelSplit


@dataclass(frozen=True)
class Diagram:
    """`boxes` has a row per box: `box` (its number), `title`, `detail`, `kind`, `column` and `lane` (its place).

    `arrows` has a row per arrow: `start`, `end` (boxes), `channels` that flow along it.
    """

    boxes: pd.DataFrame
    arrows: pd.DataFrame


def block_names(model: nn.Module) -> list[str]:
    """The units of a network that its paper draws, in their order."""
    return [name for name, module in model.named_modules() if isinstance(module, Block)]


def block_diagram(model: nn.Module, name: str, example_input: Tensor) -> Diagram:
    """The diagram of one block, with the channels that it has in this network.

    BatchNorm and activations stand in the box of the layer that they follow. A column is the longest way from the
    block's input; the lane 0 is the longest way through it, a shortcut has a lane of its own.
    """
    block = model.get_submodule(name)
    seen: list[Tensor] = []
    handle = block.register_forward_hook(lambda _, inputs, output: seen.append(inputs[0]))
    with torch.no_grad():
        model(example_input)
    handle.remove()
    graph = Tracer(ChannelShuffle, ChannelSplit).trace(block)
    run = _Shapes(fx.GraphModule(block, graph))
    with torch.no_grad():
        run.run(seen[0])
    return _layout(block, graph, run.values)


class _Shapes(fx.Interpreter):
    def __init__(self, module: fx.GraphModule):
        super().__init__(module, garbage_collect_values=False)
        self.values: dict[fx.Node, object] = {}

    def run_node(self, node: fx.Node) -> object:
        self.values[node] = super().run_node(node)
        return self.values[node]


_SHORT = {
    "BatchNorm2d": "BN",
    "MaxPool2d": "max pool",
    "AvgPool2d": "average pool",
    "AdaptiveAvgPool2d": "global average",
}


def _layout(block: nn.Module, graph: fx.Graph, values: dict[fx.Node, object]) -> Diagram:
    box_of: dict[fx.Node, int] = {}
    boxes: list[dict] = []
    arrows: list[tuple[int, int, int]] = []

    def add(node: fx.Node, title: str, detail: str, kind: str, sources: list[fx.Node]) -> None:
        column = 1 + max((boxes[box_of[source]]["column"] for source in sources), default=-1)
        box_of[node] = len(boxes)
        boxes.append({"box": len(boxes), "title": title, "detail": detail, "kind": kind, "column": column})
        arrows.extend((box_of[source], box_of[node], _channels(values[source])) for source in sources)

    for node in graph.nodes:
        sources = [source for source in node.all_input_nodes if source in box_of]
        module = block.get_submodule(node.target) if node.op == "call_module" else None
        if not _has_channels(values[node]):  # it asks for a shape, or reads a parameter
            continue
        channels = _channels(values[node])
        match module:
            case nn.Conv2d():
                kernel = f"{module.kernel_size[0]}×{module.kernel_size[1]}"
                kind = layer_kind(module)
                words = [kernel, *(["depthwise"] if kind == "depthwise" else [])]
                words += [f"{module.groups} groups"] if kind == "grouped" else []
                flow = f"{channels}" if kind == "depthwise" else f"{module.in_channels} → {channels}"
                stride = [f"stride {module.stride[0]}"] if module.stride[0] > 1 else []
                add(node, " ".join(words), ", ".join([flow, *stride]), kind, sources)
            case nn.Identity():
                box_of[node] = box_of[sources[0]]
            case nn.BatchNorm2d() | nn.ReLU() | nn.ReLU6():
                word = _SHORT.get(type(module).__name__, type(module).__name__)
                if boxes[box_of[sources[0]]]["kind"] == "join":
                    boxes[box_of[sources[0]]]["title"] += f", {word}"
                else:
                    box = boxes[box_of[sources[0]]]
                    box["detail"] += ("<br>" if "<br>" not in box["detail"] else ", ") + word
                box_of[node] = box_of[sources[0]]
            case nn.MaxPool2d() | nn.AvgPool2d():
                size = module.kernel_size if isinstance(module.kernel_size, int) else module.kernel_size[0]
                stride = f"stride {module.stride}"
                add(node, f"{_SHORT[type(module).__name__]} {size}×{size}", f"{channels}, {stride}", "pooling", sources)
            case ChannelShuffle():
                add(node, "shuffle", f"{module.groups} groups", "shuffle", sources)
            case ChannelSplit():
                add(node, "split", "in halves", "join", sources)
            case _ if node.op == "placeholder":
                add(node, "in", f"{channels} channels", "end", [])
            case _ if node.op == "output":
                source = sources[0]
                add(node, "out", f"{_channels(values[source])} channels", "end", sources)
            case _ if node.op == "call_function" and node.target is torch.cat:
                add(node, "concatenate", f"{channels}", "join", sources)
            case nn.Module():
                name = type(module).__name__
                add(node, _SHORT.get(name, name), f"{channels}", layer_kind(module), sources)
            case _ if len(sources) > 1:
                multiplies = node.target in (operator.mul, operator.imul, torch.mul, "mul")
                add(node, "multiply" if multiplies else "add", f"{channels}", "join", sources)
            case _ if sources:  # taking one half of a split
                box_of[node] = box_of[sources[0]]
    _put_in_lanes(boxes, arrows)
    return Diagram(pd.DataFrame(boxes), pd.DataFrame(arrows, columns=["start", "end", "channels"]))


def _has_channels(value: object) -> bool:
    parts = value if isinstance(value, tuple | list) else [value]
    return bool(parts) and all(isinstance(part, Tensor) and part.dim() > 1 for part in parts)


def _channels(value: object) -> int:
    return value.shape[1] if isinstance(value, Tensor) else sum(part.shape[1] for part in value)


def _put_in_lanes(boxes: list[dict], arrows: list[tuple[int, int, int]]) -> None:
    """The longest way from the end backwards is lane 0; everything else lies in lane 1."""
    before: dict[int, list[int]] = {}
    for start, end, _ in arrows:
        before.setdefault(end, []).append(start)
    box, main = len(boxes) - 1, set()
    while True:
        main.add(box)
        if box not in before:
            break
        box = max(before[box], key=lambda start: boxes[start]["column"])
    for number, each in enumerate(boxes):
        each["lane"] = 0 if number in main else 1
