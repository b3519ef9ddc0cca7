"""What a network gives on calibration images, layer by layer: what its quantized copy aims at."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compress_core.layers.duplicate import duplicate
from compress_core.layers.folding import fold_batchnorm
from compress_core.layers.kinds import is_depthwise, is_weighted
from compress_core.layers.matrices import Places, outputs, some_places
from compress_core.layers.running import check_images, run_on
from compress_core.quantization.equalization import equalize as equalized

ROWS, ROWS_DEPTHWISE = 16384, 2048
"""Places over all images that a layer is looked at; a depthwise layer has a kernel a channel to round, no more."""


@dataclass(frozen=True)
class Calibration:
    """A network made ready for quantization, and what it gave. It does not depend on bits: keep it for the next."""

    network: nn.Module
    """Folded and equalized as asked for."""
    folded: bool
    images: Tensor
    places: dict[str, Places | None]
    """For each layer where it was looked at."""
    outputs: dict[str, Tensor]
    """For each layer (rows, channels) what it gave there."""


def prepare_for_rounding(model: nn.Module, fold: bool, equalize: bool) -> tuple[nn.Module, bool]:
    """A float32 copy in eval mode, BatchNorms folded and layers equalized as asked for, and whether they were folded.

    Raises:
        UnsupportedModelError: it is to be equalized and cannot be traced.
    """
    ready = (fold_batchnorm(model) if fold else duplicate(model).eval()).float()
    return equalized(ready) if equalize else ready, fold


def calibrate(
    model: nn.Module, images: Tensor, fold: bool = True, equalize: bool = False, seed: int = 0
) -> Calibration:
    """Run a network on calibration images (N, C, H, W), without labels, and keep what its layers give.

    Raises:
        ValueError: there is no image, or the network does not run on these.
    """
    images = check_images(images).float()
    network, folded = prepare_for_rounding(model, fold, equalize)
    watched = duplicate(network)
    generator = torch.Generator().manual_seed(seed)
    places: dict[str, Places | None] = {}
    given: dict[str, Tensor] = {}
    for name, layer in watched.named_modules():
        if not is_weighted(layer):
            continue

        def note(layer: nn.Module, _: object, output: Tensor, name: str = name) -> None:
            if name not in given:  # a layer that runs twice is fitted to what it gave first
                places[name] = some_places(layer, output, ROWS_DEPTHWISE if is_depthwise(layer) else ROWS, generator)
                given[name] = outputs(layer, output, places[name])

        layer.register_forward_hook(note)
    run_on(watched, images)
    return Calibration(network, folded, images, places, given)
