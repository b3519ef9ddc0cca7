"""What the page says of the shuffle: true for the values chosen, whatever they are."""

import pandas as pd
import pytest

from compress_core.recipe import Recipe
from compress_core.studies.shuffle import dealt, permutation, shuffle_units, stack_connectivity, study_unit
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


def test_the_permutation_is_read():
    assert "A shuffle with 4 groups undoes one with 3." in explain.describe_permutation(permutation(3, 12), 3, 4, 0)
    assert "0, 5, 10, 1" in explain.describe_permutation(dealt([5, 5, 4]), 3, 4, 2)


def shares(groups: int, per_group: int) -> pd.DataFrame:
    rows = [
        (k, *(stack_connectivity(groups, per_group, k, s).double().mean().item() for s in (False, True)))
        for k in range(1, 7)
    ]
    return pd.DataFrame(rows, columns=["layers", "without", "with"])


def test_who_hears_whom_is_read():
    text = explain.describe_connectivity(3, 4, 2, shares(3, 4))
    assert "hears 33.3 % of the inputs" in text and "100 %. Everything is heard from 2 layers on." in text
    assert "6 layers are not enough to hear everything" in explain.describe_connectivity(8, 1, 1, shares(8, 1))
    assert "1 grouped layer, 1 groups" in explain.describe_connectivity(1, 4, 1, shares(1, 4))


def test_units_are_named_as_in_the_papers():
    assert explain.unit_title("stages.0.1") == "Stage 2, unit 2"


@pytest.mark.parametrize("arch", ["shufflenet_v1", "shufflenet_v2"])
@pytest.mark.parametrize("prune", [0.0, 0.3, 0.6, 0.95])
def test_every_unit_of_every_cut_is_read(arch, prune):
    for name in shuffle_units(arch)[::2]:
        study = study_unit(Recipe(arch=arch, prune=prune), name)
        text = explain.describe_unit(study, explain.unit_title(name))
        if not study.cut_share:
            assert "Raise the pruning ratio" in text
        elif study.after.plain:
            assert "is still a reshape and a transpose" in text
        else:
            assert f"an index of {len(study.after.shuffle)} channels" in text
        assert ("dealt out by an index" in explain.describe_maps(study, "Stage 2, unit 2")) == bool(study.cut_share)


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
