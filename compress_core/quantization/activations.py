"""What layers read, rounded to a few bits: simulated in floating point, so that its price can be seen."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from compress_core.layers.duplicate import duplicate, put_module
from compress_core.layers.kinds import is_weighted
from compress_core.layers.running import run_on
from compress_core.quantization.clipping import mse
from compress_core.quantization.grids import Grid
from compress_core.quantization.schemes import affine

SAMPLES = 65536
"""Of the values that a layer reads, how many its grid is fitted to."""


class QuantizedInput(nn.Module):
    """A layer whose input is rounded to one grid before it reads it."""

    def __init__(self, layer: nn.Module, grid: Grid):
        super().__init__()
        self.layer, self.grid = layer, grid

    def forward(self, x: Tensor) -> Tensor:
        scale, zero_point = self.grid.scale.view(1), self.grid.zero_point.view(1).int()
        top = self.grid.count - 1
        if torch.compiler.is_exporting() or torch.onnx.is_in_onnx_export():  # whose readers need not know the operator
            codes = ((x * scale.reciprocal()).round() + zero_point).clamp(0, top)
            return self.layer((codes - zero_point) * scale)
        return self.layer(torch.fake_quantize_per_tensor_affine(x, scale, zero_point, 0, top))

    def __getattr__(self, name: str) -> object:
        """What is not its own is the layer's: some networks read a layer's weight past its forward."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("layer"), name)

    def extra_repr(self) -> str:
        return f"bits={self.grid.bits}"


def observe(network: nn.Module, images: Tensor, bits: int, seed: int = 0) -> dict[str, Grid]:
    """For each layer that images (N, C, H, W) reach the grid of `bits` bits with the least error on what it reads.

    Krishnamoorthi 2018, section 2.1, one affine grid a tensor; clipped where that is nearer to what was seen.
    """
    generator = torch.Generator().manual_seed(seed)
    watched = duplicate(network).eval()
    read: dict[str, list[Tensor]] = {}
    for name, layer in watched.named_modules():
        if not is_weighted(layer):
            continue

        def note(_: nn.Module, given: tuple[Tensor], name: str = name) -> None:
            values = given[0].detach().flatten()
            if len(values) > SAMPLES:
                values = values[torch.randint(len(values), (SAMPLES,), generator=generator)]
            read.setdefault(name, []).append(values.float())  # a layer may run more than once

        layer.register_forward_pre_hook(note)
    run_on(watched, images)
    return {
        name: mse(torch.cat(values).unsqueeze(0), lambda low, high: affine(low, high, bits))
        for name, values in read.items()
    }


def simulate(network: nn.Module, grids: Mapping[str, Grid]) -> nn.Module:
    """A copy in which those layers, by name, read rounded inputs.

    Raises:
        KeyError: it has no such layer.
    """
    simulated = duplicate(network)
    for name, grid in grids.items():
        layer = simulated.get_submodule(name)
        if not is_weighted(layer):
            raise KeyError(f"'{name}' is no layer with weights")
        put_module(simulated, name, QuantizedInput(layer, grid))
    return simulated


def without_rounding(network: nn.Module) -> nn.Module:
    """The network whose layers read what they are given: itself, or a copy without the rounding."""
    if not any(isinstance(module, QuantizedInput) for module in network.modules()):
        return network
    bare = duplicate(network)
    for module in list(bare.modules()):
        for name, child in module._modules.items():
            if isinstance(child, QuantizedInput):
                module._modules[name] = child.layer
    return bare
