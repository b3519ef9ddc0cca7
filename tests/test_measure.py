"""Measurements against plain evaluation, and the shipped checkpoints against their own metadata."""

import gzip
import sys
from dataclasses import replace

import pytest
import torch

import compress_core as cc
from compress_core.analysis.latency import Latency
from compress_core.files import file_bytes
from compress_core.measure import answer, time_against
from compress_core.training.checkpoints import checkpoint_path, read_checkpoint, trained_widths


@pytest.mark.parametrize("recipe", [cc.Recipe(), cc.Recipe(width=0.5, prune=0.3, bits=4)], ids=str)
def test_a_measurement_says_what_a_plain_loop_finds(recipe, cache):
    compressed = cc.compress(recipe, cache)
    m = cc.measure(compressed, cache=cache)
    images, labels = cc.dataset("digits").test()
    with torch.no_grad():
        right = sum(
            int((compressed.model(x).argmax(1) == y).sum())
            for x, y in zip(images.split(100), labels.split(100), strict=True)
        )
    assert m.samples == len(images) == 2160
    assert m.accuracy == pytest.approx(right / 2160, abs=1.5 / 2160)  # rounding may flip an image
    assert m.low < m.accuracy < m.high
    assert m.params == sum(p.numel() for p in compressed.model.parameters())
    assert m.file_bytes == len(file_bytes(compressed)) == sum(m.breakdown.values())
    assert m.minimum_bytes == -(-m.params * recipe.bits // 8)
    assert cc.gzip_bytes(compressed) == len(gzip.compress(file_bytes(compressed)))
    assert m.latency.ms > 0 and m.latency.batch_ms > 0


def test_answers_come_in_pieces_and_no_image_is_looked_at_twice(monkeypatch):
    looked, compressed = [], cc.compress(cc.Recipe(width=0.25, prune=0.3))
    whole, data = answer(compressed), cc.dataset("digits")
    measuring = sys.modules["compress_core.measure"]
    predict = measuring.predict
    monkeypatch.setattr(
        measuring, "predict", lambda model, images: looked.append(len(images)) or predict(model, images)
    )
    cache = cc.StageCache()
    for pieces in (1, 2, 4, None, 3):
        found, places = answer(compressed, cache, pieces), data.places(pieces)
        assert found.predicted.equal(whole.predicted[places]) and found.labels.equal(whole.labels[places])
        assert (found.confidence - whole.confidence[places]).abs().max() < 1e-5
    assert looked == [360, 360, 720, 720, 360]  # what fewer pieces have answered is known


def test_the_network_that_is_given_is_the_one_that_is_measured(cache):
    """Not the one that its recipe would make."""
    compressed = replace(cc.compress(cc.Recipe(width=0.25), cache), model=cc.build("studentnet", 0.25).eval())
    assert cc.measure(compressed, timed=False).accuracy < 0.3


def test_the_same_network_is_as_fast_as_itself_on_a_busy_machine(monkeypatch):
    timed = Latency(4.2, 13.8, 1 / 3, 0.8, 1)
    monkeypatch.setattr(sys.modules["compress_core.measure"], "compare_latency", lambda *_: timed)
    latency = time_against(cc.compress(cc.Recipe(weights="sparse-0.1")), cc.compress(cc.Recipe()))
    assert (latency.ms, latency.speedup, latency.batch_speedup) == (4.2, 1.0, 1.0)
    assert time_against(cc.compress(cc.Recipe(width=0.25)), cc.compress(cc.Recipe())).speedup == 1 / 3


def test_what_a_busy_machine_has_spoilt_is_timed_again_and_the_calmest_is_kept(monkeypatch):
    calm, busy, busier = (Latency(1.0, 9.0, s, s, 1, (1.0, s), (1.0, s)) for s in (1.2, 1.6, 3.0))
    assert [one.spoilt for one in (calm, busy, busier)] == [False, True, True]
    cache, own, original = cc.StageCache(), cc.Recipe(width=0.25), cc.Recipe()
    networks = cc.compress(own, cache), cc.compress(original, cache)
    for measured, kept in (
        ([busier, busy, calm], [busier, busy, calm]),
        ([busy, busier], [busy, busy]),
        ([calm], [calm] * 3),
    ):
        machine = iter(measured)
        monkeypatch.setattr(sys.modules["compress_core.measure"], "compare_latency", lambda *_, m=machine: next(m))
        cache = cc.StageCache()
        assert [time_against(*networks, cache, attempt) for attempt in range(1, len(kept) + 1)] == kept


def test_a_slimmed_width_is_healed(cache):
    """Width 0.3 is cut from 0.5; without new statistics less than half of it would be left."""
    assert cc.measure(cc.compress(cc.Recipe(width=0.3), cache), cache=cache, timed=False).accuracy > 0.85


@pytest.mark.parametrize("width", trained_widths("studentnet", "digits"))
def test_shipped_checkpoints_are_as_accurate_as_they_say(width, cache):
    _, about = read_checkpoint(checkpoint_path("studentnet", width, "digits"))
    correct = answer(cc.compress(cc.Recipe(width=width), cache), cache).correct
    assert correct.double().mean().item() == pytest.approx(float(about["test_accuracy"]), abs=0.003)
    assert about["command"].startswith("python -m compress_core train --arch studentnet") and about["seed"] == "0"
    assert int(about["test_samples"]) == len(correct)


def test_the_widths_of_the_issue_are_trained():
    assert trained_widths("studentnet", "digits") == [0.25, 0.5, 0.75, 1.0]
