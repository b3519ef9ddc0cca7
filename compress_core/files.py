"""Compressed networks as files: what `save` writes is what is measured, and `load_file` gives it back."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from compress_core.data import Dataset, dataset
from compress_core.data.folder import write_whole
from compress_core.errors import CheckpointError, CompressError
from compress_core.layers.duplicate import duplicate
from compress_core.layers.folding import fold_batchnorm
from compress_core.layers.running import check_values
from compress_core.pipeline import Compressed, build_options, source_width
from compress_core.pruning.channels import PruneResult
from compress_core.pruning.coupling import couple
from compress_core.pruning.surgery import remove_channels, resize_to, wiring
from compress_core.pruning.weights import WeightPruneResult
from compress_core.quantization.packing import deserialize, serialize
from compress_core.quantization.quantize import QuantizeResult, unquantized
from compress_core.quantization.state import with_activations, with_biases
from compress_core.recipe import Recipe, RecipeError
from compress_core.recipe.fields import shorten
from compress_core.training.checkpoints import build_for, load_weights

MAX_CUTS = 2  # to a width, and to a pruning ratio


Saved = Compressed | QuantizeResult | PruneResult | WeightPruneResult | nn.Module
"""What has a file: a network, or what made one."""


def file_bytes(network: Saved, coding: str | None = None) -> bytes:
    """The file of a network, as bytes.

    Args:
        coding: of the codes, `plain` or `huffman`; left out, the recipe's, or else `plain`.

    Raises:
        ValueError: it is no network.
    """
    if isinstance(network, Compressed):
        return serialize(network.state, _story(network), coding or network.recipe.coding)
    model = getattr(network, "model", network)
    if not isinstance(model, nn.Module):
        raise ValueError(f"What is saved is a network or what made one; it was {type(network).__name__}.")
    state = network.state if isinstance(network, QuantizeResult) else unquantized(check_values(model))
    rewired = wiring(model)
    return serialize(state, {"rewired": rewired} if rewired else {}, coding or Recipe.coding)


def _story(compressed: Compressed) -> dict[str, object]:
    """What it takes to build the skeleton again: the recipe, the width that was trained, and who survived each cut."""
    cuts = [_encode(result.survivors, result.sizes) for result in compressed.report.cuts]
    story = {"recipe": compressed.recipe.to_query()}
    return story | {"source": source_width(compressed.recipe), "cuts": cuts} if cuts else story


def _encode(survivors: Sequence[Tensor], sizes: Sequence[int]) -> str:
    """A bit for each channel, in the order of the coupling's groups, as base64."""
    alive = [
        torch.zeros(size, dtype=torch.bool).index_fill(0, kept, True)
        for kept, size in zip(survivors, sizes, strict=True)
    ]
    return base64.b64encode(np.packbits(torch.cat(alive).numpy()).tobytes()).decode()


def _decode(text: str, sizes: Sequence[int]) -> list[Tensor]:
    bits = np.unpackbits(np.frombuffer(base64.b64decode(text, validate=True), np.uint8))
    if len(bits) != -(-sum(sizes) // 8) * 8:
        raise ValueError("its cuts are those of another network")
    return [part.nonzero().flatten() for part in torch.from_numpy(bits[: sum(sizes)]).split(list(sizes))]


def _skeleton(about: Mapping[str, object], origin: str) -> tuple[nn.Module, Dataset]:
    """The network that a file of `compress` names, its weights not yet read, and its dataset.

    Raises:
        CheckpointError: there is none like it.
    """
    try:
        recipe = Recipe.from_query(str(about["recipe"]))
    except RecipeError as error:
        raise CheckpointError(f"{origin} names a recipe that this version does not know: {error}") from error
    data = dataset(recipe.dataset)
    try:
        return _cut_again(recipe, about, data), data
    except (ValueError, TypeError, RuntimeError, CompressError) as error:
        why = shorten(str(error)).rstrip(".")
        raise CheckpointError(f"{origin} is damaged or not of this version: {why}.") from error


def _cut_again(recipe: Recipe, about: Mapping[str, object], data: Dataset) -> nn.Module:
    """The network of a recipe with its channels cut out, its weights not yet read."""
    model = build_for(recipe.arch, about.get("source", recipe.width), data, **build_options(recipe))
    example = torch.zeros(1, *data.input_shape)
    cuts = about.get("cuts", [])
    if not isinstance(cuts, list) or len(cuts) > MAX_CUTS:
        raise ValueError("more cuts than a recipe has")
    for text in cuts:
        coupling = couple(model, example)
        model, _ = remove_channels(model, coupling, _decode(text, [group.size for group in coupling.groups]))
    return model


def save(network: Saved, path: str | Path, coding: str | None = None) -> int:
    """Write the file, whole or not at all, and return its length in bytes.

    Args:
        coding: as in `file_bytes`.
    """
    data = file_bytes(network, coding)
    write_whole(Path(path), lambda unfinished: unfinished.write_bytes(data))
    return len(data)


def load_file(path: str | Path, into: nn.Module | None = None) -> nn.Module:
    """The network of a file, in eval mode, with exactly the weights that were saved.

    Args:
        into: a network of the right architecture, left as it was; buffers of whole numbers are taken from it. Not
            needed for files of `compress`, which name their recipe.

    Raises:
        CheckpointError: the file is missing, damaged, or does not say which network it belongs to.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no file '{path}'.")
    origin = f"The file '{path.name}'"
    state, about = deserialize(path.read_bytes(), origin)
    data = None
    if into is None:
        if "recipe" not in about:
            raise CheckpointError(f"{origin} does not name a recipe. Give a network of its architecture as into=.")
        into, data = _skeleton(about, origin)
    elif wiring(into) != _wiring_of(about, origin):
        raise CheckpointError(
            f"{origin} holds a network that was rewired when its channels were cut, and this one is not wired like it. "
            "Give the pruned network as into="
            + (", or nothing: the file names its recipe." if "recipe" in about else ".")
        )
    tensors = state.tensors()
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise CheckpointError(f"{origin} holds values that are not numbers, in '{broken[0]}'.")
    try:
        norms = {name.removesuffix(".running_mean") for name in tensors if name.endswith(".running_mean")}
        into = with_biases(fold_batchnorm(into, stay=norms) if state.folded else duplicate(into), tensors)
        skeleton = resize_to(into, {name: tensor.shape for name, tensor in tensors.items()})
    except (AttributeError, ValueError) as error:
        raise CheckpointError(f"{origin} does not fit this network: {error}.") from error
    try:
        model = with_activations(load_weights(skeleton, tensors, origin), state)
    except (AttributeError, KeyError) as error:
        raise CheckpointError(
            f"{origin} does not fit this network: it rounds what no layer reads ({error})."
        ) from error
    if data is not None:
        _try_out(model, data, origin)
    return model


def _wiring_of(about: Mapping[str, object], origin: str) -> str:
    """`wiring` of the network that a file is of; a file of `compress` says who survived, which tells it."""
    if not about.get("cuts"):
        return str(about.get("rewired", ""))
    return wiring(_skeleton(about, origin)[0])


def _try_out(model: nn.Module, data: Dataset, origin: str) -> None:
    """Layers that each fit by themselves may not fit each other: run one image through them."""
    try:
        with torch.inference_mode():
            logits = model(torch.zeros(1, *data.input_shape))
    except RuntimeError as error:
        raise CheckpointError(f"{origin} is damaged: its layers do not fit each other ({error}).") from error
    if logits.shape != (1, len(data.classes)) or not torch.isfinite(logits).all():
        raise CheckpointError(
            f"{origin} is damaged: its network gives no answer for each of {len(data.classes)} classes."
        )
