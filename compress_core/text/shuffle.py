"""The channel shuffle in words: what each figure of its page shows for the chosen values."""

from collections.abc import Sequence

import pandas as pd

from compress_core.studies.shuffle import Unit, UnitComparison
from compress_core.studies.shuffle_worth import TABLE_3
from compress_core.text.numbers import whole_percent

HERE, PAPER = "Digits, measured here", "ImageNet, the paper"
_NUMBERS_SHOWN = 8


def describe_shuffle(groups: int, per_group: int, left_over: int) -> str:
    """What the shuffle does with these channels, or why it cannot."""
    channels = groups * per_group + left_over
    if left_over:
        return (
            f"{channels} channels do not fall into {groups} equal groups: the reshape to ({groups}, n) fails, and no "
            "such layer can be built. Pruning leaves such groups all the time: they are dealt out by an index instead, "
            "and a group that has run out is skipped."
        )
    if groups == 1:
        return f"One group of {channels} channels: there is nothing to mix, and the shuffle leaves everything in place."
    if per_group == 1:
        return f"{groups} groups of one channel each: dealt out in turn they come back in the order they had."
    return (
        f"{groups} groups of {per_group} channels are dealt out in turn: each {groups} neighbours now come from "
        f"{groups} different groups, so the next grouped layer reads all of them. It moves data and has no weights."
    )


def captions(groups: int, per_group: int, left_over: int) -> list[str]:
    """What stands under each step of the animation."""
    shape = f"({groups}, {per_group})"
    if left_over:
        return [
            f"{groups * per_group + left_over} channels, group after group",
            f"one group a row: {left_over} of them one longer",
            "read column by column, where there is a channel",
            "laid flat: an index, for want of a shape",
        ]
    return [
        f"{groups * per_group} channels, group after group",
        f"reshape to {shape}: one group a row",
        f"transpose to ({per_group}, {groups}): one group a column",
        "flatten: row after row",
    ]


def formula_shuffle(groups: int, per_group: int) -> str:
    """Where a channel goes, for KaTeX."""
    return rf"$p=(c \bmod n)\,g+\lfloor c/n\rfloor=(c \bmod {per_group})\cdot{groups}+\lfloor c/{per_group}\rfloor$"


def formula_inverse(groups: int, per_group: int) -> str:
    """Where a place's channel came from, for KaTeX."""
    return rf"$c=(p \bmod g)\,n+\lfloor p/g\rfloor=(p \bmod {groups})\cdot{per_group}+\lfloor p/{groups}\rfloor$"


def describe_permutation(index: Sequence[int], groups: int, per_group: int, left_over: int) -> str:
    """The index, and what undoes it."""
    numbers = ", ".join(map(str, index[:_NUMBERS_SHOWN])) + (" …" if len(index) > _NUMBERS_SHOWN else "")
    if left_over:
        return f"The index: {numbers}. Its inverse is an index too; no shuffle by another number of groups undoes it."
    return f"The places hold channels {numbers}. A shuffle with {per_group} groups undoes one with {groups}."


def describe_connectivity(groups: int, per_group: int, layers: int, shares: pd.DataFrame) -> str:
    """How many of the inputs an output hears after so many layers."""
    now = shares[shares["layers"] == layers].iloc[0]
    text = (
        f"{layers} grouped layer{'s' if layers > 1 else ''}, {groups} groups of {per_group}: without a shuffle an "
        f"output is reached by {whole_percent(now['without'])} of the inputs, however deep the stack; with one between "
        f"the layers {whole_percent(now['with'])}."
    )
    whole = shares[shares["with"] == 1]["layers"]
    if groups > 1 and not whole.empty:
        text += f" All inputs reach it from {int(whole.min())} layers on."
    elif groups > 1:
        text += f" {int(shares['layers'].max())} layers are not enough for all inputs."
    return text


def unit_title(name: str) -> str:
    """A unit's name for people: stages count from 2, as in the papers, units from 1."""
    _, stage, unit = name.split(".")
    return f"Stage {int(stage) + 2}, unit {int(unit) + 1}"


def describe_unit(study: UnitComparison, title: str) -> str:
    """What became of a unit's reach and of its shuffle."""
    before, after = study.before, study.after
    if not study.cut_share:
        return (
            f"{title}: its shuffle deals out {_sizes(before)} channels, and "
            f"{whole_percent(_share(before))} of the unit's inputs reach an output."
        )
    if not len(after.shuffle):
        return f"{title}: nothing goes through its shuffle any more."
    became = (
        "is still a reshape and a transpose"
        if after.is_regular
        else f"has become an index of {len(after.shuffle)} channels, because no shape fits {_sizes(after)}"
        if len(set(after.shuffle_groups)) > 1
        else f"has become an index of {len(after.shuffle)} channels: the groups are equal, their survivors are not"
    )
    return (
        f"{title}, {whole_percent(study.cut_share)} of the network's channels cut: {_sizes(before)} channels came into "
        f"its shuffle, which {became}. An output was reached by {whole_percent(_share(before))} of the inputs, now by "
        f"{whole_percent(_share(after))}."
    )


def describe_maps(study: UnitComparison, title: str) -> str:
    """What the strips show."""
    groups = len(study.before.shuffle_groups)
    text = (
        f"One image in {title.lower()}: the upper row stands group by group, the lower one dealt out, {groups} groups "
        "in turn. The maps are the same: a shuffle computes nothing."
    )
    return f"{text} After pruning the survivors are dealt out by an index." if study.cut_share else text


def worth_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Errors with and without the shuffle for `plots.worth`: the mean over the seeds with the extremes, and Table 3.

    Args:
        runs: of `training.shuffle_worth`.
    """
    rows = []
    for panel in (HERE, PAPER):
        for (width, groups), (without, with_) in TABLE_3.items():
            if panel == PAPER:
                rows.append((panel, _network(width, groups), without, with_, None, None, None, None))
                continue
            own = runs[(runs["width"] == width) & (runs["groups"] == groups)]
            errors = {shuffle: 100 * (1 - part["accuracy"]) for shuffle, part in own.groupby("shuffle")}
            ends = [bound for shuffle in (False, True) for bound in (errors[shuffle].min(), errors[shuffle].max())]
            rows.append((panel, _network(width, groups), errors[False].mean(), errors[True].mean(), *ends))
    ends = ["without_low", "without_high", "with_low", "with_high"]
    return pd.DataFrame(rows, columns=["panel", "network", "without", "with", *ends]).astype(dict.fromkeys(ends, float))


def describe_worth(table: pd.DataFrame, runs: pd.DataFrame) -> str:
    """What the shuffle saves here, and there."""
    here, paper = (table[table["panel"] == panel] for panel in (HERE, PAPER))
    gains, theirs = here["without"] - here["with"], paper["without"] - paper["with"]
    apart = int((here["without_low"] > here["with_high"]).sum())
    seeds, samples = runs["seed"].nunique(), int(runs["samples"].iloc[0])
    ends = [f"{_points(gains[i])} at {here.loc[i, 'network']}" for i in (gains.idxmin(), gains.idxmax())]
    return (
        f"On digits the shuffle is worth from {ends[0]} to {ends[1]}; in {apart} of {len(here)} networks every "
        f"training with it beats every one without ({seeds} seeds, n = {samples:,}). On ImageNet the paper has "
        f"{theirs.min():.1f} to {theirs.max():.1f} points won."
    )


def _points(gain: float) -> str:
    return f"{abs(gain):.1f} points {'won' if gain >= 0 else 'lost'}"


def _network(width: float, groups: int) -> str:
    return f"{width:g}×, g = {groups}"


def _share(unit: Unit) -> float:
    return unit.reach.double().mean().item()


def _sizes(unit: Unit) -> str:
    sizes: Sequence[int] = unit.shuffle_groups
    return " + ".join(map(str, sizes)) if len(set(sizes)) > 1 else f"{len(sizes)} × {sizes[0]}"
