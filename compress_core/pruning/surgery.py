"""Building the physically smaller network: each layer gets the rows and columns whose channels survive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import torch
from torch import Tensor, fx, nn

from compress_core.errors import UnsupportedModelError
from compress_core.layers.duplicate import duplicate
from compress_core.layers.kinds import is_batchnorm, is_depthwise
from compress_core.layers.modules import RaggedConv2d, SelectChannels
from compress_core.pruning.coupling import Coupling
from compress_core.pruning.modes import follow_mode, only_for_inference, switches, training_graph
from compress_core.pruning.movement import Move
from compress_core.pruning.operations import is_free


@dataclass(frozen=True)
class LayerKeep:
    """What is left of a layer, as indices into the original's channels, in ascending order."""

    inputs: Tensor
    outputs: Tensor


def remove_channels(
    model: nn.Module, coupling: Coupling, survivors: Sequence[Tensor]
) -> tuple[nn.Module, dict[str, LayerKeep]]:
    """A copy of `model` in which only the survivors are left, and what each layer kept; the model stays as it was.

    Its own forward stays where that still fits. Data movement that does not, such as the shuffle of what is left,
    becomes a selection, and the result a `torch.fx.GraphModule`.

    Args:
        survivors: for each group of the coupling the places that stay, ascending.

    Raises:
        UnsupportedModelError: its forward would have to be written anew and is not that of its class.
    """
    alive = coupling.alive(survivors)
    keeps = {
        name: LayerKeep(_kept(labels, alive), _kept(coupling.outputs[name], alive))
        for name, labels in coupling.inputs.items()
    }
    smaller = _shrunk(model, keeps)
    rewired = {move.node: new for move in coupling.moves if (new := _remap(move, alive))}
    return (_rewire(smaller, coupling, rewired, training_graph(model)) if rewired else smaller), keeps


def _kept(labels: Tensor, alive: Tensor) -> Tensor:
    return alive[labels].nonzero().flatten()


def _shrunk(model: nn.Module, keeps: Mapping[str, LayerKeep]) -> nn.Module:
    """A copy in which each layer has only the channels kept. What goes is not copied first."""
    instead: dict[int, object] = {}
    shared: list[tuple[str, str, Tensor]] = []  # by several layers, which each keep something else of it
    for name, keep in keeps.items():
        layer = model.get_submodule(name)
        if isinstance(layer, nn.Conv2d) and layer.groups > 1 and not is_depthwise(layer):
            instead[id(layer)] = _shrunk_groups(layer, keep)
            continue
        for tensor_name, tensor in (*layer._parameters.items(), *layer._buffers.items()):
            if tensor is None or tensor.dim() == 0:  # BatchNorm's batch counter
                continue
            left = tensor.detach().index_select(0, keep.outputs.to(tensor.device))
            if tensor.dim() > 1 and not is_depthwise(layer) and len(keep.inputs) < tensor.shape[1]:
                left = left.index_select(1, keep.inputs.to(tensor.device))
            if id(tensor) in instead:
                shared.append((name, tensor_name, left))
            else:
                instead[id(tensor)] = _like(tensor, left)
    smaller = duplicate(model, instead=instead)
    for name, tensor_name, left in shared:
        _replace(smaller.get_submodule(name), tensor_name, left)
    for name in keeps:
        _set_sizes(smaller.get_submodule(name))
    return smaller


def _shrunk_groups(layer: nn.Conv2d, keep: LayerKeep) -> nn.Module:
    """What is left of a grouped convolution: grouped where its groups are still alike, else ragged."""
    c_in, c_out = layer.in_channels // layer.groups, layer.out_channels // layer.groups
    weights, biases, sizes = [], [], []
    for group in range(layer.groups):
        inputs = keep.inputs[keep.inputs // c_in == group] - group * c_in
        outputs = keep.outputs[keep.outputs // c_out == group]
        sizes.append(len(inputs))
        weights.append(layer.weight.detach()[outputs][:, inputs])
        biases.append(None if layer.bias is None else layer.bias.detach()[outputs])
    if len({weight.shape for weight in weights}) == 1:
        return _conv_like(layer, weights, biases, layer.groups)
    convs = [_conv_like(layer, [w], [b], 1) if len(w) else None for w, b in zip(weights, biases, strict=True)]
    return RaggedConv2d(convs, sizes)


def _conv_like(layer: nn.Conv2d, weights: list[Tensor], biases: list[Tensor | None], groups: int) -> nn.Conv2d:
    instead = {id(layer.weight): _like(layer.weight, torch.cat(weights))}
    if layer.bias is not None:
        instead[id(layer.bias)] = _like(layer.bias, torch.cat(biases))
    conv = duplicate(layer, instead=instead)
    conv.groups, conv.out_channels, conv.in_channels = groups, conv.weight.shape[0], conv.weight.shape[1] * groups
    return conv


@dataclass(frozen=True)
class _Remap:
    """Data movement after a cut: its sources side by side, then what is at `index` where that is not all of them."""

    old: Move
    index: Tensor | None


def _remap(move: Move, alive: Tensor) -> _Remap | None:
    """How to move what is left; None where the network's own way still does."""
    lives = alive[move.before]
    if lives.all():
        return None
    place = lives.cumsum(0) - 1  # of each old channel among those left
    index = place[move.index[lives[move.index]]]
    whole = len(index) == int(lives.sum()) and torch.equal(index, torch.arange(len(index)))
    if whole and move.keeps_order:
        return None
    return _Remap(move, None if whole else index)


def _rewire(
    model: nn.Module, coupling: Coupling, moves: Mapping[str, _Remap], in_training: fx.Graph | None
) -> fx.GraphModule:
    if "forward" in vars(model):
        raise UnsupportedModelError(
            f"{type(model).__name__} cannot be pruned: its forward must be written anew, and stands on the object. "
            "Put the network into a module whose class has that forward."
        )
    switched = switches(coupling.graph, in_training)
    new = fx.Graph()
    made: dict[fx.Node, fx.Node] = {}
    names: dict[str, fx.Node] = {}
    for name, constant in coupling.constants.items():
        if not hasattr(model, name):
            model.register_buffer(name, constant, persistent=False)
    for node in coupling.graph.nodes:
        if node.name not in moves:
            made[node] = new.node_copy(node, lambda n: made[n])
            if switched and node.name in switched:
                follow_mode(made[node], switched[node.name])
        else:
            made[node] = _move(
                model, new, node.name, moves[node.name], [names[s] for s in moves[node.name].old.sources]
            )
            made[node].meta = made[node].meta or dict(node.meta)  # which module of the original a new one belongs to
        names[node.name] = made[node]
    for node in reversed(new.nodes):  # what led to the movements that were replaced
        if not node.users and node.op != "output" and is_free(node):
            new.erase_node(node)
    rewired = fx.GraphModule(model, new, type(model).__name__)
    return rewired if switched is not None else only_for_inference(rewired)


def _move(model: nn.Module, graph: fx.Graph, name: str, new: _Remap, sources: list[fx.Node]) -> fx.Node:
    if new.old.flat:
        sources = [graph.call_function(torch.flatten, (source, 1)) for source in sources]
    joined = sources[0] if len(sources) == 1 else graph.call_function(torch.cat, (sources, new.old.dim))
    if new.index is None:
        return joined
    name = f"moved_{name}"
    while hasattr(model, name):  # left by an earlier cut
        name += "_again"
    model.add_module(name, SelectChannels(new.index, new.old.dim))
    return graph.call_module(name, (joined,))


def wiring(model: nn.Module) -> str:
    """What surgery has written anew in a network, as a short text; '' where that is nothing."""
    moved = [(name, module) for name, module in model.named_modules() if isinstance(module, SelectChannels)]
    told = [f"{name} {module.dim} {module.index.tolist()}" for name, module in moved]
    return blake2b("\n".join(told).encode(), digest_size=6).hexdigest() if told else ""


def resize_to(model: nn.Module, shapes: Mapping[str, Sequence[int]]) -> nn.Module:
    """A copy of `model` whose layers have the shapes given by parameter name, with undefined values.

    It makes the skeleton into which the weights of a pruned file are read.

    Raises:
        AttributeError: a name is not in the network.
        ValueError: a shape is not what surgery leaves: fewer channels, and everything else as it was.
    """
    resized = duplicate(model)
    for name, shape in shapes.items():
        layer_name, _, tensor_name = name.rpartition(".")
        layer = resized.get_submodule(layer_name)
        own = tuple(getattr(layer, tensor_name).shape)
        grown = any(not 1 <= left <= before for left, before in zip(shape, own, strict=False))
        if len(own) != len(shape) or own[2:] != tuple(shape[2:]) or grown:
            raise ValueError(f"'{name}' is {tuple(shape)} and cannot be what is left of {own}")
        if own != tuple(shape):
            _replace(layer, tensor_name, torch.empty(*shape))
    for layer in resized.modules():
        _set_sizes(layer)
    return resized


def _set_sizes(layer: nn.Module) -> None:
    """Let a layer's numbers say what its tensors are."""
    match layer:
        case nn.Conv2d():
            if is_depthwise(layer):
                layer.groups = layer.in_channels = layer.out_channels = layer.weight.shape[0]
            else:
                layer.out_channels, layer.in_channels = layer.weight.shape[0], layer.weight.shape[1] * layer.groups
        case nn.Linear():
            layer.out_features, layer.in_features = layer.weight.shape
        case _ if is_batchnorm(layer):
            known = layer.weight if layer.weight is not None else layer.running_mean
            layer.num_features = layer.num_features if known is None else len(known)


def _replace(layer: nn.Module, name: str, value: Tensor) -> None:
    setattr(layer, name, _like(getattr(layer, name), value.clone()))


def _like(old: Tensor, value: Tensor) -> Tensor:
    return nn.Parameter(value, old.requires_grad) if isinstance(old, nn.Parameter) else value
