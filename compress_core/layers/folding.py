"""BatchNorm as a part of the convolution before it, which costs nothing in exactness."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from compress_core.layers.duplicate import duplicate, put_module
from compress_core.layers.modules import RaggedConv2d


def fold_batchnorm(model: nn.Module) -> nn.Module:
    """A copy in eval mode in which each BatchNorm that directly follows a convolution is part of it.

    In a `torch.fx.GraphModule` its graph says what follows what, elsewhere the order in an `nn.Sequential`; any other
    BatchNorm stays what it was, and so does one that stands in several places, or behind a convolution that does.
    """
    model = duplicate(model).eval()
    places = Counter(id(module) for _, module in model.named_modules(remove_duplicate=False))
    for conv_name, norm_name in neighbours(model):
        conv, norm = model.get_submodule(conv_name), model.get_submodule(norm_name)
        if places[id(conv)] == places[id(norm)] == 1 and _is_fixed(norm) and _is_plain(conv):
            _fold(conv, norm)
            put_module(model, norm_name, nn.Identity())
    return model


def neighbours(model: nn.Module) -> Iterator[tuple[str, str]]:
    """The names of modules, the second of which reads what the first puts out and nobody else reads."""
    if isinstance(model, fx.GraphModule):
        calls = Counter(node.target for node in model.graph.nodes if node.op == "call_module")
        for node in model.graph.nodes:
            before = node.args[0] if node.op == "call_module" and node.args else None
            follows = isinstance(before, fx.Node) and before.op == "call_module" and len(before.users) == 1
            if follows and calls[node.target] == calls[before.target] == 1:
                yield before.target, node.target
        return
    for name, block in model.named_modules():
        if isinstance(block, nn.Sequential):
            yield from pairwise(f"{name}.{child}".lstrip(".") for child in block._modules)


def _is_fixed(norm: nn.Module) -> bool:
    """Whether it scales and shifts by numbers of its own, not by those of each batch."""
    fixed = isinstance(norm, nn.BatchNorm2d) and norm.affine and norm.running_mean is not None
    return fixed and not is_watched(norm)


def _is_plain(conv: nn.Module) -> bool:
    """Whether a convolution computes with the weight that it holds, and nothing else."""
    if isinstance(conv, RaggedConv2d):
        return conv.bare
    own = isinstance(conv, nn.Conv2d) and type(conv).forward is nn.Conv2d.forward and "weight" in conv._parameters
    return own and not is_watched(conv)


def is_watched(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _fold(conv: nn.Conv2d | RaggedConv2d, norm: nn.BatchNorm2d) -> None:
    """Make the BatchNorm a part of the convolution, in place."""
    start = 0
    for part in conv.convs.values() if isinstance(conv, RaggedConv2d) else [conv]:
        own = slice(start, start := start + part.out_channels)
        statistics = norm.running_mean[own], norm.running_var[own], norm.eps
        part.weight, part.bias = fuse_conv_bn_weights(
            part.weight, part.bias, *statistics, norm.weight[own], norm.bias[own]
        )
