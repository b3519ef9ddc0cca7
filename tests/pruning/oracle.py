"""The brute-force oracle of surgery: the original with zeros where a dropped channel is read."""

import copy

import torch
from torch import nn

import compress_core as cc


def masked(model: nn.Module, result: cc.PruneResult) -> nn.Module:
    """A copy with zero weights for every dropped channel in every layer that reads it, one weight slice at a time."""
    model = copy.deepcopy(model)
    for scored in result.groups:
        survivors = set(scored.survivors.tolist())
        for reader, places in scored.group.readers.items():
            layer = model.get_submodule(reader)
            for column, place in enumerate(places.tolist()):
                if place < 0 or place in survivors:
                    continue
                if isinstance(layer, nn.Conv2d) and layer.groups > 1:
                    group, within = divmod(column, layer.in_channels // layer.groups)
                    rows = layer.out_channels // layer.groups
                    layer.weight.data[group * rows : (group + 1) * rows, within] = 0
                else:
                    layer.weight.data[:, column] = 0
    return model


def largest_difference(model: nn.Module, result: cc.PruneResult, images: torch.Tensor) -> float:
    """Between the logits of the masked and of the pruned network."""
    with torch.no_grad():
        return float((result.model(images) - masked(model, result)(images)).abs().max())
