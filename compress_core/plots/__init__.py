"""Figures: each takes DataFrames and returns a plotly Figure; one file a topic."""

from compress_core.plots import (
    architectures,
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
