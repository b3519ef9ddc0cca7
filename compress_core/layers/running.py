"""Running a network on images that somebody gave."""

import torch
from torch import Tensor, nn


def check_images(images: object, what: str = "Calibration") -> Tensor:
    """The images, where a network can be run on them.

    Raises:
        ValueError: they are no tensor of finite numbers, or there is none.
    """
    if not isinstance(images, Tensor) or not images.is_floating_point():
        kind = f"{images.dtype}" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"{what} needs images as a tensor (N, C, H, W) of floating-point numbers; it was {kind}.")
    if not len(images):
        raise ValueError(f"{what} needs at least one image: give some as images=.")
    if not torch.isfinite(images).all():
        raise ValueError(f"{what} needs images of finite numbers; these hold some that are not.")
    return images


def channels_last(given: Tensor) -> Tensor:
    """Maps laid out with the channels last in memory, where pooling and convolutions are several times as fast; a
    layer that reads such maps gives such maps. Other tensors as they are."""
    return given.contiguous(memory_format=torch.channels_last) if given.dim() == 4 else given


def run_on(network: nn.Module, images: Tensor) -> Tensor:
    """What a network puts out, without gradients unless the images ask for theirs.

    Raises:
        ValueError: it does not run on such images.
    """
    try:
        with torch.set_grad_enabled(images.requires_grad):
            return network(images)
    except (RuntimeError, IndexError, TypeError, ValueError, AttributeError) as error:
        why, shape = str(error).partition("\n")[0], " × ".join(map(str, images.shape))
        raise ValueError(f"The network does not run on calibration images of {shape}: {why}") from error
