"""BatchNorm as a part of the convolution before it, which costs nothing in exactness."""

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import pairwise

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from compress_core.layers.duplicate import duplicate, put_module
from compress_core.layers.kinds import is_plain
from compress_core.layers.modules import RaggedConv2d, SelectChannels
from compress_core.layers.tracing import Tracer

OURS = "compress_core.zoo"


def fold_batchnorm(model: nn.Module, stay: Collection[str] = ()) -> nn.Module:
    """A copy in eval mode in which each BatchNorm that directly follows a convolution is part of it.

    What follows what is what the network does when it is run, and not how its modules stand in each other; of one that
    torch.fx cannot trace nothing is folded. A BatchNorm that stands in several places stays what it was, and so does
    one behind a convolution that does.

    Args:
        stay: names of BatchNorms that are not folded.
    """
    model = duplicate(model).eval()
    places = Counter(id(module) for _, module in model.named_modules(remove_duplicate=False))
    for conv_name, norm_name in neighbours(model):
        conv, norm = model.get_submodule(conv_name), model.get_submodule(norm_name)
        if norm_name not in stay and places[id(conv)] == places[id(norm)] == 1 and _is_fixed(norm) and _is_bare(conv):
            _fold(conv, norm)
            put_module(model, norm_name, nn.Identity())
    return model


def neighbours(model: nn.Module) -> Iterator[tuple[str, str]]:
    """The names of modules, the second of which reads what the first puts out and nobody else reads."""
    if runs_in_order(model):
        for name, block in model.named_modules():
            if isinstance(block, nn.Sequential):
                yield from pairwise(f"{name}.{child}".lstrip(".") for child in block._modules)
        return
    graph = _graph_of(model)
    calls = Counter(node.target for node in graph.nodes if node.op == "call_module")
    read = {node.target.rpartition(".")[0] for node in graph.nodes if node.op == "get_attr"}
    for node in graph.nodes:
        before = node.args[0] if node.op == "call_module" and node.args else None
        follows = isinstance(before, fx.Node) and before.op == "call_module" and len(before.users) == 1
        if follows and calls[node.target] == calls[before.target] == 1 and not {node.target, before.target} & read:
            yield before.target, node.target


def runs_in_order(model: nn.Module) -> bool:
    """Whether every `nn.Sequential` is run as a whole, as our own architectures do: it saves the trace."""
    return all(
        type(module) is nn.Sequential or type(module).__module__.startswith(OURS) or not any(module.children())
        for module in model.modules()
    )


def _graph_of(model: nn.Module) -> fx.Graph:
    """What a network does, as far as torch.fx can tell: an empty graph where it cannot."""
    if isinstance(model, fx.GraphModule):
        return model.graph
    if "forward" in vars(model):  # it is not that of its class, which is what would be traced
        return fx.Graph()
    try:
        return Tracer(SelectChannels, RaggedConv2d).trace(model)
    except Exception:
        return fx.Graph()


def _is_fixed(norm: nn.Module) -> bool:
    """Whether it scales and shifts by numbers of its own, not by those of each batch."""
    fixed = isinstance(norm, nn.BatchNorm2d) and norm.affine and norm.running_mean is not None
    return fixed and not is_watched(norm)


def _is_bare(conv: nn.Module) -> bool:
    """Whether it is a convolution whose output nothing changes or looks at before it is read."""
    if isinstance(conv, RaggedConv2d):
        return conv.bare
    return isinstance(conv, nn.Conv2d) and is_plain(conv) and not is_watched(conv)


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
