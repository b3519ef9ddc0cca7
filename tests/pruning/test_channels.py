"""Channel pruning against the masked original and against a plain loop."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import compress_core as cc
from compress_core.pruning.coupling import channel_groups
from tests.conftest import with_random_norms


def masked(model: nn.Module, result: cc.PruneResult) -> nn.Module:
    """The original with zeros in the columns that read a dropped channel: the brute-force oracle."""
    model = copy.deepcopy(model)
    for scored in result.groups:
        dropped = [c for c in range(scored.group.size) if c not in set(scored.survivors.tolist())]
        for reader in scored.group.readers:
            model.get_submodule(reader).weight.data[:, dropped] = 0
    return model


def studentnet(width: float = 0.5, seed: int = 0, dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(seed)
    return with_random_norms(cc.build("studentnet", width).to(dtype), seed)


@pytest.mark.parametrize("criterion", cc.criteria())
@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
def test_pruned_equals_masked(criterion, scope, ratio, dtype, tolerance):
    model = studentnet(dtype=dtype)
    result = cc.prune_channels(model, ratio=ratio, criterion=criterion, scope=scope)
    images = torch.randn(4, 1, 32, 32, dtype=dtype)
    with torch.no_grad():
        assert (result.model(images) - masked(model, result)(images)).abs().max() <= tolerance


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_any_survivors_are_exact(data):
    """Whoever is kept, by hand and in any number, the smaller network computes what the masked one does."""
    model = studentnet(width=0.1)
    keep = {}
    for group in channel_groups(model):
        some = st.lists(st.integers(0, group.size - 1), min_size=1, max_size=group.size, unique=True)
        if data.draw(st.booleans()):
            keep[group.name] = data.draw(some)
    result = cc.prune_channels(model, keep=keep)
    images = torch.randn(2, 1, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(result.model(images), masked(model, result)(images), atol=1e-9)
    for scored in result.groups:
        assert scored.survivors.tolist() == sorted(keep.get(scored.name, range(scored.group.size)))


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.5, 0.8, 0.97])
def test_global_survivors_are_those_of_a_plain_loop(ratio):
    """Sort all channels by |γ|, drop the weakest, give each emptied layer its best one back."""
    model = studentnet(width=1.0)
    result = cc.prune_channels(model, ratio=ratio)
    scores = {}
    for scored in result.groups:
        norms = [model.get_submodule(n) for n in scored.group.carriers]
        gammas = [n.weight.detach().abs() for n in norms if isinstance(n, nn.BatchNorm2d)]
        for channel in range(scored.group.size):
            scores[scored.name, channel] = float(sum(g[channel] for g in gammas) / len(gammas))
    doomed = set(sorted(scores, key=scores.get)[: round(ratio * len(scores))])
    held = []
    for scored in result.groups:
        own = [c for c in range(scored.group.size) if (scored.name, c) not in doomed]
        if not own:
            own = [max(range(scored.group.size), key=lambda c: scores[scored.name, c])]
            held.append(scored.name)
        assert scored.survivors.tolist() == own
    assert result.held_at_floor == held


def test_layer_scope_takes_the_same_part_of_each_layer():
    result = cc.prune_channels(studentnet(width=1.0), ratio=0.25, scope="layer")
    assert [len(g.survivors) for g in result.groups] == [12, 24, 48, 96, 192, 192, 192]


def test_the_threshold_parts_those_who_stay_from_those_who_go():
    result = cc.prune_channels(studentnet(width=1.0), ratio=0.4)
    assert len({g.threshold for g in result.groups}) == 1
    for g in result.groups:
        stays = torch.zeros(g.group.size, dtype=torch.bool).index_fill(0, g.survivors, True)
        assert (g.scores[stays] >= g.threshold).all() and (g.scores[~stays] <= g.threshold).all()


def test_equal_scores_are_cut_to_the_exact_count():
    """Untrained γ are all 1; a threshold alone could only take all channels or none."""
    result = cc.prune_channels(cc.build("studentnet").eval(), ratio=0.25, scope="layer")
    assert [g.survivors.tolist() for g in result.groups] == [list(range(g.group.size * 3 // 4)) for g in result.groups]


def test_kept_says_who_is_left_in_every_layer():
    model = studentnet()
    result = cc.prune_channels(model, ratio=0.5)
    layers = {n: m for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.BatchNorm2d)}
    assert result.kept.keys() == layers.keys()
    for name, keep in result.kept.items():
        smaller = result.model.get_submodule(name).weight
        original = layers[name].weight[keep.outputs]
        if isinstance(layers[name], nn.Linear) or getattr(layers[name], "groups", 0) == 1:
            original = original[:, keep.inputs]
        assert torch.equal(smaller, original)
    assert torch.equal(result.kept["cnn.3.3"].outputs, result.kept["cnn.4.0"].inputs)


def test_the_layers_say_their_new_sizes():
    model = cc.prune_channels(studentnet(), ratio=0.6).model
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            assert layer.weight.shape[0] == layer.out_channels
            assert layer.weight.shape[1] == layer.in_channels // layer.groups
        elif isinstance(layer, nn.BatchNorm2d):
            assert layer.num_features == len(layer.weight) == len(layer.running_mean)


def test_nothing_of_the_original_changes():
    model = studentnet()
    before = copy.deepcopy(model.state_dict())
    cc.prune_channels(model, ratio=0.7).model.cnn[0][0].weight.data.zero_()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_ignored_layers_stay_whole_and_the_floor_is_kept():
    result = cc.prune_channels(studentnet(), ratio=0.9, ignore=("cnn.2.3",), floor=5)
    kept = {g.name: len(g.survivors) for g in result.groups}
    assert kept["cnn.2.3"] == 64 and min(kept.values()) >= 5


def test_who_is_kept_may_be_a_tensor_with_repetitions():
    result = cc.prune_channels(studentnet(), keep={"cnn.1.3": torch.tensor([2, 0, 0])})
    assert result.groups[1].survivors.tolist() == [0, 2]


def test_homework_7s_transplant_is_keep_with_the_smaller_networks_sizes():
    """Width 0.5 out of width 1: the shapes are those of a StudentNet built at 0.5, and the best |γ| are in it."""
    model, target = studentnet(1.0), cc.build("studentnet", 0.5)
    sizes = {group.name: group.size for group in channel_groups(target)}
    result = cc.prune_channels(model, keep=sizes)
    shapes = {name: tensor.shape for name, tensor in target.state_dict().items()}
    assert {name: tensor.shape for name, tensor in result.model.state_dict().items()} == shapes
    best = model.cnn[5][1].weight.abs().argsort(descending=True)[:128].sort().values
    assert torch.equal(result.model.cnn[5][1].weight, model.cnn[5][1].weight[best])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ratio": 1.0}, "at least 0 and below 1; it was 1.0"),
        ({"ratio": -0.1}, "at least 0 and below 1; it was -0.1"),
        ({"ratio": float("nan")}, "at least 0 and below 1; it was nan"),
        ({}, "Give either ratio= or keep="),
        ({"ratio": 0.5, "keep": {}}, "Give either ratio= or keep="),
        ({"ratio": 0.5, "floor": 0}, "floor must be 1 or more; it was 0"),
        ({"keep": {}, "ignore": ("cnn.1.3",)}, "ignore= and floor= go with ratio= only"),
        ({"keep": {"cnn.1.3": [1.5]}}, "are given by whole numbers"),
        ({"ratio": 0.5, "criterion": "luck"}, "There is no criterion 'luck'"),
        ({"ratio": 0.5, "scope": "world"}, "There is no scope 'world'"),
        ({"ratio": 0.5, "ignore": ("cnn.9",)}, "No prunable layer is named 'cnn.9'"),
        ({"keep": {"fc": 3}}, "No prunable layer is named 'fc'"),
        ({"keep": {"cnn.1.3": 0}}, "'cnn.1.3' has 32 channels; 0 of them cannot be kept"),
        ({"keep": {"cnn.1.3": [99]}}, "Keep at least one of the channels 0 … 31"),
    ],
)
def test_what_cannot_be_pruned_is_a_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        cc.prune_channels(studentnet(), **arguments)


def test_another_network_is_refused_with_its_name():
    with pytest.raises(cc.UnsupportedModelError, match="in StudentNet only, so far; this is a Sequential"):
        cc.prune_channels(nn.Sequential(nn.Conv2d(1, 4, 3)), ratio=0.5)
