"""What a page or a benchmark asks of networks, as tables and numbers without a sentence: one file a topic.

A study takes a recipe, the cache of its stages, and what else it needs; it raises a `CheckpointError` where weights are
missing or damaged.
"""

from compress_core.studies import (
    accuracy,
    architectures,
    compare,
    datasets,
    distillation,
    home,
    pruning,
    quantization,
    runtimes,
    shuffle,
    tradeoff,
)

__all__ = [
    "accuracy",
    "architectures",
    "compare",
    "datasets",
    "distillation",
    "home",
    "pruning",
    "quantization",
    "runtimes",
    "shuffle",
    "tradeoff",
]
