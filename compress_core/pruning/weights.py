"""Weight pruning: holes in the weights, whose shapes stay; and the channels that holes have emptied."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compress_core.errors import UnsupportedModelError
from compress_core.layers.duplicate import duplicate
from compress_core.layers.kinds import is_weighted
from compress_core.layers.matrices import weight_matrix
from compress_core.pruning.channels import PruneResult, build_pruned
from compress_core.pruning.coupling import NO_PLACE, ChannelGroup, Coupling, couple
from compress_core.pruning.exactness import prove
from compress_core.pruning.selection import ScoredGroup, check_ratio, check_scope


@dataclass(frozen=True)
class WeightPruneResult:
    """A network of the same shapes with zeros among its weights."""

    model: nn.Module
    masks: dict[str, Tensor]
    """For each layer a bool of its weight's shape: True where the weight stayed."""

    @property
    def total(self) -> int:
        """Weights that could have gone."""
        return sum(mask.numel() for mask in self.masks.values())

    @property
    def left(self) -> int:
        return sum(int(mask.sum()) for mask in self.masks.values())


def prune_weights(
    model: nn.Module,
    ratio: float | None = None,
    *,
    pattern: str | None = None,
    scope: str = "global",
    ignore: Sequence[str] = (),
) -> WeightPruneResult:
    """Set the smallest weights of convolutions and linear layers to zero.

    Layers whose weights are made anew at every run, by `weight_norm` say, stay whole: holes in them would not last.

    Args:
        model: any network; it stays as it was.
        ratio: the part of all weights to take out, 0 ≤ ratio < 1 (Han et al. 2015, section 3), or
        pattern: `N:M`, such as `2:4`: of every M neighbours in an output's weights the N largest stay (Mishra et al.
            2021, section 2). Layers whose outputs read a number of weights that M does not divide stay whole. Give one.
        scope: `global` ranks all weights against each other, `layer` takes the same part of each layer.
        ignore: layers that stay whole.

    Raises:
        ValueError: an argument is out of range, or names a layer that is not there.
    """
    if (ratio is None) == (pattern is None):
        raise ValueError("Give either ratio= or pattern=.")
    if ratio is not None:
        check_ratio(ratio)
    check_scope(scope)
    ignore = (ignore,) if isinstance(ignore, str) else ignore
    pruned = duplicate(model)
    weighted = {name: m for name, m in pruned.named_modules() if is_weighted(m)}
    layers = {name: m for name, m in weighted.items() if m._parameters.get("weight") is not None}
    unknown = [name for name in ignore if name not in layers]
    if unknown:
        raise ValueError(f"No layer with weights is named '{unknown[0]}'. There are: {', '.join(layers)}.")
    sizes = {name: layer.weight.detach().abs() for name, layer in layers.items() if name not in ignore}
    if weighted and not layers:
        raise UnsupportedModelError(
            f"Something makes the weights of '{next(iter(weighted))}' anew at every run, such as weight_norm, "
            "spectral_norm or torch.nn.utils.prune: holes in them would not last. Take it off first, with "
            "remove_parametrizations, remove_weight_norm, remove_spectral_norm or prune.remove."
        )
    if not sizes:
        raise UnsupportedModelError(f"{type(model).__name__} has no convolution and no linear layer to prune.")
    if pattern is not None:
        masks = {name: _n_of_m(size, pattern) for name, size in sizes.items()}
    elif scope == "layer":
        masks = {name: _largest(size.flatten(), ratio).view(size.shape) for name, size in sizes.items()}
    else:
        stays = _largest(torch.cat([size.flatten() for size in sizes.values()]), ratio)
        parts = stays.split([size.numel() for size in sizes.values()])
        masks = {name: part.view(size.shape) for (name, size), part in zip(sizes.items(), parts, strict=True)}
    for name, mask in masks.items():
        layers[name].weight.data *= mask
    return WeightPruneResult(pruned, masks)


def _largest(sizes: Tensor, ratio: float) -> Tensor:
    """A bool for each: whether it is among the largest; of equal ones the earlier stays."""
    stays = torch.ones(len(sizes), dtype=torch.bool)
    stays[sizes.argsort(descending=True, stable=True)[len(sizes) - round(ratio * len(sizes)) :]] = False
    return stays


def _n_of_m(sizes: Tensor, pattern: str) -> Tensor:
    match = re.fullmatch(r"(\d{1,3}):(\d{1,3})", pattern)
    if not match or not 1 <= int(match[1]) < int(match[2]):
        raise ValueError(f"A pattern is N:M with 1 ≤ N < M, such as 2:4; it was '{pattern}'.")
    n, m = int(match[1]), int(match[2])
    rows = sizes.flatten(1)
    if rows.shape[1] % m:
        return torch.ones_like(sizes, dtype=torch.bool)
    blocks = rows.view(-1, m)
    best = blocks.argsort(dim=1, descending=True, stable=True)[:, :n]
    return torch.zeros_like(blocks, dtype=torch.bool).scatter_(1, best, True).view(sizes.shape)


def remove_empty_channels(
    model: nn.Module, example_input: Tensor, coupling: Coupling | None = None, proven: bool = True
) -> PruneResult:
    """Take out the channels that holes have emptied: those whose every reading weight is zero. Exact.

    What nobody reads need not be made, so the filters that made it go too; then channels that only those read are
    empty in turn, and so on. The survivors are named by the original's channels.

    Args:
        model: a network with holes, such as `prune_weights` leaves; it stays as it was.

    Raises:
        UnsupportedModelError: the network cannot be traced.
    """
    coupling = coupling or couple(model, example_input)
    left = [torch.arange(group.size) for group in coupling.groups]
    while True:
        alive = coupling.alive(left)
        read = [
            _read_channels(model, coupling, group, alive)[kept]
            for group, kept in zip(coupling.groups, left, strict=True)
        ]
        if all(own.all() for own in read):
            break
        # A layer keeps one channel at least: the same as everywhere in surgery.
        fewer = [kept[own] if own.any() else kept[:1] for kept, own in zip(left, read, strict=True)]
        if all(len(new) == len(old) for new, old in zip(fewer, left, strict=True)):
            break
        left = fewer
    chosen = [
        ScoredGroup(group, _read_channels(model, coupling, group, coupling.alive(left)).float(), kept, float("-inf"), 0)
        for group, kept in zip(coupling.groups, left, strict=True)
    ]
    result = build_pruned(model, coupling, chosen)
    if proven:
        prove(model, result.model, coupling, result.survivors, example_input)
    return result


def _read_channels(model: nn.Module, coupling: Coupling, group: ChannelGroup, alive: Tensor) -> Tensor:
    """(size,) whether a living output reads each channel with a weight that is not zero."""
    read = torch.zeros(group.size, dtype=torch.bool)
    for name, places in group.readers.items():
        weights = weight_matrix(model.get_submodule(name))  # (groups, outputs, channels × kernel)
        lives = alive[coupling.outputs[name]].view(len(weights), -1)
        per_channel = weights.view(len(weights), weights.shape[1], len(places) // len(weights), -1)
        read = (per_channel.ne(0).any(3) & lives.unsqueeze(2)).any(1).flatten()
        read[places[read & (places != NO_PLACE)]] = True
    return read
