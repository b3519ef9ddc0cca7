"""From a Recipe to a compressed network: the only place that combines techniques.

    load → prune channels → heal → quantize

Each stage depends on a prefix of the recipe, and that prefix is its key in the cache: another bit width neither
loads, cuts nor heals again.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from compress_core.data import dataset
from compress_core.errors import CheckpointError
from compress_core.pruning.channels import PruneResult, prune_channels
from compress_core.pruning.coupling import couple
from compress_core.pruning.healing import recalibrate
from compress_core.pruning.importance import bn_scale
from compress_core.pruning.slimming import network_slimming
from compress_core.quantization.quantize import PackedState, quantize, unquantized
from compress_core.recipe import Recipe
from compress_core.stages import StageCache
from compress_core.training.checkpoints import build_for, load, trained_widths
from compress_core.zoo import build

CALIBRATION_IMAGES = 256
CALIBRATION_SEED = 0

_BASE = ("dataset", "arch", "width", "groups", "weights")
_PRUNE = (*_BASE, "prune", "criterion", "scope")
_HEAL = (*_PRUNE, "heal")
_QUANTIZE = (*_HEAL, "bits", "scheme", "rounding", "activation_bits")


@dataclass(frozen=True)
class Base:
    """The network that a recipe starts from, and whether it was `trained` or `slimmed from` which width."""

    model: nn.Module
    origin: str
    slimmed: PruneResult | None = None
    """How it was cut to its width, where that width was not trained."""


@dataclass(frozen=True)
class Report:
    """What the stages did."""

    base: Base
    pruned: PruneResult
    healed: bool

    @property
    def cuts(self) -> list[PruneResult]:
        """Everything that was cut out since the trained network of `source_width`, in order."""
        return [result for result in (self.base.slimmed, self.pruned) if result is not None and result.cut_share > 0]


@dataclass(frozen=True)
class Compressed:
    """A compressed network: `model` runs and computes with exactly the weights that `state` packs."""

    recipe: Recipe
    model: nn.Module
    state: PackedState
    report: Report


def compress(recipe: Recipe, cache: StageCache | None = None) -> Compressed:
    """Build the network of a recipe, physically.

    Args:
        cache: where results of stages are kept and found again; without one everything is computed.
            What comes out of a cache is shared: do not change it.

    Raises:
        CheckpointError: the weights that it needs are missing or damaged.
    """
    cache = StageCache() if cache is None else cache
    recipe = recipe.canonical()
    base, pruned = cut(recipe, cache)
    heals = recipe.heal == "recalibrate" and pruned.cut_share > 0
    healed = pruned.model
    if heals:
        healed = cache.get("heal", _key(recipe, _HEAL), lambda: _recalibrated(pruned.model, recipe, cache))
    if recipe.bits == 32:
        return Compressed(recipe, healed, unquantized(healed), Report(base, pruned, heals))
    quantized = cache.get(
        "quantize", _key(recipe, _QUANTIZE), lambda: quantize(healed, recipe.bits, recipe.scheme, recipe.rounding)
    )
    return Compressed(recipe, quantized.model, quantized.state, Report(base, pruned, heals))


def cut(recipe: Recipe, cache: StageCache | None = None) -> tuple[Base, PruneResult]:
    """The first half of `compress`: the network that a recipe starts from, and what is left of it after the cut.

    Raises:
        CheckpointError: as in `compress`.
    """
    cache = StageCache() if cache is None else cache
    recipe = recipe.canonical()
    base = cache.get("load", _key(recipe, _BASE), lambda: _base(recipe, cache))
    example = _example(recipe)

    def prune() -> PruneResult:
        coupling = cache.get("couple", _key(recipe, _BASE), lambda: couple(base.model, example))
        chosen = {"ratio": recipe.prune, "criterion": recipe.criterion, "scope": recipe.scope}
        # The zoo's networks are proven in the tests; here a knob waits.
        return prune_channels(base.model, example, coupling=coupling, proven=False, **chosen)

    return base, cache.get("prune", _key(recipe, _PRUNE), prune)


def _example(recipe: Recipe) -> Tensor:
    return torch.zeros(1, *dataset(recipe.dataset).input_shape)


def _key(recipe: Recipe, names: tuple[str, ...]) -> tuple:
    return tuple(getattr(recipe, name) for name in names)


def original_of(recipe: Recipe) -> Recipe:
    """What a recipe is compared with: the same architecture on the same data at full width, nothing taken away."""
    return Recipe(dataset=recipe.dataset, arch=recipe.arch, groups=recipe.groups)


@cache
def prunable_layers(arch: str) -> tuple[str, ...]:
    """The layers of an architecture whose channels can be cut, by the layer that puts the channels out."""
    model = build(arch)
    groups = couple(model, torch.zeros(1, 1, 32, 32)).groups
    return tuple(group.name for group in groups if not bn_scale(model, group).isnan().any())


def source_width(recipe: Recipe) -> float:
    """The trained width that a recipe starts from: its own, or else the next larger one.

    Raises:
        CheckpointError: no trained width is large enough.
    """
    widths = trained_widths(recipe.arch, recipe.dataset, recipe.weights)
    enough = [width for width in widths if width >= recipe.width]
    if not enough:
        raise CheckpointError(
            f"No {recipe.arch} trained on {recipe.dataset} ({recipe.weights}) is at least {recipe.width:g} wide, so "
            f"that none can be slimmed to it. Trained widths: {', '.join(f'{w:g}' for w in widths) or 'none'}."
        )
    return enough[0]


def width_origin(recipe: Recipe) -> str:
    """`trained`, or `slimmed from` which width. Nothing is built or read for it.

    Raises:
        CheckpointError: no trained width is large enough.
    """
    source = source_width(recipe)
    return "trained" if source == recipe.width else f"slimmed from {source:.2f}"


def _base(recipe: Recipe, cache: StageCache) -> Base:
    """The trained network, or one slimmed by γ from the next larger trained width, the way of homework 7."""
    source = source_width(recipe)
    model = load(recipe.arch, source, recipe.dataset, recipe.weights)
    if source == recipe.width:
        return Base(model, width_origin(recipe))
    wide = cache.get("couple", _key(recipe.with_(width=source), _BASE), lambda: couple(model, _example(recipe)))
    narrow = build_for(recipe.arch, recipe.width, dataset(recipe.dataset))
    slimmed = network_slimming(model, narrow, _example(recipe), coupling=wide)
    return Base(_recalibrated(slimmed.model, recipe, cache), width_origin(recipe), slimmed)


def _recalibrated(model: nn.Module, recipe: Recipe, cache: StageCache) -> nn.Module:
    images = cache.get(
        "calibration", recipe.dataset, lambda: dataset(recipe.dataset).calibration(CALIBRATION_IMAGES, CALIBRATION_SEED)
    )
    return recalibrate(model, images)
