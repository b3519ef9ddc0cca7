"""The explanations: every entry of a registry stands in its table, with its formula and its paper."""

import pytest

from compress_core.registry import CRITERIA, HEALINGS, ROUNDINGS, SCHEMES
from ui import about


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        (CRITERIA, about.home.scores()),
        (CRITERIA, about.pruning.criteria()),
        (SCHEMES, about.quantization.weights()),
        (SCHEMES, about.quantization.curve()),
        (ROUNDINGS, about.quantization.switches()),
    ],
)
def test_every_entry_has_a_row_with_its_formula_and_its_paper(entries, text):
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert rows[1:] == [[entry.title, entry.formula, entry.paper] for entry in entries.values()]
    assert all(len(formula) > 5 and paper for _, formula, paper in rows[1:])


def test_every_healing_has_its_line():
    text = about.pruning.healings()
    for healing in HEALINGS.values():
        assert (f"- **{healing.title}**: {healing.formula}" in text and healing.paper in text) or not healing.heal
