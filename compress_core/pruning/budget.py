"""Pruning to what may be left, instead of by how much goes."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from compress_core.layers.duplicate import duplicate
from compress_core.layers.kinds import count_macs

KINDS = ("params", "macs", "bytes")


class _Pruned(Protocol):
    model: nn.Module


P = TypeVar("P", bound=_Pruned)


def cost(model: nn.Module, example_input: Tensor, kind: str) -> int:
    """Parameters, multiply–accumulates (convolutions, linear layers) for one image, or bytes of all tensors kept."""
    if kind == "params":
        return sum(p.numel() for p in model.parameters())
    if kind == "bytes":
        return sum(t.numel() * t.element_size() for t in model.state_dict().values())
    macs = []

    def count(layer: nn.Module, given: tuple[Tensor], output: object) -> None:
        if isinstance(output, Tensor) and given:
            macs.append(count_macs(layer, given[0], output))

    watched = duplicate(model).eval()
    for layer in watched.modules():
        layer.register_forward_hook(count)
    with torch.no_grad():
        watched(example_input[:1])
    return sum(macs)


def _is_limit(item: tuple[object, object]) -> bool:
    kind, most = item
    return kind in KINDS and isinstance(most, int | float) and most == most  # NaN is no number


def largest_within(budget: Mapping[str, float], prune: Callable[[int], P], channels: int, example_input: Tensor) -> P:
    """The network that meets a budget with the fewest channels cut, found by bisection over their number.

    Args:
        prune: takes a number of channels out of `channels`.

    Raises:
        ValueError: the budget names something else, or not even one channel a layer meets it.
    """
    if not isinstance(budget, Mapping) or not budget or not all(map(_is_limit, budget.items())):
        raise ValueError(f"A budget gives a number for one or more of {', '.join(KINDS)}; it was {budget!r}.")

    def fits(pruned: P) -> bool:
        return all(cost(pruned.model, example_input, kind) <= most for kind, most in budget.items())

    least, most = 0, channels - 1
    smallest = prune(most)
    if not fits(smallest):
        needs = {kind: f"{cost(smallest.model, example_input, kind):,} {kind}" for kind in budget}
        raise ValueError(
            f"No pruning meets this budget: with all but the floor cut, {', '.join(needs.values())} are left."
        )
    best = smallest
    while least < most:
        middle = (least + most) // 2
        pruned = prune(middle)
        if fits(pruned):
            best, most = pruned, middle
        else:
            least = middle + 1
    return best
