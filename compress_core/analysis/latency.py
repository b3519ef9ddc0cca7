"""The time that networks take, in turn with others because machines drift, and the one summary of such times."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd
import torch
from torch import nn

from compress_core.layers.inference import prepare

BUDGET_S = {1: 0.02, 64: 0.02}
"""By batch size, for both networks together, after warming up: what a slider step can spare."""
MIN_PAIRS, MAX_PAIRS = 4, 30
SPOILT = 1.5
"""Quartiles so many times apart are a busy machine's."""


VALUES = ["ms", "low", "high", "relative", "relative_low", "relative_high"]


@dataclass(frozen=True)
class Timings:
    """Repeated runs of several items in turn, so that a drift of the machine cancels in their ratios."""

    table: pd.DataFrame
    """A row an item (index): `ms`, the median, and `low` and `high`, the quartiles; `relative`, `relative_low` and
    `relative_high`, the same of the time as a part of the first item's in the same round."""
    rounds: int
    threads: int = 1
    machine: str = ""
    when: str = ""
    example: bool = False
    """Whether they were stored, and not measured where they are looked at."""

    @property
    def spread(self) -> float:
        """How many times the lower quartile the upper one is, for the item where they are furthest apart."""
        return float((self.table["high"] / self.table["low"]).max())

    def speedup(self, item: object) -> float:
        """How many times as fast as the first an item is."""
        return 1 / float(self.table.loc[item, "relative"])


def summarize(rounds: Sequence[Sequence[float]], items: Sequence[object], of_whole: bool = False) -> Timings:
    """Medians and quartiles of the seconds of each item, a row a round.

    Args:
        of_whole: whether times are relative to the whole round instead of its first item.
    """
    seconds = pd.DataFrame(rounds, columns=list(items))
    reference = seconds.sum(axis=1) if of_whole else seconds.iloc[:, 0]
    parts = [(seconds * 1000).quantile([0.5, 0.25, 0.75]), seconds.div(reference, axis=0).quantile([0.5, 0.25, 0.75])]
    values = [row for part in parts for row in part.to_numpy()]
    return Timings(
        pd.DataFrame(dict(zip(VALUES, values, strict=True)), seconds.columns), len(seconds), torch.get_num_threads()
    )


@dataclass(frozen=True)
class Latency:
    """Medians of repeated, interleaved runs in eager PyTorch, BatchNorm folded.

    Milliseconds a batch of 1 and of 64 images, how many times as long the reference network took (and the quartiles of
    that), and the threads that torch used.
    """

    ms: float
    batch_ms: float
    speedup: float
    batch_speedup: float
    threads: int
    quartiles: tuple[float, float] = (0.0, math.inf)
    batch_quartiles: tuple[float, float] = (0.0, math.inf)
    same_arithmetic: bool = False
    """Whether both networks have the same shapes, so that a difference could only be the machine's."""

    @property
    def spread(self) -> float:
        """How many times the lower quartile of a speedup the upper one is, where they are furthest apart."""
        return max(high / low if low else math.inf for low, high in (self.quartiles, self.batch_quartiles))

    @property
    def spoilt(self) -> bool:
        """Whether the machine was so busy that it had better be timed again."""
        return self.spread > SPOILT


def compare_latency(model: nn.Module, reference: nn.Module, input_shape: tuple[int, int, int]) -> Latency:
    """Time `model` in turn with `reference` on images (C, H, W) within a fixed budget."""
    networks, found = (prepare(reference), prepare(model)), []
    for batch, budget_s in BUDGET_S.items():
        images = torch.zeros(batch, *input_shape).contiguous(memory_format=torch.channels_last)
        rounds = time_interleaved(networks, images, budget_s, MIN_PAIRS, MAX_PAIRS)
        found.append(summarize(rounds, ["reference", "model"]))
    one, many = (timings.table.loc["model"] for timings in found)
    speedups = [1 / float(row["relative"]) for row in (one, many)]
    quartiles = [(1 / float(row["relative_high"]), 1 / float(row["relative_low"])) for row in (one, many)]
    return Latency(float(one["ms"]), float(many["ms"]), *speedups, torch.get_num_threads(), *quartiles)


def time_interleaved(
    networks: Sequence[nn.Module], images: torch.Tensor, budget_s: float, at_least: int, at_most: int
) -> list[tuple[float, ...]]:
    """Seconds of each of the networks (prepared) on the same images, a tuple a round, after a run to warm up."""
    return run_interleaved([partial(network, images) for network in networks], budget_s, at_least, at_most)


def run_interleaved(
    runs: Sequence[Callable[[], object]], budget_s: float, at_least: int, at_most: int
) -> list[tuple[float, ...]]:
    """Seconds of each of the calls, a tuple a round, after one of each to warm up."""
    rounds = []
    run_round(runs)
    ends = time.perf_counter() + budget_s
    while len(rounds) < at_least or (time.perf_counter() < ends and len(rounds) < at_most):
        rounds.append(run_round(runs, len(rounds) % 2 == 0))  # each of two goes first as often as the other
    return rounds


def run_round(runs: Sequence[Callable[[], object]], backwards: bool = False) -> tuple[float, ...]:
    """Seconds of each of the calls, run once after one another from the first or from the last."""
    seconds = [0.0] * len(runs)
    order = range(len(runs))
    with torch.inference_mode():
        for which in reversed(order) if backwards else order:
            started = time.perf_counter()
            runs[which]()
            seconds[which] = time.perf_counter() - started
    return tuple(seconds)
