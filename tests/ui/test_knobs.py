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
        ({}, {}, []),
        ({"scope": "layer"}, {}, []),
    ],
)
def test_the_next_stops_of_the_knob_that_was_turned_are_likely(before, now, guesses):
    assert likely_next(cc.Recipe(**before), cc.Recipe(**now)) == [cc.Recipe(**guess) for guess in guesses]


NUMBER, WORD = Choice("kernel size", (1, 3, 5, 7), 3), Choice("read-out", ("fit", "pinv"), "fit")


@pytest.mark.parametrize(
    ("choice", "text", "value", "wrong"),
    [
        (NUMBER, "5", 5, False),
        (NUMBER, "5.0", 5, False),
        (NUMBER, "4.2", 5, True),
        (NUMBER, "-inf", 1, True),
        (NUMBER, "inf", 7, True),
        (NUMBER, "nan", 3, True),
        (NUMBER, "three", 3, True),
        (WORD, "pinv", "pinv", False),
        (WORD, "7", "fit", True),
        (WORD, "", "fit", True),
    ],
)
def test_a_text_is_a_value_or_the_nearest_or_the_default(choice, text, value, wrong):
    allowed = "1, 3, 5, 7" if choice is NUMBER else "fit, pinv"
    said = f"The {choice.title} cannot be '{text}'. Allowed: {allowed}." if wrong else ""
    assert choice.parse(text) == (value, said)


def test_many_values_are_named_by_their_ends_and_long_texts_by_their_length():
    assert Choice("image", tuple(range(200)), 0).allowed == "0 to 199"
    assert "(5,000 characters)" in NUMBER.parse("m" * 5000)[1]
