"""Fine-tuning: it learns from the teacher or the labels, from nothing else, and is seeded."""

import copy

import pytest
import torch

import compress_core as cc
from compress_core.data.digits import Digits
from compress_core.training.loop import validation_accuracy

DATA = cc.dataset("digits")
EXAMPLE = torch.zeros(1, 1, 32, 32)


class WithoutLabels(Digits):
    """Digits whose labels are all the same."""

    def batches(self, size: int, seed: int = 0, view: int | None = None):
        for batch in super().batches(size, seed, view):
            yield batch._replace(labels=torch.zeros_like(batch.labels))


@pytest.fixture(scope="module")
def trained():
    return cc.load("studentnet", 0.5)


@pytest.fixture(scope="module")
def pruned(trained):
    return cc.prune_channels(trained, EXAMPLE, ratio=0.3).model


def test_labels_bring_a_cut_network_back(pruned):
    healed = cc.finetune(pruned, DATA, epochs=2)
    assert validation_accuracy(healed, DATA) > validation_accuracy(pruned, DATA) + 0.1
    assert not healed.training


def test_with_a_teacher_no_label_is_read(trained, pruned):
    taught, untold = (cc.finetune(pruned, data, 2, teacher=trained) for data in (DATA, WithoutLabels()))
    assert all(torch.equal(a, b) for a, b in zip(taught.parameters(), untold.parameters(), strict=True))
    assert validation_accuracy(taught, DATA) > validation_accuracy(pruned, DATA) + 0.1


@pytest.mark.slow
def test_the_statistics_in_the_end_are_those_of_the_last_weights(trained, pruned):
    tuned = cc.finetune(pruned, DATA, 1, teacher=trained, seed=3)
    again = cc.recalibrate(tuned, DATA.calibration(512, 3)).state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in tuned.state_dict().items() if "running" in name)


@pytest.mark.slow
def test_it_is_seeded_and_changes_nothing_that_it_was_given(trained, pruned):
    before = [copy.deepcopy(m.state_dict()) for m in (trained, pruned)]
    first, second, third = (cc.finetune(pruned, DATA, 1, teacher=trained, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), third.parameters(), strict=True))
    for state, model in zip(before, (trained, pruned), strict=True):
        assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch_size": 1}, {"learning_rate": 0}])
def test_numbers_out_of_range_are_a_sentence(pruned, wrong):
    with pytest.raises(ValueError, match="Fine-tuning takes at least one epoch"):
        cc.finetune(pruned, DATA, **wrong)
