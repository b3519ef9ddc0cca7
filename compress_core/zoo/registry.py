"""Architectures by name: what a file of the zoo hands in, and how it is asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from compress_core.registry import ARCHITECTURES, Entry


@dataclass(frozen=True)
class Reported:
    """What a paper, or the code that its authors published, reports of one network; None where it says nothing."""

    name: str
    """The network, as the source calls it."""
    source: str
    """With the number of the table."""
    width: float | None = None
    """The width multiplier to build it with; None where it is no width of ours."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Further arguments to build it with."""
    top1: float | None = None
    """Top-1 accuracy on ImageNet, in %."""
    macs: float | None = None
    """Multiply–accumulates, in millions (the papers' Mult-Adds or FLOPs)."""
    params: float | None = None
    """Parameters, in millions."""


@dataclass(frozen=True)
class Pretrained:
    """ImageNet weights that torchvision can reach, and how its names become ours."""

    widths: Mapping[float, str]
    """The name of torchvision's network for each width multiplier that it has weights for."""
    rename: Callable[[str], str]
    """The name of a tensor of ours from the name of torchvision's."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Further arguments to build ours with."""

    def convert(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """torchvision's `state_dict` under our names."""
        return {self.rename(name): tensor for name, tensor in state.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Architecture(Entry):
    """One family of networks.

    `presets` maps a preset's name to a builder `(width, num_classes, in_channels, **options) -> nn.Module`.
    """

    name: str
    presets: Mapping[str, Callable[..., nn.Module]]
    options: Mapping[str, tuple] = field(default_factory=dict)
    """What its builders take beyond width and sizes, with the values allowed, the default first."""
    reported: tuple[Reported, ...] = ()
    pretrained: Pretrained | None = None
    yardstick: bool = False
    """Not one of the compact architectures, but what they are held against."""
    teacher: bool = False
    """There to teach: not offered to be compressed, nor held against others."""
    prepare: Callable[[nn.Module, Tensor], None] | None = None
    """Sets weights, in place, by what training images (N, C, H, W) are like, before a training begins."""
    block_note: str = ""
    """What its block is for, in Markdown with KaTeX."""
    layer_titles: Mapping[str, str] = field(default_factory=dict)
    """What people call the modules that its layers stand in, by the first part of their names: `{"cnn": "Block"}`."""

    def options_of(self, preset: str) -> dict[str, tuple]:
        """The options of a preset; the small ones also take the stride of their stem."""
        return {**self.options, **({"stem_stride": (2, 1)} if preset == "small" else {})}


def register(architecture: Architecture) -> Architecture:
    """Add an architecture.

    Raises:
        ValueError: its name is taken.
    """
    ARCHITECTURES.register(**{architecture.name: architecture})
    return architecture


def architectures(yardsticks: bool = False, teachers: bool = False) -> list[str]:
    """The names that `build` takes, in the order of the pages; those of yardsticks and teachers only if asked for."""
    return [
        name
        for name, family in ARCHITECTURES.items()
        if (yardsticks or not family.yardstick) and (teachers or not family.teacher)
    ]


def architecture(name: str) -> Architecture:
    """The family of that name.

    Raises:
        ValueError: no architecture has this name.
    """
    return ARCHITECTURES[name if isinstance(name, str) else repr(name)]


def build(
    name: str,
    width: float = 1.0,
    preset: str = "small",
    num_classes: int = 10,
    in_channels: int | None = None,
    **options: object,
) -> nn.Module:
    """An untrained network.

    Args:
        width: the width multiplier α, 0.1 … 2.0.
        preset: `imagenet` for the paper's network, `small` for 32×32 images; StudentNet has `reference` too.
        in_channels: of the images; 1 for `small` unless told otherwise, 3 for the others.
        options: `stem_stride=` 2 or 1 for the `small` preset (1 for photographs: the next layers halve); `groups=` and
            `shuffle=` for ShuffleNetV1; `version=`, `bypass=` and `norm=` for SqueezeNet.

    Raises:
        ValueError: an unknown name, preset or option, or a value out of range.
    """
    family = architecture(name)
    if not isinstance(preset, str) or preset not in family.presets:
        raise ValueError(f"{family.title} has no preset '{preset}'. Choose one of: {', '.join(family.presets)}.")
    if isinstance(width, bool) or not isinstance(width, int | float) or not 0.1 <= width <= 2.0:
        raise ValueError(f"The width multiplier must lie between 0.1 and 2.0; it was {width}.")
    if in_channels is None:
        in_channels = 1 if preset == "small" else 3
    for what, count in (("number of classes", num_classes), ("number of input channels", in_channels)):
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"The {what} must be a whole number, 1 or more; it was {count}.")
    known = family.options_of(preset)
    for option, value in options.items():
        if option not in known:
            some = f"It takes: {', '.join(known)}." if known else "It takes none."
            raise ValueError(f"{family.title} ({preset}) has no option '{option}'. {some}")
        if not any(type(value) is type(allowed) and value == allowed for allowed in known[option]):
            allowed = ", ".join(map(repr, known[option]))
            raise ValueError(f"{option} of {family.title} cannot be {value!r}. Allowed: {allowed}.")
    return family.presets[preset](width, num_classes, in_channels, **options)
