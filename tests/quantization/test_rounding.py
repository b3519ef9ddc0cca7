"""Roundings against brute force and a plain loop of the optimal brain surgeon."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import compress_core as cc
from compress_core.quantization.rounding import RoundingInputs
from compress_core.registry import CLIPPINGS, ROUNDINGS, SCHEMES


def problem(seed: int, groups: int = 1, outputs: int = 3, features: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights, and the covariance of features that hang together."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(groups, outputs, features, generator=generator)
    mix = torch.randn(groups, features, features, generator=generator)
    return weights, mix @ mix.mT + 0.1 * torch.eye(features)


def circumstances(covariance: torch.Tensor | None = None, seed: int = 0) -> RoundingInputs:
    return RoundingInputs(covariance, torch.Generator().manual_seed(seed))


def fitted(weights: torch.Tensor, name: str, bits: int):
    flat = weights.flatten(0, 1)
    return SCHEMES[name].fit(flat, bits, CLIPPINGS["mse"].fit, None).shaped(*weights.shape[:2], 1)


def output_errors(change: torch.Tensor, covariance: torch.Tensor) -> torch.Tensor:
    return torch.einsum("gof,gfh,goh->go", change.double(), covariance.double(), change.double())


def plain_surgeon(weights, covariance, levels) -> torch.Tensor:
    """OBQ in the order of the variances, one output at a time, the inverse found anew at every step."""
    result = torch.empty_like(weights)

    def of_row(g: int, o: int):
        if levels.kind == "codebook":
            return levels
        scale, zero = (t.expand(*weights.shape[:2], 1)[g, o] for t in (levels.scale, levels.zero_point))
        return replace(levels, scale=scale, zero_point=zero)

    for g in range(len(weights)):
        order = covariance[g].diagonal().argsort(descending=True).tolist()
        for o in range(weights.shape[1]):
            w, left, row = weights[g, o].double().clone(), list(order), of_row(g, o)
            for f in order:
                inverse = torch.linalg.inv(covariance[g].double()[left][:, left])
                at = left.index(f)
                code = row.nearest(w[f].float().view(1))
                result[g, o, f] = code
                error = w[f] - row.dequantize(code)[0]
                w[left] -= error * inverse[at] / inverse[at, at]
                left.remove(f)
    return result


@pytest.mark.parametrize("name", ["per_channel", "per_tensor_symmetric", "codebook"])
@pytest.mark.parametrize("seed", range(5))
def test_errors_are_made_good_as_by_the_plain_surgeon(name, seed):
    weights, covariance = problem(seed, groups=2, outputs=3, features=40)
    levels = fitted(weights, name, 4)
    codes = ROUNDINGS["error_compensating"].to_codes(weights, levels, circumstances(covariance))
    expected = plain_surgeon(weights, covariance, levels)
    nearest = levels.nearest(weights)
    errors = [output_errors(levels.dequantize(c) - weights, covariance) for c in (expected, nearest)]
    expected = torch.where((errors[0] <= errors[1]).unsqueeze(2), expected, nearest)
    assert (codes == expected).float().mean() > 0.99  # a level's tie may fall either way


@given(st.integers(0, 10**6), st.sampled_from(cc.schemes()), st.integers(1, 5), st.integers(1, 3))
@settings(deadline=None, max_examples=60)
def test_made_good_is_never_worse_than_nearest(seed, name, bits, groups):
    weights, covariance = problem(seed, groups)
    levels = fitted(weights, name, bits)
    made_good, nearest = (
        ROUNDINGS[rounding].to_codes(weights, levels, circumstances(covariance))
        for rounding in ("error_compensating", "nearest")
    )
    errors = [output_errors(levels.dequantize(codes) - weights, covariance) for codes in (made_good, nearest)]
    assert (errors[0] <= errors[1] * (1 + 1e-4) + 1e-6).all()
    assert made_good.min() >= 0 and made_good.max() < levels.count


@given(st.integers(0, 10**6), st.sampled_from(cc.schemes()), st.integers(1, 5))
@settings(deadline=None, max_examples=60)
def test_chance_takes_a_neighbour(seed, name, bits):
    weights, _ = problem(seed)
    levels = fitted(weights, name, bits)
    codes = ROUNDINGS["stochastic"].to_codes(weights, levels, circumstances(seed=seed))
    values = levels.dequantize(torch.arange(levels.count).view(-1, 1, 1, 1).expand(-1, *weights.shape))
    ends = weights.clamp(values.amin(0), values.amax(0))
    above = torch.where(values >= ends - 1e-6, values, torch.inf).amin(0)
    below = torch.where(values <= ends + 1e-6, values, -torch.inf).amax(0)
    taken = levels.dequantize(codes)
    assert (torch.isclose(taken, above, atol=1e-5) | torch.isclose(taken, below, atol=1e-5)).all()


def test_chance_is_right_on_average_and_repeats():
    weights = torch.full((1, 1, 20_000), 0.3)
    weights[0, 0, 0], weights[0, 0, 1] = -1, 2  # the ends of the grid
    levels = fitted(weights, "per_tensor", 2)

    def chance(seed: int) -> torch.Tensor:
        return levels.dequantize(ROUNDINGS["stochastic"].to_codes(weights, levels, circumstances(seed=seed)))

    assert float(chance(0).mean()) == pytest.approx(0.3, abs=0.02)
    assert torch.equal(chance(1), chance(1)) and not torch.equal(chance(1), chance(2))
