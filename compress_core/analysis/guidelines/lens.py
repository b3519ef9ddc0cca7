"""The guidelines as a lens: an architecture operation by operation, with those marked that break one of them.

Where a network breaks a guideline follows from its shapes alone. The thresholds are ours; they are chosen so that the
lens says of each network what the paper says of it (Ma et al. 2018, sections 2 and 3).
"""

import operator
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, fx, nn

from compress_core.analysis.costs import skeleton
from compress_core.analysis.profile import layer_kind
from compress_core.inference import prepare
from compress_core.tracing import Tracer
from compress_core.zoo.blocks import Block, ChannelSplit

UNEQUAL = 2.0
"""G1: a 1×1 convolution breaks it whose wider side has more than so many times the channels of the other.

At 1 : 2 its maps are 6 % above the least that equal widths reach, at 1 : 6 they are 43 %: (1 + r) / (2√r)."""
GUIDELINES = ("G1", "G2", "G3", "G4")
COLUMNS = ["layer", "block", "kind", "c_in", "c_out", "side", "macs", "memory_access", *GUIDELINES]
CONVOLUTIONS = ("dense", "pointwise", "depthwise", "grouped")
_NOTHING = (nn.Identity, nn.Dropout, nn.Flatten, ChannelSplit)  # copies nothing, computes nothing
_ADDITIONS, _JOINS = (operator.add, operator.iadd, torch.add), (torch.cat,)


class _Flat(Tracer):
    """Looks into everything that has modules of its own."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return not any(module.children())


@dataclass(frozen=True)
class Operation:
    """One step of a network: a layer, or what it does between layers."""

    node: fx.Node
    kind: str
    inputs: tuple[tuple[int, ...], ...]
    """Shapes without the batch."""
    output: tuple[int, ...]
    module: nn.Module | None
    block: str
    """The name of the unit that it belongs to; '' outside of all."""


class Walk:
    """A network, as a list of operations that are run one after another."""

    def __init__(self, model: nn.Module):
        """
        Args:
            model: prepared to be run (`compress_core.inference.prepare`).
        """
        self.modules = dict(model.named_modules())
        self.graph = _Flat().trace(model)
        blocks = {name for name, module in self.modules.items() if isinstance(module, Block)}
        self._nodes = [node for node in self.graph.nodes if node.op not in ("placeholder", "output")]
        self._blocks = {node: _innermost(node, blocks) for node in self._nodes}
        self._last: dict[fx.Node, list[fx.Node]] = {}
        for node in self.graph.nodes:
            if node.users:
                self._last.setdefault(max(node.users, key=_place(self.graph).__getitem__), []).append(node)

    def steps(self, images: Tensor) -> Iterator[tuple[fx.Node, object, tuple, dict]]:
        """Each node with what it calls and with which arguments; the caller runs it and `send`s what came out."""
        values: dict[fx.Node, object] = {}
        for node in self.graph.nodes:
            if node.op == "placeholder":
                values[node] = images
            elif node.op != "output":
                args, kwargs = fx.node.map_arg((node.args, node.kwargs), values.__getitem__)
                values[node] = yield node, self._call(node, args), args[1:] if node.op == "call_method" else args, kwargs
            for dead in self._last.get(node, ()):
                del values[dead]

    def _call(self, node: fx.Node, args: tuple):
        if node.op == "call_module":
            return self.modules[node.target]
        return getattr(args[0], node.target) if node.op == "call_method" else node.target

    def operations(self, images: Tensor) -> list[Operation]:
        """What each of them reads and gives; those that do nothing are left out."""
        found = []
        walk = self.steps(images)
        with torch.inference_mode():
            step = next(walk)
            while step is not None:
                node, call, args, kwargs = step
                result = call(*args, **kwargs)
                module = self.modules[node.target] if node.op == "call_module" else None
                kind = _kind(node, module)
                if kind:
                    read = args[0] if kind == "concatenation" else args
                    shapes = tuple(tuple(value.shape[1:]) for value in read if isinstance(value, Tensor))
                    out = tuple(result.shape[1:])
                    found.append(Operation(node, kind, shapes, out, module, self._blocks[node]))
                step = _next(walk, result)
        return found


def _next(walk: Iterator, result: object):
    try:
        return walk.send(result)
    except StopIteration:
        return None


def _place(graph: fx.Graph) -> dict[fx.Node, int]:
    return {node: place for place, node in enumerate(graph.nodes)}


def _innermost(node: fx.Node, blocks: set[str]) -> str:
    around = [name for name in node.meta.get("nn_module_stack", {}) if name in blocks]
    return around[-1] if around else ""


def _kind(node: fx.Node, module: nn.Module | None) -> str:
    """As `layer_kind`, and `activation`, `addition`, `concatenation`; '' for what neither moves nor computes."""
    if module is None:
        if node.target in _ADDITIONS:
            return "addition"
        return "concatenation" if node.target in _JOINS else ""
    if isinstance(module, _NOTHING):
        return ""
    kind, name = layer_kind(module), type(module).__name__
    if kind == "other":
        return "shuffle" if "Shuffle" in name else "pooling" if "Pool" in name else "activation"
    return kind
