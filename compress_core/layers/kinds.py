"""What kind of layer a module is, and what it costs."""

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from compress_core.layers.modules import SelectChannels
from compress_core.zoo.blocks import ChannelShuffle, ChannelSplit

WEIGHTED = (nn.Conv2d, nn.Linear)
"""Layers whose weights are pruned and quantized."""
FREE = (nn.Identity, nn.Dropout, nn.Flatten, ChannelSplit)
"""Layers that compute nothing and copy nothing."""
_POOLINGS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


def is_weighted(layer: object) -> bool:
    """Whether it is a convolution or a linear layer."""
    return isinstance(layer, WEIGHTED)


def is_plain(layer: object) -> bool:
    """Whether it is a convolution or a linear layer that computes with the weight that it holds, and nothing else."""
    own = is_weighted(layer) and type(layer).forward in (nn.Conv2d.forward, nn.Linear.forward)
    return own and "forward" not in vars(layer) and layer._parameters.get("weight") is not None


def is_batchnorm(layer: object) -> bool:
    """Whether it normalises by the statistics of batches, in any number of dimensions."""
    return isinstance(layer, _BatchNorm)


def groups_of(layer: nn.Module) -> int:
    """In how many groups a convolution or linear layer works."""
    return getattr(layer, "groups", 1)


def is_depthwise(layer: object) -> bool:
    """Whether it is a convolution that filters each channel by itself, with as many outputs as inputs."""
    return isinstance(layer, nn.Conv2d) and layer.groups == layer.in_channels == layer.out_channels and layer.groups > 1


def layer_kind(layer: nn.Module) -> str:
    """`dense`, `pointwise`, `depthwise`, `grouped`, `linear`, `batchnorm`, `pooling`, `shuffle` or `other`.

    `pointwise` is a dense 1×1 convolution; `grouped` one of any kernel. Activations and what is not known are `other`.
    """
    match layer:
        case _ConvNd() if layer.groups == layer.in_channels == layer.out_channels and layer.groups > 1:
            return "depthwise"
        case _ConvNd() if layer.groups > 1:
            return "grouped"
        case _ConvNd() if set(layer.kernel_size) == {1}:
            return "pointwise"
        case _ConvNd():
            return "dense"
        case nn.Linear():
            return "linear"
        case _BatchNorm():
            return "batchnorm"
        case ChannelShuffle() | SelectChannels():
            return "shuffle"
    return "pooling" if isinstance(layer, _POOLINGS) else "other"


def count_macs(layer: nn.Module, given: Tensor, output: Tensor) -> int:
    """Multiply–accumulates of one image, given a batch of what a layer reads and gives.

    Those of convolutions of any number of dimensions, transposed ones too, and of linear layers; 0 for all others.
    """
    match layer:
        case _ConvTransposeNd():  # each place that is read goes through the whole kernel
            return layer.weight.numel() * given[0, 0].numel()
        case _ConvNd():
            return layer.weight.numel() * output[0, 0].numel()
        case nn.Linear():
            return layer.weight.numel() * output[0].numel() // layer.out_features
    return 0
