"""Compressed networks as files: what `save` writes is what is measured, and `load_file` gives it back."""

from pathlib import Path

import torch
from torch import nn

from compress_core.data import Dataset, dataset
from compress_core.errors import CheckpointError
from compress_core.pipeline import Compressed
from compress_core.pruning.surgery import resize_to
from compress_core.quantization.packing import deserialize, serialize
from compress_core.quantization.quantize import QuantizeResult
from compress_core.recipe import Recipe, RecipeError
from compress_core.training.checkpoints import load_weights
from compress_core.zoo import build


def file_bytes(network: Compressed | QuantizeResult) -> bytes:
    """The file of a network, as bytes."""
    recipe = network.recipe if isinstance(network, Compressed) else None
    return serialize(network.state, {"recipe": recipe.to_query()} if recipe else {})


def save(network: Compressed | QuantizeResult, path: str | Path) -> int:
    """Write the file, whole or not at all, and return its length in bytes."""
    data, path = file_bytes(network), Path(path)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_bytes(data)
    unfinished.replace(path)
    return len(data)


def load_file(path: str | Path, into: nn.Module | None = None) -> nn.Module:
    """The network of a file, in eval mode, with exactly the weights that were saved.

    Args:
        into: a network of the right architecture, left as it was. Not needed for files of `compress`,
            which name their recipe.

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
        try:
            recipe = Recipe.from_query(str(about["recipe"]))
        except RecipeError as error:
            raise CheckpointError(f"{origin} names a recipe that this version does not know: {error}") from error
        data = dataset(recipe.dataset)
        into = build(recipe.arch, recipe.width, "small", len(data.classes), data.input_shape[0])
    tensors = state.tensors()
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise CheckpointError(f"{origin} holds values that are not numbers, in '{broken[0]}'.")
    try:
        skeleton = resize_to(into, {name: tensor.shape for name, tensor in tensors.items()})
    except (AttributeError, ValueError) as error:
        raise CheckpointError(f"{origin} does not fit this network: {error}.") from error
    model = load_weights(skeleton, tensors, origin)
    if data is not None:
        _try_out(model, data, origin)
    return model


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
