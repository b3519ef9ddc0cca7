"""Measuring a compressed network on its dataset's test images."""

import gzip
import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from compress_core.analysis.accuracy import accuracy_estimate
from compress_core.analysis.latency import Latency, compare_latency
from compress_core.analysis.profile import profile
from compress_core.cache import StageCache
from compress_core.data import dataset
from compress_core.files import file_bytes
from compress_core.layers.inference import predict
from compress_core.pipeline import Compressed
from compress_core.quantization.activations import without_rounding
from compress_core.quantization.packing import size_breakdown
from compress_core.recipe import Recipe


@dataclass(frozen=True)
class Answers:
    """What a network says to each test image, in the order of `Dataset.test`."""

    predicted: Tensor
    """(N,) class."""
    confidence: Tensor
    """(N,) its softmax probability."""
    correct: Tensor
    """(N,) bool."""


@dataclass(frozen=True)
class Measurement:
    """Everything that was measured of one recipe. Sizes are bytes, counts are for one image."""

    recipe: Recipe
    accuracy: float
    """0 … 1, of `samples` test images; `low` and `high` bound its 95 % interval."""
    samples: int
    low: float
    high: float
    params: int
    macs: int
    file_bytes: int
    minimum_bytes: int
    """The arithmetic minimum: parameters × bits / 8, the mean of the weights' bits where layers differ."""
    breakdown: dict[str, int]
    """Where the file's bytes are."""
    answers: Answers
    latency: Latency | None
    """None where it was not asked for."""

    @property
    def latency_ms(self) -> float | None:
        """Milliseconds for one image."""
        return self.latency and self.latency.ms


Part = Literal["first", "usual", "all"]
"""Of the test images: those of a knob's first answer, those of its figures, or all that are at hand."""


def answer(compressed: Compressed, cache: StageCache | None = None, part: Part = "all") -> Answers:
    """A compressed network run on test images; with a cache, once a recipe."""
    cache = StageCache() if cache is None else cache

    def run() -> Answers:
        images, labels = _tests(compressed.recipe, part)
        confidence, predicted = predict(compressed.model, images).softmax(1).max(1)
        return Answers(predicted, confidence, predicted.eq(labels))

    return cache.get("answer", (compressed.recipe, part), run)


def _tests(recipe: Recipe, part: Part) -> tuple[Tensor, Tensor]:
    """The images of a part and their labels."""
    data = dataset(recipe.dataset)
    images, labels = data.test(part == "all")
    return (images[data.first], labels[data.first]) if part == "first" else (images, labels)


def test_sources(recipe: Recipe, part: Part) -> Tensor:
    """Which original each image of a part was made from."""
    data = dataset(recipe.dataset)
    sources = data.test_sources(part == "all")
    return sources[data.first] if part == "first" else sources


def measure(
    compressed: Compressed,
    against: Compressed | None = None,
    cache: StageCache | None = None,
    timed: bool = True,
    part: Part = "all",
) -> Measurement:
    """Accuracy, sizes, costs and speed of a compressed network.

    Args:
        against: the network whose time is taken in turn with this one's; itself if left out, so that the
            speedups are 1.
        cache: keeps answers and latencies.
        timed: whether to measure the latency, which takes about a tenth of a second.
        part: of the test images.
    """
    cache = StageCache() if cache is None else cache
    recipe, model = compressed.recipe, compressed.model
    data = dataset(recipe.dataset)
    answers = answer(compressed, cache, part)
    accuracy = accuracy_estimate(answers.correct, test_sources(recipe, part))
    layers = profile(model, torch.zeros(1, *data.input_shape))
    data_of_file = file_bytes(compressed)
    params = int(layers["params"].sum())
    return Measurement(
        recipe=recipe,
        accuracy=accuracy.value,
        samples=accuracy.samples,
        low=accuracy.low,
        high=accuracy.high,
        params=params,
        macs=int(layers["macs"].sum()),
        file_bytes=len(data_of_file),
        minimum_bytes=math.ceil(params * compressed.state.mean_bits / 8),
        breakdown=size_breakdown(compressed.state, data_of_file),
        answers=answers,
        latency=time_against(compressed, against or compressed, cache) if timed else None,
    )


def time_against(compressed: Compressed, reference: Compressed, cache: StageCache | None = None) -> Latency:
    """The latency of a compressed network beside another's.

    It is kept by the shapes of their layers: weights, and bits that are only simulated, do not change it. So networks
    of the same shapes are as fast as each other, whatever a busy machine measures.
    """
    cache = StageCache() if cache is None else cache
    shape = dataset(compressed.recipe.dataset).input_shape
    shapes = [tuple(tuple(p.shape) for p in c.model.parameters()) for c in (compressed, reference)]
    latency = cache.get(
        "latency",
        (compressed.recipe.arch, shape, *shapes),
        lambda: compare_latency(without_rounding(compressed.model), without_rounding(reference.model), shape),
    )
    if shapes[0] != shapes[1]:
        return latency
    return replace(
        latency, speedup=1.0, batch_speedup=1.0, quartiles=(1.0, 1.0), batch_quartiles=(1.0, 1.0), same_arithmetic=True
    )


def gzip_bytes(compressed: Compressed) -> int:
    """The length of the file once it is gzipped, at gzip's own default level."""
    return len(gzip.compress(file_bytes(compressed)))
