"""The explanations behind a click, a file a topic: what you see, the formula, the paper and its section."""

from ui.about import (
    architectures,
    compare,
    datasets,
    distillation,
    guidelines,
    home,
    ideas,
    pruning,
    quantization,
    shuffle,
    stories,
)

__all__ = [
    "architectures",
    "compare",
    "datasets",
    "distillation",
    "guidelines",
    "home",
    "ideas",
    "pruning",
    "quantization",
    "shuffle",
    "stories",
]
