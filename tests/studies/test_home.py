"""A knob's first answer against the answers to all of its figures' images."""

import pytest

import compress_core as cc
from compress_core.studies.home import study_comparison, study_first_answer


@pytest.mark.parametrize(("name", "count"), [("digits", 360), ("cifar10", 1000)])
def test_the_first_images_are_of_all_classes_alike_and_of_as_many_originals(name, count):
    data = cc.dataset(name)
    labels, sources = data.test()[1][data.first], data.test_sources()[data.first]
    assert len(labels) == len(sources.unique()) == count
    shares = labels.bincount() / count
    assert (shares - data.test()[1].bincount() / len(data.test()[1])).abs().max() < 1e-6


def test_the_first_answer_is_a_part_of_the_whole(cache):
    recipe = cc.Recipe(width=0.25, prune=0.5, bits=3)
    first, usual = study_first_answer(recipe, cache), study_comparison(recipe, cache)
    own = cc.dataset("digits").first
    for part, all_of_it in ((first.original, usual.original), (first.compressed, usual.compressed)):
        assert part.answers.predicted.equal(all_of_it.answers.predicted[own])
        assert part.accuracy == pytest.approx(all_of_it.answers.correct[own].double().mean().item())
        assert part.samples == 360 and (part.params, part.file_bytes) == (all_of_it.params, all_of_it.file_bytes)
    right = [one.answers.correct[own].double() for one in (usual.original, usual.compressed)]
    assert first.change.value == pytest.approx((right[1] - right[0]).mean().item())
    assert first.change.low < first.change.high
