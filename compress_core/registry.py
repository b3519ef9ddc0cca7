"""Things that are chosen by name."""

from typing import TypeVar

T = TypeVar("T")


class Registry(dict[str, T]):
    """A dictionary in the order in which pages show it; asked for a name that it lacks, it says which it has."""

    def __init__(self, kind: str, entries: dict[str, T] | None = None):
        super().__init__(entries or {})
        self.kind = kind

    def __missing__(self, name: str) -> T:
        raise ValueError(f"There is no {self.kind} '{name}'. Choose one of: {', '.join(self)}.")
