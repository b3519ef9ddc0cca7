"""Intervals against a bootstrap over sources and against Wilson's own formula."""

import math

import pytest
import torch

from compress_core.analysis.accuracy import accuracy_change, accuracy_estimate


def clustered(seed: int, sources: int = 200, warps: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    """Answers whose chance of being right belongs to the source."""
    generator = torch.Generator().manual_seed(seed)
    chance = torch.rand(sources, generator=generator).sqrt()
    correct = torch.rand(sources, warps, generator=generator) < chance[:, None]
    return correct.flatten(), torch.arange(sources).repeat_interleave(warps)


def bootstrap_half_width(values: torch.Tensor, sources: torch.Tensor, seed: int = 0) -> float:
    """Half the distance of the 2.5 % and 97.5 % quantiles of the mean over resampled sources."""
    means = values.double().view(int(sources.max()) + 1, -1).mean(1)
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randint(len(means), (4000, len(means)), generator=generator)
    low, high = means[draws].mean(1).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64))
    return float(high - low) / 2


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_is_as_wide_as_a_bootstrap_over_sources(seed):
    correct, sources = clustered(seed)
    estimate = accuracy_estimate(correct, sources)
    assert estimate.value == pytest.approx(correct.double().mean().item())
    assert (estimate.high - estimate.low) / 2 == pytest.approx(bootstrap_half_width(correct, sources), rel=0.1)


def test_independent_images_give_wilsons_interval():
    n, right = 400, 380
    correct = torch.arange(n) < right
    correct = correct[torch.randperm(n, generator=torch.Generator().manual_seed(0))]
    estimate = accuracy_estimate(correct, torch.arange(n))
    p, z = right / n, 1.959964
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # The variance between sources is divided by C − 1, hence a part in 400.
    assert estimate.low == pytest.approx(centre - half, abs=1e-4)
    assert estimate.high == pytest.approx(centre + half, abs=1e-4)


def test_copies_of_one_image_tell_no_more_than_the_image():
    correct = torch.arange(100) < 90
    single = accuracy_estimate(correct, torch.arange(100))
    copied = accuracy_estimate(correct.repeat_interleave(6), torch.arange(100).repeat_interleave(6))
    assert copied.low == pytest.approx(single.low, abs=1e-3) and copied.samples == 600


@pytest.mark.parametrize("value", [True, False])
def test_a_perfect_score_still_has_an_interval(value):
    estimate = accuracy_estimate(torch.full((60,), value), torch.arange(10).repeat_interleave(6))
    assert estimate.value == float(value)
    assert estimate.high - estimate.low > 0.2  # as of 10 images, not of 60
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_the_change_is_paired():
    """Two networks that fail on the same images differ by little, however uncertain each one's accuracy is."""
    before, sources = clustered(0)
    after = before.clone()
    after[torch.arange(0, len(after), 50)] = False
    change = accuracy_change(before, after, sources)
    assert change.value == pytest.approx((after.double() - before.double()).mean().item())
    alone = accuracy_estimate(after, sources)
    assert change.high - change.low < (alone.high - alone.low) / 2
    values = after.double() - before.double()
    assert (change.high - change.low) / 2 == pytest.approx(bootstrap_half_width(values, sources), rel=0.15)
