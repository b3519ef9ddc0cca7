"""Tables and numbers in plain sentences: one file a topic."""

from compress_core.text import (
    architectures,
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
