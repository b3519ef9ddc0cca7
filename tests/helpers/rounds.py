"""Generators of rounds, driven to their end."""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


def finish(rounds: Generator[float, None, T]) -> tuple[T, list[float]]:
    """What they return, and the shares that they told on the way."""
    told = []
    while True:
        try:
            told.append(next(rounds))
        except StopIteration as end:
            return end.value, told
