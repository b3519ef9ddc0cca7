"""What a network's layers give on images, at some places of their maps: what a smaller copy aims at."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compress_core.layers.duplicate import duplicate
from compress_core.layers.kinds import is_weighted
from compress_core.layers.matrices import Places, outputs, some_places
from compress_core.layers.running import run_on

ROWS, FEWEST, MOST = 16, 2048, 16384
"""Places over all images at which a layer is looked at: so many a feature that it reads, within these bounds."""


@dataclass(frozen=True)
class LayerOutputs:
    """What each layer gave on some images, and where that was looked at."""

    places: dict[str, Places | None]
    """By layer; None where there is one place an image."""
    values: dict[str, Tensor]
    """By layer (rows, channels), images slowest."""


def record_outputs(
    network: nn.Module, images: Tensor, seed: int, watch: Callable[[nn.Module], bool] = is_weighted
) -> LayerOutputs:
    """Run a network on images (N, C, H, W) and keep what its convolutions and linear layers give.

    Args:
        watch: whether a layer's outputs are wanted.
        seed: of the places.

    Raises:
        ValueError: the network does not run on these images.
    """
    found = LayerOutputs({}, {})
    watched, generator = duplicate(network).eval(), torch.Generator().manual_seed(seed)
    for name, layer in watched.named_modules():
        if not watch(layer):
            continue

        def note(layer: nn.Module, _: object, output: Tensor, name: str = name) -> None:
            if name not in found.values:  # of a layer that runs twice, what it gave first
                rows = min(max(ROWS * layer.weight[0].numel(), FEWEST), MOST)
                places = some_places(layer, output, rows, generator)
                found.places[name], found.values[name] = places, outputs(layer, output, places)

        layer.register_forward_hook(note)
    run_on(watched, images)
    return found
