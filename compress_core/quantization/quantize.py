"""Quantizing a network's weights: the network that runs, and the state that is packed into a file."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from compress_core.duplicate import duplicate
from compress_core.quantization.rounding import ROUNDINGS
from compress_core.quantization.schemes import SCHEMES, Grid

BITS = (*range(1, 17), 32)


@dataclass(frozen=True)
class PackedState:
    """Everything a network is made of, as the file keeps it."""

    bits: int
    codes: dict[str, Tensor] = field(default_factory=dict)
    """Quantized weights by name, as integer codes in the weight's shape."""
    grids: dict[str, Grid] = field(default_factory=dict)
    """For each of them the levels that its codes stand for."""
    kept: dict[str, Tensor] = field(default_factory=dict)
    """What is not quantized, as float16 or float32."""

    def tensors(self) -> dict[str, Tensor]:
        """The float32 tensors by name that this state stands for."""
        weights = {name: self.grids[name].dequantize(codes) for name, codes in self.codes.items()}
        return weights | {name: tensor.float() for name, tensor in self.kept.items()}


@dataclass(frozen=True)
class QuantizeResult:
    """`model` computes with exactly the weights that `state` packs."""

    model: nn.Module
    state: PackedState


def quantize(model: nn.Module, bits: int = 8, scheme: str = "per_channel", rounding: str = "nearest") -> QuantizeResult:
    """Round the weights of every convolution and linear layer to `bits` bits.

    Biases and BatchNorm are few; below 32 bits they are kept in 16, or in 32 where 16 cannot hold
    them. At 32 bits nothing is rounded. The model stays as it was.

    Args:
        bits: 1 … 16, or 32 for none.
        scheme: one of `schemes()`.
        rounding: one of `roundings()`.

    Raises:
        ValueError: an argument is out of range, or a weight is not a finite number.
    """
    if bits not in BITS:
        raise ValueError(f"The bit width must be 1 to 16, or 32 for none; it was {bits}.")
    to_grid, to_codes = SCHEMES[scheme], ROUNDINGS[rounding]
    quantized = duplicate(model).eval()
    if bits == 32:
        return QuantizeResult(quantized, unquantized(quantized))
    tensors = _finite_tensors(model)
    layers = (nn.Conv2d, nn.Linear)
    weights = [f"{name}.weight" for name, layer in model.named_modules() if isinstance(layer, layers)]
    grids = {name: to_grid(tensors[name].float(), bits) for name in weights}
    codes = {name: to_codes(tensors[name].float(), grids[name]) for name in weights}
    kept = {name: _in_16_bits_if_they_do(t) for name, t in tensors.items() if name not in codes}
    state = PackedState(bits, codes, grids, kept)
    quantized.load_state_dict(state.tensors(), strict=False)
    return QuantizeResult(quantized, state)


def unquantized(model: nn.Module) -> PackedState:
    """The state of a network whose weights stay as they are; its tensors are the model's own.

    Raises:
        ValueError: a weight is not a finite number.
    """
    return PackedState(32, kept=_finite_tensors(model))


def _finite_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Everything that it takes to run a network, which BatchNorm's batch counters are no part of."""
    tensors = {name: t.detach() for name, t in model.state_dict().items() if t.is_floating_point()}
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"'{name}' holds values that are not finite numbers; such a network cannot be quantized.")
    return tensors


def _in_16_bits_if_they_do(tensor: Tensor) -> Tensor:
    """As float16 where no value loses more than float16's own rounding, else as float32."""
    half = tensor.half()
    fits = torch.isclose(half.float(), tensor.float(), rtol=2**-10, atol=1e-7).all()
    return half if fits else tensor.float()
