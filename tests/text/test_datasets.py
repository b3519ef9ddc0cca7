"""Sentences about datasets: numbers from tables, files by name."""

import pandas as pd

from compress_core.text import datasets

COUNTS = pd.DataFrame(
    {"part": ["training", "training", "validation", "validation", "test", "test"], "label": [0, 1] * 3}
    | {"images": [70, 10, 10, 2, 20, 4]}
)


def test_images_are_counted_by_what_they_are_for():
    said = datasets.describe_dataset("Flowers", COUNTS, (3, 32, 32))
    assert said == (
        "Flowers: 32×32 pixels in colour, 2 classes; 80 to train on, 12 for whatever chooses, 24 for what is reported."
    )
    assert "in grey" in datasets.describe_dataset("Digits", COUNTS, (1, 32, 32))


def test_an_uneven_set_says_what_guessing_is_worth():
    said = datasets.describe_balance(COUNTS, ["rose", "tulip"])
    assert said.startswith("rose has 100, tulip 16:") and "right for 86 %" in said
    even = COUNTS.assign(images=5)
    assert datasets.describe_balance(even, ["rose", "tulip"]) == "Every class has about as many: 15."


def test_files_that_are_left_out_are_named_but_not_all_of_many():
    said = datasets.describe_added("Flowers", {"rose": 3, "tulip": 1}, [f"a/{i}.png: it is empty." for i in range(7)])
    assert said.startswith("Flowers: 4 images of 2 classes were read. Left out: a/0.png: it is empty.")
    assert "a/4.png" in said and "a/5.png" not in said and said.endswith("And 2 more.")
    assert "Left out" not in datasets.describe_added("Flowers", {"rose": 1}, [])


def test_what_is_fetched():
    assert "170 MB" in datasets.describe_at_hand(False, 170.4) and "All" in datasets.describe_at_hand(True, 170.4)
    assert datasets.describe_fetch(0.254) == "25% fetched." and "checking" in datasets.describe_fetch(1.0)
