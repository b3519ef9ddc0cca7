"""Balanced survivors, held against counts of what each group of each convolution keeps, and against brute force."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn

import compress_core as cc
from compress_core.layers.modules import RaggedConv2d
from compress_core.pruning.coupling import couple
from tests.helpers.marks import sampled

EXAMPLE = torch.zeros(1, 1, 32, 32)


def counts(model: nn.Module, pruned: cc.PruneResult) -> list[tuple[list[int], list[int]]]:
    """For each grouped convolution how many inputs and outputs each of its groups keeps."""
    found = []
    for name, keep in pruned.kept.items():
        layer = model.get_submodule(name)
        groups = getattr(layer, "groups", 1)
        if 1 < groups < layer.in_channels:
            sizes = layer.in_channels // groups, layer.out_channels // groups
            inputs, outputs = (
                [sum(int(c) // size == g for c in own) for g in range(groups)]
                for own, size in zip((keep.inputs, keep.outputs), sizes, strict=True)
            )
            found.append((inputs, outputs))
    return found


@pytest.mark.parametrize("groups", sampled([2, 3, 8], lambda groups: groups == 3))
@pytest.mark.parametrize(("ratio", "scope", "multiple"), [(0.3, "global", 1), (0.5, "layer", 4), (0.7, "global", 2)])
def test_every_group_keeps_as_many_and_the_network_stays_exact(groups, ratio, scope, multiple):
    model = cc.build("shufflenet_v1", groups=groups).eval()
    pruned = cc.prune_channels(
        model, EXAMPLE, ratio=ratio, criterion="random", scope=scope, balanced=True, multiple_of=multiple
    )
    assert not any(isinstance(layer, RaggedConv2d) for layer in pruned.model.modules())
    found = counts(model, pruned)
    assert len(found) == 31
    for inputs, outputs in found:
        assert len(set(inputs)) == len(set(outputs)) == 1
    whole = [inputs[0] for inputs, _ in counts(model, cc.prune_channels(model, EXAMPLE, ratio=0.0))]
    assert all(own[0] % multiple == 0 or own[0] == most for (own, _), most in zip(found, whole, strict=True))
    assert pruned.cut_share == pytest.approx(ratio, abs=0.2 if groups == 8 and multiple > 1 else 0.1)  # of 6 and 12


class Grouped(nn.Module):
    """Twelve channels that a convolution of three groups reads."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 12, 1), nn.BatchNorm2d(12)
        self.grouped, self.last = nn.Conv2d(12, 6, 3, groups=3, padding=1), nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.grouped(self.norm(self.first(x)).relu()))


def test_of_each_group_the_best_stay():
    """Of all choices with as many in each group the one with the largest scores, by brute force."""
    torch.manual_seed(0)
    model, images = Grouped().eval(), torch.zeros(1, 3, 4, 4)
    model.norm.weight.data = torch.rand(12)
    pruned = cc.prune_channels(model, images, ratio=0.5, criterion="bn_scale", balanced=True)
    gamma = model.norm.weight.detach()
    places = [c for c in product(range(2), repeat=12) if [sum(c[i : i + 4]) for i in (0, 4, 8)] == [2, 2, 2]]
    best = max(places, key=lambda stays: float((torch.tensor(stays) * gamma).sum()))
    assert pruned.kept["first"].outputs.tolist() == [i for i, stays in enumerate(best) if stays]
    plain = cc.prune_channels(model, images, ratio=0.5, criterion="bn_scale")
    assert pruned.groups[0].threshold == plain.groups[0].threshold and not pruned.kept_by_floor
    assert pruned.model.grouped.groups == 3 and pruned.model.grouped.in_channels == 6


def test_the_fullest_of_many_groups_does_not_bring_all_others_back():
    """Sixteen groups of four: by chance one of them keeps all; yet a layer loses about what it loses unbalanced."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 64, 1), nn.Conv2d(64, 64, 3, groups=16), nn.Conv2d(64, 64, 1), nn.Conv2d(64, 2, 1)]
    plain, balanced = (
        cc.prune_channels(
            nn.Sequential(*layers).eval(), torch.zeros(1, 3, 6, 6), ratio=0.5, criterion="random", balanced=balanced
        )
        for balanced in (False, True)
    )
    for before, after in zip(plain.groups, balanced.groups, strict=True):
        assert abs(len(before.survivors) - len(after.survivors)) <= 8, before.name


class SideBySide(nn.Module):
    """A convolution of two groups, one of which reads what one layer makes and one what another makes."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 8, 1)
        self.grouped, self.last = nn.Conv2d(16, 8, 1, groups=2), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.grouped(torch.cat([self.left(x), self.right(x)], 1)))


def test_what_is_left_alone_stays_whole_and_brings_its_neighbour_back():
    model, images = SideBySide().eval(), torch.zeros(1, 3, 4, 4)
    how = {"ratio": 0.5, "criterion": "random", "scope": "layer", "ignore": ("left",)}
    plain, balanced = (cc.prune_channels(model, images, balanced=balanced, **how) for balanced in (False, True))
    assert [len(plain.kept[name].outputs) for name in ("left", "right")] == [8, 4]
    assert [len(balanced.kept[name].outputs) for name in ("left", "right")] == [8, 8]


def test_what_comes_back_overfills_no_other_group_where_that_can_be():
    """Of 480 channels on the shortcuts a few are enough for multiples of 8 everywhere."""
    torch.manual_seed(0)
    model = cc.build("shufflenet_v1").eval()
    pruned = cc.prune_channels(model, EXAMPLE, ratio=0.8, criterion="l1", balanced=True, multiple_of=8)
    assert pruned.cut_share > 0.6


@pytest.mark.parametrize("arch", [arch for arch in cc.architectures() if arch != "shufflenet_v1"])
def test_where_nothing_is_grouped_it_changes_nothing(arch):
    model = cc.build(arch, 0.25).eval()
    plain, balanced = (
        cc.prune_channels(model, EXAMPLE, ratio=0.4, criterion="l1", balanced=balanced) for balanced in (False, True)
    )
    for name, keep in plain.kept.items():
        assert torch.equal(keep.outputs, balanced.kept[name].outputs)


def test_a_budget_is_met_with_groups_alike():
    model = cc.load("shufflenet_v1", 0.5)
    params = sum(p.numel() for p in model.parameters())
    pruned = cc.prune_channels(model, EXAMPLE, budget={"params": params / 2}, criterion="l1", balanced=True)
    assert sum(p.numel() for p in pruned.model.parameters()) <= params / 2
    assert not any(isinstance(layer, RaggedConv2d) for layer in pruned.model.modules())


def test_a_persons_own_word_comes_after_the_balance():
    model = cc.build("shufflenet_v1").eval()
    name = couple(model, EXAMPLE).groups[3].name
    how = {"ratio": 0.3, "criterion": "l1", "balanced": True}
    balanced = cc.prune_channels(model, EXAMPLE, **how).kept[name].outputs.tolist()
    gone = cc.prune_channels(model, EXAMPLE, edits={name: {balanced[0]: False}}, **how)
    assert gone.kept[name].outputs.tolist() == balanced[1:]
    with pytest.raises(ValueError, match="multiple_of= and balanced= go with ratio= and budget= only"):
        cc.prune_channels(model, EXAMPLE, keep={name: 4}, criterion="l1", balanced=True)
