"""Quantization: a layer's weights and levels, the sensitivity of layers, every scheme at every bit width, and the parts
of the file."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from compress_core.cache import StageCache
from compress_core.data import dataset
from compress_core.files import file_bytes
from compress_core.layers.kinds import is_depthwise, is_weighted
from compress_core.pipeline import CALIBRATION_SEED, Compressed, bits_by_layer, compress, quantizable_layers
from compress_core.quantization.calibration import prepare_for_rounding
from compress_core.quantization.grids import Codebook, Levels
from compress_core.quantization.packing import serialize, size_breakdown
from compress_core.quantization.schemes import schemes
from compress_core.quantization.sensitivity import CHOICES, layer_errors, signal_to_noise, spend
from compress_core.recipe import Recipe, layer_bits
from compress_core.registry import CODINGS, SCHEMES
from compress_core.studies.accuracy import Accuracy, study_accuracy
from compress_core.zoo import Architecture, architecture, build

IMAGES = 64
"""Calibration images on which layers are quantized alone."""
CURVE_BITS = (1, *CHOICES)
PROBE_BITS = 4
"""At which the sensitivity of layers is probed where nothing is rounded yet."""
RAGGED = ".convs."
"""What stands in the names of the parts of a layer whose groups have become convolutions of their own."""
TRIES = 4


def layer_of(name: str) -> str:
    """The layer of the architecture that a layer of a network, or its weight, belongs to."""
    return name.removesuffix(".weight").partition(RAGGED)[0]


def kind_titles(arch: str) -> dict[str, str]:
    """For each layer whose weights can be rounded its kind: `depthwise`, `pointwise`, `3×3` or `linear`."""
    return _kind_titles(architecture(arch))


@cache
def _kind_titles(family: Architecture) -> dict[str, str]:
    model = build(family.name)
    return {name: _kind_title(model.get_submodule(name)) for name in quantizable_layers(family.name)}


def _kind_title(layer: nn.Module) -> str:
    if isinstance(layer, nn.Linear):
        return "linear"
    if is_depthwise(layer):
        return "depthwise"
    side = layer.kernel_size[0]
    return "pointwise" if side == 1 else f"{side}×{side}"


def unknown_layers(recipe: Recipe) -> list[int]:
    """Numbers of layers that a recipe sets bits for and its architecture does not have."""
    return [number for number in layer_bits.parse(recipe.layer_bits) if number >= len(quantizable_layers(recipe.arch))]


def is_rounded(recipe: Recipe) -> bool:
    """Whether a weight of this recipe is rounded."""
    return any(bits < 32 for bits in bits_by_layer(recipe).values())


def _own_way(recipe: Recipe) -> Recipe:
    """The recipe as far as the levels of its weights go; how the file keeps them and what is read play no part."""
    return recipe.with_(coding=Recipe.coding, activation_bits=Recipe.activation_bits).canonical()


def _ready(recipe: Recipe, cache: StageCache, equalize: bool | None = None) -> nn.Module:
    """The network before its weights are rounded, folded and equalized as the recipe says; shared, so not to change.

    Args:
        equalize: left out, as the recipe says.
    """
    recipe = recipe.canonical()
    healed = recipe.weights_only()
    fold, equal = recipe.fold, recipe.equalize if equalize is None else equalize
    return cache.get(
        "ready", (healed, fold, equal), lambda: prepare_for_rounding(compress(healed, cache).model, fold, equal)[0]
    )


def _weights(network: nn.Module) -> dict[str, Tensor]:
    return {f"{n}.weight": m.weight.detach() for n, m in network.named_modules() if is_weighted(m)}


def _by_layer(names: list[str]) -> dict[str, list[str]]:
    """The names of weights, by the layer of the architecture."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(layer_of(name), []).append(name)
    return found


@dataclass(frozen=True)
class Packed:
    """What a recipe's rounding leaves: accuracy, and the file in both codings.

    `parts` has a row per part of the file and a column per coding; bytes.
    """

    recipe: Recipe
    accuracy: Accuracy
    parts: pd.DataFrame
    mean_bits: float
    cut_share: float

    @property
    def file_bytes(self) -> int:
        """The file's length as the recipe codes it."""
        return self.length(self.recipe.coding)

    def length(self, coding: str) -> int:
        """The file's length in a coding."""
        return int(self.parts[coding].sum())


def study_packed(recipe: Recipe, cache: StageCache, pieces: int | None = None) -> Packed:
    """Build a recipe, count its right answers, and pack it in every coding; `pieces` as in `study_accuracy`."""
    built = compress(recipe, cache)
    parts = cache.get("parts", built.recipe, lambda: _parts(built))
    share = built.report.pruned.cut_share
    return Packed(built.recipe, study_accuracy(recipe, cache, pieces), parts, built.state.mean_bits, share)


def _parts(built: Compressed) -> pd.DataFrame:
    return pd.DataFrame({c: size_breakdown(built.state, file_bytes(_coded(built, c))) for c in CODINGS})


def _coded(built: Compressed, coding: str) -> Compressed:
    return replace(built, recipe=built.recipe.with_(coding=coding).canonical())


def study_layers(recipe: Recipe, cache: StageCache) -> pd.DataFrame:
    """A row per layer: `layer`, `number`, `bits`, `by_hand` (its bits are set by themselves), `weights`, `sqnr` (dB,
    of its weights, folded; infinite where none is rounded), `spread` (how many times further all of its channels
    reach together than the median one).
    """
    recipe = _own_way(recipe)
    before, state = _weights(_ready(recipe, cache)), compress(recipe, cache).state
    bits, own, rows = bits_by_layer(recipe), layer_bits.parse(recipe.layer_bits), []
    numbers = {name: number for number, name in enumerate(quantizable_layers(recipe.arch))}
    for layer, names in _by_layer(list(before)).items():
        rounded = [name for name in names if name in state.codes]
        sqnr = signal_to_noise(_flat(before[n] for n in names), _flat(_after(state, before, n) for n in names))
        count = sum(before[name].numel() for name in names)
        low, high = _reach([before[name] for name in names])
        spread = float((high.amax() - low.amin()) / (high - low).median().clamp(min=1e-12))
        number = numbers[layer]
        rows.append((layer, number, bits[layer], number in own, count, sqnr if rounded else math.inf, spread))
    return pd.DataFrame(rows, columns=["layer", "number", "bits", "by_hand", "weights", "sqnr", "spread"])


def _reach(weights: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The lowest and the highest level that each channel of a layer needs; a grid holds zero as well."""
    rows = [weight.flatten(1) for weight in weights]
    return torch.cat([r.amin(1) for r in rows]).clamp(max=0), torch.cat([r.amax(1) for r in rows]).clamp(min=0)


def _after(state, before: Mapping[str, Tensor], name: str) -> Tensor:
    return state.weight(name) if name in state.codes else before[name]


def _flat(tensors) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


class LayerPart(NamedTuple):
    """Output channels of a layer that are rounded together: of one that fell into groups, each group's."""

    first: int
    channels: int
    levels: Levels


@dataclass(frozen=True)
class LayerWeights:
    """One layer's weights before and after rounding.

    `weights` has a row per weight: `channel` (of its outputs), `before`, `after`. `rounded` are the parts that are,
    with the levels of each; there is none where the layer is left as it is.
    """

    layer: str
    bits: int
    weights: pd.DataFrame
    rounded: tuple[LayerPart, ...]

    @property
    def shared(self) -> bool:
        """Whether all channels have the same levels."""
        return len(self.rounded) < 2 and all(_is_shared(part.levels) for part in self.rounded)

    @property
    def channels(self) -> int:
        """How many outputs the layer has."""
        return int(self.weights["channel"].max()) + 1

    @property
    def level_count(self) -> int:
        """How many levels a weight may choose from, at most; 0 where none is rounded."""
        return max((_level_values(part.levels, 0).size for part in self.rounded), default=0)

    def levels_of(self, channel: int) -> np.ndarray:
        """The levels that a channel's weights may take."""
        for part in self.rounded:
            if part.first <= channel < part.first + part.channels:
                return _level_values(part.levels, channel - part.first)
        return np.empty(0)


def _is_shared(levels: Levels) -> bool:
    return isinstance(levels, Codebook) or levels.scale.numel() == 1


def _level_values(levels: Levels, row: int) -> np.ndarray:
    """The levels of one output channel of a weight tensor, counted within it."""
    if isinstance(levels, Codebook):
        return levels.levels.unique().numpy()
    place = 0 if levels.scale.numel() == 1 else row
    zero_point, scale = levels.zero_point.view(-1)[place], levels.scale.view(-1)[place]
    return ((torch.arange(levels.count) - zero_point) * scale).numpy()


def weights_before_and_after(recipe: Recipe, cache: StageCache, layer: str) -> dict[str, tuple[Tensor, Tensor]]:
    """The weights of a layer before and after rounding, by their name: of a layer fallen into groups, each group's."""
    recipe = _own_way(recipe)
    before, state = _weights(_ready(recipe, cache)), compress(recipe, cache).state
    return {name: (before[name], _after(state, before, name)) for name in _by_layer(list(before))[layer]}


def study_weights(recipe: Recipe, cache: StageCache, layer: str) -> LayerWeights:
    """A layer's weights before and after rounding, and their levels."""
    recipe = _own_way(recipe)
    state = compress(recipe, cache).state
    weights, rounded, first = [], [], 0
    for name, (before, after) in weights_before_and_after(recipe, cache, layer).items():
        rows = before.flatten(1)
        channels = np.repeat(np.arange(first, first + len(rows)), rows.shape[1])
        columns = {"channel": channels, "before": rows.flatten().numpy(), "after": after.flatten().numpy()}
        weights.append(pd.DataFrame(columns))
        if name in state.codes:
            rounded.append(LayerPart(first, len(rows), state.levels[name]))
        first += len(rows)
    bits = bits_by_layer(recipe)[layer]
    return LayerWeights(layer, bits, pd.concat(weights, ignore_index=True), tuple(rounded))


def study_ranges(recipe: Recipe, cache: StageCache, layer: str) -> pd.DataFrame:
    """A row per output channel of a layer: `channel`, `low`, `high` of its weights, folded; and, where the recipe
    equalizes layers, `low_after`, `high_after`.
    """
    table = _ends(_ready(recipe, cache, False), layer, ("low", "high"))
    if recipe.canonical().equalize:
        table = pd.concat([table, _ends(_ready(recipe, cache, True), layer, ("low_after", "high_after"))], axis=1)
    return table.rename_axis("channel").reset_index()


def _ends(network: nn.Module, layer: str, names: tuple[str, str]) -> pd.DataFrame:
    weights = _weights(network)
    own = [weights[name].flatten(1) for name in _by_layer(list(weights))[layer]]
    low, high = torch.cat([rows.amin(1) for rows in own]), torch.cat([rows.amax(1) for rows in own])
    return pd.DataFrame({names[0]: low.numpy(), names[1]: high.numpy()})


def sensitivity_recipe(recipe: Recipe, bits: int) -> Recipe:
    """What the sensitivity of layers at a bit width depends on, as a recipe: all of them at these bits, nearest."""
    plain = {"layer_bits": "", "rounding": "nearest", "correct_bias": False, "activation_bits": 32}
    return recipe.with_(bits=SCHEMES[recipe.scheme].bits(bits), coding=Recipe.coding, **plain).canonical()


def study_sensitivity(recipe: Recipe, cache: StageCache) -> dict[str, float]:
    """For each layer, by name, what rounding it alone to the nearest level does to the logits: the mean square by which
    they move, as a part of their own. No labels.

    Args:
        recipe: of `sensitivity_recipe`.
    """
    ready, state = _ready(recipe, cache), compress(recipe, cache).state
    images = cache.get("calibration", (recipe.dataset, IMAGES), lambda: _images(recipe))
    rounded = {layer: {n: state.weight(n) for n in names} for layer, names in _by_layer(list(state.codes)).items()}
    return dict(layer_errors(ready, images, rounded))


def _images(recipe: Recipe) -> Tensor:
    return dataset(recipe.dataset).calibration(IMAGES, CALIBRATION_SEED)


def curve(recipe: Recipe) -> dict[tuple[str, int], Recipe]:
    """What accuracy is compared over bits, by scheme and bits: the recipe's own scheme first, outward from its bits."""
    base = recipe.with_(layer_bits="", coding=Recipe.coding)
    others = [scheme for scheme in schemes() if SCHEMES[scheme].compared and scheme != recipe.scheme]
    found = {}
    for scheme in (recipe.scheme, *others):
        fixed = SCHEMES[scheme].fixed_bits
        for bits in (fixed,) if fixed else sorted(CURVE_BITS, key=lambda bits: abs(bits - min(recipe.bits, 8))):
            found[scheme, bits] = base.with_(scheme=scheme, bits=bits).canonical()
    return found


def study_plan(recipe: Recipe, cache: StageCache, budget: int, found: Mapping[int, Mapping[str, float]]) -> str:
    """Bits of single layers, as a recipe holds them, whose file takes at most `budget` bytes and hurts least for it.

    Args:
        found: by bits what `study_sensitivity` found.

    Raises:
        ValueError: not even the fewest bits meet the budget.
    """
    ready, numbers = _ready(recipe, cache), {n: i for i, n in enumerate(quantizable_layers(recipe.arch))}
    sizes = {name.removesuffix(".weight"): weight.numel() for name, weight in _weights(ready).items()}
    whole: dict[str, int] = {}
    for name, count in sizes.items():
        whole[layer_of(name)] = whole.get(layer_of(name), 0) + count
    rows = [
        (name, bits, count, errors[layer_of(name)] * count / whole[layer_of(name)])
        for bits, errors in found.items()
        for name, count in sizes.items()
    ]
    table = pd.DataFrame(rows, columns=["layer", "bits", "weights", "error"])
    clipping = None if recipe.clipping == Recipe.clipping else recipe.clipping
    # The recipe in the header takes bytes too; how many, only the real file tells.
    whole_text = layer_bits.write(dict.fromkeys(range(len(numbers)), CHOICES[-1]))
    built = compress(recipe.with_(layer_bits=whole_text), cache)
    left = budget - (len(file_bytes(built)) - len(serialize(built.state, {}, recipe.coding)))
    for _ in range(TRIES):
        plan = spend(
            ready, torch.empty(0), left, recipe.scheme, clipping=clipping, fold=False, coding=recipe.coding, found=table
        )
        bits: dict[int, int] = {}
        for name, own in plan.items():
            number = numbers[layer_of(name)]
            bits[number] = min(own, bits.get(number, own))
        text = layer_bits.write({number: own for number, own in bits.items() if own != recipe.bits})
        over = len(file_bytes(compress(recipe.with_(layer_bits=text), cache))) - budget
        if over <= 0:
            return text
        left -= over
    return text
