"""Budgets: met, and met by no fewer cuts."""

import pytest
import torch
from torch import nn

import compress_core as cc
from tests.pruning.test_channels import zoo_network

EXAMPLE = torch.zeros(1, 1, 32, 32, dtype=torch.float64)


def cost(model: nn.Module) -> dict[str, float]:
    layers = cc.profile(model, EXAMPLE)
    size = sum(t.numel() * t.element_size() for t in model.state_dict().values())
    return {"params": int(layers["params"].sum()), "macs": int(layers["macs"].sum()), "bytes": size}


@pytest.mark.parametrize("kind", ["params", "macs", "bytes"])
@pytest.mark.parametrize("arch", ["studentnet", "mobilenet_v1"])
def test_a_budget_is_met_by_as_few_cuts_as_meet_it(arch, kind):
    """One channel more would not fit."""
    model = zoo_network(arch, 0.5)
    limit = cost(model)[kind] * 0.4
    result = cc.prune_channels(model, EXAMPLE, budget={kind: limit}, criterion="l1")
    assert cost(result.model)[kind] <= limit
    one_less = (result.channels_before - result.channels_after - 1) / result.channels_before
    larger = cc.prune_channels(model, EXAMPLE, ratio=one_less, criterion="l1")
    assert larger.channels_after == result.channels_after + 1 and cost(larger.model)[kind] > limit


@pytest.mark.parametrize("arch", cc.architectures())
def test_every_architecture_meets_a_budget(arch):
    model = zoo_network(arch, 0.5)
    limit = cost(model)["macs"] * 0.5
    result = cc.prune_channels(model, EXAMPLE, budget={"macs": limit}, criterion="l2", scope="layer")
    assert 0.5 * limit < cost(result.model)["macs"] <= limit


def test_of_several_the_tightest_counts():
    model = zoo_network("studentnet", 0.5)
    params, macs = cost(model)["params"] * 0.9, cost(model)["macs"] * 0.3
    result = cc.prune_channels(model, EXAMPLE, budget={"params": params, "macs": macs}, criterion="l2")
    assert cost(result.model)["params"] <= params and cost(result.model)["macs"] <= macs


def test_a_budget_that_is_met_already_cuts_nothing():
    assert cc.prune_channels(zoo_network("studentnet", 0.5), EXAMPLE, budget={"params": 1e9}).cut_share == 0


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"params": 10}, r"No pruning meets this budget: with all but the floor cut, [\d,]+ params are left"),
        ({}, "A budget gives a number for one or more of params, macs, bytes"),
        ({"time": 3}, "params, macs, bytes; it was {'time': 3}"),
        (5000, "params, macs, bytes; it was 5000"),
        ({"macs": "few"}, "params, macs, bytes"),
        ({"macs": float("nan")}, "params, macs, bytes"),
    ],
)
def test_a_budget_that_cannot_be_is_a_sentence(budget, message):
    with pytest.raises(ValueError, match=message):
        cc.prune_channels(zoo_network("studentnet", 0.25), EXAMPLE, budget=budget)
