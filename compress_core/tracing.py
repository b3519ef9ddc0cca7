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
            return super().trace(root, concrete_args)

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
