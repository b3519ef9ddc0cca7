"""What is chosen by name, and what people are told of it.

The registries stand here, empty, so that the lowest layer can tell which names there are (a `Recipe` does) without
knowing what is behind them. Each is filled by the file of its topic: `CRITERIA` by `pruning/criteria.py`, and so on.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

E = TypeVar("E")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that is chosen by name, with everything that pages say and draw of it."""

    title: str
    """For people, in a word or a few: the label in selectors, figures and tables."""
    formula: str = ""
    """What it does, in one line of Markdown with KaTeX between dollars."""
    paper: str = ""
    """Its source, with the section."""
    color: str = ""
    """In figures; empty for the colour of everything that has none of its own."""
    marker: str = ""
    """Its shape in figures, by plotly's name; empty for the shape of everything that has none of its own."""


class Registry(dict[str, E]):
    """Entries by name, in the order in which pages show them; asked for a name that it lacks, it says which it has."""

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind

    def __missing__(self, name: str) -> E:
        raise ValueError(f"There is no {self.kind} '{name}'. Choose one of: {', '.join(self)}.")

    def register(self, **entries: E) -> None:
        """Add entries, each by a name of its own.

        Raises:
            ValueError: a name is taken.
        """
        for name, entry in entries.items():
            if name in self:
                article = "An" if self.kind[0] in "aeiou" else "A"
                raise ValueError(f"{article} {self.kind} named '{name}' is registered already.")
            self[name] = entry

    def title(self, name: str) -> str:
        """What an entry is called, for a selector."""
        title = self[name].title
        return title[:1].upper() + title[1:] if title[:1].isascii() else title  # a γ stays a γ


ARCHITECTURES: Registry[Any] = Registry("architecture")
DATASETS: Registry[Any] = Registry("dataset")
TRAININGS: Registry[Any] = Registry("training")
LOSSES: Registry[Any] = Registry("loss")
CRITERIA: Registry[Any] = Registry("criterion")
SCOPES: Registry[Any] = Registry("scope")
HEALINGS: Registry[Any] = Registry("healing")
SCHEMES: Registry[Any] = Registry("scheme")
ROUNDINGS: Registry[Any] = Registry("rounding")
CLIPPINGS: Registry[Any] = Registry("clipping")
CODINGS: Registry[Any] = Registry("coding")
