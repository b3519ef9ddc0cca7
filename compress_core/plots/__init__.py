"""Figures: each takes DataFrames and returns a plotly Figure; one file a topic."""

from compress_core.plots import (
    architectures,
    compare,
    datasets,
    distillation,
    guidelines,
    ideas,
    pruning,
    quantization,
    shuffle,
    tokens,
    tradeoff,
)

__all__ = [
    "architectures",
    "compare",
    "datasets",
    "distillation",
    "guidelines",
    "ideas",
    "pruning",
    "quantization",
    "shuffle",
    "tokens",
    "tradeoff",
]
