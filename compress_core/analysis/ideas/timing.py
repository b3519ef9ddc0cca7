"""How long the forms of one idea take on this machine, in the same moment."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import torch
from torch import nn

from compress_core.analysis.latency import time_in_turn
from compress_core.inference import prepare

BUDGET_S = 0.15
"""For all forms together, after warming up."""
MIN_ROUNDS, MAX_ROUNDS = 3, 300
PATIENCE_S = 0.35
CALM = 1.25
"""A spread of the quartiles that a machine with nothing else to do keeps to."""


@dataclass(frozen=True)
class Timing:
    """Repeated, interleaved runs on one image in eager PyTorch, BatchNorm folded, memory in channels-last order."""

    table: pd.DataFrame
    """A row a form (index): `ms`, the median, and `low` and `high`, the quartiles; `relative`, `relative_low` and
    `relative_high`, the same of the time divided by the first form's in the same round."""
    runs: int
    threads: int

    @property
    def spread(self) -> float:
        """How many times the lower quartile the upper one is, for the form where they are furthest apart."""
        return float((self.table["high"] / self.table["low"]).max())


def time_forms(forms: Mapping[str, nn.Module], input_shape: tuple[int, int, int]) -> Timing:
    """Time modules that read the same images (C, H, W), within a fixed budget.

    Where another program got in between, it tries again while `PATIENCE_S` last, and keeps the calmest attempt.
    """
    networks = [prepare(form) for form in forms.values()]
    images = torch.randn(1, *input_shape).contiguous(memory_format=torch.channels_last)
    calmest, least = None, math.inf
    ends = time.perf_counter() + PATIENCE_S
    while least > CALM and (calmest is None or time.perf_counter() < ends):
        rounds = time_in_turn(networks, images, BUDGET_S, MIN_ROUNDS, MAX_ROUNDS)
        timing = _summary(pd.DataFrame(rounds, columns=list(forms)))
        if timing.spread < least:
            calmest, least = timing, timing.spread
    return calmest


def _summary(rounds: pd.DataFrame) -> Timing:
    """Medians and quartiles of seconds, a column a form."""
    own = (rounds * 1000).quantile([0.5, 0.25, 0.75]).T
    own.columns = ["ms", "low", "high"]
    relative = rounds.div(rounds.iloc[:, 0], axis=0).quantile([0.5, 0.25, 0.75]).T
    relative.columns = ["relative", "relative_low", "relative_high"]
    return Timing(own.join(relative), len(rounds), torch.get_num_threads())
