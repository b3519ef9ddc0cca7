"""Quantizing a network's weights: the network that runs, and the state that is packed into a file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Integral

import torch
from torch import Tensor, nn

from compress_core.layers.duplicate import duplicate
from compress_core.layers.kinds import is_plain, is_weighted
from compress_core.layers.matrices import features, weight_matrix
from compress_core.layers.regression import Regression
from compress_core.layers.running import channels_last, check_images, check_values, run_on
from compress_core.quantization.activations import observe
from compress_core.quantization.calibration import Calibration, calibrate, prepare_for_rounding
from compress_core.quantization.clipping import Clip
from compress_core.quantization.grids import Levels
from compress_core.quantization.rounding import Rounding, RoundingInputs
from compress_core.quantization.schemes import Scheme
from compress_core.quantization.state import PackedState, with_activations
from compress_core.recipe import ACTIVATION_BITS, BITS
from compress_core.registry import CLIPPINGS, ROUNDINGS, SCHEMES

DAMPING = 1e-2
"""Of the mean variance of what a layer reads, added to each: what is read is never known exactly."""


@dataclass(frozen=True)
class QuantizeResult:
    """`model` computes with exactly the weights that `state` packs."""

    model: nn.Module
    state: PackedState

    @property
    def bits(self) -> dict[str, int]:
        """What a weight of each quantized layer takes."""
        return {name.removesuffix(".weight"): levels.bits for name, levels in self.state.levels.items()}


def quantize(
    model: nn.Module,
    bits: int | Mapping[str, int] = 8,
    scheme: str = "per_channel",
    rounding: str = "nearest",
    activations: int = 32,
    *,
    clipping: str | None = None,
    fold: bool = True,
    equalize: bool = False,
    correct_bias: bool = False,
    images: Tensor | None = None,
    calibration: Calibration | None = None,
    seed: int = 0,
) -> QuantizeResult:
    """Round the weights of every 2-D convolution and linear layer to `bits` bits.

    Other kinds of layers, and weights that a parametrization makes, stay as they are. Biases and what BatchNorms are
    left are few; below 32 bits they are kept in 16, or in 32 where 16 cannot hold them. At 32 bits nothing is rounded.
    The model stays as it was; the result is in float32.

    Args:
        bits: 1 … 16, or 32 for none; or for each layer named, and those not named are left as they are. What a byte
            budget allows each layer is found by `sensitivity.spend`.
        scheme: one of `schemes()`.
        rounding: one of `roundings()`.
        activations: 2 … 8 bits for what each layer reads, simulated; 32 for none.
        clipping: one of `clippings()`; left out, what serves the rounding best.
        fold: whether BatchNorms become part of the convolutions before them, as they do where networks are deployed.
        equalize: whether neighbouring layers share the spread of their channels' ranges.
        correct_bias: whether each output's mean is set right. The error-compensating rounding always does.
        images: (N, C, H, W) calibration images for what looks at data: that rounding, the bias and the activations.
        calibration: what `calibrate` found for this model with those images, `fold` and `equalize`, which it replaces.
        seed: of what is drawn.

    Raises:
        ValueError: an argument is out of range or missing, or a weight is not a finite number.
        UnsupportedModelError: it is to be equalized and cannot be traced.
    """
    _check(bits, activations)
    rule = ROUNDINGS[rounding]
    method = _Method(
        SCHEMES[scheme], rule, CLIPPINGS[clipping or rule.clipping].fit, torch.Generator().manual_seed(seed)
    )
    tensors = finite_tensors(check_values(model))
    looks = bits != 32 and ("images" in method.rounding.needs or correct_bias)
    if (looks or activations < 32) and calibration is None:
        if images is None or not len(images):
            raise ValueError(
                "Error-compensating rounding, bias correction and rounded activations look at calibration images: "
                "give at least one as images=."
            )
        images = check_images(images).float()
    if calibration is not None and _shapes(calibration.network) != _shapes(model):
        raise ValueError(f"This calibration is of another network than this {type(model).__name__}.")
    if bits == 32:
        network, state = duplicate(model).eval(), PackedState(kept=tensors)
    elif looks:
        calibration = calibration or calibrate(model, images, fold, equalize, seed)
        network, state = _with_images(calibration, bits, method)
    else:
        ready, folded = (
            (calibration.network, calibration.folded) if calibration else prepare_for_rounding(model, fold, equalize)
        )
        network, state = _without_images(ready, folded, bits, method)
    if activations < 32:
        seen = calibration.images if images is None else images
        state = replace(state, activations=observe(network, seen, activations, seed))
    return QuantizeResult(with_activations(network, state), state)


@dataclass(frozen=True)
class _Method:
    """How levels and codes are chosen."""

    scheme: Scheme
    rounding: Rounding
    clipping: Clip
    generator: torch.Generator


@dataclass(frozen=True)
class _QuantizedLayer:
    """A layer's weights on their levels."""

    levels: Levels
    codes: Tensor
    weights: Tensor


def _quantize_layer(
    layer: nn.Module, weights: Tensor, bits: int, method: _Method, covariance: Tensor | None = None
) -> _QuantizedLayer:
    """Choose levels and codes for weights (groups, outputs of a group, features) of a layer.

    Args:
        covariance: of what the layer reads, if known: where that varies much, errors matter.
    """
    shape, importance, rounding = layer.weight.shape, None, method.rounding
    if covariance is not None:
        importance = covariance.diagonal(dim1=1, dim2=2).unsqueeze(1).expand_as(weights).reshape(shape)
    elif "images" in rounding.needs:  # no image reaches this layer
        rounding = ROUNDINGS["nearest"]
    levels = method.scheme.fit(weights.reshape(shape), method.scheme.bits(bits), method.clipping, importance)
    by_rows = levels.shaped(*weights.shape[:2], 1)
    codes = rounding.to_codes(weights, by_rows, RoundingInputs(covariance, method.generator))
    return _QuantizedLayer(levels, codes.reshape(shape).to(torch.int32), by_rows.dequantize(codes).reshape(shape))


def _without_images(
    ready: nn.Module, folded: bool, bits: int | Mapping[str, int], method: _Method
) -> tuple[nn.Module, PackedState]:
    network = duplicate(ready)
    layers = _layers(network)
    plan = _plan(bits, layers)
    rounded = {name: _quantize_layer(layers[name], weight_matrix(layers[name]), plan[name], method) for name in plan}
    return _packed(network, rounded, folded)


def _with_images(
    calibration: Calibration, bits: int | Mapping[str, int], method: _Method
) -> tuple[nn.Module, PackedState]:
    """Quantize layer after layer in the order in which they run, each aiming at what the original gave.

    What a layer reads has gone through the quantized layers before it, so that it can make good what these lost.
    """
    network = duplicate(calibration.network)
    layers = _layers(network)
    plan = _plan(bits, layers)
    rounded: dict[str, _QuantizedLayer] = {}
    reached: set[str] = set()
    hooks = []
    for name, layer in layers.items():

        def quantize_now(layer: nn.Module, given: tuple[Tensor], name: str = name) -> Tensor:
            maps = channels_last(given[0])
            if name in reached or name not in calibration.given.values or not is_plain(layer):
                return maps
            reached.add(name)
            read = features(layer, maps, calibration.given.places[name])
            problem = Regression.of(read, calibration.given.values[name])
            if name in plan:
                if "images" in method.rounding.needs:
                    weights = problem.solve(weight_matrix(layer))
                    rounded[name] = _quantize_layer(layer, weights, plan[name], method, problem.damped(DAMPING))
                else:
                    rounded[name] = _quantize_layer(layer, weight_matrix(layer), plan[name], method)
                layer.weight.data = rounded[name].weights
            layer.bias = nn.Parameter(_as_kept(problem.constant(weight_matrix(layer))).float())
            return maps

        hooks.append(layer.register_forward_pre_hook(quantize_now))
    run_on(network, calibration.images)
    for hook in hooks:
        hook.remove()
    missed = [name for name in plan if name not in rounded]
    rounded |= {name: _quantize_layer(layers[name], weight_matrix(layers[name]), plan[name], method) for name in missed}
    return _packed(network, rounded, calibration.folded)


def _packed(network: nn.Module, rounded: Mapping[str, _QuantizedLayer], folded: bool) -> tuple[nn.Module, PackedState]:
    """The network with those weights, in place, and its state.

    Raises:
        ValueError: a weight is too large for levels of finite numbers.
    """
    tensors = finite_tensors(network)
    shared: dict[int, list[str]] = {}  # a weight may have several names
    for name, parameter in network.named_parameters(remove_duplicate=False):
        shared.setdefault(id(parameter), []).append(name)
    weights = {}
    for layer, own in rounded.items():
        if not torch.isfinite(own.weights).all():
            raise ValueError(f"The weights of '{layer}' are too large for levels of finite numbers.")
        weights |= dict.fromkeys(shared[id(network.get_submodule(layer).weight)], own)
    names = [name for name in tensors if name in weights]
    state = PackedState(
        {name: weights[name].codes for name in names},
        {name: weights[name].levels for name in names},
        {name: _as_kept(tensor) for name, tensor in tensors.items() if name not in weights},
        folded,
    )
    network.load_state_dict(state.tensors(), strict=False)
    return network, state


def _layers(network: nn.Module) -> dict[str, nn.Module]:
    """By name those whose weights can be rounded: each weight once, where a layer holds it itself."""
    found: dict[int, tuple[str, nn.Module]] = {}
    for name, layer in network.named_modules():
        if is_weighted(layer) and layer._parameters.get("weight") is not None:
            found.setdefault(id(layer.weight), (name, layer))
    return dict(found.values())


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: layer.weight.shape for name, layer in _layers(network).items()}


def _plan(bits: int | Mapping[str, int], layers: Mapping[str, nn.Module]) -> dict[str, int]:
    """The bits of each layer that is quantized.

    Raises:
        ValueError: there is no such layer.
    """
    if not isinstance(bits, Mapping):
        return dict.fromkeys(layers, int(bits))
    unknown = [name for name in bits if name not in layers]
    if unknown:
        raise ValueError(f"No layer with weights is named '{unknown[0]}'. There are: {', '.join(layers)}.")
    return {name: int(bits[name]) for name in layers if bits.get(name, 32) < 32}


def _check(bits: object, activations: object) -> None:
    """Raise unless there are such bit widths.

    Raises:
        ValueError: with what is allowed.
    """
    for wanted in bits.values() if isinstance(bits, Mapping) else [bits]:
        if isinstance(wanted, bool) or not isinstance(wanted, Integral) or wanted not in BITS:
            raise ValueError(f"The bit width must be 1 to 16, or 32 for none; it was {wanted}.")
    if isinstance(activations, bool) or not isinstance(activations, Integral) or activations not in ACTIVATION_BITS:
        raise ValueError(f"Activations take 2 to 8 bits, or 32 for none; it was {activations}.")


def finite_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Everything that it takes to run a network, which BatchNorm's batch counters are no part of.

    Raises:
        ValueError: a weight is not a finite number.
    """
    tensors = {name: t.detach() for name, t in model.state_dict().items() if t.is_floating_point()}
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"'{name}' holds values that are not finite numbers; such a network cannot be quantized.")
    return tensors


def unquantized(model: nn.Module) -> PackedState:
    """The state of a network whose weights stay as they are; its tensors are the model's own.

    Raises:
        ValueError: a weight is not a finite number.
    """
    return PackedState(kept=finite_tensors(model))


def _as_kept(tensor: Tensor) -> Tensor:
    """As float16 where no value loses more than float16's own rounding, else as float32."""
    half = tensor.half()
    fits = torch.isclose(half.float(), tensor.float(), rtol=2**-10, atol=1e-7).all()
    return half if fits else tensor.float()
