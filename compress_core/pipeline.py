"""From a Recipe to a compressed network: the only place that combines techniques.

    load → prune → heal → quantize

Each stage depends on a prefix of the recipe, and that prefix is its key in the cache: another bit width neither
loads, cuts nor heals again.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from compress_core.cache import StageCache, once
from compress_core.data import dataset
from compress_core.errors import CheckpointError
from compress_core.layers.kinds import is_weighted
from compress_core.pruning.channels import PruneResult, prune_channels
from compress_core.pruning.coupling import Coupling, couple
from compress_core.pruning.exactness import prove
from compress_core.pruning.selection import ScoredGroups, score_groups
from compress_core.pruning.slimming import network_slimming
from compress_core.quantization.calibration import calibrate
from compress_core.quantization.quantize import QuantizeResult, quantize, unquantized
from compress_core.quantization.state import PackedState
from compress_core.recipe import Recipe, layer_bits
from compress_core.recipe.edits import parse
from compress_core.registry import CRITERIA, HEALINGS, ROUNDINGS, SCHEMES
from compress_core.training.checkpoints import build_for, load, trained_widths
from compress_core.zoo import Architecture, architecture, build

CALIBRATION_IMAGES = 512
"""For criteria that look at data."""
ROUNDING_IMAGES = 128
"""For roundings and biases: a knob waits for them."""
ACTIVATION_IMAGES = 256
"""For the ranges of activations."""
CALIBRATION_SEED = 0

NETWORK = ("dataset", "arch", "width", "groups", "weights")
"""The fields of a recipe that say which trained network it starts from."""
_SCORE = (*NETWORK, "criterion")
_PRUNE = (*_SCORE, "prune", "scope", "multiple_of", "balance", "edits")
_HEAL = (*_PRUNE, "heal")
_CALIBRATE = (*_HEAL, "fold", "equalize")
_QUANTIZE = (*_CALIBRATE, "bits", "layer_bits", "scheme", "clipping", "rounding", "correct_bias", "activation_bits")


@dataclass(frozen=True)
class Base:
    """The network that a recipe starts from, and whether it was `trained` or `cut from` which width."""

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
    # Where nothing is cut, nobody needs scores that take seconds.
    base, pruned = prune(recipe if recipe.cuts else recipe.with_(criterion="bn_scale"), cache)
    heals = HEALINGS[recipe.heal].heal is not None and pruned.cut_share > 0
    healed = _healed(recipe, base, pruned, cache) if heals else pruned.model
    if recipe == recipe.weights_only():
        return Compressed(recipe, healed, unquantized(healed), Report(base, pruned, heals))
    quantized = cache.get("quantize", recipe_key(recipe, _QUANTIZE), lambda: _quantized(recipe, healed, cache))
    return Compressed(recipe, quantized.model, quantized.state, Report(base, pruned, heals))


def prune(recipe: Recipe, cache: StageCache | None = None) -> tuple[Base, PruneResult]:
    """The first half of `compress`: the network that a recipe starts from, and what is left of it after the cut.

    Raises:
        CheckpointError: as in `compress`.
    """
    cache = StageCache() if cache is None else cache
    recipe = recipe.canonical().with_(criterion=recipe.criterion)  # whose scores are looked at, cut or not
    base = cache.get("load", recipe_key(recipe, NETWORK), lambda: _base(recipe, cache))

    def score() -> ScoredGroups:
        images = labels = None
        needs = CRITERIA[recipe.criterion].needs
        if "labels" in needs:
            images, labels = cache.get("labelled", recipe.dataset, lambda: _labelled(recipe))
        elif "images" in needs:
            images = _calibration(recipe, cache, CALIBRATION_IMAGES)
        coupling = _coupling(recipe, base, cache)
        return score_groups(base.model, coupling, recipe.criterion, images, labels)

    def remove() -> PruneResult:
        coupling = _coupling(recipe, base, cache)
        chosen = {"ratio": recipe.prune, "criterion": recipe.criterion, "scope": recipe.scope}
        chosen |= {
            "multiple_of": recipe.multiple_of,
            "balanced": recipe.balance,
            "edits": _edits(recipe, coupling),
            "scored": cache.get("score", recipe_key(recipe, _SCORE), score),
        }
        # The zoo's networks are proven in the tests; here a knob waits.
        return prune_channels(base.model, _example(recipe), coupling=coupling, proven=False, **chosen)

    return base, cache.get("prune", recipe_key(recipe, _PRUNE), remove)


def exactness(recipe: Recipe, cache: StageCache | None = None) -> float:
    """The largest difference between what the pruned network of a recipe and the masked original put out.

    Raises:
        CheckpointError: as in `compress`.
        UnsupportedModelError: they differ by more than rounding.
    """
    cache = StageCache() if cache is None else cache
    base, pruned = prune(recipe, cache)
    return prove(base.model, pruned.model, pruned.coupling, pruned.survivors, _example(recipe))


def _edits(recipe: Recipe, coupling: Coupling) -> dict[str, dict[int, bool]]:
    """A recipe's changes by hand for the layers of this network; what it does not have is left out."""
    sizes = [(group.name, group.size) for group in coupling.groups]
    return {
        sizes[group][0]: {channel: stays for channel, stays in own.items() if channel < sizes[group][1]}
        for group, own in parse(recipe.edits).items()
        if group < len(sizes)
    }


def _coupling(recipe: Recipe, base: Base, cache: StageCache) -> Coupling:
    return cache.get("couple", recipe_key(recipe, NETWORK), lambda: couple(base.model, _example(recipe)))


def _healed(recipe: Recipe, base: Base, pruned: PruneResult, cache: StageCache) -> nn.Module:
    """What is left of a network, healed."""

    def heal() -> nn.Module:
        start, before = pruned, HEALINGS[recipe.heal].after
        if before:
            start = replace(pruned, model=_healed(recipe.with_(heal=before), base, pruned, cache))
        return _heal(recipe, start, base.model, cache)

    return cache.get("heal", recipe_key(recipe, _HEAL), heal)


def _heal(network: Recipe, pruned: PruneResult, model: nn.Module, cache: StageCache) -> nn.Module:
    """What was pruned of the trained network of a recipe, healed the recipe's way."""
    healing = HEALINGS[network.heal]
    images = _calibration(network, cache, healing.images)
    given = [pruned, model, images, dataset(network.dataset)]
    if healing.statistics:
        key = (*recipe_key(network, NETWORK), network.heal)
        given.append(cache.get("statistics", key, lambda: healing.statistics(model, images)))
    return healing.heal(*given)


def _quantized(recipe: Recipe, healed: nn.Module, cache: StageCache) -> QuantizeResult:
    """The healed network on few bits. What calibration needs of the data does not depend on the bits, and is kept."""
    images = calibration = None
    if recipe.activation_bits < 32:
        images = _calibration(recipe, cache, ACTIVATION_IMAGES)
    if "images" in ROUNDINGS[recipe.rounding].needs or recipe.correct_bias:
        given = _calibration(recipe, cache, ROUNDING_IMAGES)
        key = recipe_key(recipe, _CALIBRATE)
        calibration = cache.get("calibrate", key, lambda: calibrate(healed, given, recipe.fold, recipe.equalize))
    return quantize(
        healed,
        _bits(recipe, healed),
        recipe.scheme,
        recipe.rounding,
        recipe.activation_bits,
        clipping=None if recipe.clipping == Recipe.clipping else recipe.clipping,
        fold=recipe.fold,
        equalize=recipe.equalize,
        correct_bias=recipe.correct_bias,
        images=images,
        calibration=calibration,
    )


def _bits(recipe: Recipe, healed: nn.Module) -> int | dict[str, int]:
    """The bits of a recipe's weights, by layer where they differ. A layer fallen into groups has its old one's."""
    if not recipe.layer_bits:
        return recipe.bits
    own = layer_bits.parse(recipe.layer_bits)
    numbers = {name: number for number, name in enumerate(quantizable_layers(recipe.arch))}
    layers = [name for name, layer in healed.named_modules() if is_weighted(layer)]
    return {name: own.get(numbers[name.partition(".convs.")[0]], recipe.bits) for name in layers}


def _example(recipe: Recipe) -> Tensor:
    return torch.zeros(1, *dataset(recipe.dataset).input_shape)


def recipe_key(recipe: Recipe, names: tuple[str, ...]) -> tuple:
    """What a result depends on, where it depends on these fields of a recipe alone."""
    return tuple(getattr(recipe, name) for name in names)


def build_options(recipe: Recipe) -> dict[str, object]:
    """What the network of a recipe is built with beyond its width, where that is not the default."""
    return {} if recipe.groups is None else {"groups": recipe.groups}


def original_of(recipe: Recipe) -> Recipe:
    """What a recipe is compared with: the same architecture on the same data at full width, nothing taken away."""
    return Recipe(dataset=recipe.dataset, arch=recipe.arch, groups=recipe.groups)


def prunable_layers(arch: str) -> tuple[str, ...]:
    """The layers of an architecture whose channels can be cut, by the layer that puts the channels out."""
    return _prunable_layers(architecture(arch))


def quantizable_layers(arch: str) -> tuple[str, ...]:
    """The layers of an architecture whose weights can be rounded, in the order of its modules."""
    return _quantizable_layers(architecture(arch))


@once
def _prunable_layers(family: Architecture) -> tuple[str, ...]:
    groups = couple(build(family.name), torch.zeros(1, 1, 32, 32)).groups
    return tuple(group.name for group in groups)


@once
def _quantizable_layers(family: Architecture) -> tuple[str, ...]:
    return tuple(name for name, layer in build(family.name).named_modules() if is_weighted(layer))


def bits_by_layer(recipe: Recipe) -> dict[str, int]:
    """What a weight of each layer of the architecture takes; 32 where it is left as it is."""
    own, fixed = layer_bits.parse(recipe.layer_bits), SCHEMES[recipe.scheme].bits
    wanted = {name: own.get(number, recipe.bits) for number, name in enumerate(quantizable_layers(recipe.arch))}
    return {name: bits if bits == 32 else fixed(bits) for name, bits in wanted.items()}


def source_width(recipe: Recipe) -> float:
    """The trained width that a recipe starts from: its own, or else the next larger one.

    Raises:
        CheckpointError: no trained width is large enough.
    """
    widths = trained_widths(recipe.arch, recipe.dataset, recipe.weights, **build_options(recipe))
    enough = [width for width in widths if width >= recipe.width]
    options = "".join(f", {name}={value}" for name, value in build_options(recipe).items())
    if not widths:
        raise CheckpointError(
            f"No {recipe.arch} has been trained on {recipe.dataset} ({recipe.weights}{options}). Train one: "
            f"python -m compress_core train --arch {recipe.arch} --dataset {recipe.dataset}."
        )
    if not enough:
        raise CheckpointError(
            f"No {recipe.arch} trained on {recipe.dataset} ({recipe.weights}{options}) is at least {recipe.width:g} "
            f"wide, so that none can be slimmed to it. Trained widths: {', '.join(f'{w:g}' for w in widths)}."
        )
    return enough[0]


def width_origin(recipe: Recipe) -> str:
    """`trained`, or `cut from` which width. Nothing is built or read for it.

    Raises:
        CheckpointError: no trained width is large enough.
    """
    source = source_width(recipe)
    return "trained" if source == recipe.width else f"cut from {source:.2f}"


def _base(recipe: Recipe, cache: StageCache) -> Base:
    """The trained network, or one cut from the next larger trained width as homework 7 does, by a better choice."""
    source = source_width(recipe)
    options = build_options(recipe)
    model = load(recipe.arch, source, recipe.dataset, recipe.weights, **options)
    if source == recipe.width:
        return Base(model, width_origin(recipe))
    wide = recipe.with_(width=source, criterion=Recipe.criterion, heal=Recipe.heal)
    coupling = cache.get("couple", recipe_key(wide, NETWORK), lambda: couple(model, _example(recipe)))
    narrow = build_for(recipe.arch, recipe.width, dataset(recipe.dataset), **options)
    images = _calibration(recipe, cache, CALIBRATION_IMAGES)
    slimmed = network_slimming(model, narrow, _example(recipe), wide.criterion, coupling, images)
    return Base(_heal(wide, slimmed, model, cache), width_origin(recipe), slimmed)


def _calibration(recipe: Recipe, cache: StageCache, count: int) -> Tensor:
    """Training images without labels."""
    data = dataset(recipe.dataset)
    return cache.get("calibration", (data.name, count), lambda: data.calibration(count, CALIBRATION_SEED))


def _labelled(recipe: Recipe) -> tuple[Tensor, Tensor]:
    """As many training images with their labels."""
    return dataset(recipe.dataset).labelled(CALIBRATION_IMAGES, CALIBRATION_SEED)
