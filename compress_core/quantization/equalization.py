"""Cross-layer equalization: channels of one layer brought to like ranges, at the cost of the layer that reads them."""

from collections import Counter

import torch
from torch import Tensor, fx, nn

from compress_core.errors import UnsupportedModelError
from compress_core.layers.duplicate import duplicate
from compress_core.layers.kinds import is_depthwise
from compress_core.layers.modules import RaggedConv2d, SelectChannels
from compress_core.layers.tracing import Tracer

THROUGH = (nn.Identity, nn.ReLU, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Dropout)
"""What a positive factor passes through unchanged. ReLU6 is not among it, nor a BatchNorm that was not folded."""
SWEEPS = 10
SETTLED = 1e-3
TINY = 1e-30
"""A range that is no wider cannot be told from none, and is left."""


def equalize(model: nn.Module) -> nn.Module:
    """A copy that computes the same, in which neighbouring layers share the spread of their channels' ranges.

    Of two layers, the second of which alone reads the first, each channel between them is scaled so that it reaches as
    far in the weights that make it as in those that read it. Pairs between which a factor would not pass, such as those
    with a ReLU6 between them, stay as they are.

    Raises:
        UnsupportedModelError: torch.fx cannot trace it.

    Nagel et al. 2019, *Data-Free Quantization Through Weight Equalization and Bias Correction*, section 4.1, which
    replaces ReLU6 by ReLU; here nothing is replaced.
    """
    equal = duplicate(model).eval()
    pairs = [(equal.get_submodule(a), equal.get_submodule(b)) for a, b in _pairs(equal)]
    with torch.no_grad():
        for _ in range(SWEEPS):
            furthest = [_balance(first, second) for first, second in pairs]
            if max(furthest, default=0) < SETTLED:
                break
    return equal


def _pairs(model: nn.Module) -> list[tuple[str, str]]:
    """The names of layers, the second of which alone reads the first, with nothing between that a factor changes."""
    try:
        graph = Tracer(SelectChannels, RaggedConv2d).trace(model)
    except Exception as error:
        raise UnsupportedModelError(
            f"The wiring of {type(model).__name__} cannot be traced, so its layers cannot be equalized: {error}"
        ) from error
    calls = [node.target for node in graph.nodes if node.op == "call_module"]
    weights = Counter(id(p) for _, p in model.named_parameters(remove_duplicate=False))
    found = []
    for node in graph.nodes:
        if not _is_layer(model, node) or calls.count(node.target) > 1:
            continue
        after = _only_reader(node)
        while after is not None and after.op == "call_module" and isinstance(_module(model, after), THROUGH):
            after = _only_reader(after)
        if after is not None and _is_layer(model, after) and calls.count(after.target) == 1:
            second = _module(model, after)
            alone = all(weights[id(_module(model, n).weight)] == 1 for n in (node, after))
            simple = second.groups == 1 or is_depthwise(second)
            if alone and simple and second.in_channels == _module(model, node).out_channels:
                found.append((node.target, after.target))
    return found


def _module(model: nn.Module, node: fx.Node) -> nn.Module:
    return model.get_submodule(node.target)


def _is_layer(model: nn.Module, node: fx.Node) -> bool:
    return node.op == "call_module" and isinstance(_module(model, node), nn.Conv2d)


def _only_reader(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _balance(first: nn.Conv2d, second: nn.Conv2d) -> float:
    """Scale the channels between two layers in place; how far the largest factor was from 1."""
    depthwise = second.groups > 1
    made = first.weight.abs().flatten(1).amax(1)
    read = (second.weight if depthwise else second.weight.transpose(0, 1)).abs().flatten(1).amax(1)
    factor = (read / made).sqrt()
    factor = torch.where((made > TINY) & (read > TINY), factor, torch.ones_like(factor))
    first.weight.mul_(_rows(factor, first.weight))
    if first.bias is not None:
        first.bias.mul_(factor)
    second.weight.div_(_rows(factor, second.weight) if depthwise else factor.view(1, -1, 1, 1))
    return float((factor - 1).abs().max())


def _rows(factor: Tensor, weight: Tensor) -> Tensor:
    return factor.view(-1, *[1] * (weight.dim() - 1))
