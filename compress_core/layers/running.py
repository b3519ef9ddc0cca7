"""Running a network on images that somebody gave."""

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from compress_core.layers.duplicate import duplicate

HALF = (torch.float16, torch.bfloat16)


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


def check_example(example: object) -> Tensor:
    """An example input, where a network can be run on it.

    Raises:
        ValueError: it is no batch of at least one.
    """
    if not isinstance(example, Tensor) or not example.dim() or not len(example):
        what = f"one of shape {tuple(example.shape)}" if isinstance(example, Tensor) else type(example).__name__
        raise ValueError(f"The example input is a tensor (N, C, H, W) of at least one image; it was {what}.")
    return example


def check_values(model: nn.Module) -> nn.Module:
    """A network whose weights have values.

    Raises:
        ValueError: it lies on the meta device.
    """
    if any(tensor.is_meta for tensor in model.parameters()):
        raise ValueError(
            f"This {type(model).__name__} has no values (it lies on the meta device): load its weights first."
        )
    return model


def single_precision(model: nn.Module) -> nn.Module:
    """The network, or its copy in float32 where its weights are in half precision, in which little can be solved."""
    half = any(tensor.dtype in HALF for tensor in model.parameters())
    return duplicate(model).float() if half else model


class _Views(TorchFunctionMode):
    """Lets `view` do what `reshape` does where the memory's layout stands in its way: that is ours, see below."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        try:
            return function(*args, **(kwargs or {}))
        except RuntimeError:
            if function is not Tensor.view:
                raise
            return args[0].reshape(*args[1:])


def lay_channels_last(network: nn.Module) -> nn.Module:
    """The network with its 2-D convolutions' weights laid out with the channels last in memory, in place."""
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.dim() == 4:
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)
    return network


def channels_last(given: Tensor) -> Tensor:
    """Maps laid out with the channels last in memory, where pooling and convolutions are several times as fast; a
    layer that reads such maps gives such maps. Other tensors as they are."""
    return given.contiguous(memory_format=torch.channels_last) if given.dim() == 4 else given


def run_on(network: nn.Module, images: Tensor) -> Tensor:
    """What a network puts out, without gradients unless the images ask for theirs; maps may have the channels last.

    Raises:
        ValueError: it does not run on such images.
    """
    try:
        with torch.set_grad_enabled(images.requires_grad), _Views():
            return network(images)
    except (RuntimeError, IndexError, TypeError, ValueError, AttributeError) as error:
        why, shape = str(error).partition("\n")[0], " × ".join(map(str, images.shape))
        raise ValueError(f"The network does not run on calibration images of {shape}: {why}") from error
