"""What the page says of the shuffle: true for the values chosen, whatever they are."""

import pandas as pd
import pytest
import torch

from compress_core.studies.shuffle import Unit, UnitComparison, permutation, shuffle_order, stack_connectivity
from compress_core.studies.shuffle_worth import TABLE_3, load_worth
from compress_core.text import shuffle as explain


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ((3, 4, 0), "3 groups of 4 channels are dealt out in turn"),
        ((3, 4, 2), "14 channels do not fall into 3 equal groups"),
        ((1, 5, 0), "nothing to mix"),
        ((4, 1, 0), "come back in the order they had"),
    ],
)
def test_the_shuffle_is_read_for_what_it_is(chosen, words):
    assert words in explain.describe_shuffle(*chosen) and len(explain.captions(*chosen)) == 4


def test_the_formulas_hold_for_the_numbers_they_show():
    index = permutation(3, 12)
    assert explain.formula_shuffle(3, 4) == (
        r"$p=(c \bmod n)\,g+\lfloor c/n\rfloor=(c \bmod 4)\cdot3+\lfloor c/4\rfloor$"
    )
    assert all(index[(c % 4) * 3 + c // 4] == c for c in range(12))
    assert explain.formula_inverse(3, 4).endswith(r"=(p \bmod 3)\cdot4+\lfloor p/3\rfloor$")
    assert all((p % 3) * 4 + p // 3 == index[p] for p in range(12))


def test_the_permutation_word_for_word():
    index = permutation(3, 12).tolist()
    assert "A shuffle with 4 groups undoes one with 3." in explain.describe_permutation(index, 3, 4, 0)
    assert "0, 5, 10, 1" in explain.describe_permutation(shuffle_order([5, 5, 4]).tolist(), 3, 4, 2)


def shares(groups: int, per_group: int) -> pd.DataFrame:
    rows = [
        (k, *(stack_connectivity(groups, per_group, k, s).double().mean().item() for s in (False, True)))
        for k in range(1, 7)
    ]
    return pd.DataFrame(rows, columns=["layers", "without", "with"])


def test_connectivity_word_for_word():
    text = explain.describe_connectivity(3, 4, 2, shares(3, 4))
    assert "an output is reached by 33.3 % of the inputs" in text
    assert "100 %. All inputs reach it from 2 layers on." in text
    assert "6 layers are not enough for all inputs." in explain.describe_connectivity(8, 1, 1, shares(8, 1))
    assert "1 grouped layer, 1 groups" in explain.describe_connectivity(1, 4, 1, shares(1, 4))


def test_units_are_named_as_in_the_papers():
    assert explain.unit_title("stages.0.1") == "Stage 2, unit 2"


def unit(index: list[int], sizes: tuple[int, ...], reached: int) -> Unit:
    """A unit of 12 inputs and one output, which so many of them reach."""
    reach = torch.arange(12).lt(reached).view(1, 12)
    return Unit("stages.0.1", reach, (4, 4, 4), torch.tensor(index), sizes, "before", "after")


REGULAR = unit(permutation(3, 12).tolist(), (4, 4, 4), 12)


@pytest.mark.parametrize(
    ("after", "became"),
    [
        (unit(permutation(3, 6).tolist(), (2, 2, 2), 6), "is still a reshape and a transpose"),
        (
            unit(shuffle_order([4, 1, 2]).tolist(), (4, 1, 2), 6),
            "has become an index of 7 channels, because no shape fits 4 + 1 + 2",
        ),
        (
            unit([0, 3, 2, 1], (2, 2), 6),
            "has become an index of 4 channels: the groups are equal, their survivors are not",
        ),
    ],
)
def test_what_became_of_a_shuffle_word_for_word(after, became):
    assert explain.describe_unit(UnitComparison(REGULAR, after, 0.5), "Stage 2, unit 2") == (
        "Stage 2, unit 2, 50 % of the network's channels cut: 3 × 4 channels came into its shuffle, which "
        f"{became}. An output was reached by 100 % of the inputs, now by 50 %."
    )


def test_a_whole_and_an_empty_unit_word_for_word():
    assert explain.describe_unit(UnitComparison(REGULAR, REGULAR, 0.0), "Stage 2, unit 2") == (
        "Stage 2, unit 2: its shuffle deals out 3 × 4 channels, and 100 % of the unit's inputs reach an output."
    )
    gone = unit([], (0, 0, 0), 0)
    assert "nothing goes through" in explain.describe_unit(UnitComparison(REGULAR, gone, 0.9), "Stage 2, unit 2")


def test_maps_say_that_an_index_deals_only_after_a_cut():
    before = explain.describe_maps(UnitComparison(REGULAR, REGULAR, 0.0), "Stage 2, unit 2")
    assert "3 groups in turn" in before and "index" not in before
    assert explain.describe_maps(UnitComparison(REGULAR, REGULAR, 0.5), "Stage 2, unit 2").endswith("by an index.")


def test_the_worth_is_the_mean_over_the_seeds_and_the_papers_table_stands_beside_it():
    runs = load_worth()
    table = explain.worth_table(runs)
    assert list(table["panel"]) == [explain.HERE] * 6 + [explain.PAPER] * 6
    row = table.iloc[1]
    own = runs[(runs["width"] == 1) & (runs["groups"] == 8)]
    errors = 100 * (1 - own["accuracy"])
    assert row["with"] == pytest.approx(errors[own["shuffle"]].mean())
    assert row["without_low"] == pytest.approx(errors[~own["shuffle"]].min())
    assert table.iloc[6:]["without"].tolist() == [without for without, _ in TABLE_3.values()]
    text = explain.describe_worth(table, runs)
    assert f"n = {runs['samples'].iloc[0]:,}" in text and "1.3 to 5.8 points won" in text


def test_a_loss_is_called_a_loss():
    rows = [
        (width, groups, shuffle, seed, 0.97 + 0.01 * (groups - 4) / 4 * shuffle, 2160)
        for width, groups in TABLE_3
        for shuffle in (True, False)
        for seed in range(2)
    ]
    runs = pd.DataFrame(rows, columns=["width", "groups", "shuffle", "seed", "accuracy", "samples"])
    text = explain.describe_worth(explain.worth_table(runs), runs)
    assert "from 0.2 points lost at 1×, g = 3 to 1.0 points won at 1×, g = 8; in 3 of 6" in text
