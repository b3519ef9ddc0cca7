"""A layer as what it is to linear algebra: a matrix, and the rows that it is multiplied with."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compress_core.layers.kinds import groups_of


@dataclass(frozen=True)
class Places:
    """Some places of a layer's output maps, the same in every image."""

    rows: Tensor
    columns: Tensor


def some_places(layer: nn.Conv2d | nn.Linear, output: Tensor, wanted: int, generator: torch.Generator) -> Places | None:
    """Places drawn so that all images together give about `wanted` rows; None where there is one place an image."""
    sizes = output.shape[2:] if isinstance(layer, nn.Conv2d) else output.shape[1:-1]
    count = math.prod(sizes)
    if not sizes:
        return None
    chosen = torch.randperm(count, generator=generator)[: max(1, wanted // len(output))].sort().values
    return Places(chosen // sizes[-1], chosen % sizes[-1])


def weight_matrix(layer: nn.Conv2d | nn.Linear) -> Tensor:
    """The weights (groups, outputs of a group, features), a feature being one place of the kernel on one channel."""
    groups = groups_of(layer)
    return layer.weight.detach().reshape(groups, layer.weight.shape[0] // groups, -1)


def features(layer: nn.Conv2d | nn.Linear, given: Tensor, places: Places | None) -> Tensor:
    """What each output at those places is computed from: (groups, rows, features), images slowest."""
    if isinstance(layer, nn.Linear):
        return outputs(layer, given, places).unsqueeze(0)
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    # With the channels last, where a place's channels lie side by side in memory.
    padded = F.pad(given, layer._reversed_padding_repeated_twice, mode=mode).permute(0, 2, 3, 1)
    (down, right), (high, wide), (below, beside) = layer.stride, layer.kernel_size, layer.dilation
    seen = [
        padded[:, places.rows * down + y * below, places.columns * right + x * beside]  # (N, places, C)
        for y in range(high)
        for x in range(wide)
    ]
    rows = [one.reshape(-1, one.shape[2]) for one in seen]
    if len(rows) == layer.groups == 1:
        return rows[0].unsqueeze(0)
    # With the rows last in memory, where the products of features with features are quick to take.
    stacked = torch.stack([one.T for one in rows], 1)  # (C, kernel, rows)
    return stacked.view(layer.groups, -1, stacked.shape[2]).transpose(1, 2)


def outputs(layer: nn.Conv2d | nn.Linear, output: Tensor, places: Places | None) -> Tensor:
    """A layer's outputs at those places as (rows, channels), images slowest."""
    if places is None:
        return output
    if isinstance(layer, nn.Conv2d):
        chosen = output[:, :, places.rows, places.columns].transpose(1, 2)
    elif output.dim() == 3:
        chosen = output[:, places.columns]
    else:  # (N, …, columns, channels)
        chosen = output.flatten(1, -3)[:, places.rows, places.columns]
    return chosen.reshape(-1, chosen.shape[-1])


def channel_vectors(layer: nn.Conv2d | nn.Linear, given: Tensor) -> Tensor:
    """What a layer reads as (N, places, channels)."""
    if isinstance(layer, nn.Conv2d):
        return given.flatten(2).transpose(1, 2)
    return given.reshape(len(given), -1, given.shape[-1])
