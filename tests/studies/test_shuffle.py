"""The shuffle against torch's own reshape, and connectivity against boolean matrices and against real numbers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import compress_core as cc
from compress_core.analysis.connectivity import connectivity
from compress_core.pipeline import compress
from compress_core.recipe import Recipe
from compress_core.studies.shuffle import (
    STEPS,
    extract_unit,
    inverse,
    maps,
    permutation,
    shuffle_order,
    shuffle_steps,
    stack,
    stack_connectivity,
    unit_names,
)
from compress_core.zoo.blocks import ChannelShuffle, ChannelSplit, ConvBNAct, depthwise
from tests.helpers.marks import sampled

EXAMPLE = torch.zeros(1, 1, 32, 32)
NETS = ("shufflenet_v1", "shufflenet_v2")


@pytest.mark.parametrize("channels", [1, 2, 6, 12, 24, 60, 240])
def test_the_permutation_is_reshape_transpose_reshape_for_every_group_count_that_divides(channels):
    x = torch.randn(2, channels, 3, 5)
    for groups in [g for g in range(1, channels + 1) if channels % g == 0]:
        n, c, h, w = x.shape
        expected = x.reshape(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)
        index = permutation(groups, channels)
        assert torch.equal(x[:, index], expected)
        assert torch.equal(index[inverse(index)], torch.arange(channels))
        assert torch.equal(inverse(index), permutation(channels // groups, channels))  # as the page says
        places = [(c % (channels // groups)) * groups + c // (channels // groups) for c in range(channels)]
        assert inverse(index).tolist() == places  # its formula


@pytest.mark.parametrize(("groups", "channels"), [(5, 12), (3, 1), (8, 20)])
def test_groups_that_do_not_divide_are_refused_with_a_sentence(groups, channels):
    with pytest.raises(ValueError, match=f"{channels} channels do not fall into {groups} equal groups"):
        permutation(groups, channels)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=8).filter(any))
def test_uneven_groups_are_dealt_out_in_turn(sizes):
    hands, first = [], 0
    for size in sizes:
        hands.append(list(range(first, first + size)))
        first += size
    expected = []
    while any(hands):
        expected += [hand.pop(0) for hand in hands if hand]
    assert shuffle_order(sizes).tolist() == expected


@given(st.integers(1, 8), st.integers(1, 6), st.integers(0, 7))
def test_the_states_end_where_the_permutation_says_and_never_hide_a_channel(groups, per_group, extra):
    sizes = [per_group + (group < extra) for group in range(groups)]
    table = shuffle_steps(sizes)
    for step in STEPS:
        own = table[table["step"] == step]
        assert len(own) == sum(sizes) and not own.duplicated(["row", "column"]).any()
    last = table[table["step"] == "flatten"].sort_values("column")
    assert last["channel"].tolist() == shuffle_order(sizes).tolist()


def by_numbers(network: nn.Module, channels: int) -> Tensor:
    """Connectivity by computing: weights of one, no biases, an image a channel, which alone is lit."""
    network = network.eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.weight.fill_(1.0)
                if module.bias is not None:
                    module.bias.zero_()
            if isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
        images = torch.eye(channels)[:, :, None, None].expand(-1, -1, 4, 4).contiguous()
        return network.double()(images.double()).flatten(2).sum(2).T > 0


def by_matrices(groups: int, per_group: int, layers: int, shuffle: bool) -> Tensor:
    """Boolean products: block-diagonal connectivity, and a permutation matrix between any two layers."""
    channels = groups * per_group
    block = torch.block_diag(*[torch.ones(per_group, per_group)] * groups)
    moved = torch.zeros(channels, channels)
    for group in range(groups):
        for i in range(per_group):
            moved[i * groups + group, group * per_group + i] = 1
    reach = torch.eye(channels)
    for layer in range(layers):
        if layer and shuffle:
            reach = moved @ reach
        reach = ((block @ reach) > 0).float()
    return reach > 0


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_a_stack_reaches_what_boolean_matrices_and_real_numbers_reach(groups, per_group, layers, shuffle):
    labels = stack_connectivity(groups, per_group, layers, shuffle)
    assert torch.equal(labels, by_matrices(groups, per_group, layers, shuffle))
    channels = groups * per_group
    assert torch.equal(labels, by_numbers(stack(groups, per_group, layers, shuffle), channels))


@pytest.mark.parametrize(("groups", "per_group"), [(2, 2), (3, 3), (4, 2), (8, 2), (2, 8)])
def test_the_share_that_is_heard_follows_the_formula_of_the_page(groups, per_group):
    for layers in range(1, 6):
        share = stack_connectivity(groups, per_group, layers, True).double().mean().item()
        assert share == pytest.approx(min(1.0, per_group**layers / (groups * per_group)))
        assert stack_connectivity(groups, per_group, layers, False).double().mean().item() == pytest.approx(1 / groups)


class Branches(nn.Module):
    """A split, two ways, an addition, a concatenation, and a shuffle."""

    def __init__(self, half: int, groups: int):
        super().__init__()
        self.split = ChannelSplit()
        self.left = ConvBNAct(half, half, groups=groups)
        self.right = nn.Sequential(depthwise(half, 1, nn.ReLU), nn.MaxPool2d(3, 1, 1))
        self.shuffle = ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.split(x)
        return self.shuffle(torch.cat((self.left(left) + right, self.right(right)), 1))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_splits_additions_and_depthwise_layers_are_heard_through(groups, per_group, blocks):
    half = groups * per_group
    network = nn.Sequential(*[Branches(half, groups) for _ in range(blocks)], ConvBNAct(2 * half, 3, groups=1))
    channels = 2 * half
    assert torch.equal(connectivity(network, torch.zeros(1, channels, 4, 4)), by_numbers(network, channels))


def test_what_is_not_known_is_said():
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.linalg.matrix_norm(x)[:, :, None, None] * x.cumsum(1)

    with pytest.raises(cc.UnsupportedModelError, match="cannot be told"):
        connectivity(Odd(), torch.zeros(1, 4, 4, 4))


@pytest.mark.parametrize("arch", NETS)
def test_the_units_are_those_that_mix_groups(arch):
    names = unit_names(cc.build(arch))
    assert len(names) == (15 if arch == "shufflenet_v1" else 16)  # the first of V1 has no groups to mix
    assert not unit_names(cc.build("mobilenet_v2"))
    if arch == "shufflenet_v1":
        assert not unit_names(cc.build(arch, shuffle=False)) and not unit_names(cc.build(arch, groups=1))


@pytest.mark.parametrize("arch", NETS)
def test_an_unpruned_unit_reaches_what_the_unit_by_itself_does(arch):
    model = cc.load(arch)
    for name in unit_names(model)[:6]:
        unit, own = extract_unit(model, EXAMPLE, name), model.get_submodule(name)
        inputs = unit.reach.shape[1]
        assert torch.equal(unit.reach, connectivity(own, torch.zeros(1, inputs, 8, 8)))
        assert unit.is_regular and sum(unit.input_groups) == inputs and sum(unit.shuffle_groups) == len(unit.shuffle)
        assert torch.equal(unit.shuffle, permutation(own.shuffle.groups, len(unit.shuffle)))


RECIPES = [{"prune": 0.8}, {"prune": 0.5, "criterion": "random"}, {"width": 0.2, "prune": 0.4}, {"prune": 0.3}]


@pytest.mark.parametrize("chosen", sampled(RECIPES, lambda chosen: chosen in RECIPES[:3]), ids=str)
@pytest.mark.parametrize("arch", NETS)
def test_a_pruned_unit_is_the_original_without_what_is_gone(arch, chosen):
    """The survivors' reach is the original's along ways of survivors: told from numbers that the real layers give."""
    built = compress(Recipe(arch=arch, **chosen))
    base, images = built.report.base.model, torch.rand(2, 1, 32, 32)
    for name in unit_names(cc.build(arch))[::3]:
        before, after = extract_unit(base, EXAMPLE, name), extract_unit(built.model, EXAMPLE, name)
        assert after.reach.shape <= before.reach.shape and sum(after.input_groups) == after.reach.shape[1]
        assert sum(after.shuffle_groups) == len(after.shuffle)
        assert sorted(after.shuffle.tolist()) == list(range(len(after.shuffle)))
        for image in images:
            into, out = maps(built.model, image[None], after)
            assert torch.equal(into[after.shuffle], out)


@pytest.mark.parametrize("arch", NETS)
def test_survivors_keep_the_order_in_which_they_were_dealt(arch):
    """Taken from the original by hand: its permutation, without the channels that went."""
    model = cc.load(arch)
    pruned = cc.prune_channels(model, EXAMPLE, ratio=0.5, criterion="random")
    name = unit_names(model)[1]
    before, after = extract_unit(model, EXAMPLE, name), extract_unit(pruned.model, EXAMPLE, name)
    if arch == "shufflenet_v1":
        kept = pruned.kept[f"{name}.reduce.0"].outputs.tolist()
    else:  # what passes by keeps its places in the first half, what is worked on stands behind it
        half = len(before.shuffle) // 2
        source = extract_unit(model, EXAMPLE, unit_names(model)[0])
        left = set(pruned.kept[f"{unit_names(model)[0]}.passing.1.0"].outputs.tolist())
        right = {half + c for c in pruned.kept[f"{unit_names(model)[0]}.working.2.0"].outputs.tolist()}
        stream = [channel in left | right for channel in source.shuffle.tolist()]  # places after the unit before
        passing = [place for place in range(half) if stream[place]]
        kept = passing + [half + c for c in pruned.kept[f"{name}.working.2.0"].outputs.tolist()]
    place = {channel: number for number, channel in enumerate(kept)}
    assert after.shuffle.tolist() == [place[c] for c in before.shuffle.tolist() if c in place]


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.8, 0.9])
def test_what_a_pruned_unit_hears_follows_from_who_was_kept(ratio):
    """Boolean products over the original's groups, restricted to the channels that are left."""
    model = cc.load("shufflenet_v1")
    pruned = cc.prune_channels(model, EXAMPLE, ratio=ratio, criterion="random")

    def connects(layer: str) -> Tensor:
        conv, keep = model.get_submodule(layer), pruned.kept[layer]
        ins, outs = keep.inputs // (conv.in_channels // 3), keep.outputs // (conv.out_channels // 3)
        return (outs[:, None] == ins[None]).float()

    for name in [n for n in unit_names(model) if not n.endswith(".0")]:
        middle = pruned.kept[f"{name}.reduce.0"].outputs
        order = permutation(3, model.get_submodule(f"{name}.reduce.0").out_channels)
        moved = (order[:, None] == middle[None]).float()
        moved = moved[moved.any(1)]  # in their new order, those that are left
        way = connects(f"{name}.expand.0") @ moved @ connects(f"{name}.reduce.0")
        stream = pruned.kept[f"{name}.reduce.0"].inputs
        assert torch.equal(stream, pruned.kept[f"{name}.expand.0"].outputs)  # the shortcut ties them
        expected = (way + torch.eye(len(stream))) > 0
        assert torch.equal(extract_unit(pruned.model, EXAMPLE, name).reach, expected)
