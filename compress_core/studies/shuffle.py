"""The channel shuffle: the permutation, connectivity without and with it, and what pruning makes of it.

Zhang et al. 2018, *ShuffleNet*, section 3.1; Ma et al. 2018, *ShuffleNet V2*, section 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import pandas as pd
import torch
from torch import Tensor, fx, nn

from compress_core.analysis.connectivity import connectivity, graph_of, run_connectivity
from compress_core.cache import StageCache
from compress_core.data import dataset
from compress_core.errors import UnsupportedModelError
from compress_core.layers.modules import RaggedConv2d
from compress_core.pipeline import compress
from compress_core.recipe import Recipe
from compress_core.zoo import Architecture, architecture, architectures, build
from compress_core.zoo.blocks import ChannelShuffle, ConvBNAct, ShuffleUnitV1, ShuffleUnitV2

UNITS = (ShuffleUnitV1, ShuffleUnitV2)
SIDE = 4  # pixels, where only channels matter


def permutation(groups: int, channels: int) -> Tensor:
    """(channels,) which channel each place holds after the shuffle: the real layer, run on the numbers of channels.

    Raises:
        ValueError: the groups do not divide the channels.
    """
    numbers = torch.arange(channels).view(1, channels, 1, 1)
    try:
        return ChannelShuffle(groups)(numbers).flatten()
    except RuntimeError as error:
        raise ValueError(
            f"{channels} channels do not fall into {groups} equal groups: {error}. Choose a multiple of {groups}."
        ) from error


def inverse(index: Tensor) -> Tensor:
    """The permutation that undoes another."""
    return index.argsort()


def shuffle_order(sizes: Sequence[int]) -> Tensor:
    """(sum of sizes,) the order in which groups of these sizes are dealt out in turn; one that has run out is skipped.

    It is the shuffle of equal groups without the channels that are missing, which is what surgery leaves of it. For
    equal sizes it is `permutation`.
    """
    most, groups = max(sizes), len(sizes)
    present = torch.zeros(groups, most, dtype=torch.bool)
    for group, size in enumerate(sizes):
        present[group, :size] = True
    order = permutation(groups, groups * most)
    return (present.flatten().cumsum(0) - 1)[order[present.flatten()[order]]]


STEPS = ("as they come", "reshape", "transpose", "flatten")


def shuffle_steps(sizes: Sequence[int]) -> pd.DataFrame:
    """Where each channel stands at each step of the shuffle: `step`, `channel`, `group`, `row`, `column`.

    Flat states have one row; reshaped, a row is a group; transposed, a column is.
    """
    groups = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    within = torch.cat([torch.arange(size) for size in sizes])
    places, flat = inverse(shuffle_order(sizes)), torch.zeros_like(groups)
    at = ((flat, torch.arange(len(groups))), (groups, within), (within, groups), (flat, places))
    tables = [
        pd.DataFrame({"step": step, "channel": range(len(groups)), "group": groups, "row": row, "column": column})
        for step, (row, column) in zip(STEPS, at, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)


def stack(groups: int, per_group: int, layers: int, shuffle: bool) -> nn.Sequential:
    """Grouped pointwise convolutions, one after the other, with a shuffle between any two of them or without."""
    channels, parts = groups * per_group, []
    for layer in range(layers):
        if layer and shuffle:
            parts.append(ChannelShuffle(groups))
        parts.append(ConvBNAct(channels, channels, groups=groups))
    return nn.Sequential(*parts)


def stack_connectivity(groups: int, per_group: int, layers: int, shuffle: bool) -> Tensor:
    """Bool (outputs, inputs) of such a stack: which inputs reach which outputs."""
    network = stack(groups, per_group, layers, shuffle)
    return connectivity(network, torch.zeros(1, groups * per_group, SIDE, SIDE))


@dataclass(frozen=True)
class Unit:
    """One unit of a shuffle network, as it stands in the network."""

    name: str
    reach: Tensor
    """Bool (outputs, inputs): which inputs of the unit reach which of its outputs, its own shuffle included."""
    input_groups: tuple[int, ...]
    """How many of its input channels each group has: of the grouped convolution that reads them, or of the split."""
    shuffle: Tensor
    """(channels,) which of the channels before it each place of its shuffle holds."""
    shuffle_groups: tuple[int, ...]
    """How many channels each group sends into its shuffle."""
    before: str
    """The nodes of the graph around its shuffle, by name: what goes in, and what comes out."""
    after: str

    @property
    def is_regular(self) -> bool:
        """Whether its shuffle is that of equal groups still, and no selection by an index."""
        sizes = set(self.shuffle_groups)
        return len(sizes) == 1 and torch.equal(self.shuffle, permutation(len(self.shuffle_groups), len(self.shuffle)))


def unit_names(model: nn.Module) -> list[str]:
    """The units of a network of the zoo that shuffle, in the order in which they run."""
    return [n for n, m in model.named_modules() if isinstance(m, UNITS) and _mixes(m)]


def _mixes(unit: nn.Module) -> bool:
    """Whether its shuffle has groups to mix; before the first of ShuffleNetV1 stands a layer without."""
    return isinstance(unit, ShuffleUnitV2) or (isinstance(unit.shuffle, ChannelShuffle) and unit.reduce[0].groups > 1)


def extract_unit(model: nn.Module, example_input: Tensor, name: str) -> Unit:
    """A unit of a network of the zoo, or of what surgery has left of one; the model stays as it was.

    Raises:
        UnsupportedModelError: it has no such unit any more.
    """
    graph = graph_of(model)
    nodes = _within(graph, name)
    if not nodes:
        raise UnsupportedModelError(f"Nothing is left of the unit '{name}'.")
    begins = next(n for node in nodes for n in node.all_input_nodes if n not in nodes and n.op != "get_attr")
    run = run_connectivity(model, graph, example_input, begins)
    ends = nodes[-1]
    inputs = len(run.known[begins].labels)
    moved = _within(graph, f"{name}.shuffle")
    move = next((move for move in run.found_moves if moved and move.node == moved[-1].name), None)
    if moved:
        outside = next(n for node in moved for n in node.all_input_nodes if n not in moved)
        before, after = outside.name, moved[-1].name
    else:  # it did nothing any more, so that surgery left it out
        before = after = _last_before_shuffle(graph, name)
    count = next(len(own.labels) for node, own in run.known.items() if node.name == before)
    index = torch.arange(count) if move is None else move.index
    return Unit(
        name,
        run.matrix(ends, inputs),
        _input_groups(model, name, inputs),
        index,
        _shuffle_groups(model, name, count),
        before,
        after,
    )


def maps(model: nn.Module, image: Tensor, unit: Unit) -> tuple[Tensor, Tensor]:
    """(channels, H, W) twice: what an image (1, C, H, W) has become before a unit's shuffle, and after it."""
    kept: dict[str, Tensor] = {}

    class Keeping(fx.Interpreter):
        def run_node(self, node: fx.Node) -> object:
            value = super().run_node(node)
            if node.name in (unit.before, unit.after):
                kept[node.name] = value[0]
            return value

    with torch.inference_mode():
        Keeping(model, graph=graph_of(model)).run(image)
    return kept[unit.before], kept[unit.after]


def _within(graph: fx.Graph, name: str) -> list[fx.Node]:
    """The nodes that belong to a module."""
    return [node for node in graph.nodes if name in node.meta.get("nn_module_stack", {})]


def _last_before_shuffle(graph: fx.Graph, name: str) -> str:
    """Where a unit's shuffle stood that is no more: behind the layers that led to it, or at its concatenation."""
    return (_within(graph, f"{name}.reduce") or [n for n in _within(graph, name) if n.target is torch.cat])[-1].name


def _input_groups(model: nn.Module, name: str, inputs: int) -> tuple[int, ...]:
    if _is_v1(model, name):
        sizes = tuple(own for own, _ in _sizes(model.get_submodule(f"{name}.reduce.0")))
        return sizes if sum(sizes) == inputs else (*sizes, inputs - sum(sizes))  # those that nobody reads any more
    working = model.get_submodule(f"{name}.working.0.0").in_channels
    return (inputs,) if working == inputs else (inputs - working, working)


def _shuffle_groups(model: nn.Module, name: str, count: int) -> tuple[int, ...]:
    if _is_v1(model, name):
        return tuple(own for _, own in _sizes(model.get_submodule(f"{name}.reduce.0")))
    working = model.get_submodule(f"{name}.working.2.0").out_channels
    return count - working, working


def _sizes(layer: nn.Module) -> list[tuple[int, int]]:
    """Inputs and outputs of each group of a convolution; of one that surgery has broken up, of each part."""
    if isinstance(layer, nn.Conv2d):
        return [(layer.in_channels // layer.groups, layer.out_channels // layer.groups)] * layer.groups
    outputs = {int(group): conv.out_channels for group, conv in layer.convs.named_children()}
    if isinstance(layer, RaggedConv2d):
        return [(own, outputs.get(group, 0)) for group, own in enumerate(layer.sizes)]
    return [(conv.in_channels, conv.out_channels) for conv in layer.convs.children()]


def _is_v1(model: nn.Module, name: str) -> bool:
    return any(child == f"{name}.reduce" for child, _ in model.named_modules())


SHOWN_MAPS = 18
"""Maps in a row."""


def shuffle_units(arch: str) -> tuple[str, ...]:
    """The units of an architecture that shuffle groups of channels, in the order in which they run."""
    return _shuffle_units(architecture(arch))


@cache
def _shuffle_units(family: Architecture) -> tuple[str, ...]:
    return tuple(unit_names(build(family.name)))


def shuffling() -> tuple[str, ...]:
    """The architectures that have such units."""
    return tuple(arch for arch in architectures() if shuffle_units(arch))


def connectivity_shares(groups: int, per_group: int, most_layers: int) -> pd.DataFrame:
    """The share of the inputs that reach an output of a stack, on average: `layers`, `without` and `with` shuffle."""
    rows = [
        (k, *(stack_connectivity(groups, per_group, k, shuffle).double().mean().item() for shuffle in (False, True)))
        for k in range(1, most_layers + 1)
    ]
    return pd.DataFrame(rows, columns=["layers", "without", "with"])


@dataclass(frozen=True)
class UnitComparison:
    """A unit in the network that a recipe starts from, and in what is left of it after the cut."""

    before: Unit
    after: Unit
    cut_share: float


def study_unit(recipe: Recipe, cache: StageCache, name: str) -> UnitComparison:
    """Extract a unit of a recipe's network, before and after pruning."""
    built = compress(recipe.weights_only(), cache)
    example = torch.zeros(1, *dataset(recipe.dataset).input_shape)
    start, share = built.report.base.model, built.report.pruned.cut_share
    before = extract_unit(start, example, name)
    return UnitComparison(before, extract_unit(built.model, example, name) if share else before, share)


def study_maps(recipe: Recipe, cache: StageCache, name: str, number: int) -> dict[str, pd.DataFrame]:
    """What a test image has become around a unit's shuffle, for `original` and `compressed`: for `plots.feature_strip`.

    As many channels of each group, those whose maps vary the most, in their order: `row` 0 before the shuffle and 1
    after it, `column`, `channel`, `group`, `pixels` as parts of the brightest shown.
    """
    unit = study_unit(recipe, cache, name)
    built = compress(recipe.weights_only(), cache)
    image = dataset(recipe.dataset).test()[0][number : number + 1]
    pairs = {"original": (built.report.base.model, unit.before), "compressed": (built.model, unit.after)}
    return {which: _strip(*maps(model, image, own), own) for which, (model, own) in pairs.items()}


def _strip(before: torch.Tensor, after: torch.Tensor, unit: Unit) -> pd.DataFrame:
    groups = group_of_each(unit.shuffle_groups)
    each = max(1, SHOWN_MAPS // sum(size > 0 for size in unit.shuffle_groups))
    lively = before.flatten(1).std(1)
    chosen = set()
    for group in set(groups):
        own = torch.tensor([channel for channel, of in enumerate(groups) if of == group])
        chosen |= set(own[lively[own].argsort(descending=True)[:each]].tolist())
    brightest = max(float(before[sorted(chosen)].max()), 1e-12)
    rows = []
    for row, (values, channels) in enumerate(((before, range(len(groups))), (after, unit.shuffle.tolist()))):
        shown = [(place, channel) for place, channel in enumerate(channels) if channel in chosen]
        for column, (place, channel) in enumerate(shown):
            pixels = (values[place] / brightest).clamp(0, 1).numpy()
            rows.append((row, column, channel, groups[channel], pixels))
    return pd.DataFrame(rows, columns=["row", "column", "channel", "group", "pixels"])


def group_of_each(sizes: tuple[int, ...]) -> list[int]:
    """The group of each channel, of groups of these sizes."""
    return [group for group, size in enumerate(sizes) for _ in range(size)]
