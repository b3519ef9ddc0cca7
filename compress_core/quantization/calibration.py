"""What a network gives on calibration images, layer by layer: what its quantized copy aims at."""

from dataclasses import dataclass

from torch import Tensor, nn

from compress_core.layers.duplicate import duplicate
from compress_core.layers.folding import fold_batchnorm
from compress_core.layers.recording import LayerOutputs, record_outputs
from compress_core.layers.running import check_images
from compress_core.quantization.equalization import equalize as equalized


@dataclass(frozen=True)
class Calibration:
    """A network made ready for quantization, and what it gave. It does not depend on bits: keep it for the next."""

    network: nn.Module
    """Folded and equalized as asked for."""
    folded: bool
    images: Tensor
    given: LayerOutputs


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
    return Calibration(network, folded, images, record_outputs(network, images, seed))
