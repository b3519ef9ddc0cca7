"""The sentences of the guidelines: each number is the one measured, and a contradiction is said as one."""

import math

import pandas as pd
import pytest

from compress_core.analysis.latency import Timings
from compress_core.studies.guidelines import compare, forms, lens, zoo
from compress_core.studies.guidelines.timing import load_example
from compress_core.text import guidelines as explain


def timed(**relative: float) -> Timings:
    """A measurement with quartiles 1 % to either side; the first takes 2 ms."""
    rows = {name: (2 * r, 1.98 * r, 2.02 * r, r, 0.99 * r, 1.01 * r) for name, r in relative.items()}
    columns = ["ms", "low", "high", "relative", "relative_low", "relative_high"]
    return Timings(pd.DataFrame.from_dict(rows, orient="index", columns=columns), 50, 1, "a clock", "now")


def table(guideline: str, *relative: float, scale: int = 1) -> pd.DataFrame:
    names = explain.names(guideline)
    return compare.beside_paper(guideline, scale, 56, timed(**dict(zip(names, relative, strict=True))))


def test_the_chosen_form_is_held_against_the_first_and_the_paper():
    text = explain.describe_form(table("g1", 1, 1.05, 1.2, 2), "1 : 12", "here")
    assert text == (
        "1 : 12: 1.9 times more memory access for the same MACs; 2.0 times slower here, 1.3 times slower on the "
        "paper's ARM and 2.0 times slower on its GPU."
    )
    text = explain.describe_form(table("g4", 1, 0.9, 0.95, 0.8), "neither", "in the example run")
    assert text.startswith("Neither: 3.0 times less memory access") and "1.2 times faster in the example run" in text


def test_the_yardstick_names_what_is_furthest_from_it():
    text = explain.describe_form(table("g2", 1, 1.1, 1.4, 1.2), "g = 1", "here")
    assert text.startswith("g = 1 is the yardstick. Furthest from it here is g = 4: 2.0 times more memory access")
    text = explain.describe_form(table("g3", 1, 1.1, 1.2, 1.3, 1.4), "1 alone", "here")
    assert text.startswith("One convolution is the yardstick. Furthest from it here is 4 in parallel")


@pytest.mark.parametrize(
    ("guideline", "relative", "scale", "said"),
    [
        ("g1", (1, 1.1, 1.2, 1.3), 1, "Here all 3 others are slower, as in the paper."),
        (
            "g1",
            (1, 1.005, 1.2, 1.3),
            1,
            "1 : 6 and 1 : 12 are slower, as in the paper; 1 : 2 cannot be told from 1 : 1.",
        ),
        ("g1", (1, 1.1, 1.2, 0.8), 1, "1 : 2 and 1 : 6 are slower, as in the paper; 1 : 12 contradicts the paper."),
        ("g2", (1, 0.9, 0.9, 0.9), 1, "Here g = 2, g = 4 and g = 8 contradict the paper."),
        ("g3", (1, 1.1, 1.1, 1.1, 1.1), 2, "2 in series and 4 in series are slower, on the paper's ARM not"),
        ("g4", (1, 0.9, 0.9, 0.8), 1, "Here all 3 others are faster, as in the paper."),
        ("g4", (1, 1.2, 0.9, 0.8), 1, "shortcut and neither are faster, as in the paper; ReLU contradicts the paper."),
    ],
)
def test_the_verdict_says_where_the_machine_follows_the_paper_and_where_not(guideline, relative, scale, said):
    assert said in explain.verdict(table(guideline, *relative, scale=scale), "here")


def test_quartiles_across_one_tell_nothing():
    wide = table("g1", 1, 1.1, 1.2, 1.3)
    wide.loc[3, ["here_low", "here_high"]] = [0.7, 1.1]
    assert "1 : 12 cannot be told from 1 : 1" in explain.verdict(wide, "here")


def test_the_equal_macs_are_said_and_where_the_print_misses_them():
    text = explain.describe_equal("g1", 1, table("g1", 1, 1, 1, 1))
    assert text.startswith("MACs: 64.2 M per image, equal within 1.6 %.")
    assert "22 : 44 (−5.5 %) and 9 : 108 (−5.1 %)" in text
    text = explain.describe_equal("g2", 1, table("g2", 1, 1, 1, 1))
    assert "180 at g = 8, which 8 groups do not divide" in text and "equal within 1.5 %" in text
    assert explain.describe_equal("g4", 1, table("g4", 1, 1, 1, 1)) == "MACs: 34.1 M per image, the same in all."
    assert "prints" not in explain.describe_equal("g1", 2, table("g1", 1, 1, 1, 1, scale=2))


def test_printed_widths_are_counted():
    away = explain.printed("g1").set_index("form")["away"]
    assert away["1 : 6"] == pytest.approx(13 * 78 / 32**2 - 1) and away["1 : 1"] == 0
    assert explain.printed("g2").set_index("form")["whole"].to_dict()["g = 8"] == False  # noqa: E712
    assert explain.printed("g3")["away"].abs().max() < 0.02


@pytest.mark.parametrize("guideline", ["g1", "g2", "g3", "g4"])
@pytest.mark.parametrize("scale", forms.SCALES)
def test_formulas_hold_the_values_of_the_chosen_form(guideline, scale):
    names = explain.names(guideline)
    rows = table(guideline, *[1] * len(names), scale=scale)
    for name in names:
        text = explain.formula(guideline, rows, name, 56)
        assert text.startswith("$") and text.endswith("$")
        if guideline == "g1":
            thin, wide = map(int, rows.set_index("form").loc[name, "widths"].split(" : "))
            assert f"={forms.memory_access(thin, wide, 56):,}".replace(",", "{,}") in text
    if guideline == "g2":  # of one layer: a tenth of ten equal ones
        last = rows.iloc[1]
        assert f"={last['memory_access'] // 10:,}$".replace(",", "{,}") in explain.formula("g2", rows, "g = 2", 56)


def test_a_stored_run_is_never_called_here():
    stored = load_example(("g1", 1, 56))
    assert explain.place(stored) == "in the example run" and explain.SOURCES[stored.example] == "example"
    assert explain.source(stored).startswith("Example run on ")
    assert explain.source(timed(a=1)) == "Measured on this machine, a clock (now; 50 rounds in turn, one thread)"
    assert "No example" in explain.source(None)


def test_progress_is_said():
    assert explain.describe_progress(0.0) == "Warming up, or waiting for its turn"
    assert explain.describe_progress(0.434) == "Measuring in the background, 43 %"


def test_the_lens_says_what_is_broken_and_what_is_kept():
    layers = lens.annotate("mobilenet_v2", 1.0, "imagenet")
    text = explain.describe_lens("MobileNetV2", lens.count_violations(layers), len(layers))
    assert text == "Of 99 operations MobileNetV2 breaks G1 in 33 and G4 in 58; it keeps G2 and G3."
    layers = lens.annotate("mobilenet_v1", 1.0, "imagenet")
    assert "keeps all four" in explain.describe_lens("MobileNetV1", lens.count_violations(layers), len(layers))
    found = {"MobileNetV1": (len(layers), lens.count_violations(layers))}
    assert explain.lens_table(found).iloc[0].tolist() == ["MobileNetV1", len(layers), "–", "–", "–", "–"]


def test_where_macs_predict_worst_is_named():
    layers = lens.annotate("studentnet", 1.0, "digits")
    relative = layers["macs"] / layers["macs"].sum() * 0.7
    relative.iloc[1] += 0.3  # what has no MACs takes the rest
    run = timed(**{str(i): value for i, value in enumerate(relative)})
    shares = explain.with_shares(layers, run)
    assert shares["macs_share"].sum() == pytest.approx(100)
    text = explain.describe_shares(shares)
    assert "Operations without a MAC take 30 % of the time." in text
    assert f"{shares['title'].iloc[1]} ({shares['kind'].iloc[1]}), 0.0 % of the MACs in 30 % of the time" in text
    assert "are not stored" in explain.describe_shares(explain.with_shares(layers, None))


def networks(*rows: tuple[str, str, int, float]) -> pd.DataFrame:
    columns = ["arch", "title", "macs", "ms"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(width=1.0, low=frame["ms"], high=frame["ms"], accuracy=0.97)


def test_networks_of_equal_macs_are_held_apart_by_time():
    pair = networks(("studentnet", "StudentNet", 1_000_000, 1.0), ("squeezenet", "SqueezeNet", 1_100_000, 3.0))
    text = explain.describe_networks(pair, "macs")
    assert text == (
        "At 1.00 M to 1.10 M MACs, SqueezeNet 1 takes 3.0 times as long as StudentNet 1: 3.00 ms against 1.00 ms. "
        "FLOPs are not speed."
    )
    near = networks(("studentnet", "StudentNet", 1_000_000, 1.0), ("squeezenet", "SqueezeNet", 1_100_000, 1.2))
    assert "FLOPs are not speed" not in explain.describe_networks(near, "macs")
    assert "No width of MobileNetV1," in explain.describe_left_out(pair, "macs")


def test_networks_of_equal_accuracy_name_the_fastest_and_the_leanest():
    pair = networks(("studentnet", "StudentNet", 2_000_000, 1.0), ("squeezenet", "SqueezeNet", 1_000_000, 3.0))
    text = explain.describe_networks(pair, "accuracy")
    assert text == (
        "StudentNet 1 gets there fastest, in 1.00 ms with 2.00 M MACs; SqueezeNet 1 needs the fewest, 1.00 M, and "
        "takes 3.0 times as long."
    )
    assert "Only one architecture" in explain.describe_networks(pair.head(1), "accuracy")
    assert "No architecture" in explain.describe_networks(pair.head(0), "accuracy")


def test_pairs_that_macs_order_rightly_are_counted():
    three = networks(("a", "A", 1, 1.0), ("b", "B", 2, 3.0), ("c", "C", 3, 2.0))
    assert explain.describe_order(three) == "MACs order 67 % of the 3 pairs of these 3 networks rightly by speed."


def test_rows_of_networks_have_speeds_only_where_the_paper_has_them():
    times = compare.zoo_times(zoo.networks("imagenet"), load_example(("zoo", "imagenet", 1)))
    chosen = compare.with_table_8(compare.at_equal_macs(times, 40e6), 40)
    rows = explain.network_rows(chosen, "ShuffleNetV2").set_index("arch")
    assert rows.loc["shufflenet_v2", ["here", "on_gpu", "on_arm"]].tolist() == [1, 1, 1]
    assert rows.loc["mobilenet_v1", "on_arm"] == pytest.approx(36.4 / 57.0)
    assert math.isnan(rows.loc["squeezenet", "on_gpu"]) and rows["chosen"].sum() == 1
    small = compare.zoo_times(zoo.networks("digits"), load_example(("zoo", "digits", 1)))
    rows = explain.network_rows(compare.at_equal_accuracy(small, 0.975), "ShuffleNetV2")
    assert rows["on_gpu"].isna().all() and rows["form"].str.contains("% right").all()


def test_a_network_that_is_faster_here_and_slower_in_the_paper_is_named():
    times = compare.zoo_times(zoo.networks("imagenet"), load_example(("zoo", "imagenet", 1)))
    rows = explain.network_rows(compare.with_table_8(compare.at_equal_macs(times, 150e6), 150), "ShuffleNetV2")
    rows["here"] = rows["arch"].map({"mobilenet_v1": 1.4, "shufflenet_v1": 0.9}).fillna(1.0)
    text = explain.describe_beside_table_8(rows, "here")
    assert text == "Against the paper: MobileNetV1 is faster than ShuffleNetV2 here, slower on the paper's ARM."
    rows["here"] = rows["on_arm"].fillna(1.0)
    assert explain.describe_beside_table_8(rows, "here").startswith("None that the paper's ARM finds slower")


SPEEDS = {1.0: "as fast", 1.003: "as fast", 0.95: "5.3 % slower", 1.05: "4.8 % faster", 2.0: "2.0× faster"}


@pytest.mark.parametrize(("speed", "text"), SPEEDS.items())
def test_speeds_have_words(speed, text):
    assert explain.speed_words(speed) == text


@pytest.mark.parametrize(
    ("value", "text"), {1.512: "1.51 ms", 39.12: "39.1 ms", 0.4716: "0.472 ms", 214: "214 ms"}.items()
)
def test_times_have_three_digits(value, text):
    assert explain.ms(value) == text
