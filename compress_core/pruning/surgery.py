"""Building the physically smaller network: each layer gets the rows and columns that survive."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compress_core.pruning.coupling import ChannelGroup


@dataclass(frozen=True)
class LayerKeep:
    """What is left of a layer, as indices into the original's channels, in ascending order."""

    inputs: Tensor
    outputs: Tensor


def layer_keeps(model: nn.Module, groups: Sequence[ChannelGroup], survivors: Sequence[Tensor]) -> dict[str, LayerKeep]:
    """For every layer with weights, the channels that survive.

    Args:
        survivors: for each group the indices that stay, ascending.
    """
    inputs, outputs = {}, {}
    for group, kept in zip(groups, survivors, strict=True):
        outputs |= dict.fromkeys((*group.writers, *group.carriers), kept)
        inputs |= dict.fromkeys((*group.carriers, *group.readers), kept)
    keeps = {}
    for name, layer in model.named_modules():
        sizes = _sizes(layer)
        if sizes:
            keeps[name] = LayerKeep(inputs.get(name, torch.arange(sizes[0])), outputs.get(name, torch.arange(sizes[1])))
    return keeps


def cut(model: nn.Module, keeps: Mapping[str, LayerKeep]) -> nn.Module:
    """A copy of `model` in which each named layer has only the channels kept; the model stays as it was."""
    smaller = copy.deepcopy(model)
    for name, keep in keeps.items():
        layer = smaller.get_submodule(name)
        for tensor_name, tensor in list(layer.named_parameters(recurse=False)) + list(
            layer.named_buffers(recurse=False)
        ):
            if tensor.dim() == 0:  # BatchNorm's batch counter
                continue
            left = tensor.detach()[keep.outputs]
            if tensor.dim() > 1 and not _is_depthwise(layer):
                left = left[:, keep.inputs]
            _replace(layer, tensor_name, left)
        _set_sizes(layer)
    return smaller


def resize_to(model: nn.Module, shapes: Mapping[str, Sequence[int]]) -> nn.Module:
    """A copy of `model` whose layers have the shapes given by parameter name, with undefined values.

    It makes the skeleton into which the weights of a pruned file are read.

    Raises:
        AttributeError: a name is not in the network.
        ValueError: a shape is not what surgery leaves: fewer channels, and everything else as it was.
    """
    resized = copy.deepcopy(model)
    for name, shape in shapes.items():
        layer_name, _, tensor_name = name.rpartition(".")
        layer = resized.get_submodule(layer_name)
        own = tuple(getattr(layer, tensor_name).shape)
        grown = any(not 1 <= left <= before for left, before in zip(shape, own, strict=False))
        if len(own) != len(shape) or own[2:] != tuple(shape[2:]) or grown:
            raise ValueError(f"'{name}' is {tuple(shape)} and cannot be what is left of {own}")
        if own != tuple(shape):
            _replace(layer, tensor_name, torch.empty(*shape))
    for layer in resized.modules():
        _set_sizes(layer)
    return resized


def _is_depthwise(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d) and layer.groups > 1 and layer.groups == layer.in_channels


def _sizes(layer: nn.Module) -> tuple[int, int] | None:
    match layer:
        case nn.Conv2d():
            return layer.in_channels, layer.out_channels
        case nn.Linear():
            return layer.in_features, layer.out_features
        case nn.BatchNorm2d():
            return layer.num_features, layer.num_features
    return None


def _set_sizes(layer: nn.Module) -> None:
    """Let a layer's numbers say what its tensors are."""
    match layer:
        case nn.Conv2d():
            if _is_depthwise(layer):
                layer.groups = layer.in_channels = layer.out_channels = layer.weight.shape[0]
            else:
                layer.out_channels, layer.in_channels = layer.weight.shape[:2]
        case nn.Linear():
            layer.out_features, layer.in_features = layer.weight.shape
        case nn.BatchNorm2d():
            layer.num_features = layer.weight.shape[0]


def _replace(layer: nn.Module, name: str, value: Tensor) -> None:
    old = getattr(layer, name)
    value = value.clone()
    setattr(layer, name, nn.Parameter(value, old.requires_grad) if isinstance(old, nn.Parameter) else value)
