"""The sentences and formulas of the ideas: each number is the one computed, and a caveat stands where one is due."""

import pytest

from compress_core.studies.ideas import fire, grouped, manifold, residual, separable
from compress_core.text import ideas as explain
from tests.plots.test_ideas import measured


def test_separable_says_promise_and_measurement():
    costs = separable.costs(3, 64, 128, 14)
    text = explain.describe_separable(3, 64, 128, costs, measured(full=0.3, separable=0.1))
    assert "8.4 times fewer MACs and parameters, and 3.0 times faster here" in text
    assert "does 48.2 G MACs a second on this machine, the separable 17.2 G." in text
    assert "0.119" in explain.formula_separable(3, 128)


def test_nothing_to_separate_is_said_as_it_is():
    costs = separable.costs(1, 64, 128, 14)
    text = explain.describe_separable(1, 64, 128, costs, measured(full=0.1, separable=0.4))
    assert "0.78 % more MACs" in text and "4.0 times slower" in text


def test_a_busy_machine_is_owned_up_to():
    timing = measured(full=1.0, separable=0.5)
    timing.table.loc["separable", ["relative_low", "relative_high"]] = [0.25, 1.0]
    text = explain.describe_separable(3, 8, 8, separable.costs(3, 8, 8, 7), timing)
    assert "2.0 times faster (quartiles 1 to 4)" in text


def test_a_manifold_that_comes_back_is_said_to():
    few, many = manifold.collapse(2, 0), manifold.collapse(30, 0)
    assert "lose a coordinate" in explain.describe_manifold(few, 2)
    assert "Every point keeps both coordinates" in explain.describe_manifold(many, 30)
    assert "T^{+}" in explain.formula_manifold(few, manifold.PINV)


def test_inside_out_is_smaller_only_where_it_is():
    pair = residual.bottleneck(24, 6, 14), residual.inverted_bottleneck(24, 6, 14)
    assert "1.5 times fewer parameters, and the shortcut keeps 6 times less" in explain.describe_residual(*pair)
    assert "18.8 KB instead of 113 KB" in explain.describe_residual(*pair)
    assert "8{,}208" in explain.formula_residual(*pair) and "12{,}096" in explain.formula_residual(*pair)
    pair = residual.bottleneck(8, 10, 14), residual.inverted_bottleneck(8, 10, 14)
    assert "7.8 % more parameters" in explain.describe_residual(*pair)


def test_fire_says_its_size_and_the_price_of_late_pooling():
    costs = {name: fire.network_cost(0.125, 0.5, pooled) for name, pooled in fire.POOLINGS.items()}
    text = explain.describe_fire(0.125, 0.5, costs)
    assert "1.25 M parameters and 819 M MACs" in text and "2.0 times fewer MACs" in text
    assert "16\\,(96+64+9\\cdot64)=11{,}776" in explain.formula_fire(0.125, 0.5)
    bars = explain.pooling_bars(costs).set_index("form")
    assert bars["highlighted"].sum() == 1 and bars.loc["as in the paper:\nfires 2, 5, 9", "highlighted"]


@pytest.mark.parametrize(("groups", "said"), [(1, "One group"), (8, "8 groups: 8 times fewer"), (8, "680 channels")])
def test_groups_say_what_they_save(groups, said):
    timing = measured(**{grouped.form(g): 1 / g for g in grouped.GROUPS})
    table = grouped.group_counts(240, 14)
    assert said in explain.describe_grouped(groups, table, timing)
    assert explain.formula_grouped(8, 240, 14, table).endswith("=1{,}411{,}200$")


TIMES = {0.298: "0.30 ms", 0.0841: "0.084 ms", 9.96: "10 ms", 215: "215 ms"}
SHARES = {0.2457: "25 %", 0.0042: "0.42 %", 1e-9: "less than 0.01 %", 0: "0 %", 0.998: "100 %", 7.1: "710 %"}


@pytest.mark.parametrize(("value", "text"), TIMES.items())
def test_times_have_two_digits(value, text):
    assert explain.time_bars(measured(only=value), "only")["text"].iloc[0] == text


@pytest.mark.parametrize(("share", "text"), SHARES.items())
def test_small_shares_have_a_floor(share, text):
    assert explain.rough_percent(share) == text
