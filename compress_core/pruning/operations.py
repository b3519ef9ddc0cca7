"""What the run on labels knows of torch's operations: which treat every channel by itself, and which only move data."""

import operator

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from compress_core.layers.modules import SelectChannels

ACTIVATIONS = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.SiLU, nn.GELU, nn.Mish, nn.Hardswish),
    *(nn.Hardsigmoid, nn.Hardtanh, nn.Sigmoid, nn.LogSigmoid, nn.Tanh, nn.Softplus, nn.Softsign),
)
ELEMENTWISE_MODULES = (*ACTIVATIONS, nn.Dropout, nn.Dropout2d, nn.Identity)
POOLING_MODULES = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Upsample)
ELEMENTWISE = {
    *(operator.add, operator.iadd, operator.mul, operator.imul, operator.sub, operator.truediv, operator.neg),
    *(torch.add, torch.mul, torch.sub, torch.div, torch.relu, torch.sigmoid, torch.tanh, torch.clamp, torch.abs),
    *(torch.exp, torch.neg, torch.maximum, torch.minimum),
    *(F.relu, F.relu6, F.hardswish, F.hardsigmoid, F.silu, F.gelu, F.mish, F.elu, F.softplus, F.sigmoid, F.tanh),
    *(F.leaky_relu, F.dropout),
    *("add", "add_", "mul", "mul_", "sub", "div", "neg", "abs", "exp", "relu", "relu_", "sigmoid", "tanh", "clamp"),
    *("contiguous", "clone", "float"),
}
POOLING = {F.max_pool2d, F.avg_pool2d, F.adaptive_avg_pool2d, F.adaptive_max_pool2d, F.interpolate}
AVERAGING = {torch.mean, "mean"}
MOVING_MODULES = (nn.Flatten, SelectChannels)
MOVING = {
    *(torch.cat, torch.flatten, torch.reshape, torch.transpose, torch.permute, torch.chunk, torch.split, torch.squeeze),
    *(torch.unsqueeze, torch.index_select, torch.narrow, torch.stack, torch.unbind, operator.getitem),
    *("view", "reshape", "flatten", "transpose", "permute", "chunk", "split", "squeeze", "unsqueeze", "index_select"),
    *("narrow", "unbind", "t"),
}
_SIZELESS = {
    *(torch.flatten, torch.transpose, torch.permute, torch.unsqueeze),
    *("flatten", "transpose", "permute", "unsqueeze"),
}
"""Movement that is said without sizes, so that it does with what is left of its input what it did with the whole."""


def is_one_of(target: object, modules: tuple[type[nn.Module], ...], functions: set) -> bool:
    return isinstance(target, modules) if isinstance(target, nn.Module) else target in functions


def moves(target: object) -> bool:
    """Whether it does nothing but move data."""
    return is_one_of(target, MOVING_MODULES, MOVING)


def is_sizeless(target: object) -> bool:
    return is_one_of(target, (nn.Flatten,), _SIZELESS)


def changes_its_input(node: fx.Node, target: object) -> bool:
    """Whether a node works in place."""
    name = target if isinstance(target, str) else getattr(target, "__name__", "")
    in_place = getattr(target, "inplace", False) or target in (operator.iadd, operator.imul, operator.isub)
    in_place = in_place or (name.endswith("_") and not name.endswith("__"))
    return bool(in_place or node.kwargs.get("inplace", False))


def is_free(node: fx.Node) -> bool:
    """Whether nothing is lost with a node whose result nobody reads: it moves data, or asks for a shape."""
    arithmetic = (operator.add, operator.sub, operator.mul, operator.floordiv, operator.truediv, operator.mod, getattr)
    return (node.op == "call_method" and node.target == "size") or (
        node.op in ("call_function", "call_method") and (node.target in MOVING or node.target in arithmetic)
    )


def leaves_in(value: object, kind: type) -> list:
    """All instances of a type in a value, however deep in tuples, lists and dictionaries."""
    found: list = []
    fx.node.map_aggregate(value, lambda v: found.append(v) if isinstance(v, kind) else None)
    return found


def tensors_in(value: object) -> list[Tensor]:
    """All tensors in a value, however deep in tuples, lists and dictionaries."""
    return leaves_in(value, Tensor)
