"""From a Recipe to a compressed network: the only place that combines techniques.

    load → prune channels → heal → quantize

Each stage depends on a prefix of the recipe, and that prefix is its key in the cache: another bit width neither
loads, cuts nor heals again.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from compress_core import layer_bits
from compress_core.data import dataset
from compress_core.edits import parse
from compress_core.errors import CheckpointError
from compress_core.pruning.channels import PruneResult, prune_channels
from compress_core.pruning.choosing import Judged, judge
from compress_core.pruning.coupling import Coupling, couple
from compress_core.pruning.exactness import prove
from compress_core.pruning.healing import absorb, recalibrate, reconstruct
from compress_core.pruning.importance import CRITERIA
from compress_core.pruning.slimming import network_slimming
from compress_core.quantization.calibration import calibrate
from compress_core.quantization.quantize import QuantizeResult, quantize, unquantized
from compress_core.quantization.rounding import ROUNDINGS
from compress_core.quantization.schemes import SCHEMES
from compress_core.quantization.state import LAYERS, PackedState
from compress_core.recipe import Recipe
from compress_core.stages import StageCache
from compress_core.training.checkpoints import build_for, load, trained_widths
from compress_core.training.finetune import finetune
from compress_core.zoo import build

CALIBRATION_IMAGES = 256
"""For recalibration, whose every image costs time on each turn of a knob."""
SOLVING_IMAGES = 512
"""For criteria that look at data, and for what solves layers again."""
CALIBRATION_SEED = 0
FINETUNE_EPOCHS = 2

_BASE = ("dataset", "arch", "width", "groups", "weights")
_JUDGE = (*_BASE, "criterion")
_PRUNE = (*_JUDGE, "prune", "scope", "multiple_of", "balance", "edits")
_HEAL = (*_PRUNE, "heal")
_CALIBRATE = (*_HEAL, "fold", "equalize")
_QUANTIZE = (*_CALIBRATE, "bits", "layer_bits", "scheme", "clipping", "rounding", "correct_bias", "activation_bits")


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
    heals = recipe.heal != "none" and pruned.cut_share > 0
    healed = pruned.model
    if heals:
        healed = cache.get("heal", _key(recipe, _HEAL), lambda: _healed(recipe, base, pruned, cache))
    if recipe == recipe.weights_only():
        return Compressed(recipe, healed, unquantized(healed), Report(base, pruned, heals))
    quantized = cache.get("quantize", _key(recipe, _QUANTIZE), lambda: _quantized(recipe, healed, cache))
    return Compressed(recipe, quantized.model, quantized.state, Report(base, pruned, heals))


def cut(recipe: Recipe, cache: StageCache | None = None) -> tuple[Base, PruneResult]:
    """The first half of `compress`: the network that a recipe starts from, and what is left of it after the cut.

    Raises:
        CheckpointError: as in `compress`.
    """
    cache = StageCache() if cache is None else cache
    recipe = recipe.canonical()
    base = cache.get("load", _key(recipe, _BASE), lambda: _base(recipe, cache))

    def judged() -> Judged:
        images = labels = None
        needs = CRITERIA[recipe.criterion].needs
        if "labels" in needs:
            images, labels = cache.get("labelled", recipe.dataset, lambda: _labelled(recipe))
        elif "images" in needs:
            images = _calibration(recipe, cache, SOLVING_IMAGES)
        return judge(
            base.model, _coupling(recipe, base, cache), recipe.criterion, images, labels, together=None, seed=0
        )

    def prune() -> PruneResult:
        coupling = _coupling(recipe, base, cache)
        chosen = {"ratio": recipe.prune, "criterion": recipe.criterion, "scope": recipe.scope}
        chosen |= {
            "multiple_of": recipe.multiple_of,
            "balanced": recipe.balance == "on",
            "edits": _edits(recipe, coupling),
            "judged": cache.get("judge", _key(recipe, _JUDGE), judged),
        }
        # The zoo's networks are proven in the tests; here a knob waits.
        return prune_channels(base.model, _example(recipe), coupling=coupling, proven=False, **chosen)

    return base, cache.get("prune", _key(recipe, _PRUNE), prune)


def exactness(recipe: Recipe, cache: StageCache | None = None) -> float:
    """The largest difference between what the pruned network of a recipe and the masked original put out.

    Raises:
        CheckpointError: as in `compress`.
        UnsupportedModelError: they differ by more than rounding.
    """
    cache = StageCache() if cache is None else cache
    base, pruned = cut(recipe, cache)
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
    return cache.get("couple", _key(recipe, _BASE), lambda: couple(base.model, _example(recipe)))


def _healed(recipe: Recipe, base: Base, pruned: PruneResult, cache: StageCache) -> nn.Module:
    """What is left of a network, healed. Fine-tuning starts from what reconstruction gives."""
    if recipe.heal == "recalibrate":
        return recalibrate(pruned.model, _calibration(recipe, cache))
    images = _calibration(recipe, cache, SOLVING_IMAGES)
    match recipe.heal:
        case "absorb":
            return absorb(pruned, base.model, images)
        case "reconstruct":
            return reconstruct(pruned, base.model, images)
    start = compress(recipe.with_(heal="reconstruct").weights_only(), cache).model
    return finetune(start, dataset(recipe.dataset), FINETUNE_EPOCHS, teacher=base.model)


def _quantized(recipe: Recipe, healed: nn.Module, cache: StageCache) -> QuantizeResult:
    """The healed network on few bits. What calibration needs of the data does not depend on the bits, and is kept."""
    fold, equalize, correct_bias = (getattr(recipe, name) == "on" for name in ("fold", "equalize", "correct_bias"))
    images = calibration = None
    if recipe.activation_bits < 32:
        images = _calibration(recipe, cache)
    if "images" in ROUNDINGS[recipe.rounding].needs or correct_bias:
        looked_at = _calibration(recipe, cache, SOLVING_IMAGES)
        key = _key(recipe, _CALIBRATE)
        calibration = cache.get("calibrate", key, lambda: calibrate(healed, looked_at, fold, equalize))
    return quantize(
        healed,
        _bits(recipe, healed),
        recipe.scheme,
        recipe.rounding,
        recipe.activation_bits,
        clipping=None if recipe.clipping == Recipe.clipping else recipe.clipping,
        fold=fold,
        equalize=equalize,
        correct_bias=correct_bias,
        images=images,
        calibration=calibration,
    )


def _bits(recipe: Recipe, healed: nn.Module) -> int | dict[str, int]:
    """The bits of a recipe's weights, by layer where they differ. A layer fallen into groups has its old one's."""
    if not recipe.layer_bits:
        return recipe.bits
    own = layer_bits.parse(recipe.layer_bits)
    numbers = {name: number for number, name in enumerate(quantizable_layers(recipe.arch))}
    layers = [name for name, layer in healed.named_modules() if isinstance(layer, LAYERS)]
    return {name: own.get(numbers[name.partition(".convs.")[0]], recipe.bits) for name in layers}


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
    return tuple(group.name for group in groups)


@cache
def quantizable_layers(arch: str) -> tuple[str, ...]:
    """The layers of an architecture whose weights can be rounded, in the order of its modules."""
    return tuple(name for name, layer in build(arch).named_modules() if isinstance(layer, LAYERS))


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
    return Base(recalibrate(slimmed.model, _calibration(recipe, cache)), width_origin(recipe), slimmed)


def _calibration(recipe: Recipe, cache: StageCache, count: int = CALIBRATION_IMAGES) -> Tensor:
    """Training images without labels."""
    data = dataset(recipe.dataset)
    return cache.get("calibration", (data.name, count), lambda: data.calibration(count, CALIBRATION_SEED))


def _labelled(recipe: Recipe) -> tuple[Tensor, Tensor]:
    """As many training images with their labels."""
    return next(dataset(recipe.dataset).batches(SOLVING_IMAGES, CALIBRATION_SEED))
