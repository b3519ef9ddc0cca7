"""A recipe held against its original: everything that a page shows of the two, measured once."""

import math
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from compress_core.analysis.accuracy import Estimate, accuracy_change
from compress_core.data import dataset
from compress_core.measure import Answers, Measurement, answer, measure
from compress_core.numbers import whole_percent
from compress_core.pipeline import FINETUNE_EPOCHS, Compressed, compress, cut, original_of
from compress_core.pruning.channels import PruneResult
from compress_core.recipe import Recipe
from compress_core.stages import StageCache
from compress_core.words import bits_names

HEALED = {
    "none": "not healed",
    "absorb": "means absorbed",
    "recalibrate": "BatchNorm recalibrated",
    "reconstruct": "layers solved again",
    "finetune": f"and {FINETUNE_EPOCHS} epochs distilled",
}
"""What each healing has done, in a few words."""


@dataclass(frozen=True)
class Cut:
    """Who stays and who goes.

    `channels` has a row per prunable channel: `layer`, `channel`, `score`, `kept`.
    `layers` has a row per prunable layer: `layer`, `before`, `after`, `threshold` (NaN where none), `held`
    (channels that stayed only because a layer may not empty).
    """

    channels: pd.DataFrame
    layers: pd.DataFrame


@dataclass(frozen=True)
class Study:
    """One recipe, its original, and what lies between them; without latencies, which take time of their own.

    `steps` has a row per step from the original to the recipe: `step`, `detail`, `accuracy`, `done`.
    `images` has a row per test image: `image` (its place in the test set), `label`, `original`, `compressed`
    (the answers), `original_confidence`, `compressed_confidence`; disagreements first, the surest of them first.
    """

    original: Measurement
    compressed: Measurement
    change: Estimate
    """Accuracy of the compressed network minus the original's, paired over the same images."""
    cut_share: float
    """The part of the prunable channels that was really cut, 0 … 1."""
    steps: pd.DataFrame
    images: pd.DataFrame
    mean_bits: float = 32.0
    """What a weight of a layer takes, on average."""


def study_cut(recipe: Recipe, cache: StageCache | None = None) -> Cut:
    """Cut a recipe's channels, without healing or measuring anything: a matter of milliseconds.

    Raises:
        CheckpointError: weights are missing or damaged.
    """
    pruned = cut(recipe, cache)[1]
    return Cut(_channels(pruned), _layers(pruned))


def study(recipe: Recipe, cache: StageCache | None = None, original: Recipe | None = None) -> Study:
    """Build and measure a recipe and its original.

    Args:
        original: what to compare with; `original_of(recipe)` if left out.

    Raises:
        CheckpointError: weights are missing or damaged.
    """
    cache = StageCache() if cache is None else cache
    recipe, original = recipe.canonical(), original or original_of(recipe)
    last = compress(recipe, cache)
    before = cache.get("measure", original, lambda: measure(compress(original, cache), cache=cache, timed=False))
    after = cache.get("measure", recipe, lambda: measure(last, cache=cache, timed=False))
    data = dataset(recipe.dataset)
    return Study(
        original=before,
        compressed=after,
        change=accuracy_change(before.answers.correct, after.answers.correct, data.test_sources()),
        cut_share=last.report.pruned.cut_share,
        steps=_steps(original, last, cache),
        images=_images(data.test()[1], before.answers, after.answers),
        mean_bits=last.state.mean_bits,
    )


def _channels(pruned: PruneResult) -> pd.DataFrame:
    kept = [torch.zeros(g.group.size, dtype=torch.bool).index_fill(0, g.survivors, True) for g in pruned.groups]
    return pd.DataFrame(
        {
            "layer": [g.name for g in pruned.groups for _ in range(g.group.size)],
            "channel": [channel for g in pruned.groups for channel in range(g.group.size)],
            "score": torch.cat([g.scores for g in pruned.groups]).numpy(),
            "kept": torch.cat(kept).numpy(),
        }
    )


def _layers(pruned: PruneResult) -> pd.DataFrame:
    rows = [
        (g.name, g.group.size, len(g.survivors), g.threshold if g.threshold > -math.inf else math.nan, g.held)
        for g in pruned.groups
    ]
    return pd.DataFrame(rows, columns=["layer", "before", "after", "threshold", "held"])


def _steps(original: Recipe, last: Compressed, cache: StageCache) -> pd.DataFrame:
    """Accuracy after each step. Every step is itself a recipe, so each is measured as any recipe is."""
    recipe, report = last.recipe, last.report
    narrow = recipe.with_(prune=0.0).weights_only()
    unhealed = recipe.with_(heal="none").weights_only()
    healed = recipe.weights_only()
    share = report.pruned.cut_share
    steps = [
        ("Original", f"width {original.width:g}, as trained", original, True),
        ("Width", f"{recipe.width:g}, {report.base.origin}{_training(recipe)}", narrow, narrow != original),
        ("Cut", f"{whole_percent(share)} of channels" if share else "nothing cut", unhealed, share > 0),
        ("Healed", HEALED[recipe.heal if report.healed else "none"], healed, report.healed),
        ("Quantized", ", ".join(bits_names(recipe, last.state.mean_bits)) or "32 bits", recipe, recipe != healed),
    ]
    rows = []
    for step, detail, of, done in steps:
        accuracy = answer(compress(of, cache), cache).correct.double().mean().item() if done else math.nan
        rows.append((step, detail, accuracy, done))
    return pd.DataFrame(rows, columns=["step", "detail", "accuracy", "done"])


def _training(recipe: Recipe) -> str:
    sparsity = recipe.weights.partition("sparse-")[2]
    return f", λ = {sparsity}" if sparsity else ""


def _images(labels: Tensor, before: Answers, after: Answers) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "image": range(len(labels)),
            "label": labels.numpy(),
            "original": before.predicted.numpy(),
            "compressed": after.predicted.numpy(),
            "original_confidence": before.confidence.numpy(),
            "compressed_confidence": after.confidence.numpy(),
        }
    )
    order = pd.DataFrame(
        {"agree": frame["original"].eq(frame["compressed"]), "unsure": -frame["compressed_confidence"]}
    )
    # Where both agree, the images on which the compressed network is least sure are worth a look.
    order["unsure"] = order["unsure"].where(~order["agree"], -order["unsure"])
    return frame.loc[order.sort_values(["agree", "unsure"], kind="stable").index].reset_index(drop=True)
