"""What is said of the datasets, in plain sentences."""

from collections.abc import Mapping, Sequence

import pandas as pd

from compress_core.text.numbers import images

PARTS = {"training": "to train on", "validation": "for whatever chooses", "test": "for what is reported"}
NAMED = 5
"""Files that were left out and are named."""


def describe_dataset(title: str, counts: pd.DataFrame, shape: tuple[int, int, int]) -> str:
    """How large the images are, and how many of them there are for what."""
    by_part = counts.groupby("part", sort=False)["images"].sum()
    parts = ", ".join(f"{by_part[part]:,} {purpose}" for part, purpose in PARTS.items())
    colour = "colour" if shape[0] == 3 else "grey"
    return f"{title}: {shape[1]}×{shape[2]} pixels in {colour}, {counts['label'].nunique()} classes; {parts}."


def describe_balance(counts: pd.DataFrame, classes: Sequence[str]) -> str:
    """How evenly the classes are filled."""
    by_class = counts.groupby("label")["images"].sum()
    most, least = by_class.max(), by_class.min()
    if most <= 1.05 * least:
        return f"Every class has about as many: {least:,}" + (f" to {most:,}." if most > least else ".")
    return (
        f"{classes[by_class.idxmax()]} has {most:,}, {classes[by_class.idxmin()]} {least:,}: always answering the "
        f"former would be right for {100 * most / by_class.sum():.0f} %."
    )


def describe_at_hand(whole: bool, megabytes: float) -> str:
    """What of it travels along, and what the rest would bring."""
    if whole:
        return "All of it is at hand."
    return (
        "This part travels along, so that everything works without a network. The rest "
        f"({megabytes:.0f} MB) brings 47,000 more images to train on and 8,000 more to test with."
    )


def describe_fetch(done: float) -> str:
    """How far the fetching is."""
    return "Unpacking and checking it." if done >= 1 else f"{done:.0%} fetched."


def describe_added(title: str, counts: Mapping[str, int], left_out: Sequence[str]) -> str:
    """What was read of somebody's images."""
    said = f"{title}: {images(sum(counts.values()))} of {len(counts)} classes were read."
    return f"{said} {describe_left_out(left_out)}" if left_out else said


def describe_left_out(left_out: Sequence[str]) -> str:
    """Which files were no images."""
    more = f" And {len(left_out) - NAMED:,} more." if len(left_out) > NAMED else ""
    return f"Left out: {' '.join(left_out[:NAMED])}{more}"


def describe_untrained(name: str) -> str:
    """How a network comes to know a dataset."""
    return (
        "No network of this architecture has been trained on it yet. Train one on the page Distillation, or for "
        f"longer: python -m compress_core train --arch studentnet --dataset {name}"
    )
