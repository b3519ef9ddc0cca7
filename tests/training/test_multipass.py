"""Network Slimming in passes."""

import pytest

import compress_core as cc
from compress_core.training.loop import TrainingPlan
from compress_core.training.multipass import slim_in_passes

DATA = cc.dataset("digits")


def test_each_pass_trains_cuts_and_tunes_what_the_one_before_has_left():
    model = cc.load("studentnet", 0.25)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    seen = []
    plan = TrainingPlan(epochs=2, sparsity=0.3, learning_rate=0.001)
    done = slim_in_passes(model, DATA, 0.51, 2, plan, 1, lambda number, one: seen.append((number, one)))
    assert [number for number, _ in seen] == [1, 2] and [one for _, one in seen] == done
    first, second = (one.pruned for one in done)
    assert second.channels_before == first.channels_after
    assert second.channels_after / first.channels_before == pytest.approx(0.49, abs=0.02)
    assert all((before[name] == tensor).all() for name, tensor in model.state_dict().items())
    assert done[-1].validation_accuracy > 0.5


@pytest.mark.parametrize(("ratio", "passes"), [(1.0, 2), (-0.1, 2), (0.5, 0)])
def test_numbers_out_of_range_are_a_sentence(ratio, passes):
    with pytest.raises(ValueError, match="at least one pass and a ratio from 0 to below 1"):
        slim_in_passes(cc.load("studentnet", 0.25), DATA, ratio, passes)
