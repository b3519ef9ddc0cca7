"""Tables and numbers in plain sentences: one file a topic."""

from compress_core.text import (
    architectures,
    compare,
    datasets,
    distillation,
    guidelines,
    home,
    ideas,
    names,
    numbers,
    pruning,
    quantization,
    shuffle,
)

__all__ = [
    "architectures",
    "compare",
    "datasets",
    "distillation",
    "guidelines",
    "home",
    "ideas",
    "names",
    "numbers",
    "pruning",
    "quantization",
    "shuffle",
]
