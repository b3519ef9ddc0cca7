"""Channel pruning: scores and thresholds, coupled channels, the worth of criteria and healings, weights against
channels."""

import math
import time
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save
from torch import Tensor, nn

from compress_core.analysis.latency import summarize, time_interleaved
from compress_core.analysis.profile import profile
from compress_core.cache import StageCache
from compress_core.data import dataset
from compress_core.files import file_bytes
from compress_core.layers.inference import predict, prepare
from compress_core.layers.kinds import is_weighted
from compress_core.layers.modules import RaggedConv2d
from compress_core.pipeline import CALIBRATION_SEED, NETWORK, compress, exactness, prunable_layers, prune, recipe_key
from compress_core.pruning.channels import PruneResult
from compress_core.pruning.coupling import ChannelGroup
from compress_core.pruning.exactness import IMAGES
from compress_core.pruning.healing import recalibrate
from compress_core.pruning.selection import ScoredGroup
from compress_core.pruning.weights import prune_weights
from compress_core.quantization.quantize import finite_tensors, unquantized
from compress_core.recipe import MAX_PRUNE, Recipe
from compress_core.recipe.edits import parse
from compress_core.registry import HEALINGS
from compress_core.studies.accuracy import Accuracy, study_accuracy

LOWEST, FLOOR = 0.002, 1e-12
"""A log axis starts at this quantile of the scores, and at this part of the highest at least."""
TIMING_S, MIN_ROUNDS, MAX_ROUNDS = 0.15, 6, 30
BATCH = 64
STOPS = 180
"""At most so many stops of the threshold: a key press moves about a channel in a hundred."""


@dataclass(frozen=True)
class ChannelScores:
    """The scores of a recipe's channels, and which of them stay.

    `channels` has a row per channel that the criterion scores: `layer`, `channel`, `score`, `kept`. `layers` has a row
    per layer that puts them out: `layer`, `before`, `after`, `threshold` (NaN where none), `kept_by_floor` (channels
    that stayed only because a layer may not empty).
    """

    channels: pd.DataFrame
    layers: pd.DataFrame


def study_scores(recipe: Recipe, cache: StageCache) -> ChannelScores:
    """Choose a recipe's channels, without healing or measuring anything: a matter of milliseconds."""
    groups = prune(recipe, cache)[1].groups
    kept = [_mask(scored.survivors, scored.group.size) for scored in groups]
    channels = pd.DataFrame(
        {
            "layer": [scored.name for scored in groups for _ in range(scored.group.size)],
            "channel": [channel for scored in groups for channel in range(scored.group.size)],
            "score": torch.cat([scored.scores for scored in groups]).numpy(),
            "kept": torch.cat(kept).numpy(),
        }
    )
    rows = [
        (s.name, s.group.size, len(s.survivors), s.threshold if s.threshold > -math.inf else math.nan, s.kept_by_floor)
        for s in groups
    ]
    layers = pd.DataFrame(rows, columns=["layer", "before", "after", "threshold", "kept_by_floor"])
    return ChannelScores(channels, layers)


def study_scaling_factors(recipe: Recipe, cache: StageCache) -> ChannelScores:
    """The scaling factor γ of each channel, and which of them stay by whatever criterion the recipe has."""
    gamma = study_scores(recipe.with_(criterion="bn_scale"), cache)
    if recipe.criterion == "bn_scale" or not recipe.cuts:
        return gamma
    chosen = study_scores(recipe, cache)
    channels = gamma.channels.drop(columns="kept").merge(chosen.channels[["layer", "channel", "kept"]])
    layers = chosen.layers[chosen.layers["layer"].isin(gamma.layers["layer"])]  # no γ scales the others
    return ChannelScores(channels, layers.assign(threshold=math.nan))


@dataclass(frozen=True)
class CouplingTable:
    """The layers that share channels.

    `layers` has a row per layer that puts prunable channels out: `layer`, `group`, `places` (for each of its output
    channels the place in the group; a tuple). `kinds` has a row per set of channels of a group that the same layers
    share: `group`, `kind`, and the names `writers`, `depthwise`, `norms`, `readers`. `channels` has a row per channel
    of a group: `group`, `channel`, `kind`.
    """

    layers: pd.DataFrame
    kinds: pd.DataFrame
    channels: pd.DataFrame


@dataclass(frozen=True)
class ChannelTable:
    """The fate of each channel of a recipe.

    `channels` has a row per channel of a group: `group`, `channel`, `score`, `kept`, `edit` (True kept by hand, False
    cut by hand, None neither). `layers` has a row per layer as in `CouplingTable`: `layer`, `group`, `before`, `after`,
    `kept_by_floor` (channels of its group that stayed only because a layer may not empty).
    """

    channels: pd.DataFrame
    layers: pd.DataFrame


@dataclass(frozen=True)
class Proof:
    """The largest difference between what the pruned and the masked network put out, and of how many images."""

    difference: float
    images: int


def study_exactness(recipe: Recipe, cache: StageCache) -> Proof:
    """Hold what is left of a recipe against the masked original, before any healing."""
    return Proof(exactness(recipe, cache), IMAGES)


def study_coupling(recipe: Recipe, cache: StageCache) -> CouplingTable:
    """The coupling of a recipe's channels, kept by what it depends on: not by the pruning ratio."""
    recipe = recipe.canonical()
    key = *recipe_key(recipe, NETWORK), recipe.criterion, tuple(parse(recipe.edits))
    return cache.get("coupling table", key, lambda: _coupling_table(recipe, cache))


def _coupling_table(recipe: Recipe, cache: StageCache) -> CouplingTable:
    base, pruned = prune(recipe, cache)
    layers, kinds, channels = [], [], []
    for number, scored in _numbered(recipe, pruned):
        group = scored.group
        for name, places in group.writers.items():
            layers.append((name, number, tuple(places[places >= 0].tolist())))
        sets, kind_of = _kinds(base.model, group)
        kinds += [(number, kind, *names) for kind, names in enumerate(sets)]
        channels += [(number, channel, kind) for channel, kind in enumerate(kind_of)]
    order = {name: place for place, (name, _) in enumerate(base.model.named_modules())}
    return CouplingTable(
        pd.DataFrame(sorted(layers, key=lambda row: order[row[0]]), columns=["layer", "group", "places"]),
        pd.DataFrame(kinds, columns=["group", "kind", "writers", "depthwise", "norms", "readers"]),
        pd.DataFrame(channels, columns=["group", "channel", "kind"]),
    )


def _numbered(recipe: Recipe, pruned: PruneResult) -> list[tuple[int, ScoredGroup]]:
    """The groups that were scored, each with its number among all groups, as changes by hand count them."""
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


def study_channels(recipe: Recipe, cache: StageCache) -> ChannelTable:
    """Choose channel by channel and layer by layer what stays: a matter of milliseconds."""
    coupling = study_coupling(recipe, cache)
    groups = dict(_numbered(recipe, prune(recipe, cache)[1]))
    kept = {number: _mask(scored.survivors, scored.group.size) for number, scored in groups.items()}
    by_hand = parse(recipe.edits)
    channels = coupling.channels[["group", "channel"]].assign(
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
            groups[row.group].kept_by_floor,
        )
        for row in coupling.layers.itertuples()
    ]
    return ChannelTable(channels, pd.DataFrame(rows, columns=["layer", "group", "before", "after", "kept_by_floor"]))


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


def score_range(scores: pd.Series, log: bool = False) -> tuple[float, float]:
    """The ends of an axis of scores."""
    stops = thresholds(scores, log)["stop"]
    return float(stops.iloc[0]), float(stops.iloc[-1])


def stop_for(table: pd.DataFrame, prune: float, threshold: float | None) -> int:
    """The row of `thresholds` that says a pruning ratio best; of several the one nearest to its threshold."""
    away = (table["share"] - prune).abs()
    best = table["stop"][away == away.min()]
    return int(best.index[-1] if threshold is None else (best - threshold).abs().idxmin())


@dataclass(frozen=True)
class PrunedSummary:
    """What is left of a network: the half of a `Comparison` that a sentence on pruning needs, in half of its time."""

    recipe: Recipe
    accuracy: Accuracy
    params: int
    macs: int
    cut_share: float


def study_pruned(recipe: Recipe, cache: StageCache, pieces: int | None = None) -> PrunedSummary:
    """Build a recipe, count its right answers and what an image costs; `pieces` as in `study_accuracy`."""
    recipe = recipe.canonical()
    accuracy = study_accuracy(recipe, cache, pieces)
    built = compress(recipe, cache)
    layers = profile(built.model, torch.zeros(1, *dataset(recipe.dataset).input_shape))
    costs = int(layers["params"].sum()), int(layers["macs"].sum())
    return PrunedSummary(recipe, accuracy, *costs, built.report.pruned.cut_share)


@dataclass(frozen=True)
class HealingResult:
    """The accuracy that a healing has brought, and the seconds that it took on this machine."""

    accuracy: Accuracy
    seconds: float


def study_healing(recipe: Recipe, _cache: StageCache) -> HealingResult:
    """Prune a recipe anew, and time its healing."""
    cache = StageCache()  # a healing that is at hand already would take no time
    recipe = recipe.weights_only()
    prune(recipe, cache)
    started = time.perf_counter()
    compress(recipe, cache)
    seconds = time.perf_counter() - started
    return HealingResult(study_accuracy(recipe, cache), seconds)


@dataclass(frozen=True)
class WeightVersusChannel:
    """Pruned weights against pruned channels, at the same number of parameters.

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


def study_weight_versus_channel(recipe: Recipe, cache: StageCache) -> WeightVersusChannel:
    """Prune a recipe's channels, set as many parameters of the same network to zero instead, and measure both.

    Both have their BatchNorms recalibrated on the same images. Rounding plays no part.
    """
    recipe = recipe.with_(heal="recalibrate").weights_only()
    whole, smaller = compress(recipe.with_(prune=0.0), cache), compress(recipe, cache)
    weights = sum(m.weight.numel() for m in whole.model.modules() if is_weighted(m))
    ratio = (_params(whole.model) - _params(smaller.model)) / weights
    holes = prune_weights(whole.model, ratio=ratio)
    data = dataset(recipe.dataset)
    healed = recalibrate(holes.model, data.calibration(HEALINGS["recalibrate"].images, CALIBRATION_SEED))
    full_of_holes = replace(whole, model=healed, state=unquantized(healed))
    forms = {"original": whole, "holes": full_of_holes, "smaller": smaller}
    batch = torch.zeros(BATCH, *data.input_shape).contiguous(memory_format=torch.channels_last)
    networks = [prepare(form.model) for form in forms.values()]
    timings = summarize(time_interleaved(networks, batch, TIMING_S, MIN_ROUNDS, MAX_ROUNDS), list(forms))
    images, labels = data.test()
    zeros = sum(int((~mask).sum()) for mask in holes.masks.values())
    rows = {}
    for name, form in forms.items():
        params = _params(form.model) - (zeros if name == "holes" else 0)
        length = len(file_bytes(form))
        right = predict(form.model, images).argmax(1).eq(labels).double().mean().item()
        rows[name] = (params, right, _dense_bytes(form.model), length, 4 * params)
    columns = ["params", "accuracy", "dense_bytes", "file_bytes", "minimum_bytes"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table = table.assign(ms=timings.table["ms"], speedup=1 / timings.table["relative"])
    layers = [layer for group in smaller.report.pruned.groups for layer in group.group.writers]
    matrices = {
        name: {
            layer: _matrix(form.model.get_submodule(layer), holes.masks.get(layer) if name == "holes" else None)
            for layer in layers
        }
        for name, form in forms.items()
    }
    return WeightVersusChannel(table, matrices, ratio, len(labels))


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
