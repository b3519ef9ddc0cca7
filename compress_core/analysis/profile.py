"""What each layer of a network costs, counted from the shapes of one forward pass."""

import copy
import math

import pandas as pd
import torch
from torch import Tensor, nn


def layer_kind(layer: nn.Module) -> str:
    """`dense`, `pointwise`, `depthwise`, `grouped`, `linear` or `batchnorm`; '' for layers without weights."""
    match layer:
        case nn.Conv2d() if layer.groups == layer.in_channels == layer.out_channels and layer.groups > 1:
            return "depthwise"
        case nn.Conv2d() if layer.groups > 1:
            return "grouped"
        case nn.Conv2d() if layer.kernel_size == (1, 1):
            return "pointwise"
        case nn.Conv2d():
            return "dense"
        case nn.Linear():
            return "linear"
        case nn.BatchNorm2d():
            return "batchnorm"
    return ""


def profile(model: nn.Module, example_input: Tensor) -> pd.DataFrame:
    """A row per convolution, linear and BatchNorm layer, in the order in which they run; other kinds are not counted.

    Columns: `layer` (name), `kind`, `input_shape` and `output_shape` (without the batch), `params` (counted once
    where a layer runs more than once), and `macs`, the multiply–accumulates of convolutions and linear layers
    for one image, as the papers count them (biases and BatchNorm are not counted). The model stays as it was.
    """
    rows = []
    network = copy.deepcopy(model).eval()

    def note(name: str, layer: nn.Module):
        def hook(_, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            macs = 0
            if isinstance(layer, nn.Conv2d | nn.Linear):
                outputs = layer.out_channels if isinstance(layer, nn.Conv2d) else layer.out_features
                positions = math.prod(output.shape[1:]) // outputs
                macs = layer.weight.numel() * positions
            first_time = name not in {row[0] for row in rows}
            params = sum(p.numel() for p in layer.parameters(recurse=False)) if first_time else 0
            shapes = tuple(inputs[0].shape[1:]), tuple(output.shape[1:])
            rows.append((name, layer_kind(layer), *shapes, params, macs))

        return hook

    for name, layer in network.named_modules():
        if layer_kind(layer):
            layer.register_forward_hook(note(name, layer))
    with torch.inference_mode():
        network(example_input[:1])
    return pd.DataFrame(rows, columns=["layer", "kind", "input_shape", "output_shape", "params", "macs"])
