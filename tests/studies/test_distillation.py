"""Distillation's tables: softened answers by hand, comparisons by counting, and runs that can be taken up again."""

import itertools
import math

import pytest
import torch

import compress_core as cc
from compress_core.cache import StageCache
from compress_core.data.digits import Digits
from compress_core.layers.inference import predict
from compress_core.recipe import Recipe
from compress_core.registry import TRAININGS
from compress_core.studies.distillation import (
    TEMPERATURES,
    DistillationRun,
    by_class,
    own_path,
    softened,
    study_students,
    study_unsure,
    teacher_logits,
    train_run,
    twins,
)
from compress_core.training.checkpoints import OWN, read_checkpoint, read_metadata

RUN = DistillationRun("digits", "studentnet", 0.1, epochs=2)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPRESS_CORE_CACHE", str(tmp_path))
    batches = Digits.batches
    monkeypatch.setattr(Digits, "batches", lambda *args: itertools.islice(batches(*args), 6))
    yield tmp_path / "runs"
    for name in [name for name in TRAININGS if name.startswith(OWN)]:
        del TRAININGS[name]


def test_softened_answers_are_the_formula_at_every_temperature():
    logits = [3.0, -1.0, 0.5, 2.5]
    table = softened(torch.tensor(logits))
    for temperature in TEMPERATURES:
        powers = [math.exp(z / temperature) for z in logits]
        shares = [p / sum(powers) for p in powers]
        own = table[table["temperature"] == temperature]
        assert own["probability"].tolist() == pytest.approx(shares, rel=1e-6)
        assert own["entropy"].iloc[0] == pytest.approx(-sum(p * math.log2(p) for p in shares), rel=1e-5)
    bits = table.drop_duplicates("temperature")["entropy"]
    assert bits.is_monotonic_increasing and bits.iloc[-1] < 2


def test_standardized_answers_do_not_know_the_scale_of_the_logits():
    logits = torch.tensor([3.0, -1.0, 0.5, 2.5])
    one, other = softened(logits, True)["probability"], softened(10 * logits + 3, True)["probability"]
    assert other.tolist() == pytest.approx(one.tolist(), rel=1e-4)


def test_the_images_that_the_teacher_is_least_sure_of_come_first_one_a_source():
    cache, data = StageCache(), cc.dataset("digits")
    chosen = study_unsure(Recipe(), cache)
    sources = data.test_sources()[chosen].tolist()
    assert len(set(sources)) == len(chosen) == 24
    shares = teacher_logits(Recipe(), cache).softmax(1)
    bits = [-sum(p * math.log2(p) for p in row if p) for row in shares.tolist()]
    assert chosen[0] == max(range(len(bits)), key=bits.__getitem__)
    assert all(bits[a] >= bits[b] for a, b in itertools.pairwise(chosen))


def test_students_are_counted():
    recipe = Recipe(arch="squeezenet", width=0.25)
    study = study_students(recipe, StageCache())
    images, labels = cc.dataset("digits").test()
    teacher, student = (predict(m, images).argmax(1) for m in (cc.load("resnet18"), cc.load("squeezenet", 0.25)))
    assert study.alone.accuracy.value == student.eq(labels).double().mean().item()
    assert study.alone.agreement.value == student.eq(teacher).double().mean().item()
    assert study.teacher.agreement.value == 1
    rows = by_class(study)
    eights = rows[(rows["network"] == "alone") & (rows["label"] == 8)]["accuracy"].item()
    assert eights == student[labels == 8].eq(8).double().mean().item()


def test_a_piece_of_the_test_images_is_counted_by_itself():
    recipe, data = Recipe(arch="squeezenet", width=0.25), cc.dataset("digits")
    study = study_students(recipe, StageCache(), 1)
    images, labels = (of_all[data.pieces()[0]] for of_all in data.test())
    right = predict(cc.load("squeezenet", 0.25), images).argmax(1).eq(labels)
    assert study.alone.accuracy.value == right.double().mean().item() and study.alone.accuracy.samples == len(labels)


def finished(run: DistillationRun):
    steps, rounds = [], train_run(run)
    while True:
        try:
            steps.append(next(rounds))
        except StopIteration as end:
            return steps, end.value


def test_a_run_trains_both_from_the_same_start_and_its_weights_go_everywhere(own_folder):
    steps, result = finished(RUN)
    assert all(a.done <= b.done for a, b in itertools.pairwise(steps)) and steps[-1].done == 1
    assert result.curves.groupby("student")["epoch"].apply(list).to_dict() == {"alone": [1, 2], "taught": [1, 2]}
    assert set(result.weights.values()) == {f"{RUN.name}-alone", f"{RUN.name}-taught"}
    recipe = Recipe(width=0.1, weights=result.weights["taught"], prune=0.2)
    assert Recipe.from_query(recipe.to_query()) == recipe and twins(recipe) == (
        f"{RUN.name}-alone",
        f"{RUN.name}-taught",
    )
    measured = cc.measure(cc.compress(recipe.with_(prune=0.0)))
    assert measured.accuracy == result.comparison.taught.accuracy.value
    assert read_metadata(own_path(RUN, "taught"))["temperature"] == "4.0"
    assert not list(own_folder.glob("*.state")) and len(list(own_folder.glob("studentnet-*.safetensors"))) == 2


@pytest.mark.slow
def test_an_interrupted_run_ends_as_an_uninterrupted_one(own_folder):
    _, whole = finished(RUN)
    expected = {which: read_checkpoint(own_path(RUN, which))[0] for which in ("alone", "taught")}
    for path in own_folder.iterdir():
        path.unlink()
    for now in train_run(RUN):
        if now.epoch == 2:
            break
    assert len(list(own_folder.glob("*.state"))) == 2
    _, resumed = finished(RUN)
    for which, tensors in expected.items():
        again = read_checkpoint(own_path(RUN, which))[0]
        assert tensors.keys() == again.keys() and all(
            torch.equal(tensor, again[name]) for name, tensor in tensors.items()
        )
    assert resumed.comparison.change == whole.comparison.change
