"""How far a network may be believed, against loops over images."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compress_core.analysis.confidence import calibration_error, entropy, reliability

ANSWERS = st.lists(st.tuples(st.floats(0.01, 1.0), st.booleans()), min_size=1, max_size=60)


@given(ANSWERS, st.integers(1, 15))
def test_the_error_is_the_mean_distance_of_confidence_and_accuracy(answers, bins):
    """Guo et al. 2017, equation 3, written out."""
    confidence = torch.tensor([c for c, _ in answers], dtype=torch.float64)
    table = reliability(confidence, torch.tensor([right for _, right in answers]), bins)
    expected = 0.0
    for number in range(bins):
        own = [(c, right) for c, right in answers if math.ceil(c * bins) == number + 1]
        if own:
            accuracy, sure = sum(right for _, right in own) / len(own), sum(c for c, _ in own) / len(own)
            expected += len(own) / len(answers) * abs(accuracy - sure)
    assert calibration_error(table) == pytest.approx(expected, abs=1e-9)
    assert table["images"].sum() == len(answers) and (table["confidence"] <= table["high"] + 1e-9).all()


def test_the_entropy_of_knowing_nothing_and_of_knowing_all():
    assert entropy(torch.full((8,), 1 / 8)).item() == pytest.approx(3)
    assert entropy(torch.tensor([0.0, 1.0, 0.0])).item() == 0
    assert entropy(torch.tensor([[0.5, 0.5], [0.25, 0.75]])).tolist() == pytest.approx([1, 0.8112781])
