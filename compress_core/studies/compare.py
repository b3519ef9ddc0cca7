"""Networks beside each other: what they say to one image, where they differ, and what is inside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from compress_core.analysis.accuracy import accuracy_estimate
from compress_core.analysis.class_activation import class_activation_map
from compress_core.cache import StageCache
from compress_core.data import dataset
from compress_core.files import file_bytes
from compress_core.layers.duplicate import duplicate
from compress_core.layers.folding import neighbours
from compress_core.layers.inference import predict
from compress_core.layers.kinds import is_batchnorm
from compress_core.layers.running import run_on
from compress_core.measure import test_sources
from compress_core.pipeline import Compressed, compress, original_of, source_width
from compress_core.quantization.activations import without_rounding
from compress_core.recipe import Recipe
from compress_core.studies.home import Comparison
from compress_core.studies.quantization import weights_before_and_after
from compress_core.studies.tradeoff import load_grid

RUNGS = 8
"""Networks of a ladder, at most."""
PLAIN_LADDER = (
    {},
    {"bits": 8},
    {"bits": 4},
    *({"prune": p, "bits": b} for p, b in ((0.3, 4), (0.5, 4), (0.7, 3), (0.8, 2))),
)
"""Of a network that no grid was measured of."""
MAPS_SHOWN = 64
KERNELS_SHOWN = 48


class Input(NamedTuple):
    """One image for networks: of the test images, or from elsewhere as `Dataset.see` made it."""

    number: int = -1
    """Its place among the test images; −1 for one from elsewhere."""
    pixels: bytes = b""
    """(height, width, C) uint8."""


def image_of(name: str, shown: Input) -> Tensor:
    """(1, C, H, W): an image of a dataset, ready for a network."""
    data = dataset(name)
    if shown.number >= 0:
        return data.test()[0][shown.number : shown.number + 1]
    channels, height, width = data.input_shape
    pixels = np.frombuffer(shown.pixels, np.uint8).reshape(1, height, width, channels)
    return data.normalise(pixels.copy())


def truth_of(name: str, shown: Input) -> int | None:
    """The class of a test image; None of one from elsewhere, since nobody has said it."""
    return int(dataset(name).test()[1][shown.number]) if shown.number >= 0 else None


def study_reading(recipe: Recipe, cache: StageCache, shown: Input) -> pd.DataFrame:
    """What a recipe's network says to one image: `label`, `probability`, the likeliest first."""
    logits = predict(compress(recipe, cache).model, image_of(recipe.dataset, shown))
    probabilities, labels = logits.softmax(1)[0].sort(descending=True, stable=True)
    return pd.DataFrame({"label": labels.numpy(), "probability": probabilities.numpy()})


@dataclass(frozen=True)
class Rung:
    """A network of a ladder: what it says to one image, and its file's length."""

    reading: pd.DataFrame
    file_bytes: int

    @property
    def answer(self) -> int:
        """The class that it takes the image for."""
        return int(self.reading["label"].iloc[0])


def study_rung(recipe: Recipe, cache: StageCache, shown: Input) -> Rung:
    """Build a network of a ladder and show it an image."""
    length = cache.get("length", recipe, lambda: len(file_bytes(compress(recipe, cache))))
    return Rung(study_reading(recipe, cache, shown), length)


def ladder(arch: str, name: str) -> list[Recipe]:
    """Ever smaller networks of an architecture: the original, then of each of so many sizes the most accurate recipe
    that was measured beforehand; the sizes shrink by the same factor.
    """
    original = original_of(Recipe(dataset=name, arch=arch))
    grid = load_grid(arch, name)
    if grid.empty:
        return [original.with_(**changes) for changes in PLAIN_LADDER]
    largest, smallest = (float(end) for end in (grid["file_bytes"].max(), grid["file_bytes"].min()))
    rungs = [original]
    for most in np.geomspace(largest, smallest, RUNGS)[1:]:
        within = grid[grid["file_bytes"] <= most * (1 + 1e-9)]
        best = within.sort_values(["accuracy", "file_bytes"], ascending=[False, True], kind="stable").iloc[0]["recipe"]
        if best not in rungs:
            rungs.append(best)
    return rungs


def confusion(images: pd.DataFrame, network: str, classes: int) -> np.ndarray:
    """(classes, classes): of the images of each class (row), the share that a network answers so (column), 0 … 1.

    Args:
        images: as in `Comparison.images`.
        network: `original` or `compressed`.
    """
    counts = np.zeros((classes, classes))
    np.add.at(counts, (images["label"].to_numpy(), images[network].to_numpy()), 1)
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)


def by_class(comparison: Comparison) -> pd.DataFrame:
    """Accuracy of each class with its 95 % interval: `network`, `label`, `accuracy`, `low`, `high`, `samples`."""
    images, recipe = comparison.images, comparison.compressed.recipe
    sources = test_sources(recipe)[torch.tensor(images["image"].to_numpy())]
    rows = []
    for network in ("original", "compressed"):
        for label in range(len(dataset(recipe.dataset).classes)):
            own = images["label"].eq(label).to_numpy()
            right = torch.tensor(images.loc[own, network].eq(label).to_numpy())
            found = accuracy_estimate(right, sources[torch.tensor(own)])
            rows.append((network, label, found.value, found.low, found.high, found.samples))
    return pd.DataFrame(rows, columns=["network", "label", "accuracy", "low", "high", "samples"])


def differing(images: pd.DataFrame, which: str) -> pd.DataFrame:
    """Of `Comparison.images` those with two answers: `all` of them, those `lost` (only the original is right) or
    `won`."""
    differ = images["original"] != images["compressed"]
    right = {
        "all": differ,
        "lost": images["original"].eq(images["label"]),
        "won": images["compressed"].eq(images["label"]),
    }
    return images[differ & right[which]]


@dataclass(frozen=True)
class LayerMaps:
    """What a layer makes of an image, in the original and in the compressed network, channel by channel.

    Both are (channels, h, w), of 0 … 1 of the largest value that either has in any channel shown.
    """

    original: np.ndarray
    compressed: np.ndarray
    """NaN in channels that are cut; where the channels are not the original's, as many as there are."""
    channels: list[int]
    """Which of the original's are shown."""
    before: int
    after: int
    aligned: bool
    """Whether the compressed network was cut from the original, so that its channels are the original's."""


def study_maps(recipe: Recipe, cache: StageCache, shown: Input, layer: str) -> LayerMaps:
    """Run both networks on an image and keep what a layer gives once it is normalised and activated."""
    built, first = compress(recipe, cache), compress(original_of(recipe), cache)
    image, end = image_of(recipe.dataset, shown), _activation_of(first.model, layer)
    before, after = (_maps(compressed.model, image, end) for compressed in (first, built))
    kept = _kept(built, layer, len(before))
    lively = before.flatten(1).std(1)
    chosen = lively.argsort(descending=True, stable=True)[:MAPS_SHOWN].sort().values
    if kept is None:
        own = after[after.flatten(1).std(1).argsort(descending=True, stable=True)[:MAPS_SHOWN].sort().values]
    else:
        whole = torch.full_like(before, torch.nan)
        whole[kept] = after
        own = whole[chosen]
    most = max(float(before[chosen].max()), float(own.nan_to_num().max()), 1e-12)
    shares = [(maps / most).clamp(0, 1).numpy() for maps in (before[chosen], own)]
    return LayerMaps(*shares, chosen.tolist(), len(before), len(after), kept is not None)


def _activation_of(model: nn.Module, layer: str) -> str:
    """The last of the normalisation and activation that follow a layer."""
    after, name = dict(neighbours(model)), layer
    while name in after and _is_of_its_layer(model.get_submodule(after[name])):
        name = after[name]
    return name


def _is_of_its_layer(module: nn.Module) -> bool:
    return is_batchnorm(module) or isinstance(module, nn.Identity | nn.ReLU | nn.ReLU6)


def _maps(model: nn.Module, image: Tensor, name: str) -> Tensor:
    watched, found = duplicate(model).eval(), []
    watched.get_submodule(name).register_forward_hook(lambda module, inputs, output: found.append(output[0]))
    run_on(watched, image)
    return found[0]


def _kept(built: Compressed, layer: str, channels: int) -> Tensor | None:
    """Which of the original's channels of a layer are left; None where the network was not cut from the original."""
    recipe, original = built.recipe, original_of(built.recipe)
    if recipe.weights != original.weights or source_width(recipe) != original.width:
        return None
    kept = torch.arange(channels)
    for cut in built.report.cuts:
        kept = kept[cut.kept[layer].outputs]
    return kept


@dataclass(frozen=True)
class Looks:
    """Where two networks find the class that each of them answers: (h, w) of each, positive where it speaks for it."""

    original: np.ndarray
    compressed: np.ndarray
    answers: tuple[int, int]


def study_looks(recipe: Recipe, cache: StageCache, shown: Input) -> Looks:
    """The class activation maps of a recipe's network and its original, each of its own answer."""
    image = image_of(recipe.dataset, shown)
    maps, answers = [], []
    for own in (original_of(recipe), recipe):
        answers.append(int(study_reading(own, cache, shown)["label"].iloc[0]))
        network = without_rounding(compress(own, cache).model)
        maps.append(class_activation_map(network, image, answers[-1])[0].numpy())
    return Looks(*maps, tuple(answers))


@dataclass(frozen=True)
class Filters:
    """Some filters of a layer before and after rounding, each (filters, inputs, height, width).

    NaN beyond the inputs of a group that has fewer than others.
    """

    before: np.ndarray
    after: np.ndarray
    count: int
    """Of all filters of the layer."""


def study_filters(recipe: Recipe, cache: StageCache, layer: str) -> Filters:
    """The first filters of a layer as they are read: BatchNorm in them where the recipe folds it."""
    groups = weights_before_and_after(recipe, cache, layer).values()
    before, after = (_stack(parts) for parts in zip(*groups, strict=True))
    return Filters(before[:KERNELS_SHOWN].numpy(), after[:KERNELS_SHOWN].numpy(), len(before))


def _stack(parts: Sequence[Tensor]) -> Tensor:
    """The weights of groups, one under the other."""
    inputs = max(part.shape[1] for part in parts)
    whole = [part if part.dim() == 4 else part[..., None, None] for part in parts]
    return torch.cat([pad(part, (0, 0, 0, 0, 0, inputs - part.shape[1]), value=torch.nan) for part in whole])
