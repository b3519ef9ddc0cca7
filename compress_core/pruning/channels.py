"""Channel pruning: rank the channels, let the best survive, and build the smaller network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from compress_core.layers.running import check_example, check_values
from compress_core.pruning.balance import Balance, choose_nearest
from compress_core.pruning.budget import largest_within
from compress_core.pruning.coupling import Coupling, couple
from compress_core.pruning.exactness import prove
from compress_core.pruning.selection import (
    ScoredGroup,
    ScoredGroups,
    apply_edits,
    check_ratio,
    check_scope,
    enforce_floor,
    score_groups,
    select_by_hand,
    select_by_threshold,
    whole_number,
)
from compress_core.pruning.surgery import LayerKeep, remove_channels


@dataclass(frozen=True)
class PruneResult:
    """A physically smaller network, and who was left out of it."""

    model: nn.Module
    kept: dict[str, LayerKeep]
    groups: list[ScoredGroup]
    """Those that the criterion could score."""
    survivors: list[Tensor]
    """For each group of the coupling, scored or not, the places that stay."""
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
    def kept_by_floor(self) -> list[str]:
        """The layers that would have lost more channels, had they not reached the floor."""
        return [g.name for g in self.groups if g.kept_by_floor]


@dataclass(frozen=True, kw_only=True)
class PruningOptions:
    """The finer choices of `prune_channels`, each a keyword of it."""

    ignore: Sequence[str] = ()
    """Layers whose channels all stay."""
    floor: int = 1
    """At least this many channels of every layer stay."""
    multiple_of: int = 1
    """What stays of each group is rounded to a multiple of this, 8 or 16 say: the vector units of processors take
    channels by so many, and onnxruntime falls back to slow kernels where a layer does not fill them."""
    balanced: bool = False
    """Whether each group of a grouped convolution keeps as many channels as the others, so that it stays one
    convolution; with `multiple_of` each reads a multiple of that. Channels that this needs come back, so that a ratio
    is met as nearly as it allows."""
    edits: Mapping[str, Mapping[int, bool]] | None = None
    """For layers named, channels that stay (True) or go (False) whatever their score."""
    reduction: str | None = None
    """How the scores of coupled channels become one, `sum`, `mean` or `max`; left out, the criterion's way."""
    seed: int = 0
    """Of what a criterion draws."""
    coupling: Coupling | None = None
    """What `couple` found for this network, or another of the same shape; found anew if left out."""
    scored: ScoredGroups | None = None
    """What `score_groups` found for this network, criterion and data; found anew if left out."""
    proven: bool = True
    """Whether to hold the result against the masked original, which runs both on random images."""

    def __post_init__(self):
        if isinstance(self.ignore, str):
            object.__setattr__(self, "ignore", (self.ignore,))
        if isinstance(self.floor, bool) or not isinstance(self.floor, int) or self.floor < 1:
            raise ValueError(
                f"At least one channel of every layer stays: floor must be 1 or more; it was {self.floor}."
            )
        if isinstance(self.multiple_of, bool) or not isinstance(self.multiple_of, int) or self.multiple_of < 1:
            raise ValueError(
                f"What stays is a multiple of a whole number, 1 or more; multiple_of was {self.multiple_of!r}."
            )


def prune_channels(
    model: nn.Module,
    example_input: Tensor,
    *,
    ratio: float | None = None,
    keep: Mapping[str, int | Sequence[int]] | None = None,
    budget: Mapping[str, float] | None = None,
    criterion: str = "bn_scale",
    scope: str = "global",
    images: Tensor | None = None,
    labels: Tensor | None = None,
    **options: object,
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
        images: (N, C, H, W) calibration images, for a criterion that looks at data.
        labels: (N,) their classes, for a criterion that looks at the loss.
        options: those of `PruningOptions`: `ignore=`, `floor=`, `multiple_of=`, `balanced=`, `edits=`, `reduction=`
            (also by its former name, `together=`), `seed=`, `coupling=`, `scored=`, `proven=`.

    Raises:
        ValueError: an argument is out of range or missing, or names a layer that is not there.
        UnsupportedModelError: the network cannot be traced, the criterion does not apply to it, or what is left of it
            does not compute what the original with the dropped channels masked computes.

    Network Slimming, Liu et al. 2017, section 3.
    """
    if "together" in options:
        options.setdefault("reduction", options.pop("together"))
    finer = PruningOptions(**options)
    _check(ratio, keep, budget, scope, finer)
    keep = None if keep is None else {name: whole_number(wanted) for name, wanted in keep.items()}
    check_values(model)
    check_example(example_input)
    edits = finer.edits or {}
    coupling = finer.coupling or couple(model, example_input)
    scored, unscored = finer.scored or score_groups(
        model, coupling, criterion, images, labels, finer.reduction, finer.seed
    )
    for name in (*finer.ignore, *(keep or ()), *edits):
        chosen_by_hand = name in unscored and name not in finer.ignore and not isinstance((keep or {}).get(name), int)
        if name not in scored and not chosen_by_hand:
            raise ValueError(f"No prunable layer is named '{name}'. There are: {', '.join(scored)}.")
    # Layers that the criterion cannot score are whole, unless a person says which of their channels stay.
    others = [unscored[name] for name in unscored if name in (keep or {}) or name in edits]
    if keep is not None:
        chosen = [select_by_hand(one, keep.get(one.name, one.group.size)) for one in (*scored.values(), *others)]
        result = build_pruned(model, coupling, apply_edits(chosen, edits), may_add=False)
    else:
        result = _prune_by_score(model, example_input, coupling, scored, others, ratio, budget, scope, finer)
    if finer.proven:
        prove(model, result.model, coupling, result.survivors, example_input)
    return result


def _prune_by_score(
    model: nn.Module,
    example_input: Tensor,
    coupling: Coupling,
    scored: Mapping[str, ScoredGroup],
    others: Sequence[ScoredGroup],
    ratio: float | None,
    budget: Mapping[str, float] | None,
    scope: str,
    finer: PruningOptions,
) -> PruneResult:
    channels = sum(one.group.size for one in scored.values())
    balance = Balance(model, coupling, finer.multiple_of) if finer.balanced else None

    def by_score(ratio: float) -> list[ScoredGroup]:
        groups = list(scored.values())
        return select_by_threshold(groups, ratio, scope, frozenset(finer.ignore), finer.floor, finer.multiple_of)

    def choose(ratio: float) -> list[ScoredGroup]:
        chosen = [*by_score(ratio), *others]
        if balance:
            enforce_floor(model, coupling, chosen, finer.floor, may_add=True)
            chosen = balance.apply(chosen, fixed={*finer.ignore, *(one.name for one in others)})
        return apply_edits(chosen, finer.edits or {})

    def build(chosen: list[ScoredGroup]) -> PruneResult:
        return build_pruned(model, coupling, chosen, finer.floor)

    if budget is not None:
        return largest_within(budget, lambda cut: build(choose(cut / channels)), channels, example_input)
    if not finer.balanced:
        return build(choose(ratio))
    left = channels - round(ratio * channels)
    chosen = choose_nearest(lambda cut: choose(cut / channels), channels, left)
    asked = {one.name: one.threshold for one in by_score(ratio)}  # not that of the harsher cut that it took
    return build([replace(one, threshold=asked.get(one.name, one.threshold)) for one in chosen])


def _check(ratio: object, keep: object, budget: object, scope: str, finer: PruningOptions) -> None:
    """Raise unless a network can be pruned by these arguments.

    Raises:
        ValueError: with what is allowed.
    """
    if sum(way is not None for way in (ratio, keep, budget)) != 1:
        raise ValueError("Give either ratio=, keep= or budget=.")
    if ratio is not None:
        check_ratio(ratio)
    check_scope(scope)
    if keep is not None and (finer.ignore or finer.floor > 1 or finer.multiple_of > 1 or finer.balanced):
        raise ValueError(
            "keep= says for each layer what stays; ignore=, floor=, multiple_of= and balanced= go with ratio= and "
            "budget= only."
        )


def build_pruned(
    model: nn.Module, coupling: Coupling, chosen: list[ScoredGroup], floor: int = 1, may_add: bool = True
) -> PruneResult:
    """Build the network of what was chosen. Groups of the coupling that are not among it stay whole.

    Args:
        may_add: whether channels may be given back where a layer would be left without any.

    Raises:
        ValueError: a layer would be, and they may not.
    """
    enforce_floor(model, coupling, chosen, floor, may_add)
    left = {scored.name: scored.survivors for scored in chosen}
    survivors = [left.get(group.name, torch.arange(group.size)) for group in coupling.groups]
    smaller, keeps = remove_channels(model, coupling, survivors)
    return PruneResult(smaller, keeps, chosen, survivors, [group.size for group in coupling.groups], coupling)
