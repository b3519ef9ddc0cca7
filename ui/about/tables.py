"""Tables of registries in Markdown."""

from collections.abc import Mapping

from compress_core.registry import Entry


def registry_table(kind: str, what: str, entries: Mapping[str, Entry]) -> str:
    """What is chosen among, as a table in Markdown: the title, the formula and the paper of each entry."""
    rows = (f"| {entry.title} | {entry.formula} | {entry.paper} |\n" for entry in entries.values())
    return f"| {kind} | {what} | paper |\n|---|---|---|\n" + "".join(rows)
