"""A recipe beside its original: everything that the home page shows of the two, measured once."""

import math
from dataclasses import dataclass, replace

import pandas as pd
from torch import Tensor

from compress_core.analysis.accuracy import Estimate, accuracy_change, accuracy_estimate
from compress_core.analysis.latency import Latency
from compress_core.cache import StageCache
from compress_core.data import dataset
from compress_core.files import file_bytes
from compress_core.measure import Answers, Measurement, Part, answer, gzip_bytes, measure, test_sources, time_against
from compress_core.pipeline import Compressed, compress, original_of
from compress_core.recipe import Recipe
from compress_core.studies.accuracy import study_accuracy


@dataclass(frozen=True)
class Comparison:
    """One recipe, its original, and what lies between them; without latencies, which take time of their own.

    `steps` has a row per step from the original to the recipe: `step`, `accuracy`, `done`, the `origin` of the width.
    `images` has a row per test image: `image` (its place in the test set), `label`, `original`, `compressed`
    (the answers), `original_confidence`, `compressed_confidence`; disagreements first, the surest of them first.
    """

    original: Measurement
    compressed: Measurement
    change: Estimate
    """Accuracy of the compressed network minus the original's, paired over the same images."""
    cut_share: float
    """The part of the prunable channels that was really cut, 0 … 1."""
    mean_bits: float = 32.0
    """What a weight of a layer takes, on average."""
    steps: pd.DataFrame | None = None
    images: pd.DataFrame | None = None


def study_comparison(recipe: Recipe, cache: StageCache, original: Recipe | None = None) -> Comparison:
    """Build and measure a recipe and its original.

    Args:
        original: what to compare with; `original_of(recipe)` if left out.
    """
    recipe, original = recipe.canonical(), original or original_of(recipe)
    last = compress(recipe, cache)
    found = _compare(last, original, cache, "usual")
    labels = dataset(recipe.dataset).test()[1]
    images = _images(labels, found.original.answers, found.compressed.answers)
    return replace(found, steps=_steps(original, last, cache), images=images)


def study_first_answer(recipe: Recipe, cache: StageCache, original: Recipe | None = None) -> Comparison:
    """As `study_comparison`, of the first test images only, and without steps and images: what a knob waits for."""
    recipe = recipe.canonical()
    return _compare(compress(recipe, cache), original or original_of(recipe), cache, "first")


def _compare(last: Compressed, original: Recipe, cache: StageCache, part: Part) -> Comparison:
    def measured(compressed: Compressed) -> Measurement:
        own = compressed.recipe, part
        return cache.get("measure", own, lambda: measure(compressed, cache=cache, timed=False, part=part))

    before, after = measured(compress(original, cache)), measured(last)
    return Comparison(
        original=before,
        compressed=after,
        change=accuracy_change(before.answers.correct, after.answers.correct, test_sources(last.recipe, part)),
        cut_share=last.report.pruned.cut_share,
        mean_bits=last.state.mean_bits,
    )


@dataclass(frozen=True)
class WholeAccuracy:
    """Accuracies on all test images that are at hand, where a knob has waited for a part of them only."""

    original: Estimate
    compressed: Estimate
    change: Estimate


def has_more_images(recipe: Recipe) -> bool:
    """Whether more test images are at hand than a knob waits for."""
    data = dataset(recipe.dataset)
    return len(data.test_sources(whole=True)) > len(data.test_sources())


def study_whole_accuracy(recipe: Recipe, cache: StageCache) -> WholeAccuracy:
    """A recipe beside its original on all test images."""
    sources = dataset(recipe.dataset).test_sources(whole=True)
    before, after = (answer(compress(own, cache), cache).correct for own in (original_of(recipe), recipe))
    change = accuracy_change(before, after, sources)
    return WholeAccuracy(accuracy_estimate(before, sources), accuracy_estimate(after, sources), change)


def sharpen(study: Comparison, whole: WholeAccuracy) -> Comparison:
    """A comparison with the accuracies of all test images."""

    def told(own: Measurement, by: Estimate) -> Measurement:
        return replace(own, accuracy=by.value, samples=by.samples, low=by.low, high=by.high)

    return replace(
        study,
        original=told(study.original, whole.original),
        compressed=told(study.compressed, whole.compressed),
        change=whole.change,
    )


def _steps(original: Recipe, last: Compressed, cache: StageCache) -> pd.DataFrame:
    """Accuracy after each step. Every step is itself a recipe, so each is measured as any recipe is."""
    recipe, report = last.recipe, last.report
    narrow = recipe.with_(prune=0.0).weights_only()
    unhealed = recipe.with_(heal="none").weights_only()
    healed = recipe.weights_only()
    steps = [
        ("Original", original, True),
        ("Width", narrow, narrow != original),
        ("Cut", unhealed, report.pruned.cut_share > 0),
        ("Healed", healed, report.healed),
        ("Quantized", recipe, recipe != healed),
    ]
    rows = [
        (step, study_accuracy(of, cache).value if done else math.nan, done, report.base.origin)
        for step, of, done in steps
    ]
    return pd.DataFrame(rows, columns=["step", "accuracy", "done", "origin"])


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


def study_latency(recipe: Recipe, cache: StageCache, original: Recipe | None = None) -> Latency:
    """Time a recipe beside its original."""
    return time_against(compress(recipe, cache), compress(original or original_of(recipe), cache), cache)


def study_file(recipe: Recipe, cache: StageCache) -> bytes:
    """The file of a recipe's network."""
    return file_bytes(compress(recipe, cache))


def study_gzipped(recipe: Recipe, cache: StageCache) -> int:
    """The length of a recipe's file once gzipped; up to a tenth of a second."""
    return gzip_bytes(compress(recipe, cache))
