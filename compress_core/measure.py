"""Measuring a compressed network on its dataset's test images."""

import gzip
from dataclasses import dataclass

import torch
from torch import Tensor

from compress_core.analysis.accuracy import accuracy_estimate
from compress_core.analysis.latency import Latency, compare_latency
from compress_core.analysis.profile import profile
from compress_core.data import dataset
from compress_core.files import file_bytes
from compress_core.inference import predict
from compress_core.pipeline import Compressed, compress
from compress_core.quantization.packing import size_breakdown
from compress_core.recipe import Recipe
from compress_core.stages import StageCache


@dataclass(frozen=True)
class Answers:
    """What a network says to each test image, in the order of `Dataset.test()`."""

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
    """The arithmetic minimum: parameters × bits / 8."""
    breakdown: dict[str, int]
    """Where the file's bytes are."""
    latency: Latency
    answers: Answers

    @property
    def latency_ms(self) -> float:
        """Milliseconds for one image."""
        return self.latency.ms


def answer(recipe: Recipe, cache: StageCache | None = None) -> Answers:
    """A recipe's network run on the whole test set."""
    cache = StageCache() if cache is None else cache
    recipe = recipe.canonical()

    def run() -> Answers:
        images, labels = dataset(recipe.dataset).test()
        logits = predict(compress(recipe, cache).model, images)
        confidence, predicted = logits.softmax(1).max(1)
        return Answers(predicted, confidence, predicted.eq(labels))

    return cache.get("answer", recipe, run)


def measure(compressed: Compressed, against: Compressed | None = None, cache: StageCache | None = None) -> Measurement:
    """Accuracy, sizes, costs and speed of a compressed network.

    Args:
        against: the network whose time is taken in turn with this one's; itself if left out, so that the
            speedups are 1.
        cache: keeps answers, and latencies by the layers' shapes, since weights do not change them.
    """
    cache = StageCache() if cache is None else cache
    recipe, model = compressed.recipe, compressed.model
    data = dataset(recipe.dataset)
    answers = answer(recipe, cache)
    accuracy = accuracy_estimate(answers.correct, data.test_sources())
    layers = profile(model, torch.zeros(1, *data.input_shape))
    length = len(file_bytes(compressed))
    reference = (against or compressed).model
    latency = cache.get(
        "latency",
        (recipe.arch, data.input_shape, _shapes(model), _shapes(reference)),
        lambda: compare_latency(model, reference, data.input_shape),
    )
    params = int(layers["params"].sum())
    return Measurement(
        recipe=recipe,
        accuracy=accuracy.value,
        samples=accuracy.samples,
        low=accuracy.low,
        high=accuracy.high,
        params=params,
        macs=int(layers["macs"].sum()),
        file_bytes=length,
        minimum_bytes=-(-params * recipe.bits // 8),
        breakdown=size_breakdown(compressed.state, length),
        latency=latency,
        answers=answers,
    )


def gzip_bytes(compressed: Compressed) -> int:
    """The length of the file once it is gzipped, at gzip's own default level."""
    return len(gzip.compress(file_bytes(compressed)))


def _shapes(model: torch.nn.Module) -> tuple:
    return tuple(tuple(p.shape) for p in model.parameters())
