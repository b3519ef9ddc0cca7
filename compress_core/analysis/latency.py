"""How long a network takes, beside another one and in the same moment, because machines drift."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from compress_core.inference import prepare

BUDGET_S = {1: 0.02, 64: 0.02}
"""By batch size, for both networks together, after warming up: what a slider step can spare."""
MIN_PAIRS, MAX_PAIRS = 4, 30


@dataclass(frozen=True)
class Latency:
    """Medians of repeated, interleaved runs in eager PyTorch, BatchNorm folded.

    Milliseconds a batch of 1 and of 64 images, how often the reference network took longer (the median of the
    ratios of neighbouring runs), and the threads that torch used.
    """

    ms: float
    batch_ms: float
    speedup: float
    batch_speedup: float
    threads: int


def compare_latency(model: nn.Module, reference: nn.Module, input_shape: tuple[int, int, int]) -> Latency:
    """Time `model` in turn with `reference` on images (C, H, W) within a fixed budget."""
    networks = prepare(model), prepare(reference)
    results = []
    for batch, budget_s in BUDGET_S.items():
        images = torch.zeros(batch, *input_shape).contiguous(memory_format=torch.channels_last)
        pairs = time_in_turn(networks, images, budget_s, MIN_PAIRS, MAX_PAIRS)
        ms = statistics.median(own for own, _ in pairs) * 1000
        results.append((ms, statistics.median(other / own for own, other in pairs)))
    (ms, speedup), (batch_ms, batch_speedup) = results
    return Latency(ms, batch_ms, speedup, batch_speedup, torch.get_num_threads())


def time_in_turn(
    networks: Sequence[nn.Module], images: torch.Tensor, budget_s: float, at_least: int, at_most: int
) -> list[tuple[float, ...]]:
    """Seconds of each of the networks (prepared) on the same images, a tuple a round, after a run to warm up."""
    return take_turns([partial(network, images) for network in networks], budget_s, at_least, at_most)


def take_turns(
    runs: Sequence[Callable[[], object]], budget_s: float, at_least: int, at_most: int
) -> list[tuple[float, ...]]:
    """Seconds of each of the calls, a tuple a round, after one of each to warm up."""
    rounds = []
    one_turn(runs)
    ends = time.perf_counter() + budget_s
    while len(rounds) < at_least or (time.perf_counter() < ends and len(rounds) < at_most):
        rounds.append(one_turn(runs, len(rounds) % 2 == 0))  # each of two goes first as often as the other
    return rounds


def one_turn(runs: Sequence[Callable[[], object]], backwards: bool = False) -> tuple[float, ...]:
    """Seconds of each of the calls, run once after one another from the first or from the last."""
    seconds = [0.0] * len(runs)
    order = range(len(runs))
    with torch.inference_mode():
        for which in reversed(order) if backwards else order:
            started = time.perf_counter()
            runs[which]()
            seconds[which] = time.perf_counter() - started
    return tuple(seconds)
