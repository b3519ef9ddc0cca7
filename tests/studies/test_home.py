"""A knob's first answer against the answers to all test images."""

import pytest

import compress_core as cc
from compress_core.measure import test_sources as sources_of
from compress_core.studies.home import study_comparison, study_first_answer


@pytest.mark.parametrize(("name", "count"), [("digits", 360), ("cifar10", 1000)])
def test_the_first_images_are_of_all_classes_alike_and_of_as_many_originals(name, count):
    data = cc.dataset(name)
    places = data.places(1)
    labels, sources = data.test()[1][places], data.test_sources()[places]
    assert len(labels) == len(sources.unique()) == count
    shares = labels.bincount() / count
    assert (shares - data.test()[1].bincount() / len(data.test()[1])).abs().max() < 1e-6


@pytest.mark.parametrize("name", cc.datasets())
def test_the_pieces_are_all_test_images_each_once(name):
    data = cc.dataset(name)
    every = data.places().tolist()
    assert every == list(range(len(data.test(whole=True)[1])))
    assert data.places(data.usual_pieces).tolist() == every[: len(data.test()[1])]
    assert sources_of(cc.Recipe(dataset=name), 1).equal(data.test_sources(whole=True)[data.places(1)])


def test_the_first_answer_is_a_part_of_the_whole(cache):
    recipe = cc.Recipe(width=0.25, prune=0.5, bits=3)
    first, whole = study_first_answer(recipe, cache), study_comparison(recipe, cache)
    own = cc.dataset("digits").places(1)
    for part, all_of_it in ((first.original, whole.original), (first.compressed, whole.compressed)):
        assert part.answers.predicted.equal(all_of_it.answers.predicted[own])
        assert part.accuracy == pytest.approx(all_of_it.answers.correct[own].double().mean().item())
        assert part.samples == 360 and (part.params, part.file_bytes) == (all_of_it.params, all_of_it.file_bytes)
    right = [one.answers.correct[own].double() for one in (whole.original, whole.compressed)]
    assert first.change.value == pytest.approx((right[1] - right[0]).mean().item())
    assert first.change.low < first.change.high


def test_the_steps_between_are_measured_on_the_same_images_and_not_for_the_first_answer(cache):
    recipe = cc.Recipe(width=0.3, prune=0.5, bits=3)
    first = study_first_answer(recipe, cache).steps.set_index("step")["accuracy"]
    assert first.notna().to_dict() == {
        "Original": True,
        "Width": False,
        "Cut": False,
        "Healed": False,
        "Quantized": True,
    }
    found = study_comparison(recipe, cache, pieces=2).steps.set_index("step")["accuracy"]
    between = {
        "Width": recipe.with_(prune=0, bits=32),
        "Cut": recipe.with_(heal="none", bits=32),
        "Healed": recipe.with_(bits=32),
    }
    for step, of in between.items():
        compressed = cc.compress(of, cache)
        assert found[step] == cc.measure(compressed, timed=False, pieces=2).accuracy


def test_images_are_numbered_as_in_the_test_however_many_are_counted(cache):
    recipe = cc.Recipe(width=0.25, prune=0.5)
    part, whole = (study_comparison(recipe, cache, pieces=n).images.set_index("image") for n in (2, None))
    assert len(part) == 720 and len(whole) == 2160
    assert part.sort_index().equals(whole.loc[sorted(part.index)])
