"""A layer as what it is to linear algebra: a matrix, and the rows that it is multiplied with."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Places:
    """Some places of a layer's output maps, the same in every image."""

    rows: Tensor
    columns: Tensor


def some_places(output: Tensor, wanted: int, generator: torch.Generator) -> Places | None:
    """Places drawn so that all images together give about `wanted` rows; None where the output is no map."""
    if output.dim() != 4:
        return None
    count, width = output.shape[2] * output.shape[3], output.shape[3]
    chosen = torch.randperm(count, generator=generator)[: max(1, wanted // len(output))].sort().values
    return Places(chosen // width, chosen % width)


def weight_matrix(layer: nn.Conv2d | nn.Linear) -> Tensor:
    """The weights (groups, outputs of a group, features), a feature being one place of the kernel on one channel."""
    groups = getattr(layer, "groups", 1)
    return layer.weight.detach().reshape(groups, layer.weight.shape[0] // groups, -1)


def features(layer: nn.Conv2d | nn.Linear, given: Tensor, places: Places | None) -> Tensor:
    """What each output at those places is computed from: (groups, rows, features), images slowest."""
    if isinstance(layer, nn.Linear):
        return given.reshape(1, -1, layer.in_features)
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    padded = F.pad(given, layer._reversed_padding_repeated_twice, mode=mode)
    (down, right), (high, wide), (below, beside) = layer.stride, layer.kernel_size, layer.dilation
    seen = [
        padded[:, :, places.rows * down + y * below, places.columns * right + x * beside]
        for y in range(high)
        for x in range(wide)
    ]
    stacked = torch.stack(seen, -1)  # (N, C, places, kernel)
    return stacked.permute(0, 2, 1, 3).reshape(len(given) * len(places.rows), layer.groups, -1).transpose(0, 1)


def outputs(output: Tensor, places: Places | None) -> Tensor:
    """A layer's outputs at those places as (rows, channels), images slowest."""
    if places is None:
        return output.reshape(-1, output.shape[-1])
    return output[:, :, places.rows, places.columns].transpose(1, 2).reshape(-1, output.shape[1])
