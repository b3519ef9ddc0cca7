"""Weight pruning against counting, and emptied channels against the network that still has them."""

import copy

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import nn

import compress_core as cc
from tests.pruning.test_channels import VARIANTS, zoo_network

EXAMPLE = torch.randn(3, 1, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {n: m.weight.detach() for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}


@given(ratio=st.floats(0, 0.99), seed=st.integers(0, 9))
@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_the_smallest_go_and_nothing_else(ratio, seed):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(2, 5, 3), nn.Conv2d(5, 4, 1), nn.Flatten(), nn.Linear(64, 3))
    before = torch.cat([w.flatten() for w in weights(model).values()])
    pruned = cc.prune_weights(model, ratio)
    after = torch.cat([w.flatten() for w in weights(pruned.model).values()])
    gone = after == 0
    assert int(gone.sum()) == round(ratio * len(before)) == pruned.total - pruned.left
    assert torch.equal(after[~gone], before[~gone])
    assert not gone.any() or before[gone].abs().max() <= before[~gone].abs().min()


def test_each_layer_by_itself():
    model = zoo_network("mobilenet_v2", 0.25)
    pruned = cc.prune_weights(model, 0.7, scope="layer")
    for name, weight in weights(pruned.model).items():
        assert int((weight == 0).sum()) == round(0.7 * weight.numel()), name


@pytest.mark.parametrize(("n", "m"), [(2, 4), (1, 4), (1, 2), (4, 8)])
def test_n_of_m_neighbours_stay(n, m):
    model = zoo_network("mobilenet_v1", 0.25)
    pruned = cc.prune_weights(model, pattern=f"{n}:{m}")
    divided = 0
    for name, weight in weights(pruned.model).items():
        rows, old = weight.flatten(1), weights(model)[name].flatten(1)
        if rows.shape[1] % m:
            assert torch.equal(rows, old)
            continue
        divided += 1
        for block, original in zip(rows.reshape(-1, m)[:50], old.reshape(-1, m)[:50], strict=True):
            assert int((block != 0).sum()) == n
            assert sorted(block[block != 0].abs().tolist()) == sorted(original.abs().tolist())[-n:]
    assert divided > 5


def test_shapes_stay_and_nothing_of_the_original_changes():
    model = zoo_network("shufflenet_v2", 0.25)
    before = copy.deepcopy(model.state_dict())
    pruned = cc.prune_weights(model, 0.9, ignore="classifier.2")
    assert {n: t.shape for n, t in pruned.model.state_dict().items()} == {n: t.shape for n, t in before.items()}
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert torch.equal(weights(pruned.model)["classifier.2"], weights(model)["classifier.2"])


@pytest.mark.parametrize(("arch", "options"), VARIANTS, ids=lambda value: str(value))
@pytest.mark.parametrize("ratio", [0.0, 0.9, 0.99])
def test_emptied_channels_are_taken_out_exactly(arch, options, ratio):
    model = cc.prune_weights(zoo_network(arch, 0.25, **options), ratio).model
    result = cc.remove_empty_channels(model, EXAMPLE)
    with torch.no_grad():
        difference = float((result.model(EXAMPLE) - model(EXAMPLE)).abs().max())
    assert difference <= 1e-9
    assert (result.cut_share > 0) == (ratio == 0.99) or ratio == 0.9


def test_what_only_emptied_channels_read_goes_too():
    """A chain: nobody reads channel 1 of the last layer, so what only it reads is not needed either."""
    model = nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(3)), nn.Conv2d(3, 2, 1)).double()
    model[3].weight.data[:, 1] = 0
    model[2].weight.data[:, 2] = 0
    model[2].weight.data[1, 2] = 1  # channel 2 of layer 1 speaks to nobody but the one that is gone
    result = cc.remove_empty_channels(model, torch.randn(2, 3, 4, 4, dtype=torch.float64))
    assert [s.tolist() for s in result.survivors] == [[0, 1, 2], [0, 1], [0, 2]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Give either ratio= or pattern="),
        ({"ratio": 0.5, "pattern": "2:4"}, "Give either ratio= or pattern="),
        ({"ratio": 1.0}, "at least 0 and below 1; it was 1.0"),
        ({"ratio": "much"}, "is a number"),
        ({"pattern": "4:2"}, "A pattern is N:M with 1 ≤ N < M, such as 2:4; it was '4:2'"),
        ({"pattern": "2/4"}, "such as 2:4; it was '2/4'"),
        ({"ratio": 0.5, "scope": "world"}, "There is no scope 'world'"),
        ({"ratio": 0.5, "ignore": ("nose",)}, "No layer with weights is named 'nose'"),
    ],
)
def test_bad_arguments_are_sentences(arguments, message):
    with pytest.raises(ValueError, match=message):
        cc.prune_weights(zoo_network("studentnet", 0.25), **arguments)


def test_a_network_without_weights_is_a_sentence():
    with pytest.raises(cc.UnsupportedModelError, match="has no convolution and no linear layer"):
        cc.prune_weights(nn.Sequential(nn.ReLU()), 0.5)
