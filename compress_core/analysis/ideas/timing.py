"""How long the forms of one idea take on this machine, in the same moment."""

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


@dataclass(frozen=True)
class Timing:
    """Repeated, interleaved runs on one image in eager PyTorch, BatchNorm folded, memory in channels-last order."""

    table: pd.DataFrame
    """A row a form (index): `ms`, the median, and `low` and `high`, the quartiles; `relative`, `relative_low` and
    `relative_high`, the same of the time divided by the first form's in the same round."""
    runs: int
    threads: int


def time_forms(forms: Mapping[str, nn.Module], input_shape: tuple[int, int, int]) -> Timing:
    """Time modules that read the same images (C, H, W), within a fixed budget."""
    networks = [prepare(form) for form in forms.values()]
    images = torch.randn(1, *input_shape).contiguous(memory_format=torch.channels_last)
    rounds = pd.DataFrame(time_in_turn(networks, images, BUDGET_S, MIN_ROUNDS, MAX_ROUNDS), columns=list(forms))
    quartiles = (rounds * 1000).quantile([0.5, 0.25, 0.75]).T
    relative = rounds.div(rounds.iloc[:, 0], axis=0).quantile([0.5, 0.25, 0.75]).T
    quartiles.columns = ["ms", "low", "high"]
    relative.columns = ["relative", "relative_low", "relative_high"]
    return Timing(quartiles.join(relative), len(rounds), torch.get_num_threads())
