"""The guidelines against real modules, the inequality of means, the paper's own words, and clocks that are made up."""

import itertools
import math
from fractions import Fraction

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import compress_core as cc
from compress_core.__main__ import main
from compress_core.analysis.latency import run_interleaved, run_round, summarize
from compress_core.analysis.machine import machine_name
from compress_core.layers.inference import prepare
from compress_core.studies.guidelines import compare, forms, lens, reported, timing, zoo
from tests.helpers.rounds import finish

ALL = ("g1", "g2", "g3", "g4")
EVERY = [(name, scale, side) for name in ALL for scale in forms.SCALES for side in forms.SIDES]
few = settings(max_examples=40, deadline=None)
channels, sides = st.integers(1, 600), st.sampled_from(forms.SIDES)


# The forms


@pytest.mark.parametrize(("name", "scale", "side"), EVERY)
def test_macs_and_memory_access_are_those_of_the_networks_that_are_timed(name, scale, side):
    for form in forms.forms(name, scale, side):
        model, images = form.build(), forms.images(form, side)
        layers = cc.profile(model, images)
        assert layers["macs"].sum() == form.macs
        operations = lens.marked(model.eval(), images)  # with the additions, which are no layers
        assert operations["memory_access"].sum() == form.memory_access
        sums = operations[operations["kind"] == "addition"]
        assert layers["memory_access"].sum() + sums["memory_access"].sum() == form.memory_access
        assert (sums["memory_access"] == 3 * side**2 * form.channels).all()


@pytest.mark.parametrize(("name", "scale", "side"), EVERY)
def test_multiply_accumulates_are_equal_within_two_percent(name, scale, side):
    macs = [form.macs for form in forms.forms(name, scale, side)]
    assert max(abs(one / macs[0] - 1) for one in macs) <= forms.TOLERANCE
    if name == "g4":
        assert len(set(macs)) == 1


@pytest.mark.parametrize("name", ALL)
def test_a_form_gives_a_map_like_the_one_it_reads(name):
    for form in forms.forms(name, 1, 14):
        images = forms.images(form, 14)
        assert form.build()(images).shape == images.shape
        assert torch.equal(images, forms.images(form, 14))


@few
@given(channels, channels, sides)
def test_the_inequality_of_means(c_in, c_out, side):
    """hw(c₁ + c₂) + c₁c₂ ≥ 2√(hwB) + B/(hw), with equality at equal widths and only there."""
    access, least = forms.memory_access(c_in, c_out, side), forms.least_memory_access(side**2 * c_in * c_out, side)
    assert access >= least * (1 - 1e-12)
    assert (access == pytest.approx(least, rel=1e-12)) == (c_in == c_out)
    assert forms.memory_access(c_in, c_in, side) == pytest.approx(forms.least_memory_access(side**2 * c_in**2, side))


@few
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 8), sides)
def test_both_sides_of_the_papers_second_equation(c_in, c_out, groups, side):
    c_in, c_out, hw = c_in * groups, c_out * groups, side**2
    macs = Fraction(hw * c_in * c_out, groups)
    assert forms.memory_access(c_in, c_out, side, groups=groups) == hw * c_in + macs * groups / c_in + macs / hw


@pytest.mark.parametrize("ratio", forms.RATIOS)
@pytest.mark.parametrize("scale", forms.SCALES)
def test_no_other_pair_of_equal_macs_is_nearer_to_the_ratio(ratio, scale):
    base = 32 * scale
    thin, wide = forms.equal_macs_pair(base, ratio)
    best = abs(math.log(wide / thin / ratio))
    for one in range(1, base + 1):
        for other in range(one, 20 * base):
            if abs(one * other / base**2 - 1) <= forms.TOLERANCE:
                assert abs(math.log(other / one / ratio)) >= best - 1e-12


def test_eight_groups_need_184_channels_where_the_paper_prints_180():
    assert [forms.equal_macs_width(64, groups) for groups in forms.GROUPS] == [64, 90, 128, 184]
    assert [forms.equal_macs_width(128, groups) for groups in forms.GROUPS][-1] == 360  # of its GPU column
    assert 180 % 8 != 0 and forms.TOLERANCE < 184**2 / 8 / 64**2 - 1  # so some maps between are narrower
    widths = forms.grouped_widths(64, 8)
    assert set(widths) == {184, 176} and widths.count(176) == 2 and widths[0] == widths[-1] == 184


@given(st.integers(8, 400), st.sampled_from(forms.GROUPS))
def test_grouped_widths_are_whole_groups_of_equal_macs(base, groups):
    widths = forms.grouped_widths(base, groups)
    assert len(widths) == forms.BLOCKS + 1 and all(width % groups == 0 and width > 0 for width in widths)
    steps = [a * b / groups for a, b in itertools.pairwise(widths)]
    if base >= 32:
        assert abs(sum(steps) / (forms.BLOCKS * base**2) - 1) <= forms.TOLERANCE


def test_memory_access_grows_away_from_each_guideline():
    for name in ("g1", "g2"):
        access = [form.memory_access for form in forms.forms(name, 1, 56)]
        assert access == sorted(access) and access[-1] > 1.5 * access[0]
    both, relu, shortcut, neither = (form.memory_access for form in forms.forms("g4", 1, 56))
    assert neither < relu < both and neither < shortcut < both


# What the paper reports


@pytest.mark.parametrize("name", ALL)
def test_the_papers_tables_have_a_row_a_form(name):
    for scale in forms.SCALES:
        table = reported.speeds(name, scale)
        assert len(table) == len(forms.forms(name, 1, 14)) and (table[["gpu", "arm"]] > 0).all().all()
    assert reported.speeds(name, 1)["arm"].iloc[0] > reported.speeds(name, 4)["arm"].iloc[0]


def test_a_few_figures_of_the_paper():
    assert reported.speeds("g1", 1)["arm"].tolist() == [76.2, 72.9, 69.1, 57.6]
    assert reported.speeds("g2", 1)["gpu"].tolist() == [2451, 1725, 1026, 634]
    assert reported.speeds("g3", 4)["arm"].tolist() == [2.3, 2.2, 2.3, 2.2, 2.1]
    assert reported.speeds("g4", 2)["gpu"].tolist() == [2066, 2256, 2121, 2376]
    row = reported.networks().query("arch == 'shufflenet_v2' and level == 300").iloc[0]
    assert (row["macs"], row["error"], row["gpu"], row["arm"]) == (299, 27.4, 255, 11.8)


def test_the_papers_networks_are_those_of_the_zoo():
    """Ours at the same complexity: within 15 % of what Table 8 says."""
    counted = zoo.networks("imagenet")
    for row in reported.networks().itertuples():
        own = counted[counted["arch"] == row.arch]["macs"]
        assert (own / 1e6 / row.macs - 1).abs().min() < 0.15, row


# The lens


def marks(arch: str, images: str = "imagenet") -> pd.Series:
    return lens.count_violations(lens.annotate(arch, 1.0, images))["operations"]


@pytest.mark.parametrize("images", ["imagenet", "digits", "cifar10"])
def test_the_lens_says_of_the_networks_what_the_paper_says(images):
    assert (marks("shufflenet_v1", images) > 0).all()  # bottleneck, groups, many of them, addition
    v2 = marks("mobilenet_v2", images)
    assert v2["G1"] and v2["G4"] and not v2["G2"] and not v2["G3"]
    assert not marks("mobilenet_v1", images).any()
    own = marks("shufflenet_v2", images)  # it was designed by them: only its ends and its stages' first units
    assert own["G1"] <= 3 and not own["G2"] and not own["G4"]


def test_marks_of_mobilenet_v2_follow_from_its_blocks():
    layers = lens.annotate("mobilenet_v2", 1.0, "imagenet")
    blocks = [(1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1)]
    expanded = sum(repeats for expansion, _, repeats in blocks if expansion > 1)
    shortcuts = sum(repeats - 1 for _, _, repeats in blocks)
    g4 = layers[layers["G4"] != ""]["kind"].value_counts()
    assert g4["addition"] == shortcuts == (layers["kind"] == "addition").sum()
    assert g4["depthwise"] == expanded and g4["activation"] == 2 * expanded
    # both 1×1 of each block that expands, but for the wide end of the last, and the last convolution: 320 → 1280
    unequal = layers[layers["G1"] != ""]
    assert set(unequal["kind"]) == {"pointwise"}
    for row in layers[layers["kind"] == "pointwise"].itertuples():
        ends = row.input_shape[0], row.output_shape[0]
        assert bool(row.G1) == (max(ends) > lens.UNEQUAL * min(ends))


def test_marks_of_the_shuffle_networks_follow_from_their_shapes():
    first = lens.annotate("shufflenet_v1", 1.0, "imagenet")
    grouped = first[first["kind"] == "grouped"]
    assert (grouped["G2"] == "3 groups").all() and (grouped["G3"] != "").all()
    assert (first["G4"] != "").sum() == 13  # the units of stride 1 add
    second = lens.annotate("shufflenet_v2", 1.0, "imagenet")
    beside = second[second["G3"] != ""]
    assert len(beside) == 3 * 5 and beside["block"].nunique() == 3  # two and three convolutions in each first unit


@pytest.mark.parametrize("arch", cc.architectures(yardsticks=True))
@pytest.mark.parametrize("images", ["imagenet", "digits"])
def test_the_lens_counts_every_multiply_accumulate_once(arch, images):
    preset, shape, classes = ("imagenet", (3, 224, 224), 1000) if images == "imagenet" else ("small", (1, 32, 32), 10)
    layers = lens.annotate(arch, 1.0, images)
    with torch.device("meta"):
        counted = cc.profile(cc.build(arch, 1.0, preset, classes).eval(), torch.empty(1, *shape))
    assert layers["macs"].sum() == counted["macs"].sum()
    assert layers["layer"].is_unique and not layers["kind"].isin(["batchnorm", "other"]).any()


class Inception(nn.Module):
    """Four branches, one of them of two convolutions, behind a stem."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.branches = nn.ModuleList(nn.Conv2d(8, 8, 1) for _ in range(3))
        self.long = nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))

    def forward(self, x):
        x = self.stem(x)
        return torch.cat([*(branch(x) for branch in self.branches), self.long(x)], 1)


def test_branches_side_by_side_are_counted():
    layers = lens.marked(Inception().eval(), torch.zeros(1, 3, 8, 8)).set_index("layer")
    assert layers.loc["stem", "G3"] == ""
    assert (layers.loc[["branches.0", "branches.2", "long.0", "long.2"], "G3"] == "one of 4 side by side").all()
    assert layers.loc["join", "kind"] == "join" and layers.loc["join", "memory_access"] == 2 * 32 * 36


def test_a_walk_computes_what_the_network_computes_and_lets_go():
    model = prepare(cc.build("shufflenet_v2").eval())
    images = torch.randn(2, 1, 32, 32)
    last, seconds = [], []
    lens.Walk(model).run(images, lambda _, taken, __, result: (last.append(result), seconds.append(taken)))
    with torch.inference_mode():
        assert torch.equal(last[-1], model(images))
    assert all(taken > 0 for taken in seconds)


# The measurements


def test_turns_go_forwards_and_backwards():
    order: list[str] = []
    runs = [lambda name=name: order.append(name) for name in "abc"]
    assert len(run_round(runs)) == 3 and order == ["a", "b", "c"]
    order.clear()
    seconds = run_round(runs, backwards=True)
    assert order == ["c", "b", "a"] and len(seconds) == 3
    order.clear()
    assert len(run_interleaved(runs, 0.0, 2, 5)) == 2
    assert order == list("abccbaabc")  # one to warm up; then one goes first as often as the other


@pytest.mark.parametrize("question", [("g2", 1, 14), ("layers", "studentnet", 1.0, "digits"), ("zoo", "digits", 1)])
def test_a_measurement_tells_after_each_round_how_far_it_is(question):
    run, told = finish(timing.time_question(question, budget_s=0.1))
    assert told == sorted(told) and told[-1] == 1.0
    assert len(told) == timing.WARM_UP + run.rounds >= timing.WARM_UP + timing.MIN_ROUNDS
    table = run.table
    assert (table["low"] <= table["ms"]).all() and (table["ms"] <= table["high"]).all() and (table["low"] > 0).all()
    assert not run.example and run.machine == machine_name() and "UTC" in run.when
    if question[0] == "layers":
        assert len(table) == len(lens.annotate("studentnet", 1.0, "digits"))
    else:
        assert table["relative"].iloc[0] == 1


def test_times_of_layers_are_parts_of_them_all():
    table = summarize([[1, 3], [2, 6], [4, 12]], ["a", "b"], of_whole=True).table
    assert table["relative"].tolist() == [0.25, 0.75] and table["ms"].tolist() == [2000, 6000]


def test_a_drift_of_the_machine_favours_no_side():
    """A clock that runs slower and slower: in turn, the ratio of two equal things stays one."""
    now = [1.0]

    def run_once(backwards: bool) -> list[float]:
        found = [0.0, 0.0]
        for which in (1, 0) if backwards else (0, 1):
            now[0] *= 1.05
            found[which] = now[0]
        return found

    rounds, _ = finish(timing._rounds(run_once, 0.01))
    assert summarize(rounds[: len(rounds) // 2 * 2], ["a", "b"]).table.loc["b", "relative"] == pytest.approx(
        1, abs=0.06
    )


def test_more_memory_access_is_told_from_less():
    run, _ = finish(timing.time_question(("g2", 1, 28), budget_s=0.5))
    assert run.table.loc["g = 8", "relative"] > 1


# The stored example


def test_every_question_has_a_stored_answer_with_its_machine_and_command():
    lines = timing.FILE.read_text().splitlines()
    assert lines[0] == f"# {timing.COMMAND}" and "core" in lines[1] and "UTC" in lines[2]
    for question in timing.questions():
        run = timing.load_example(question)
        assert run.example and run.rounds >= timing.MIN_ROUNDS, question
        assert (run.table[["ms", "low", "high"]] > 0).all().all()
        if question[0] == "zoo":
            named = [f"{arch} {width:g}" for arch, width in timing.named(zoo.networks(question[1]))]
            assert list(run.table.index) == named
        elif question[0] == "layers":
            assert len(run.table) == len(lens.annotate(*question[1:]))
        else:
            assert list(run.table.index) == [form.name for form in forms.forms(*question)]
    assert timing.load_example(("layers", "studentnet", 0.35, "imagenet")) is None


def test_the_command_writes_what_is_read(tmp_path, monkeypatch):
    asked = [("g3", 1, 14), ("layers", "studentnet", 1.0, "digits")]
    monkeypatch.setattr(timing, "questions", lambda: asked)
    monkeypatch.setattr(timing, "BUDGETS_S", dict.fromkeys(timing.BUDGETS_S, 0.02))
    assert main(["guidelines", "--out", str(tmp_path / "example.csv")]) == 0
    monkeypatch.setattr(timing, "FILE", tmp_path / "example.csv")
    timing._examples.cache_clear()
    try:
        runs = {question: timing.load_example(question) for question in asked}
        assert all(run.machine == machine_name() for run in runs.values())
        assert list(runs[asked[0]].table.index) == [form.name for form in forms.forms(*asked[0])]
    finally:
        timing._examples.cache_clear()


# Beside the paper


@pytest.mark.parametrize("name", ALL)
def test_speeds_are_parts_of_the_first_forms_own(name):
    table = compare.beside_paper(name, 2, 28, timing.load_example((name, 2, 28)))
    assert (table.loc[0, ["here", "on_gpu", "on_arm"]] == 1).all() and table.loc[0, "away"] == 0
    paper = reported.speeds(name, 2)
    assert table["on_arm"].tolist() == pytest.approx((paper["arm"] / paper["arm"].iloc[0]).tolist())
    assert (table["here_low"] <= table["here"]).all() and (table["here"] <= table["here_high"]).all()
    assert (table["away"].abs() <= forms.TOLERANCE).all()


@pytest.fixture(params=[("digits", 1), ("digits", 64), ("cifar10", 1), ("imagenet", 1)])
def times(request) -> pd.DataFrame:
    images, batch = request.param
    return compare.zoo_times(zoo.networks(images), timing.load_example(("zoo", images, batch)))


def test_equal_macs_are_the_nearest_of_each_architecture(times):
    for wanted in zoo.MACS_IMAGENET if times["macs"].max() > 1e8 else zoo.MACS_SMALL:
        chosen = compare.at_equal_macs(times, wanted)
        assert chosen["arch"].is_unique and len(chosen) >= 4
        assert (chosen["macs"] <= compare.EQUAL * wanted).all() and (chosen["macs"] >= wanted / compare.EQUAL).all()
        for row in chosen.itertuples():
            others = times[times["arch"] == row.arch]["macs"]
            assert abs(math.log(row.macs / wanted)) == min(abs(math.log(macs / wanted)) for macs in others)


def test_equal_accuracy_is_the_fastest_that_is_accurate_enough():
    times = compare.zoo_times(zoo.networks("digits"), timing.load_example(("zoo", "digits", 64)))
    chosen = compare.at_equal_accuracy(times, 0.97)
    assert (chosen["accuracy"] >= 0.97).all() and chosen["arch"].is_unique
    for row in chosen.itertuples():
        assert row.ms == times[(times["arch"] == row.arch) & (times["accuracy"] >= 0.97)]["ms"].min()
    assert compare.at_equal_accuracy(times, 1.1).empty


def test_networks_stand_beside_table_8():
    times = compare.zoo_times(zoo.networks("imagenet"), timing.load_example(("zoo", "imagenet", 1)))
    chosen = compare.with_table_8(compare.at_equal_macs(times, 150e6), 150).set_index("arch")
    assert chosen.loc["shufflenet_v2", "arm"] == 24.4 and chosen.loc["mobilenet_v2", "error"] == 32.1
    assert math.isnan(chosen.loc["squeezenet", "gpu"])
