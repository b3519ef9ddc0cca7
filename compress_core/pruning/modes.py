"""What a network does in training and not in inference, where its forward is written anew."""

from collections.abc import Mapping

from torch import fx, nn

from compress_core.errors import UnsupportedModelError
from compress_core.layers.duplicate import duplicate
from compress_core.layers.folding import runs_in_order
from compress_core.layers.modules import SelectChannels
from compress_core.layers.tracing import Tracer

_MODE = "training"
Switches = Mapping[str, tuple[tuple, dict]]
"""By a node's name its arguments, with `_MODE` in place of a False of inference that is True in training."""


def training_graph(model: nn.Module) -> fx.Graph | None:
    """What a network does in training; None where that cannot be traced. Nothing is traced where modules alone tell."""
    if type(model).train is _train:
        return None
    if runs_in_order(model) or _leaves_it_to_modules(model):
        return fx.Graph()
    try:
        return Tracer(SelectChannels).trace(duplicate(model).train())
    except Exception:
        return None


def _leaves_it_to_modules(model: nn.Module) -> bool:
    """Whether it is a graph of torch's and our own modules in which nothing else looks at the mode."""
    if not isinstance(model, fx.GraphModule) or any(node.target == _MODE for node in model.graph.nodes):
        return False
    called = [model.get_submodule(node.target) for node in model.graph.nodes if node.op == "call_module"]
    return all(type(module).__module__.startswith(("torch.nn.", "compress_core.")) for module in called)


def switches(in_inference: fx.Graph, in_training: fx.Graph | None) -> Switches | None:
    """Where two graphs of a network differ by a flag that follows its mode; None where they differ in anything else."""
    if in_training is None:
        return None
    found: dict[str, tuple[tuple, dict]] = {}
    if not len(in_training.nodes):
        return found
    if len(in_inference.nodes) != len(in_training.nodes):
        return None
    for before, after in zip(in_inference.nodes, in_training.nodes, strict=True):
        if (before.op, before.target, before.name) != (after.op, after.target, after.name):
            return None
        try:
            args = tuple(map(_switched, before.args, after.args))
            kwargs = {name: _switched(value, after.kwargs[name]) for name, value in before.kwargs.items()}
        except _OtherwiseError:
            return None
        if any(new is _MODE for new in (*args, *kwargs.values())):
            found[before.name] = args, kwargs
    return found


class _OtherwiseError(Exception):
    """Arguments differ by more than a flag."""


def _switched(before: object, after: object) -> object:
    """An argument of inference, or `_MODE` where it is a flag that follows the mode."""
    if before is False and after is True:
        return _MODE
    if fx.node.map_arg(before, str) != fx.node.map_arg(after, str):  # nodes by their names, however deep
        raise _OtherwiseError
    return before


def follow_mode(node: fx.Node, switched: tuple[tuple, dict]) -> None:
    """Let a node's flags follow the mode of the network that runs it, in place."""
    args, kwargs = switched
    with node.graph.inserting_before(node):
        mode = node.graph.create_node("get_attr", _MODE)
    node.args = tuple(mode if new is _MODE else old for old, new in zip(node.args, args, strict=True))
    node.kwargs = {name: mode if kwargs[name] is _MODE else old for name, old in node.kwargs.items()}


def only_for_inference(model: fx.GraphModule) -> fx.GraphModule:
    """The same network, in place, which says that it is another one in training where somebody wants to train it."""
    type(model).train = _train  # torch.fx gives each network a class of its own
    return model


def _train(model: fx.GraphModule, mode: bool = True) -> nn.Module:
    if mode:
        raise UnsupportedModelError(
            f"{type(model).__name__} was rewired as it runs in inference, and does something else in training, such as "
            "heads of its own. Train the original, and cut it afterwards."
        )
    return nn.Module.train(model, False)
