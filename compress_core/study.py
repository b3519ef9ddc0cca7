"""A recipe held against its original: everything that a page shows of the two, measured once."""

from dataclasses import dataclass

import pandas as pd

from compress_core.analysis.accuracy import Estimate, accuracy_change
from compress_core.data import dataset
from compress_core.measure import Answers, Measurement, answer, measure
from compress_core.pipeline import Compressed, compress, original_of
from compress_core.pruning.channels import PruneResult
from compress_core.recipe import Recipe
from compress_core.stages import StageCache


@dataclass(frozen=True)
class Study:
    """One recipe, its original, and what lies between them.

    `channels` has a row per prunable channel: `layer`, `channel`, `score`, `kept`.
    `layers` has a row per prunable layer: `layer`, `before`, `after`, `threshold` (NaN where none), `held`
    (channels that stayed only because a layer may not empty).
    `steps` has a row per step from the original to the recipe: `step`, `detail`, `accuracy`, `done`.
    `images` has a row per test image: `image` (its place in the test set), `label`, `original`, `compressed`
    (the answers), `original_confidence`, `compressed_confidence`; disagreements first, the surest of them first.
    """

    original: Measurement
    compressed: Measurement
    change: Estimate
    """Accuracy of the compressed network minus the original's, paired over the same images."""
    origin: str
    """`trained`, or `slimmed from` which width."""
    channels: pd.DataFrame
    layers: pd.DataFrame
    steps: pd.DataFrame
    images: pd.DataFrame


def study(recipe: Recipe, cache: StageCache | None = None, original: Recipe | None = None) -> Study:
    """Build and measure a recipe and its original.

    Args:
        original: what to compare with; `original_of(recipe)` if left out.

    Raises:
        CheckpointError: weights are missing or damaged.
    """
    cache = StageCache() if cache is None else cache
    recipe, original = recipe.canonical(), original or original_of(recipe)
    first, last = compress(original, cache), compress(recipe, cache)
    before = cache.get("measure", original, lambda: measure(first, first, cache))
    after = cache.get("measure", recipe, lambda: measure(last, first, cache))
    data = dataset(recipe.dataset)
    pruned = last.report.pruned
    return Study(
        original=before,
        compressed=after,
        change=accuracy_change(before.answers.correct, after.answers.correct, data.test_sources()),
        origin=last.report.base.origin,
        channels=_channels(pruned),
        layers=_layers(pruned),
        steps=_steps(original, last, cache),
        images=_images(data.test()[1], before.answers, after.answers),
    )


def _channels(pruned: PruneResult) -> pd.DataFrame:
    parts = []
    for group in pruned.groups:
        part = pd.DataFrame({"channel": range(group.group.size), "score": group.scores.numpy(), "kept": False})
        part.loc[group.survivors.numpy(), "kept"] = True
        parts.append(part.assign(layer=group.name))
    return pd.concat(parts, ignore_index=True)[["layer", "channel", "score", "kept"]]


def _layers(pruned: PruneResult) -> pd.DataFrame:
    rows = [(g.name, g.group.size, len(g.survivors), g.threshold, g.held) for g in pruned.groups]
    frame = pd.DataFrame(rows, columns=["layer", "before", "after", "threshold", "held"])
    return frame.assign(threshold=frame["threshold"].replace(float("-inf"), float("nan")))


def _steps(original: Recipe, last: Compressed, cache: StageCache) -> pd.DataFrame:
    """Accuracy after each step. Every step is itself a recipe, so each is measured as any recipe is."""
    recipe = last.recipe
    narrow = recipe.with_(prune=0.0, bits=32)
    cut = recipe.with_(heal="none", bits=32)
    healed = recipe.with_(bits=32)
    pruned = last.report.pruned.channels_after < last.report.pruned.channels_before
    steps = [
        ("Original", f"width {original.width:g}", original, True),
        ("Width", f"{recipe.width:g}, {last.report.base.origin}", narrow, recipe.width != original.width),
        ("Cut", f"{recipe.prune:.0%} of channels" if pruned else "nothing cut", cut, pruned),
        ("Healed", "BatchNorm recalibrated" if last.report.healed else "not healed", healed, last.report.healed),
        ("Quantized", f"{recipe.bits}-bit weights" if recipe.bits < 32 else "32 bits", recipe, recipe.bits < 32),
    ]
    rows = [
        (step, detail, answer(of, cache).correct.double().mean().item() if done else float("nan"), done)
        for step, detail, of, done in steps
    ]
    frame = pd.DataFrame(rows, columns=["step", "detail", "accuracy", "done"])
    return frame.assign(accuracy=frame["accuracy"].ffill())


def _images(labels, before: Answers, after: Answers) -> pd.DataFrame:
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
