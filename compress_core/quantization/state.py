"""Everything that a quantized network is made of, and the network made of it again."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from compress_core.layers.kinds import is_weighted
from compress_core.quantization.activations import simulate
from compress_core.quantization.grids import Grid, Levels


@dataclass(frozen=True)
class PackedState:
    """Everything a network is made of, as the file keeps it."""

    codes: dict[str, Tensor] = field(default_factory=dict)
    """Quantized weights by name, as integer codes in the weight's shape."""
    levels: dict[str, Levels] = field(default_factory=dict)
    """For each of them what its codes stand for."""
    kept: dict[str, Tensor] = field(default_factory=dict)
    """What is not quantized, as float16 or float32."""
    folded: bool = False
    """Whether BatchNorms have become part of the convolutions before them."""
    activations: dict[str, Grid] = field(default_factory=dict)
    """By layer, what it reads is rounded to."""

    def tensors(self) -> dict[str, Tensor]:
        """The float32 tensors by name that this state stands for."""
        return {name: self.weight(name) for name in self.codes} | {name: t.float() for name, t in self.kept.items()}

    def weight(self, name: str) -> Tensor:
        """The float32 weight that a quantized layer computes with."""
        return self.levels[name].dequantize(self.codes[name])

    @property
    def mean_bits(self) -> float:
        """What a weight of a layer takes, on average, those included that are left as they are."""
        taken = [(self.levels[name].bits, codes.numel()) for name, codes in self.codes.items()]
        taken += [(8 * t.element_size(), t.numel()) for t in self.kept.values() if t.dim() > 1]
        weights = sum(count for _, count in taken)
        return sum(bits * count for bits, count in taken) / weights if weights else 32.0


def with_biases(network: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Give layers in place a bias where the tensors, by name, have one for them."""
    for name, layer in network.named_modules():
        if is_weighted(layer) and layer.bias is None and f"{name}.bias" in tensors:
            layer.bias = nn.Parameter(torch.zeros(layer.weight.shape[0]))
    return network


def with_activations(network: nn.Module, state: PackedState) -> nn.Module:
    """The network with what its layers read rounded, where the state says so."""
    return simulate(network, state.activations) if state.activations else network
