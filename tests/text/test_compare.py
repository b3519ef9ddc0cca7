"""The sentences about networks beside each other, held against numbers that are counted here."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from compress_core.recipe import Recipe
from compress_core.studies.compare import Filters, LayerMaps, Looks, Rung
from compress_core.text import compare as explain

CLASSES = ("cat", "dog", "truck")


def reading(*order: int) -> pd.DataFrame:
    return pd.DataFrame({"label": order, "probability": [0.813, 0.15, 0.037]})


CAT, DOG, TRUCK = reading(0, 1, 2), reading(1, 0, 2), reading(2, 1, 0)


@pytest.mark.parametrize(
    ("readings", "truth", "said"),
    [
        (
            {"original": CAT},
            None,
            "The original says cat (81.3 %). Turn a knob, or pin a recipe, to hear another network.",
        ),
        (
            {"original": CAT, "compressed": CAT},
            0,
            "The original says cat (81.3 %), and is right. This recipe says the same.",
        ),
        (
            {"original": CAT, "compressed": DOG, "A": CAT, "B": DOG, "C": TRUCK},
            1,
            "The original says cat (81.3 %), but the label is dog. A says the same. This recipe and B say dog. "
            "C says truck.",
        ),
    ],
)
def test_readings_are_told_answer_by_answer(readings, truth, said):
    assert explain.describe_readings(readings, truth, CLASSES) == said


def test_an_answer_is_right_or_wrong_where_that_is_known():
    assert explain.describe_answer(CAT, CAT, 0) == "right"
    assert explain.describe_answer(DOG, CAT, 0) == "wrong, not as the original"
    assert explain.describe_answer(reading(0, 2, 1), CAT, None) == "as the original"


def test_the_ladder_names_the_first_that_is_wrong():
    rungs = [Rung(CAT, 1_000_000), Rung(CAT, 100_000), Rung(DOG, 50_000), Rung(CAT, 9_000)]
    assert explain.first_wrong(rungs, 0) == explain.first_wrong(rungs, None) == 2
    said = "The first that gets it wrong has 50.0 KB, 20 times smaller: it says dog in place of cat."
    assert explain.describe_ladder(rungs, 0, CLASSES) == said
    assert "contradicts the original" in explain.describe_ladder(rungs, None, CLASSES)
    assert explain.describe_ladder(rungs, 1, CLASSES) == "Even the original gets it wrong: it says cat, and it is dog."
    assert explain.first_wrong([rungs[0], None, rungs[2]], 0) is None
    so_far = explain.describe_ladder([*rungs[:2], None], 0, CLASSES)
    assert so_far == "So far all say cat, down to one 10 times smaller. The others are being built …"
    assert explain.describe_ladder(rungs[:2], 0, CLASSES).startswith(
        "All 2 networks say cat, down to one of 100 KB, 10 ti"
    )
    assert explain.describe_ladder([None, None], 0, CLASSES) == "The networks are being built …"


def test_a_rung_that_is_not_built_yet_waits():
    assert explain.rung_words(Recipe(bits=4), None, 2, CLASSES) == ("…", "3: width 1, 4 bits", "…")
    assert explain.rung_words(Recipe(), Rung(CAT, 1_040_000), 0, CLASSES) == (
        "1.04 MB",
        "1: the original",
        "cat · 81 %",
    )


def test_classes_that_lose_and_win_are_named():
    rows = [("original", 0, 0.9), ("original", 1, 0.8), ("compressed", 0, 0.65), ("compressed", 1, 0.82)]
    table = pd.DataFrame(rows, columns=["network", "label", "accuracy"])
    said = explain.describe_by_class(table, CLASSES)
    assert said == "Cat loses most (−25.0 points); dog wins most (+2.0 points). The bars are 95 % intervals."
    same = table.assign(accuracy=0.5)
    assert explain.describe_by_class(same, CLASSES) == "Every class is read as well as by the original."


def test_mistakes_that_became_commoner_are_named():
    before = np.array([[0.8, 0.1, 0.1], [0.2, 0.8, 0.0], [0.0, 0.0, 1.0]])
    after = np.array([[0.5, 0.4, 0.1], [0.05, 0.95, 0.0], [0.0, 0.0, 1.0]])
    said = explain.describe_confusion(before, after, CLASSES)
    assert said == "More often, cat is taken for dog (+30.0 points); less often, dog for cat (−15.0)."
    assert explain.describe_confusion(before, before, CLASSES) == "Both make the same mistakes equally often."


def test_maps_say_what_is_cut_and_what_is_shown():
    empty = np.zeros((2, 1, 1))
    said = explain.describe_maps(LayerMaps(empty, empty, [0, 3], 5, 4, True), "Block 3")
    assert said.startswith("Block 3: 1 of 5 channels are cut. Shown: the 2 liveliest")
    assert "trained by itself" in explain.describe_maps(LayerMaps(empty, empty, [0, 1], 2, 9, False), "Stem")


def test_filters_say_by_how_much_they_moved():
    before = np.full((2, 1, 3, 3), 0.5)
    said = explain.describe_filters(Filters(before, before * 1.1, 8), "Stem", Recipe(bits=4))
    assert said == "Stem: the first 2 of 8 filters; 4-bit weights move them by 10.0 % of their size (root mean square)."
    said = explain.describe_filters(Filters(before, before, 2), "Stem", Recipe())
    assert said == "Stem: all 2 filters. Nothing of them is rounded: turn the bit width."


def test_looks_name_both_answers():
    maps = np.array([[0.0, 1.0], [2.0, 3.0]])
    assert "Both find cat; their maps correlate by 1.00. The last maps have 2×2 places" in explain.describe_looks(
        Looks(maps, 2 * maps, (0, 0)), CLASSES
    )
    assert "The original finds cat, this recipe truck." in explain.describe_looks(Looks(maps, maps, (0, 2)), CLASSES)


def test_what_is_shown_of_the_images_is_counted():
    assert explain.describe_shown(0, 0, "won") == "There is no image that only this recipe gets right."
    assert (
        explain.describe_shown(16, 40, "all") == "16 of 40 images that they differ on, the surest of each class first."
    )


def test_a_recipe_beside_one_of_another_dataset_says_so():
    digits, photographs = Recipe(bits=4), Recipe(dataset="cifar10")
    assert explain.recipe_name(digits, digits) == "StudentNet, width 1, 4 bits"
    assert explain.recipe_name(digits, photographs) == "StudentNet, width 1, 4 bits, Handwritten digits"


def test_a_visit_names_the_smallest_that_lost_next_to_nothing():
    def comparison(bits: int, file_bytes: int, change: float) -> SimpleNamespace:
        own = SimpleNamespace(recipe=Recipe(bits=bits), file_bytes=file_bytes, accuracy=0.9)
        original = SimpleNamespace(recipe=Recipe(), file_bytes=1_000_000)
        return SimpleNamespace(compressed=own, original=original, change=SimpleNamespace(value=change))

    found = [comparison(4, 100_000, 0.0), comparison(2, 50_000, -0.3), comparison(8, 250_000, -0.005)]
    said = explain.describe_visit(found, 4)
    smallest = "The smallest within 1 point of its original: StudentNet, width 1, 4 bits, 10 times smaller."
    assert said == f"4 recipes in this visit, counted on the first test images. {smallest}"
    assert "first recipe" in explain.describe_visit([], 1)
    assert explain.describe_visit([], 2) == "2 recipes in this visit, counted on the first test images."
    assert explain.visit_label(Recipe(bits=4), found[0]) == "**90.0 % · 100 KB**  \nStudentNet, width 1, 4 bits"
