"""Channel pruning: rank the channels, let the best survive, and build the smaller network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from compress_core.pruning.balance import Balance, nearest
from compress_core.pruning.budget import largest_within
from compress_core.pruning.choosing import (
    Judged,
    ScoredGroup,
    by_hand,
    by_threshold,
    check_ratio,
    check_scope,
    edited,
    fill,
    judge,
)
from compress_core.pruning.coupling import Coupling, couple
from compress_core.pruning.exactness import prove
from compress_core.pruning.surgery import LayerKeep, cut


@dataclass(frozen=True)
class PruneResult:
    """A physically smaller network, and who was left out of it."""

    model: nn.Module
    kept: dict[str, LayerKeep]
    groups: list[ScoredGroup]
    """Those that the criterion could judge."""
    survivors: list[Tensor]
    """For each group of the coupling, judged or not, the places that stay."""
    sizes: list[int]
    """For each of those groups how many channels it had."""
    coupling: Coupling
    """Of the network that was cut."""

    @property
    def channels_before(self) -> int:
        return sum(g.group.size for g in self.groups)

    @property
    def channels_after(self) -> int:
        return sum(len(g.survivors) for g in self.groups)

    @property
    def cut_share(self) -> float:
        """The part of the prunable channels that was really cut, 0 … 1."""
        return 1 - self.channels_after / self.channels_before

    @property
    def held_at_floor(self) -> list[str]:
        """The layers that would have lost more channels, had they not reached the floor."""
        return [g.name for g in self.groups if g.held]


def prune_channels(
    model: nn.Module,
    example_input: Tensor,
    *,
    ratio: float | None = None,
    keep: Mapping[str, int | Sequence[int]] | None = None,
    budget: Mapping[str, float] | None = None,
    criterion: str = "bn_scale",
    scope: str = "global",
    ignore: Sequence[str] = (),
    floor: int = 1,
    multiple_of: int = 1,
    balanced: bool = False,
    edits: Mapping[str, Mapping[int, bool]] | None = None,
    images: Tensor | None = None,
    labels: Tensor | None = None,
    together: str | None = None,
    seed: int = 0,
    coupling: Coupling | None = None,
    judged: Judged | None = None,
    proven: bool = True,
) -> PruneResult:
    """Take the least important channels out of a network.

    Args:
        model: any network that torch.fx can trace; it stays as it was.
        example_input: images (N, C, H, W) of the size that it is made for; their values do not matter.
        ratio: the part of all prunable channels to take out, 0 ≤ ratio < 1, or
        keep: for each layer named (by the layer that puts the channels out) how many to keep, or which, or
        budget: what may be left, such as `{"params": 1e6}`: `params`, `macs` of one image, or `bytes` of the tensors;
            of several the tightest counts. As few channels go as meet it. Give one of the three.
        criterion: how channels are ranked; one of `criteria()`.
        scope: `global` ranks all channels against each other, `layer` takes the same part of each layer.
        ignore: layers whose channels all stay.
        floor: at least this many channels of every layer stay.
        multiple_of: round what stays of each group to a multiple of this, 8 or 16 say: the vector units of processors
            take channels by so many, and onnxruntime falls back to slow kernels where a layer does not fill them.
        balanced: whether each group of a grouped convolution keeps as many channels as the others, so that it stays one
            convolution; with `multiple_of` each reads a multiple of that. Channels that this needs come back, so that a
            ratio is met as nearly as it allows.
        edits: for layers named, channels that stay (True) or go (False) whatever their score.
        images: (N, C, H, W) calibration images, for a criterion that looks at data.
        labels: (N,) their classes, for a criterion that looks at the loss.
        together: how the scores of coupled channels become one, `sum`, `mean` or `max`; left out, the criterion's way.
        seed: of what a criterion draws.
        coupling: what `couple` found for this network, or another of the same shape; found anew if left out.
        judged: what `judge` found for this network, criterion and data; found anew if left out.
        proven: whether to hold the result against the masked original, which runs both on random images.

    Raises:
        ValueError: an argument is out of range or missing, or names a layer that is not there.
        UnsupportedModelError: the network cannot be traced, the criterion does not apply to it, or what is left of it
            does not compute what the original with the dropped channels masked computes.

    Network Slimming, Liu et al. 2017, section 3.
    """
    if isinstance(ignore, str):
        ignore = (ignore,)
    _check(ratio, keep, budget, scope, ignore, floor, multiple_of, balanced)
    coupling = coupling or couple(model, example_input)
    judged, unjudged = judged or judge(model, coupling, criterion, images, labels, together, seed)
    for name in (*ignore, *(keep or ()), *(edits or ())):
        said_by_hand = name in unjudged and name not in ignore and not isinstance((keep or {}).get(name), int)
        if name not in judged and not said_by_hand:
            raise ValueError(f"No prunable layer is named '{name}'. There are: {', '.join(judged)}.")
    # Layers that the criterion cannot judge are whole, unless a person says who of them stays.
    others = [unjudged[name] for name in unjudged if name in (keep or {}) or name in (edits or {})]
    if keep is not None:
        chosen = [by_hand(scored, keep.get(scored.name, scored.group.size)) for scored in (*judged.values(), *others)]
        result = carry_out(model, coupling, edited(chosen, edits or {}), may_add=False)
    else:
        channels = sum(scored.group.size for scored in judged.values())
        balance = Balance(model, coupling, multiple_of) if balanced else None

        def by_score(ratio: float) -> list[ScoredGroup]:
            return by_threshold(list(judged.values()), ratio, scope, frozenset(ignore), floor, multiple_of)

        def choose(ratio: float) -> list[ScoredGroup]:
            chosen = [*by_score(ratio), *others]
            if balance:
                fill(model, coupling, chosen, floor, may_add=True)
                chosen = balance.kept(chosen, fixed={*ignore, *(one.name for one in others)})
            return edited(chosen, edits or {})

        def at(ratio: float) -> PruneResult:
            return carry_out(model, coupling, choose(ratio), floor)

        if budget is not None:
            result = largest_within(budget, lambda cut: at(cut / channels), channels, example_input)
        elif balanced:
            left = channels - round(ratio * channels)
            chosen = nearest(lambda cut: choose(cut / channels), channels, left)
            asked = {one.name: one.threshold for one in by_score(ratio)}  # not that of the harsher cut that it took
            chosen = [replace(one, threshold=asked.get(one.name, one.threshold)) for one in chosen]
            result = carry_out(model, coupling, chosen, floor)
        else:
            result = at(ratio)
    if proven:
        prove(model, result.model, coupling, result.survivors, example_input)
    return result


def _check(
    ratio: object,
    keep: object,
    budget: object,
    scope: str,
    ignore: Sequence[str],
    floor: int,
    multiple_of: int,
    balanced: bool,
) -> None:
    """Refuse arguments that no network could be pruned by.

    Raises:
        ValueError: with what is allowed.
    """
    if sum(way is not None for way in (ratio, keep, budget)) != 1:
        raise ValueError("Give either ratio=, keep= or budget=.")
    if ratio is not None:
        check_ratio(ratio)
    check_scope(scope)
    if isinstance(floor, bool) or not isinstance(floor, int) or floor < 1:
        raise ValueError(f"At least one channel of every layer stays: floor must be 1 or more; it was {floor}.")
    if isinstance(multiple_of, bool) or not isinstance(multiple_of, int) or multiple_of < 1:
        raise ValueError(f"What stays is a multiple of a whole number, 1 or more; multiple_of was {multiple_of!r}.")
    if keep is not None and (ignore or floor > 1 or multiple_of > 1 or balanced):
        raise ValueError(
            "keep= says for each layer what stays; ignore=, floor=, multiple_of= and balanced= go with ratio= and "
            "budget= only."
        )


def carry_out(
    model: nn.Module, coupling: Coupling, chosen: list[ScoredGroup], floor: int = 1, may_add: bool = True
) -> PruneResult:
    """Build the network of what was chosen. Groups of the coupling that are not among it stay whole.

    Args:
        may_add: whether channels may be given back where a layer would be left without any.

    Raises:
        ValueError: a layer would be, and they may not.
    """
    fill(model, coupling, chosen, floor, may_add)
    left = {scored.name: scored.survivors for scored in chosen}
    survivors = [left.get(group.name, torch.arange(group.size)) for group in coupling.groups]
    smaller, keeps = cut(model, coupling, survivors)
    return PruneResult(smaller, keeps, chosen, survivors, [group.size for group in coupling.groups], coupling)
