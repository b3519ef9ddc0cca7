"""Architectures by name: what a file of the zoo hands in, and how it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from compress_core.registry import Registry


@dataclass(frozen=True)
class Architecture:
    """One family of networks.

    `presets` maps a preset's name to a builder `(width, num_classes, in_channels) -> nn.Module`.
    """

    name: str
    title: str
    paper: str
    presets: dict[str, Callable[[float, int, int], nn.Module]]


_ARCHITECTURES: Registry[Architecture] = Registry("architecture")


def register(architecture: Architecture) -> Architecture:
    """Add an architecture; its name must be new."""
    if architecture.name in _ARCHITECTURES:
        raise ValueError(f"An architecture named '{architecture.name}' is registered already.")
    _ARCHITECTURES[architecture.name] = architecture
    return architecture


def architectures() -> list[str]:
    """The names that `build` takes, in the order in which pages show them."""
    return list(_ARCHITECTURES)


def architecture(name: str) -> Architecture:
    """The family of that name.

    Raises:
        ValueError: no architecture has this name.
    """
    return _ARCHITECTURES[name]


def build(
    name: str, width: float = 1.0, preset: str = "small", num_classes: int = 10, in_channels: int | None = None
) -> nn.Module:
    """An untrained network.

    Args:
        width: the width multiplier α, 0.1 … 2.0.
        preset: `small` for 32×32 images, or the network of the source (`reference`, `imagenet`).
        in_channels: of the images; 1 for `small` unless told otherwise, 3 for the others.

    Raises:
        ValueError: an unknown name or preset, or a width out of range.
    """
    family = architecture(name)
    if preset not in family.presets:
        raise ValueError(f"{family.title} has no preset '{preset}'. Choose one of: {', '.join(family.presets)}.")
    if not 0.1 <= width <= 2.0:
        raise ValueError(f"The width multiplier must lie between 0.1 and 2.0; it was {width}.")
    if in_channels is None:
        in_channels = 1 if preset == "small" else 3
    return family.presets[preset](width, num_classes, in_channels)
