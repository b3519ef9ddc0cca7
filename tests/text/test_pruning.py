"""The sentences of channel pruning, held against numbers that are counted here."""

import re

import pandas as pd
import pytest

import compress_core as cc
from compress_core.studies.accuracy import Accuracy
from compress_core.studies.pruning import (
    ChannelScores,
    HealingResult,
    PrunedSummary,
    study_channels,
    study_coupling,
    study_pruned,
    study_scores,
)
from compress_core.text import pruning as explain


def cut(layers: dict[str, tuple[int, int]], threshold: float = 0.5) -> ChannelScores:
    rows = [(layer, before, after, threshold, 0) for layer, (before, after) in layers.items()]
    channels = [
        (layer, channel, 0.1 + 0.8 * (channel < after), channel < after)
        for layer, (before, after) in layers.items()
        for channel in range(before)
    ]
    return ChannelScores(
        pd.DataFrame(channels, columns=["layer", "channel", "score", "kept"]),
        pd.DataFrame(rows, columns=["layer", "before", "after", "threshold", "kept_by_floor"]),
    )


def test_the_sentence_says_what_is_left(cache):
    recipe = cc.Recipe(arch="studentnet", prune=0.4)
    text = explain.summary(study_pruned(cc.Recipe(), cache), study_pruned(recipe, cache))
    m, whole = (cc.measure(cc.compress(r, cache), timed=False) for r in (recipe, cc.Recipe()))
    assert text.startswith("StudentNet at full width, 40 % of its channels cut: ")
    assert f"{m.params / 1000:.0f} k of {whole.params / 1000:.0f} k parameters" in text
    assert f"{m.macs / 1e6:.2f} M of {whole.macs / 1e6:.2f} M MACs are left" in text
    assert f"{100 * m.accuracy:.1f} % of 2,160 test images right, {100 * whole.accuracy:.1f} % before." in text


def test_the_untouched_network_is_said_to_be_as_trained(cache):
    text = explain.summary(*[study_pruned(cc.Recipe(), cache)] * 2)
    assert "as trained" in text and text.endswith("97.3 % of 2,160 test images right.") and "before" not in text


@pytest.mark.parametrize(
    ("value", "text"), [(3.2e-6, "3·10⁻⁶"), (0, "0"), (1e-7, "1·10⁻⁷"), (9.7e-5, "1·10⁻⁴"), (0.25, "2·10⁻¹")]
)
def test_small_numbers_have_one_digit_and_a_power(value, text):
    assert explain.scientific(value) == text


def test_the_badge():
    assert explain.describe_exactness(3e-6, 4, 0.4) == "Exact: masked and pruned differ by at most 3·10⁻⁶ on 4 images."
    assert "to the last bit" in explain.describe_exactness(0.0, 4, 0.4)
    assert "Nothing pruned yet" in explain.describe_exactness(0.0, 4, 0.0)


def test_the_scores_of_all_layers_and_of_one():
    both = cut({"cnn.1.3": (10, 2), "cnn.2.3": (20, 19)})
    assert explain.describe_scores(both, None, "global") == (
        "21 of 30 channels of all layers stay. Block 1 keeps 2 of 10, Block 2 19 of 20."
    )
    assert explain.describe_scores(both, "cnn.1.3", "global") == "2 of 10 channels of Block 1 stay."
    assert "same part" in explain.describe_scores(both, None, "layer")
    assert "For each group to keep as many" in explain.describe_scores(both, None, "global", balanced=True)
    assert explain.describe_scores(cut({"cnn.1.3": (3, 3)}), None, "global") == (
        "All 3 channels of all layers stay; their scores run from 0.9 to 0.9."
    )


def test_the_small_gammas_that_another_criterion_spares_are_counted():
    scores = cut({"cnn.1.3": (10, 2), "cnn.2.3": (20, 19)})
    assert explain.describe_scaling_factors(scores, None, "bn_scale") == explain.describe_channels(scores, None)
    first = scores.channels["channel"] == 0  # of both layers; they stay
    swapped = scores.channels.assign(score=scores.channels["score"].mask(first, 0.0))
    text = explain.describe_scaling_factors(ChannelScores(swapped, scores.layers), None, "obs")
    assert text == "21 of 30 channels of all layers stay, by second order: 2 of the 9 with the smallest |γ| do."


def test_one_threshold_or_none():
    assert explain.one_threshold(cut({"cnn.1.3": (10, 2), "cnn.2.3": (20, 19)})) == 0.5
    apart = cut({"cnn.1.3": (10, 2), "cnn.2.3": (20, 19)})
    apart.layers.loc[0, "threshold"] = 0.4
    assert explain.one_threshold(apart) is None


def test_the_trainings_are_told_by_what_they_have_switched_off(cache):
    recipe = cc.Recipe(prune=0.5, criterion="bn_scale")
    cuts = {w: study_scores(recipe.with_(weights=w), cache) for w in ("plain", "sparse-0.15")}
    text = explain.describe_trainings({explain.training_title(w): c for w, c in cuts.items()})
    shares = {w: c.channels["score"].lt(0.05).mean() for w, c in cuts.items()}
    assert f"{100 * round(shares['plain'], 3):.3g} % (λ = 0)" in text
    assert f"{100 * round(shares['sparse-0.15'], 3):.3g} % (λ = 0.15)" in text


def test_the_words_of_a_shortcut(cache):
    coupling = study_coupling(cc.Recipe(arch="mobilenet_v2"), cache)
    group = coupling.layers.set_index("layer").loc["blocks.1.project.0", "group"]
    assert dict(explain.describe_couplings(coupling))[group] == (
        "Written by Block 1 project and Block 2 project, carried by 2 BatchNorms, read by Block 2 expand and "
        "Block 3 expand: one channel, in all of them at once."
    )


def test_the_words_of_a_depthwise_layer(cache):
    coupling = study_coupling(cc.Recipe(arch="studentnet"), cache)
    assert explain.describe_couplings(coupling)[0] == (
        0,
        "Written by Block 0, carried by the depthwise layer of Block 1 and 2 BatchNorms, read by Block 1.",
    )


def test_many_layers_are_counted(cache):
    texts = [text for _, text in explain.describe_couplings(study_coupling(cc.Recipe(arch="shufflenet_v1"), cache))]
    assert all(len(text) < 330 for text in texts) and any(re.search(r"and \d+ more", text) for text in texts)


def test_the_fates_in_words(cache):
    recipe = cc.Recipe(arch="mobilenet_v2", prune=0.6, criterion="bn_scale")
    table = study_channels(recipe, cache)
    text = explain.describe_channels_table(table)
    assert text == "1,827 of 4,564 channels in 35 layers stay. Held at their floor: Head."
    table = explain.layers_table(table)
    assert len(table) == 35 and table.loc[0, "Layer"] == "Stem"
    assert table.set_index("Layer").loc["Head", "At floor"] == 1


@pytest.mark.parametrize(
    ("found", "parts"),
    [
        ({"bn_scale": (0.2, 0.8), "l1": (0.5, 0.7)}, ["L1 norm keeps most (50.0 %)", "healed, γ is best (80.0 %)."]),
        (
            {"bn_scale": (0.2, 0.6), "l1": (0.5, 0.7)},
            ["it is best as well (70.0 %)", "γ is not the best one here: 60.0 %"],
        ),
        ({"bn_scale": (0.2, 0.6), "l1": (0.5, 0.6)}, ["Right after the cut L1 norm"]),
    ],
)
def test_the_best_criterion_is_named(found, parts):
    text = explain.describe_criteria(found, cc.Recipe(prune=0.4))
    assert all(part in text for part in parts), text


def test_equal_criteria_take_nothing_from_gamma():
    text = explain.describe_criteria({"l1": (0.5, 0.6), "bn_scale": (0.2, 0.6)}, cc.Recipe(prune=0.4))
    assert "not the best" not in text


def test_without_healing_there_is_one_number_each():
    text = explain.describe_criteria({"bn_scale": (0.2, 0.2), "l1": (0.5, 0.5)}, cc.Recipe(prune=0.4, heal="none"))
    assert text == "L1 norm keeps most (50.0 %), and nothing was healed. γ is not the best one here: 20.0 %."


def rungs(**accuracy: tuple[float, float]) -> dict[str, HealingResult]:
    return {name: HealingResult(Accuracy(value, 2160), seconds) for name, (value, seconds) in accuracy.items()}


def test_the_ladder_names_the_best_and_the_cheap_one():
    text = explain.describe_healings(rungs(none=(0.2, 0.0), recalibrate=(0.85, 0.04), finetune=(0.9, 8.0)))
    assert text == (
        "The cut alone leaves 20.0 %; best is fine-tuning with 90.0 %, in 8.0 s. Recalibrating BatchNorm brings nine "
        "tenths of it in 0.04 s."
    )
    assert "nine tenths" not in explain.describe_healings(
        rungs(none=(0.2, 0.0), recalibrate=(0.5, 0.04), finetune=(0.9, 8.0))
    )
    assert "no healing does better" in explain.describe_healings(rungs(none=(0.9, 0.0), recalibrate=(0.8, 0.04)))


@pytest.mark.parametrize(("value", "text"), [(0.043, "0.04 s"), (3.14, "3.1 s"), (12.4, "12 s")])
def test_seconds(value, text):
    assert explain.seconds(value) == text


@pytest.mark.parametrize("criterion", cc.criteria())
def test_every_criterion_is_named_on_its_axis(criterion):
    assert "(no unit)" in explain.score_axis(criterion)
    assert ("γ" in explain.score_axis(criterion)) == criterion.startswith("bn_scale")


def test_the_last_change_by_hand():
    before = PrunedSummary(cc.Recipe(), Accuracy(0.8, 2160), 1000, 0, 0.5)
    after = PrunedSummary(cc.Recipe(), Accuracy(0.81, 2160), 1026, 0, 0.5)
    assert explain.describe_change(before, after) == "The last change: 80.0 % → 81.0 %, 26 parameters more."
    assert explain.describe_change(after, before).endswith("26 parameters fewer.")
    assert explain.describe_change(after, after).endswith("as many parameters.")
