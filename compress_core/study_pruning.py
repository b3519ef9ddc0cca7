"""Channel pruning taken apart: who lives and dies with whom, what each criterion and healing is worth, and holes
against smaller matrices. Tables only; the pages draw them."""

import math
import statistics
import time
from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save
from torch import Tensor, nn

from compress_core.analysis.latency import time_in_turn
from compress_core.analysis.profile import profile
from compress_core.data import dataset
from compress_core.edits import parse
from compress_core.files import file_bytes
from compress_core.inference import predict, prepare
from compress_core.layers.modules import RaggedConv2d
from compress_core.measure import answer
from compress_core.pipeline import CALIBRATION_IMAGES, CALIBRATION_SEED, compress, cut, exactness, prunable_layers
from compress_core.pruning.channels import PruneResult
from compress_core.pruning.choosing import ScoredGroup
from compress_core.pruning.coupling import ChannelGroup
from compress_core.pruning.exactness import IMAGES
from compress_core.pruning.healing import recalibrate
from compress_core.pruning.weights import prune_weights
from compress_core.quantization.quantize import finite_tensors, unquantized
from compress_core.recipe import MAX_PRUNE, Recipe
from compress_core.stages import StageCache

SPAN_DECADES = ("taylor", "activation", "obs")
"""Criteria whose scores are drawn on a log axis: they are products and squares."""
LOWEST, FLOOR = 0.002, 1e-12
"""A log axis starts at this quantile of the scores, and at this part of the highest at least."""
TIMING_S = 0.15
BATCH = 64
STOPS = 180
"""At most so many stops of the threshold: a key press moves about a channel in a hundred."""


@dataclass(frozen=True)
class Wiring:
    """Which layers share which channels. The same for every cut of a network.

    `layers` has a row per layer that puts prunable channels out: `layer`, `group`, `places` (for each of its output
    channels the place in the group; a tuple). `kinds` has a row per set of channels of a group that the same layers
    share: `group`, `kind`, and the names `writers`, `depthwise`, `norms`, `readers`. `channels` has a row per channel
    of a group: `group`, `channel`, `kind`.
    """

    layers: pd.DataFrame
    kinds: pd.DataFrame
    channels: pd.DataFrame


@dataclass(frozen=True)
class Fates:
    """What becomes of each channel of a recipe.

    `channels` has a row per channel of a group: `group`, `channel`, `score`, `kept`, `edit` (True kept by hand, False
    cut by hand, None neither). `layers` has a row per layer as in `Wiring`: `layer`, `group`, `before`, `after`,
    `held` (channels of its group that stayed only because a layer may not empty).
    """

    channels: pd.DataFrame
    layers: pd.DataFrame


@dataclass(frozen=True)
class Proof:
    """The largest difference between what the pruned and the masked network put out, and of how many images."""

    difference: float
    images: int


def study_exactness(recipe: Recipe, cache: StageCache | None = None) -> Proof:
    """Hold what is left of a recipe against the masked original, before any healing.

    Raises:
        CheckpointError: weights are missing or damaged.
    """
    return Proof(exactness(recipe, cache), IMAGES)


def wiring_key(recipe: Recipe) -> Hashable:
    """What the wiring depends on: the network, and which of its groups the criterion or a person judges."""
    recipe = recipe.canonical()
    network = recipe.dataset, recipe.arch, recipe.width, recipe.groups, recipe.weights
    return *network, recipe.criterion, tuple(parse(recipe.edits))


def study_wiring(recipe: Recipe, cache: StageCache | None = None) -> Wiring:
    """The wiring of a recipe's network.

    Raises:
        CheckpointError: weights are missing or damaged.
    """
    base, pruned = cut(recipe, cache)
    layers, kinds, channels = [], [], []
    for number, scored in _numbered(recipe, pruned):
        group = scored.group
        for name, places in group.writers.items():
            layers.append((name, number, tuple(places[places >= 0].tolist())))
        sets, kind_of = _kinds(base.model, group)
        kinds += [(number, kind, *names) for kind, names in enumerate(sets)]
        channels += [(number, channel, kind) for channel, kind in enumerate(kind_of)]
    order = {name: place for place, (name, _) in enumerate(base.model.named_modules())}
    return Wiring(
        pd.DataFrame(sorted(layers, key=lambda row: order[row[0]]), columns=["layer", "group", "places"]),
        pd.DataFrame(kinds, columns=["group", "kind", "writers", "depthwise", "norms", "readers"]),
        pd.DataFrame(channels, columns=["group", "channel", "kind"]),
    )


def _numbered(recipe: Recipe, pruned: PruneResult) -> list[tuple[int, ScoredGroup]]:
    """The groups that were judged, each with its number among all groups, as changes by hand count them."""
    numbers = {name: number for number, name in enumerate(prunable_layers(recipe.arch))}
    return [(numbers[scored.name], scored) for scored in pruned.groups]


def _kinds(model: nn.Module, group: ChannelGroup) -> tuple[list[tuple], list[int]]:
    """The sets of layers that share channels of a group, and for each channel which of them."""
    carriers = {"norms": {}, "depthwise": {}}
    for name, places in group.carriers.items():
        kind = "norms" if isinstance(model.get_submodule(name), nn.BatchNorm2d) else "depthwise"
        carriers[kind][name] = places
    sides = (group.writers, carriers["depthwise"], carriers["norms"], group.readers)
    has = torch.stack([_mask(places, group.size) for side in sides for places in side.values()], 1)
    sets, kind_of = has.unique(dim=0, return_inverse=True)
    names = [(side, name) for side, layers in enumerate(sides) for name in layers]
    return [
        tuple(
            tuple(name for (side, name), yes in zip(names, row, strict=True) if yes and side == of) for of in range(4)
        )
        for row in sets.tolist()
    ], kind_of.tolist()


def _mask(places: Tensor, size: int) -> Tensor:
    own = torch.zeros(size, dtype=torch.bool)
    own[places[places >= 0]] = True
    return own


def study_fates(recipe: Recipe, wiring: Wiring, cache: StageCache | None = None) -> Fates:
    """Who stays and who goes, channel by channel and layer by layer: a matter of milliseconds.

    Raises:
        CheckpointError: weights are missing or damaged.
    """
    groups = dict(_numbered(recipe, cut(recipe, cache)[1]))
    kept = {number: _mask(scored.survivors, scored.group.size) for number, scored in groups.items()}
    by_hand = parse(recipe.edits)
    channels = wiring.channels[["group", "channel"]].assign(
        score=torch.cat([scored.scores for scored in groups.values()]).numpy(),
        kept=torch.cat(list(kept.values())).numpy(),
        edit=[
            by_hand.get(number, {}).get(channel)
            for number, scored in groups.items()
            for channel in range(scored.group.size)
        ],
    )
    rows = [
        (
            row.layer,
            row.group,
            len(row.places),
            int(kept[row.group][list(row.places)].sum()),
            groups[row.group].held,
        )
        for row in wiring.layers.itertuples()
    ]
    return Fates(channels, pd.DataFrame(rows, columns=["layer", "group", "before", "after", "held"]))


def thresholds(scores: pd.Series, log: bool = False) -> pd.DataFrame:
    """Where a threshold on the scores may stand: from zero to beyond the highest in steps of 1, 2 or 5 of some digit.

    A row per `stop`, with the `share` of the scores below it, to the three decimals that a recipe keeps.

    Args:
        log: for scores that span decades: the same steps in powers of ten, from below the lowest one that counts.
    """
    high = float(scores.max()) or 1.0
    if log:
        low = max(float(scores[scores > 0].quantile(LOWEST)), high * FLOOR)
        first, last = math.log10(low) - 0.1, math.log10(high) + 0.02
        stops = [float(f"{10 ** (first + (last - first) * i / STOPS):.3g}") for i in range(STOPS + 1)]
    else:
        step = 10 ** math.floor(math.log10(high / STOPS))
        step *= next(digit for digit in (1, 2, 5, 10) if high / (digit * step) <= STOPS)
        decimals = max(0, -math.floor(math.log10(step)))
        stops = [round(step * i, decimals + 1) for i in range(math.floor(high / step) + 2)]
    below = scores.sort_values().searchsorted(stops)
    return pd.DataFrame({"stop": stops, "share": (below / len(scores)).round(3).clip(max=MAX_PRUNE)})


def score_ends(scores: pd.Series, criterion: str) -> tuple[tuple[float, float], bool]:
    """Where an axis of scores starts and ends, and whether it is one of powers of ten."""
    log = criterion in SPAN_DECADES
    stops = thresholds(scores, log)["stop"]
    return (float(stops.iloc[0]), float(stops.iloc[-1])), log


def stop_for(table: pd.DataFrame, prune: float, threshold: float | None) -> int:
    """The row of `thresholds` that says a pruning ratio best; of several the one nearest to its threshold."""
    away = (table["share"] - prune).abs()
    best = table["stop"][away == away.min()]
    return int(best.index[-1] if threshold is None else (best - threshold).abs().idxmin())


@dataclass(frozen=True)
class Outcome:
    """The accuracy of a recipe on its test images, 0 … 1, of `samples`."""

    accuracy: float
    samples: int


def study_outcome(recipe: Recipe, cache: StageCache | None = None) -> Outcome:
    """Build a recipe and count its right answers, and nothing else.

    Raises:
        CheckpointError: weights are missing or damaged.
    """
    cache = StageCache() if cache is None else cache
    correct = answer(compress(recipe, cache), cache).correct
    return Outcome(correct.double().mean().item(), len(correct))


@dataclass(frozen=True)
class Standing:
    """What is left of a network. The half of `Study` that a sentence on pruning needs, in half of its time."""

    recipe: Recipe
    outcome: Outcome
    params: int
    macs: int
    cut_share: float


def study_standing(recipe: Recipe, cache: StageCache | None = None) -> Standing:
    """Build a recipe, count its right answers and what an image costs.

    Raises:
        CheckpointError: weights are missing or damaged.
    """
    cache = StageCache() if cache is None else cache
    recipe = recipe.canonical()
    outcome = study_outcome(recipe, cache)
    built = compress(recipe, cache)
    layers = profile(built.model, torch.zeros(1, *dataset(recipe.dataset).input_shape))
    costs = int(layers["params"].sum()), int(layers["macs"].sum())
    return Standing(recipe, outcome, *costs, built.report.pruned.cut_share)


@dataclass(frozen=True)
class Rung:
    """A healing: what it brought, and the seconds that it took on this machine."""

    outcome: Outcome
    seconds: float


def study_rung(recipe: Recipe) -> Rung:
    """Cut a recipe anew, and heal it against the clock.

    Raises:
        CheckpointError: weights are missing or damaged.
    """
    alone = StageCache()  # a healing that is at hand already would take no time
    recipe = recipe.weights_only()
    cut(recipe, alone)
    started = time.perf_counter()
    compress(recipe, alone)
    seconds = time.perf_counter() - started
    return Rung(study_outcome(recipe, alone), seconds)


@dataclass(frozen=True)
class Versus:
    """Holes against a smaller matrix, at the same number of parameters.

    `forms` has a row per form (index `original`, `holes`, `smaller`): `params` (that are not zero), `accuracy`,
    `dense_bytes` (a file that keeps every zero), `file_bytes` (ours), `minimum_bytes`, `ms` (median of 64 images, in
    turn with the others), `speedup` (of the original, the median of the ratios).
    """

    forms: pd.DataFrame
    matrices: dict[str, dict[str, np.ndarray]]
    """By form and layer |weight|, outputs down and inputs (times the kernel's places) across; a hole is NaN."""
    ratio: float
    """The part of the weights that was set to zero."""
    samples: int


def study_versus(recipe: Recipe, cache: StageCache | None = None) -> Versus:
    """Cut a recipe's channels, set as many parameters of the same network to zero instead, and measure both.

    Both have their BatchNorms recalibrated on the same images. Rounding plays no part.

    Raises:
        CheckpointError: weights are missing or damaged.
    """
    cache = StageCache() if cache is None else cache
    recipe = recipe.with_(heal="recalibrate").weights_only()
    whole, cut_out = compress(recipe.with_(prune=0.0), cache), compress(recipe, cache)
    weights = sum(m.weight.numel() for m in whole.model.modules() if isinstance(m, nn.Conv2d | nn.Linear))
    ratio = (_params(whole.model) - _params(cut_out.model)) / weights
    holes = prune_weights(whole.model, ratio=ratio)
    data = dataset(recipe.dataset)
    healed = recalibrate(holes.model, data.calibration(CALIBRATION_IMAGES, CALIBRATION_SEED))
    full_of_holes = replace(whole, model=healed, state=unquantized(healed))
    forms = {"original": whole, "holes": full_of_holes, "smaller": cut_out}
    seconds = _times([form.model for form in forms.values()], data.input_shape)
    images, labels = data.test()
    zeros = sum(int((~mask).sum()) for mask in holes.masks.values())
    rows = {}
    for (name, form), own, speedup in zip(forms.items(), *seconds, strict=True):
        params = _params(form.model) - (zeros if name == "holes" else 0)
        length = len(file_bytes(form))
        right = predict(form.model, images).argmax(1).eq(labels).double().mean().item()
        rows[name] = (params, right, _dense_bytes(form.model), length, 4 * params, 1000 * own, speedup)
    columns = ["params", "accuracy", "dense_bytes", "file_bytes", "minimum_bytes", "ms", "speedup"]
    layers = [layer for group in cut_out.report.pruned.groups for layer in group.group.writers]
    matrices = {
        name: {
            layer: _matrix(form.model.get_submodule(layer), holes.masks.get(layer) if name == "holes" else None)
            for layer in layers
        }
        for name, form in forms.items()
    }
    return Versus(pd.DataFrame.from_dict(rows, orient="index", columns=columns), matrices, ratio, len(labels))


def _dense_bytes(model: nn.Module) -> int:
    """The length of a plain safetensors file of all that it takes to run the network."""
    return len(save({name: tensor.contiguous() for name, tensor in finite_tensors(model).items()}))


def _params(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _matrix(layer: nn.Module, mask: Tensor | None) -> np.ndarray:
    if isinstance(layer, RaggedConv2d):  # its groups read different numbers of channels: short rows end early
        parts = [conv.weight.detach().abs().flatten(1) for conv in layer.convs.values()]
        widest = max(part.shape[1] for part in parts)
        return torch.cat(
            [nn.functional.pad(part, (0, widest - part.shape[1]), value=math.nan) for part in parts]
        ).numpy()
    values = layer.weight.detach().abs()
    if mask is not None:
        values = values.masked_fill(~mask, math.nan)
    return values.flatten(1).numpy()


def _times(models: list[nn.Module], input_shape: tuple[int, int, int]) -> tuple[list[float], list[float]]:
    """Seconds of each, and how often the first one took longer: medians of runs in turn."""
    images = torch.zeros(BATCH, *input_shape).contiguous(memory_format=torch.channels_last)
    rounds = time_in_turn([prepare(model) for model in models], images, TIMING_S, 6, 30)
    columns = list(zip(*rounds, strict=True))
    ratios = [statistics.median(a / b for a, b in zip(columns[0], own, strict=True)) for own in columns]
    return [statistics.median(own) for own in columns], ratios
