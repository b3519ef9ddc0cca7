"""What a hand on a knob reaches next, and what a knob of a page may be set to."""

import pytest

import compress_core as cc
from ui.choices import Choice
from ui.knobs import likely_next


@pytest.mark.parametrize(
    ("before", "now", "guesses"),
    [
        ({"prune": 0.1}, {"prune": 0.15}, [{"prune": 0.2}, {"prune": 0.25}]),
        ({"prune": 0.3}, {"prune": 0.25}, [{"prune": 0.2}, {"prune": 0.15}]),
        ({"prune": 0.42}, {"prune": 0.95}, []),
        ({"bits": 32}, {"bits": 16}, [{"bits": 15}, {"bits": 14}]),
        ({"bits": 2}, {"bits": 1}, []),
        ({"width": 0.9}, {"width": 0.95}, [{"width": 1.0}]),
        ({}, {}, [{"prune": 0.05}]),
        ({"prune": 0.5}, {"prune": 0.5}, []),
        ({"scope": "layer"}, {}, []),
    ],
)
def test_the_next_stops_of_the_knob_that_was_turned_are_likely(before, now, guesses):
    assert likely_next(cc.Recipe(**before), cc.Recipe(**now)) == [cc.Recipe(**guess) for guess in guesses]


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ("5.0", 5), ("4.2", 5), ("-inf", 1), ("inf", 7), ("nan", 3), ("three", 3), ("m" * 5000, 3)],
)
def test_a_text_is_a_value_or_the_nearest_or_the_default(text, value):
    found, wrong = Choice("kernel size", (1, 3, 5, 7), 3).parse(text)
    assert found == value and bool(wrong) == (text not in ("5", "5.0"))
    assert not wrong or (wrong.startswith("The kernel size cannot be '") and wrong.endswith("Allowed: 1, 3, 5, 7."))
    assert len(wrong) < 200
