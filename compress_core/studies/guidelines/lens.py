"""The guidelines as a lens: an architecture operation by operation, with those marked that break one of them.

Where a network breaks a guideline follows from its shapes alone. The thresholds are ours, chosen so that the lens
says of each network what the paper says of it (Ma et al. 2018, sections 2 and 3).
"""

import operator
import time
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, fx, nn

from compress_core.layers.inference import prepare
from compress_core.layers.kinds import FREE, layer_kind
from compress_core.layers.tracing import Tracer
from compress_core.studies.architectures import skeleton
from compress_core.zoo.blocks import Block

UNEQUAL = 2.0
"""G1 is broken by a 1×1 convolution whose wider side has more than so many times the channels of the other.

At 1 : 2 its maps are 6 % above the least, which equal widths reach; at 1 : 6 they are 43 % above: (1 + r) / (2√r)."""
GUIDELINES = ("G1", "G2", "G3", "G4")
COLUMNS = ["layer", "block", "kind", "input_shape", "output_shape", "macs", "memory_access", *GUIDELINES]
CONVOLUTIONS = ("dense", "pointwise", "depthwise", "grouped")
_ADDITIONS, _JOINS = (operator.add, operator.iadd, torch.add), (torch.cat,)


class _Flat(Tracer):
    """Looks into everything that has modules of its own."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return not any(module.children())


Note = Callable[[fx.Node, float, tuple, object], None]
"""Told of an operation that was run: how many seconds it took, what it read and what it gave."""


class Walk:
    """A network whose operations are run one after another, each to be looked at."""

    def __init__(self, model: nn.Module):
        """
        Args:
            model: prepared to be run (`compress_core.layers.inference.prepare`), with weights or without.
        """
        self.modules = dict(model.named_modules())
        self.nodes = list(_Flat().trace(model).nodes)
        place = {node: i for i, node in enumerate(self.nodes)}
        last = {node: max(node.users, key=place.__getitem__) for node in self.nodes if node.users}
        self._done = {user: [node for node in last if last[node] is user] for user in set(last.values())}

    def run(self, images: Tensor, note: Note) -> None:
        """Run the network; what nothing needs any more is let go, as in a run of the whole."""
        values: dict[fx.Node, object] = {}
        with torch.inference_mode():
            for node in self.nodes:
                if node.op == "placeholder":
                    values[node] = images
                elif node.op != "output":
                    args, kwargs = fx.node.map_arg((node.args, node.kwargs), values.__getitem__)
                    call = self._call(node)
                    started = time.perf_counter()
                    values[node] = call(*args, **kwargs)
                    note(node, time.perf_counter() - started, args, values[node])
                for done in self._done.get(node, ()):
                    del values[done]

    def _call(self, node: fx.Node) -> Callable:
        if node.op == "call_module":
            return self.modules[node.target]
        return getattr(torch.Tensor, node.target) if node.op == "call_method" else node.target

    def module(self, node: fx.Node) -> nn.Module | None:
        """The layer that it runs, if it is one."""
        return self.modules[node.target] if node.op == "call_module" else None

    def kind(self, node: fx.Node) -> str:
        """As `layer_kind`, and `activation`, `addition`, `join`; '' for what neither moves nor computes."""
        module = self.module(node)
        if module is None:
            return "addition" if node.target in _ADDITIONS else "join" if node.target in _JOINS else ""
        if isinstance(module, FREE):
            return ""
        kind, name = layer_kind(module), type(module).__name__
        if kind == "other":  # some are replaced by quicker ones that are not of torch's types
            return "shuffle" if "Shuffle" in name else "pooling" if "Pool" in name else "activation"
        return kind

    def block(self, node: fx.Node) -> str:
        """The name of the unit of the architecture that it belongs to; '' outside of all."""
        around = [name for name in node.meta.get("nn_module_stack", {}) if isinstance(self.modules[name], Block)]
        return around[-1] if around else ""


@dataclass(frozen=True)
class _Operation:
    """A step that computes or moves something; shapes without the batch."""

    node: fx.Node
    kind: str
    block: str
    inputs: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    module: nn.Module | None

    @property
    def memory_access(self) -> int:
        """Elements read and written: inputs, output and parameters."""
        weights = sum(p.numel() for p in self.module.parameters()) if self.module is not None else 0
        return sum(map(_elements, self.inputs)) + _elements(self.output) + weights

    @property
    def macs(self) -> int:
        if self.kind not in (*CONVOLUTIONS, "linear"):
            return 0
        return self.module.weight.numel() * _elements(self.output) // self.output[0]


def _elements(shape: tuple[int, ...]) -> int:
    return int(torch.Size(shape).numel())


def operations(walk: Walk, images: Tensor) -> list[_Operation]:
    """What each operation reads and gives; those that do nothing are left out."""
    found = []

    def note(node: fx.Node, _: float, args: tuple, result: object) -> None:
        if kind := walk.kind(node):
            read = args[0] if kind == "join" else args
            shapes = tuple(tuple(value.shape[1:]) for value in read if isinstance(value, Tensor))
            found.append(_Operation(node, kind, walk.block(node), shapes, tuple(result.shape[1:]), walk.module(node)))

    walk.run(images, note)
    return found


def marked(model: nn.Module, images: Tensor) -> pd.DataFrame:
    """A row an operation, in the order in which they run, for one image; `model` is prepared.

    Columns: `layer` (name), `block` (the unit around it), `kind` (as in `profile`; `activation`, `addition`, `join`),
    `input_shape` and `output_shape`, `macs`, `memory_access` (elements), and `G1` … `G4`: how it breaks the guideline,
    '' where it keeps it.
    """
    found = operations(Walk(model), images[:1])
    side_by_side = _side_by_side([op for op in found if op.kind in CONVOLUTIONS])
    ends = _ends(found)
    rows = []
    for op in found:
        name = op.node.target if op.module is not None else f"{op.block}.{op.kind}".strip(".")
        breaks = _g1(op), _g2(op), _g3(op, side_by_side.get(op.node, 1)), _g4(op, ends.get(op.block, 0))
        rows.append((name, op.block, op.kind, op.inputs[0], op.output, op.macs, op.memory_access, *breaks))
    return pd.DataFrame(rows, columns=COLUMNS)


def annotate(arch: str, width: float, images: str) -> pd.DataFrame:
    """`marked` of a network (`architectures.untrained`), without weights: in hundredths of a second."""
    model, image = skeleton(arch, width, images)
    return marked(prepare(model), image)


def count_violations(layers: pd.DataFrame) -> pd.DataFrame:
    """A row a guideline (index): how many `operations` break it, and their part of the `macs`."""
    broken = layers[list(GUIDELINES)].ne("")
    macs = broken.mul(layers["macs"], axis=0).sum() / layers["macs"].sum()
    return pd.DataFrame({"operations": broken.sum(), "macs": macs})


def _is_1x1(op: _Operation) -> bool:
    return op.kind in ("pointwise", "grouped") and op.module.kernel_size == (1, 1)


def _g1(op: _Operation) -> str:
    """Unequal widths of a 1×1 convolution."""
    if not _is_1x1(op):
        return ""
    c_in, c_out = op.inputs[0][0], op.output[0]
    ratio = max(c_in, c_out) / min(c_in, c_out)
    return f"{c_in} → {c_out} channels, 1 : {ratio:.3g}" if ratio > UNEQUAL else ""


def _g2(op: _Operation) -> str:
    """A grouped convolution that is not a depthwise one."""
    return f"{op.module.groups} groups" if op.kind == "grouped" else ""


def _g3(op: _Operation, branches: int) -> str:
    """Several small operations where one could stand: convolutions on parallel branches, or groups."""
    if op.kind == "grouped":
        return f"in {op.module.groups * branches} pieces"
    return f"one of {branches} side by side" if op.kind in CONVOLUTIONS and branches > 1 else ""


def _g4(op: _Operation, ends: int) -> str:
    """An addition; or a depthwise convolution or an activation on a map thicker than the ends of its unit."""
    channels = op.inputs[0][0]
    if op.kind == "addition":
        return f"addition of {channels} channels"
    if op.kind in ("depthwise", "activation") and channels > ends > 0:
        return f"{op.kind} on {channels} channels, the unit's ends have {ends}"
    return ""


def _ends(found: list[_Operation]) -> dict[str, int]:
    """Of each unit the channels of what it reads or gives, whichever has more."""
    widest = {}
    for name in {op.block for op in found} - {""}:
        own = [op for op in found if op.block == name]
        widest[name] = max(own[0].inputs[0][0], own[-1].output[0])
    return widest


def _side_by_side(convolutions: list[_Operation]) -> dict[fx.Node, int]:
    """For each how many branches run side by side where it stands: 1 where all others lie before or behind it."""
    nodes = [op.node for op in convolutions]
    before: dict[fx.Node, set[fx.Node]] = {}

    def ancestors(node: fx.Node) -> set[fx.Node]:
        if node not in before:
            before[node] = set().union(*(ancestors(read) | {read} for read in node.all_input_nodes), set())
        return before[node]

    for node in nodes[0].graph.nodes if nodes else ():  # in order, so that no recursion is deep
        ancestors(node)
    found = {}
    for node in nodes:
        beside = [one for one in nodes if one is not node and one not in before[node] and node not in before[one]]
        found[node] = 1 + sum(1 for one in beside if not before[one] & set(beside))
    return found
