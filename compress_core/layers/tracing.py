"""Reading a network's wiring with torch.fx while other threads run theirs."""

import threading

from torch import fx, nn

_ONE_AT_A_TIME = threading.Lock()


class Tracer(fx.Tracer):
    """Traces a network; modules of the types in `leaves` are not looked into, nor are torch's own.

    torch.fx replaces `nn.Module.__call__` for everybody while it traces. Other threads' networks pass through here
    unharmed, and two traces never overlap.
    """

    def __init__(self, *leaves: type[nn.Module]):
        super().__init__()
        self.leaves = leaves
        self.thread = 0

    def trace(self, root: nn.Module, concrete_args: dict | None = None) -> fx.Graph:
        with _ONE_AT_A_TIME:
            self.thread = threading.get_ident()
            graph = super().trace(root, concrete_args)
        if isinstance(root, fx.GraphModule):
            _remember_units(root.graph, graph)
        return graph

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, self.leaves) or super().is_leaf_module(module, name)

    def call_module(self, module: nn.Module, forward, args: tuple, kwargs: dict) -> object:
        if threading.get_ident() != self.thread:
            return forward(*args, **kwargs)
        return super().call_module(module, forward, args, kwargs)

    def getattr(self, name: str, value: object, proxies: dict) -> object:
        if threading.get_ident() != self.thread:
            return value
        return super().getattr(name, value, proxies)


def _remember_units(old: fx.Graph, new: fx.Graph) -> None:
    """Note which modules each node belonged to before surgery wrote the network's wiring out flat.

    Both graphs have the same nodes in the same order, but for modules that the new one looks into.
    """
    nodes = [node for node in new.nodes if node.op != "get_attr"]  # those stand where they are used first
    for before in old.nodes:
        if before.op == "get_attr" or not nodes:
            continue
        count = 1
        if before.op == "call_module" and nodes[0].target != before.target:
            count = next((i for i, node in enumerate(nodes) if before.target not in _units(node)), len(nodes))
        for after in nodes[:count]:
            after.meta["nn_module_stack"] = {**_units(before), **_units(after)}
        del nodes[:count]


def _units(node: fx.Node) -> dict[str, object]:
    """The modules that a node belongs to, from the outermost in."""
    return node.meta.get("nn_module_stack", {})
