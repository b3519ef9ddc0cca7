"""A recipe beside its original: everything that the home page shows of the two, measured once."""

import math
from dataclasses import dataclass

import pandas as pd

from compress_core.analysis.accuracy import Estimate, accuracy_change
from compress_core.analysis.latency import Latency
from compress_core.cache import StageCache
from compress_core.data import dataset
from compress_core.files import file_bytes
from compress_core.measure import Answers, Measurement, answer, gzip_bytes, measure, test_sources, time_against
from compress_core.pipeline import Compressed, compress, original_of
from compress_core.recipe import Recipe


@dataclass(frozen=True)
class Comparison:
    """One recipe, its original, and what lies between them; without latencies, which take time of their own.

    `steps` has a row per step from the original to the recipe: `step`, `accuracy` (NaN where it was not done, or is not
    measured yet), `done`, the `origin` of the width.
    `images` has a row per test image: `image` (its place in the test set), `label`, `original`, `compressed`
    (the answers), `original_confidence`, `compressed_confidence`; disagreements first, the classes in turn, the surest
    of each class first.
    """

    original: Measurement
    compressed: Measurement
    change: Estimate
    """Accuracy of the compressed network minus the original's, paired over the same images."""
    cut_share: float
    """The part of the prunable channels that was really cut, 0 … 1."""
    mean_bits: float
    """What a weight of a layer takes, on average."""
    steps: pd.DataFrame
    images: pd.DataFrame


def study_comparison(
    recipe: Recipe, cache: StageCache, original: Recipe | None = None, pieces: int | None = None, between: bool = True
) -> Comparison:
    """Build and measure a recipe and its original.

    Args:
        original: what to compare with; `original_of(recipe)` if left out.
        pieces: of the test images, all that are at hand if None.
        between: whether to measure the steps that are neither the original nor the last.
    """
    return _compare(recipe.canonical(), cache, original or original_of(recipe), pieces, between)


def study_first_answer(recipe: Recipe, cache: StageCache, original: Recipe | None = None) -> Comparison:
    """As `study_comparison`, of the first test images, without looking at what lies between: what a knob waits for."""
    return _compare(recipe.canonical(), cache, original or original_of(recipe), 1, between=False)


def _compare(recipe: Recipe, cache: StageCache, original: Recipe, pieces: int | None, between: bool) -> Comparison:
    last = compress(recipe, cache)
    before, after = (
        measure(compressed, cache=cache, timed=False, pieces=pieces) for compressed in (compress(original, cache), last)
    )
    return Comparison(
        original=before,
        compressed=after,
        change=accuracy_change(before.answers.correct, after.answers.correct, test_sources(recipe, pieces)),
        cut_share=last.report.pruned.cut_share,
        mean_bits=last.state.mean_bits,
        steps=_steps(original, last, cache, pieces, between),
        images=_images(recipe, pieces, before.answers, after.answers),
    )


def _steps(original: Recipe, last: Compressed, cache: StageCache, pieces: int | None, between: bool) -> pd.DataFrame:
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

    def accuracy(of: Recipe, done: bool) -> float:
        known = between or of.canonical() in (original, recipe)
        return answer(compress(of, cache), cache, pieces).accuracy if done and known else math.nan

    rows = [(step, accuracy(of, done), done, report.base.origin) for step, of, done in steps]
    return pd.DataFrame(rows, columns=["step", "accuracy", "done", "origin"])


def _images(recipe: Recipe, pieces: int | None, before: Answers, after: Answers) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "image": dataset(recipe.dataset).places(pieces).numpy(),
            "label": before.labels.numpy(),
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
    order = order.assign(label=frame["label"]).sort_values(["agree", "unsure"], kind="stable")
    # Otherwise the one class that suffers most would be all that there is to see.
    order["turn"] = order.groupby(["agree", "label"]).cumcount()
    return frame.loc[order.sort_values(["agree", "turn"], kind="stable").index].reset_index(drop=True)


def study_latency(recipe: Recipe, cache: StageCache, original: Recipe | None = None, attempt: int = 1) -> Latency:
    """Time a recipe beside its original; `attempt` as in `time_against`."""
    return time_against(compress(recipe, cache), compress(original or original_of(recipe), cache), cache, attempt)


def study_file(recipe: Recipe, cache: StageCache) -> bytes:
    """The file of a recipe's network."""
    return file_bytes(compress(recipe, cache))


def study_gzipped(recipe: Recipe, cache: StageCache) -> int:
    """The length of a recipe's file once gzipped; up to a tenth of a second."""
    return gzip_bytes(compress(recipe, cache))
