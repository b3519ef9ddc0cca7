"""Measuring a compressed network on its dataset's test images."""

import gzip
import math
from dataclasses import dataclass, replace

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
    """What a network says to test images, in their order in `Dataset.test`."""

    predicted: Tensor
    """(N,) class."""
    confidence: Tensor
    """(N,) its softmax probability."""
    labels: Tensor
    """(N,) the right class."""

    @property
    def correct(self) -> Tensor:
        """(N,) bool."""
        return self.predicted.eq(self.labels)

    @property
    def accuracy(self) -> float:
        """The share of right ones, 0 … 1."""
        return self.correct.double().mean().item()


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


def answer(compressed: Compressed, cache: StageCache | None = None, pieces: int | None = None) -> Answers:
    """A compressed network run on the test images of the first `Dataset.pieces`, all if None.

    With a cache, once a recipe and piece: what fewer pieces have answered is not asked again.
    """
    cache = StageCache() if cache is None else cache
    recipe, data = compressed.recipe, dataset(compressed.recipe.dataset)
    count = len(data.pieces()[:pieces])

    def run() -> Answers:
        images, labels = data.test(whole=count > data.usual_pieces)
        fewer = ((n, cache.known("answer", (recipe, n))) for n in range(count - 1, 0, -1))
        done, known = next(((n, found) for n, found in fewer if found), (0, None))
        of_all = torch.arange(len(labels))
        places = torch.cat([of_all[piece] for piece in data.pieces()[done:count]])
        confidence, predicted = predict(compressed.model, images[places]).softmax(1).max(1)
        if known:
            places = torch.cat([data.places(done), places])
            predicted, confidence = (
                torch.cat(both) for both in ((known.predicted, predicted), (known.confidence, confidence))
            )
        order = places.argsort()
        return Answers(predicted[order], confidence[order], labels[places[order]])

    return cache.get("answer", (recipe, count), run)


def test_sources(recipe: Recipe, pieces: int | None = None) -> Tensor:
    """Which original each image of the first pieces was made from."""
    data = dataset(recipe.dataset)
    return data.test_sources(whole=True)[data.places(pieces)]


def measure(
    compressed: Compressed,
    against: Compressed | None = None,
    cache: StageCache | None = None,
    timed: bool = True,
    pieces: int | None = None,
) -> Measurement:
    """Accuracy, sizes, costs and speed of a compressed network.

    Args:
        against: the network whose time is taken in turn with this one's; itself if left out, so that the
            speedups are 1.
        cache: keeps answers and latencies.
        timed: whether to measure the latency, which takes about a tenth of a second.
        pieces: of the test images; all that are at hand if None.
    """
    cache = StageCache() if cache is None else cache
    recipe = compressed.recipe
    answers = answer(compressed, cache, pieces)
    accuracy = accuracy_estimate(answers.correct, test_sources(recipe, pieces))
    return Measurement(
        recipe=recipe,
        accuracy=accuracy.value,
        samples=accuracy.samples,
        low=accuracy.low,
        high=accuracy.high,
        answers=answers,
        latency=time_against(compressed, against or compressed, cache) if timed else None,
        **cache.get("costs", recipe, lambda: _costs(compressed)),
    )


def _costs(compressed: Compressed) -> dict[str, object]:
    """What of a measurement needs no images."""
    layers = profile(compressed.model, torch.zeros(1, *dataset(compressed.recipe.dataset).input_shape))
    params, written = int(layers["params"].sum()), file_bytes(compressed)
    return {
        "params": params,
        "macs": int(layers["macs"].sum()),
        "file_bytes": len(written),
        "minimum_bytes": math.ceil(params * compressed.state.mean_bits / 8),
        "breakdown": size_breakdown(compressed.state, written),
    }


def time_against(
    compressed: Compressed, reference: Compressed, cache: StageCache | None = None, attempt: int = 1
) -> Latency:
    """The latency of a compressed network beside another's.

    It is kept by the shapes of their layers: weights, and bits that are only simulated, do not change it. So networks
    of the same shapes are as fast as each other, whatever a busy machine measures.

    Args:
        attempt: a later one times again what an earlier one found spoilt, and gives the calmer of the two.
    """
    cache = StageCache() if cache is None else cache
    shape = dataset(compressed.recipe.dataset).input_shape
    shapes = [tuple(tuple(p.shape) for p in c.model.parameters()) for c in (compressed, reference)]

    def time() -> Latency:
        before = [time_against(compressed, reference, cache, attempt - 1)] if attempt > 1 else []
        if before and not before[0].spoilt:
            return before[0]
        found = compare_latency(without_rounding(compressed.model), without_rounding(reference.model), shape)
        return min(*before, found, key=lambda latency: latency.spread) if before else found

    latency = cache.get("latency", (compressed.recipe.arch, shape, *shapes, attempt), time)
    if shapes[0] != shapes[1]:
        return latency
    return replace(
        latency, speedup=1.0, batch_speedup=1.0, quartiles=(1.0, 1.0), batch_quartiles=(1.0, 1.0), same_arithmetic=True
    )


def gzip_bytes(compressed: Compressed) -> int:
    """The length of the file once it is gzipped, at gzip's own default level."""
    return len(gzip.compress(file_bytes(compressed)))
