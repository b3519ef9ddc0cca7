"""Healing against statistics computed by hand, closed forms and numpy's least squares."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import compress_core as cc
from compress_core.layers.duplicate import duplicate
from compress_core.layers.inference import predict
from compress_core.pruning.compensation import second_moments, spread
from compress_core.pruning.coupling import couple
from tests.conftest import with_random_norms
from tests.helpers.marks import sampled
from tests.pruning.test_channels import VARIANTS, zoo_network


def test_each_norm_gets_the_statistics_of_what_reaches_it():
    """Walk through the layers one by one and compute mean and variance of each BatchNorm's input with torch."""
    torch.manual_seed(0)
    model = with_random_norms(cc.build("studentnet", 0.25))
    images = torch.randn(20, 1, 32, 32)
    healed = cc.recalibrate(model, images)
    with torch.no_grad():
        x = images
        for block in list(healed.cnn)[:-1]:
            for layer in block:
                if isinstance(layer, nn.BatchNorm2d):
                    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
                    assert torch.allclose(layer.running_mean, mean, atol=1e-4)
                    assert torch.allclose(layer.running_var, variance, rtol=1e-3, atol=1e-5)
                    x = nn.functional.batch_norm(x, None, None, layer.weight, layer.bias, training=True)
                else:
                    x = layer(x)


def test_it_touches_nothing_but_the_statistics_of_a_copy():
    model = with_random_norms(cc.build("studentnet", 0.25))
    before = copy.deepcopy(model.state_dict())
    healed = cc.recalibrate(model, torch.randn(8, 1, 32, 32))
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    for name, tensor in healed.state_dict().items():
        if "running" not in name and "num_batches" not in name:
            assert torch.equal(tensor, before[name])
    assert not healed.training and healed.cnn[0][1].momentum == model.cnn[0][1].momentum


def test_it_brings_a_cut_network_back(cache):
    """The page's most striking number: far down right after the cut, most of the way back without a label."""
    recipe = cc.Recipe(prune=0.4, criterion="bn_scale", heal="recalibrate")
    cut = cc.measure(cc.compress(recipe.with_(heal="none"), cache), cache=cache, timed=False)
    healed = cc.measure(cc.compress(recipe, cache), cache=cache, timed=False)
    assert healed.accuracy > cut.accuracy + 0.3


def test_no_images_is_a_sentence():
    with pytest.raises(ValueError, match="at least one image"):
        cc.recalibrate(cc.build("studentnet"), torch.zeros(0, 1, 32, 32))


IMAGES = torch.randn(40, 1, 32, 32, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
HEAL = {"absorb": cc.absorb, "compensate": cc.compensate, "reconstruct": cc.reconstruct}
SOLVED = ("compensate", "reconstruct")


def lively(arch: str, **options) -> nn.Module:
    """A random network whose BatchNorms know what reaches them, so that its images do not fade on the way."""
    return cc.recalibrate(zoo_network(arch, 0.25, **options), IMAGES)


def largest(model: nn.Module, other: nn.Module) -> float:
    with torch.no_grad():
        return float((model(IMAGES) - other(IMAGES)).abs().max())


def with_constants(model: nn.Module, share: float) -> nn.Module:
    """The network with γ = 0 for the first part of each BatchNorm's channels: they send act(β), whatever they see."""
    for norm in [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]:
        norm.weight.data[: int(share * len(norm.weight))] = 0
    return model


@pytest.mark.parametrize("arch", ["studentnet", "mobilenet_v1"])
def test_absorbed_constants_leave_nothing_behind(arch):
    """Where γ is zero a channel is act(β): dropped it is missed, folded into what reads it by 1×1 it is not."""
    model = with_constants(zoo_network(arch, 0.25), 0.25)
    coupling = couple(model, IMAGES[:1])
    keep = {}
    for group in coupling.groups:
        last = [model.get_submodule(name) for name in group.carriers][-1:]
        if last and isinstance(last[0], nn.BatchNorm2d):
            keep[group.name] = last[0].weight.detach().nonzero().flatten().tolist()
    pruned = cc.prune_channels(model, IMAGES[:1], keep=keep)
    assert pruned.cut_share > 0.15
    healed = cc.absorb(pruned, model, IMAGES[:2])
    assert largest(healed, model) < 1e-9 * max(1, largest(pruned.model, model)) or largest(healed, model) < 1e-9
    assert largest(pruned.model, model) > 1e-3


@pytest.mark.parametrize("heal", SOLVED)
def test_a_layer_solved_again_is_the_least_squares_solution(heal):
    """Two pointwise layers, two of five channels dropped: numpy's least squares on what is left, with an intercept."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 1), nn.ReLU(), nn.Conv2d(5, 4, 1)).double().eval()
    images = torch.randn(60, 3, 4, 4, dtype=torch.float64)
    pruned = cc.prune_channels(model, images, keep={"0": [0, 2, 4]}, criterion="l1")
    healed = HEAL[heal](pruned, model, images)
    with torch.no_grad():
        left = model[1](model[0](images))[:, [0, 2, 4]].permute(0, 2, 3, 1).reshape(-1, 3).numpy()
        wanted = model(images).permute(0, 2, 3, 1).reshape(-1, 4).numpy()
        given = healed(images).permute(0, 2, 3, 1).reshape(-1, 4).numpy()
    columns = np.c_[left, np.ones(len(left))]
    best = columns @ np.linalg.lstsq(columns, wanted, rcond=None)[0]
    least = np.square(best - wanted).sum()
    assert np.square(given - wanted).sum() <= least * 1.001
    with torch.no_grad():
        assert float((pruned.model(images) - model(images)).square().sum()) > 2 * least


@pytest.mark.parametrize(
    "arch",
    sampled(
        [name for name in cc.architectures(yardsticks=True) if name != "shufflenet_v1"],
        lambda arch: arch in ("studentnet", "mobilenet_v2", "squeezenet"),
    ),
)
@pytest.mark.parametrize("heal", SOLVED)
def test_what_was_said_twice_is_said_as_before(arch, heal):
    """A channel repeats its neighbour: without it the layers that read it are solved to what they gave."""
    model = lively(arch)
    tried = 0
    for group in couple(model, IMAGES[:1]).groups:
        if group.size < 4 or len(group.writers) > 1 or not _whole(model, group) or tried == 3:
            continue
        twins = duplicate(model)
        for name, places in (*group.writers.items(), *group.carriers.items()):
            layer = twins.get_submodule(name)
            for tensor in (*layer.parameters(), *(b for b in layer.buffers() if b.dim())):
                tensor.data[places == 1] = tensor.data[places == 0]
        pruned = cc.prune_channels(twins, IMAGES[:1], keep={group.name: [0, *range(2, group.size)]}, criterion="l1")
        missed = largest(pruned.model, twins)
        if missed > 1e-2:  # else the channel is silent on all images
            tried += 1
            wanted = cc.recalibrate(twins, IMAGES) if heal == "compensate" else twins  # it recalibrates in the end
            assert largest(HEAL[heal](pruned, twins, IMAGES), wanted) < (0.3 if heal == "compensate" else 0.1) * missed
    assert tried


def _whole(model: nn.Module, group) -> bool:
    """Whether each layer that reads the group reads it ungrouped, so that one channel can stand in for another."""
    layers = [model.get_submodule(name) for name in (*group.readers, *group.writers)]
    return all(getattr(layer, "groups", 1) == 1 for layer in layers)


@pytest.mark.parametrize("heal", HEAL)
@pytest.mark.parametrize(
    ("arch", "options"), sampled(VARIANTS, lambda variant: not variant[1] or variant[1] == {"groups": 3}), ids=str
)
def test_every_architecture_is_healed_and_nothing_else_changes(arch, options, heal):
    model = lively(arch, **options)
    pruned = cc.prune_channels(model, IMAGES[:1], ratio=0.4, criterion="l2")
    before = [copy.deepcopy(m.state_dict()) for m in (model, pruned.model)]
    healed = HEAL[heal](pruned, model, IMAGES)
    for state, network in zip(before, (model, pruned.model), strict=True):
        assert all(torch.equal(state[name], tensor) for name, tensor in network.state_dict().items())
    assert {n: t.shape for n, t in healed.state_dict().items()} == {n: t.shape for n, t in before[1].items()}
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in healed.modules())
    assert torch.isfinite(healed(IMAGES)).all()
    if heal == "reconstruct":
        with torch.no_grad():
            wanted, cut, now = model(IMAGES), pruned.model(IMAGES), healed(IMAGES)
        centred = [(x - x.mean(0)) for x in (cut - wanted, now - wanted)]
        assert centred[1].square().sum() < centred[0].square().sum()


@pytest.mark.parametrize("heal", SOLVED)
def test_solving_again_is_seeded(heal):
    model = lively("studentnet")
    pruned = cc.prune_channels(model, IMAGES[:1], ratio=0.5)
    first, second = (HEAL[heal](pruned, model, IMAGES, seed=1).state_dict() for _ in range(2))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_moments_are_taken_once_and_serve_every_cut():
    """Those of a loop over images and places; each channel is told as numpy's least squares tells it."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 4, 3, groups=1), nn.Flatten(), nn.Linear(16, 2))
    model, images = model.double().eval(), torch.randn(30, 3, 6, 6, dtype=torch.float64)
    moments = second_moments(model, images)
    with torch.no_grad():
        maps = model[1](model[0](images)).permute(0, 2, 3, 1).reshape(-1, 5).numpy()
    rows = np.c_[maps, np.ones(len(maps))]
    assert set(moments) == {"0", "2", "4"}
    assert np.allclose(moments["2"].numpy(), sum(np.outer(row, row) for row in rows) / len(rows))
    stays = torch.tensor([0, 2, 3])
    told = spread(moments["2"], stays).numpy()
    known = rows[:, [0, 2, 3, 5]]
    best = np.linalg.lstsq(known, maps, rcond=None)[0].T
    assert np.allclose(told[[1, 4]], best[[1, 4]], atol=0.02)  # the ridge
    assert np.array_equal(told[[0, 2, 3]], np.eye(4)[:3])  # who stays speaks for itself
    for keep in ([0, 1], [2, 3, 4]):
        pruned = cc.prune_channels(model, images, keep={"0": keep}, criterion="l1")
        given, taken = (cc.compensate(pruned, model, images, own).state_dict() for own in (moments, None))
        assert all(torch.equal(tensor, taken[name]) for name, tensor in given.items())


def test_compensation_brings_back_more_than_recalibration(cache):
    """On validation images, at half the channels of three networks, by second order and by γ."""
    images, labels = cc.dataset("digits").validation()

    def right(recipe: cc.Recipe) -> float:
        return predict(cc.compress(recipe, cache).model, images).argmax(1).eq(labels).double().mean().item()

    for arch in ("studentnet", "squeezenet"):
        for criterion in ("obs", "bn_scale"):
            recipe = cc.Recipe(arch=arch, prune=0.5, criterion=criterion)
            assert right(recipe.with_(heal="compensate")) > right(recipe.with_(heal="recalibrate")) + 0.02


@pytest.mark.parametrize("heal", HEAL)
def test_healing_without_images_is_a_sentence(heal):
    model = lively("studentnet")
    pruned = cc.prune_channels(model, IMAGES[:1], ratio=0.5)
    with pytest.raises(ValueError, match="needs at least one image"):
        HEAL[heal](pruned, model, IMAGES[:0])


def test_half_of_the_channels_go_unmissed(cache):
    """The second-order criterion and least squares, without a label: on validation images, within a point."""
    data = cc.dataset("digits")
    images, labels = data.validation()

    def right(recipe: cc.Recipe) -> float:
        return predict(cc.compress(recipe, cache).model, images).argmax(1).eq(labels).double().mean().item()

    original = right(cc.Recipe())
    assert right(cc.Recipe(prune=0.5)) > original - 0.015
    assert right(cc.Recipe(prune=0.5, heal="recalibrate")) < original - 0.1
