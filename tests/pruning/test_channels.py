"""Channel pruning against the masked original and against a plain loop."""

import copy

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import nn

import compress_core as cc
from compress_core.pruning.coupling import couple
from compress_core.pruning.slimming import network_slimming
from tests.conftest import with_random_norms
from tests.helpers.marks import sampled
from tests.pruning.oracle import largest_difference

EXAMPLE = torch.zeros(1, 1, 32, 32)
VARIANTS = [
    *((arch, {}) for arch in cc.architectures() if arch != "shufflenet_v1"),
    *(("shufflenet_v1", {"groups": groups}) for groups in (1, 2, 3, 4, 8)),
    *(("squeezenet", {"bypass": bypass}) for bypass in ("simple", "complex")),
    ("resnet18", {}),
]


def zoo_network(arch: str, width: float, seed: int = 0, dtype: torch.dtype = torch.float64, **options) -> nn.Module:
    torch.manual_seed(seed)
    return with_random_norms(cc.build(arch, width, **options).to(dtype), seed)


def studentnet(width: float = 0.5, seed: int = 0, dtype: torch.dtype = torch.float64) -> nn.Module:
    return zoo_network("studentnet", width, seed, dtype)


@pytest.mark.parametrize(
    ("ratio", "scope"),
    sampled(
        [(0.0, "global"), (0.1, "layer"), (0.5, "global"), (0.9, "global"), (0.99, "layer")],
        lambda case: 0 < case[0] < 0.9,
    ),
)
@pytest.mark.parametrize(("arch", "options"), VARIANTS, ids=lambda value: str(value))
def test_pruned_equals_masked(arch, options, scope, ratio):
    model = zoo_network(arch, 0.25, **options)
    images = torch.randn(3, 1, 32, 32, dtype=torch.float64)
    result = cc.prune_channels(model, images, ratio=ratio, scope=scope)
    assert largest_difference(model, result, images) <= 1e-9


@pytest.mark.parametrize(
    ("arch", "options", "criterion"),
    sampled(
        [(*variant, criterion) for variant in VARIANTS for criterion in cc.criteria() if criterion != "bn_scale"],
        lambda case: case[:2] == ("shufflenet_v1", {"groups": 3}) or case[2] == "l1",
    ),
    ids=str,
)
def test_pruned_equals_masked_whatever_the_criterion(arch, options, criterion):
    model = zoo_network(arch, 0.25, **options)
    images, labels = torch.randn(4, 1, 32, 32, dtype=torch.float64), torch.arange(4)
    coupling = couple(model, images)
    for ratio, scope in ((0.1, "layer"), (0.6, "global"), (0.9, "layer")):
        chosen = {"ratio": ratio, "scope": scope, "criterion": criterion}
        result = cc.prune_channels(model, images, images=images, labels=labels, coupling=coupling, **chosen)
        assert result.cut_share > ratio / 2
        assert largest_difference(model, result, images) <= 1e-9


@pytest.mark.parametrize(("arch", "options"), VARIANTS, ids=lambda value: str(value))
def test_in_single_precision_they_agree_to_single_precision(arch, options):
    model = zoo_network(arch, 0.5, dtype=torch.float32, **options)
    images = torch.randn(3, 1, 32, 32)
    result = cc.prune_channels(model, images, ratio=0.4)
    with torch.no_grad():
        scale = max(1.0, float(model(images).abs().max()))
    assert largest_difference(model, result, images) <= 1e-4 * scale


@given(data=st.data())
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_any_survivors_are_exact(data):
    """Whoever is kept, by hand and in any number, the smaller network computes what the masked one does."""
    arch, options = data.draw(st.sampled_from(VARIANTS))
    model = zoo_network(arch, 0.1, **options)
    coupling = couple(model, EXAMPLE.double())
    keep = {}
    for group in coupling.groups:
        if data.draw(st.booleans()):
            some = st.lists(st.integers(0, group.size - 1), min_size=1, max_size=group.size, unique=True)
            keep[group.name] = data.draw(some)
    try:
        result = cc.prune_channels(model, EXAMPLE.double(), keep=keep, coupling=coupling)
    except ValueError as error:  # survivors that leave a part of a group without any
        assert "would be left without a channel" in str(error)
        return
    assert largest_difference(model, result, torch.randn(2, 1, 32, 32, dtype=torch.float64)) <= 1e-9
    for scored in result.groups:
        assert scored.survivors.tolist() == sorted(keep.get(scored.name, range(scored.group.size)))


@pytest.mark.parametrize(("arch", "options"), VARIANTS, ids=lambda value: str(value))
def test_what_was_pruned_can_be_pruned_again(arch, options):
    model = zoo_network(arch, 0.5, **options)
    images = torch.randn(2, 1, 32, 32, dtype=torch.float64)
    once = cc.prune_channels(model, images, ratio=0.3).model
    again = cc.prune_channels(once, images, ratio=0.3)
    assert again.cut_share > 0.25
    assert largest_difference(once, again, images) <= 1e-9


class Tangle(nn.Module):
    """Everything at once that moves or joins channels: a split, a shuffle, an addition, a gate, a flattened map."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU())
        self.left = nn.Sequential(nn.Conv2d(6, 10, 1, bias=False), nn.BatchNorm2d(10))
        self.right = nn.Sequential(nn.Conv2d(6, 10, 3, padding=1, groups=2), nn.BatchNorm2d(10), nn.Hardswish())
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(20, 20, 1), nn.BatchNorm2d(20), nn.Sigmoid())
        self.merge = nn.Sequential(nn.Conv2d(20, 12, 1), nn.BatchNorm2d(12))
        self.pool = nn.MaxPool2d(4)
        self.fc = nn.Linear(12 * 4, 5)

    def forward(self, x):
        x = self.stem(x)
        a, b = x.split(6, dim=1)
        y = torch.cat([self.right(b), self.left(a)], 1)
        y = y.reshape(y.shape[0], 4, 5, y.shape[2], y.shape[3]).permute(0, 2, 1, 3, 4).flatten(1, 2)
        y = y * self.gate(y)
        return self.fc(torch.flatten(self.pool(self.merge(y) + x), 1))


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("seed", sampled(range(5), lambda seed: seed < 2))
def test_a_network_of_ones_own_is_pruned_exactly(ratio, seed):
    torch.manual_seed(seed)
    model = with_random_norms(Tangle().double(), seed)
    images = torch.randn(3, 3, 8, 8, dtype=torch.float64)
    result = cc.prune_channels(model, images, ratio=ratio)
    assert largest_difference(model, result, images) <= 1e-9
    assert sum(p.numel() for p in result.model.parameters()) < sum(p.numel() for p in model.parameters())


def test_what_is_not_known_stays_whole():
    """A softmax over the channels ties them all together: nothing that it reads may go."""

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Sequential(nn.Conv2d(1, 8, 1), nn.BatchNorm2d(8))
            self.b = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.ReLU())
            self.c = nn.Conv2d(8, 2, 1)

        def forward(self, x):
            return self.c(self.b(torch.softmax(self.a(x), 1))).mean((2, 3))

    torch.manual_seed(0)
    model = with_random_norms(Odd().double())
    images = torch.randn(2, 1, 5, 5, dtype=torch.float64)
    result = cc.prune_channels(model, images, ratio=0.5)
    assert [group.name for group in result.groups] == ["b.0"]
    assert largest_difference(model, result, images) <= 1e-9


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.5, 0.8, 0.97])
def test_global_survivors_are_those_of_a_plain_loop(ratio):
    """Sort all channels by their largest |γ|, drop the weakest, give each emptied layer its best one back."""
    model = studentnet(width=1.0)
    result = cc.prune_channels(model, EXAMPLE.double(), ratio=ratio)
    scores = {}
    for scored in result.groups:
        norms = [model.get_submodule(n) for n in scored.group.carriers]
        gammas = [n.weight.detach().abs() for n in norms if isinstance(n, nn.BatchNorm2d)]
        for channel in range(scored.group.size):
            scores[scored.name, channel] = float(max(g[channel] for g in gammas))
    doomed = set(sorted(scores, key=scores.get)[: round(ratio * len(scores))])
    held = []
    for scored in result.groups:
        own = [c for c in range(scored.group.size) if (scored.name, c) not in doomed]
        if not own:
            own = [max(range(scored.group.size), key=lambda c: scores[scored.name, c])]
            held.append(scored.name)
        assert scored.survivors.tolist() == own
    assert result.kept_by_floor == held


@pytest.mark.parametrize("multiple", [4, 16])
@pytest.mark.parametrize("arch", ["studentnet", "mobilenet_v2"])
def test_channels_stay_in_multiples(arch, multiple):
    """Each group keeps the best of its channels, as many as the multiple nearest to what the threshold leaves."""
    torch.manual_seed(0)
    model = with_random_norms(cc.build(arch).double())
    images = torch.randn(2, 1, 32, 32, dtype=torch.float64)
    free = cc.prune_channels(model, images, ratio=0.6)
    result = cc.prune_channels(model, images, ratio=0.6, multiple_of=multiple)
    for before, after in zip(free.groups, result.groups, strict=True):
        size, left = before.group.size, len(before.survivors)
        distances = {min(m, size): abs(m - left) for m in range(multiple, size + multiple, multiple)}
        assert distances[len(after.survivors)] == min(distances.values())
        best = sorted(range(size), key=lambda c: -float(after.scores[c]))[: len(after.survivors)]
        assert after.survivors.tolist() == sorted(best)
    assert largest_difference(model, result, images) <= 1e-9


def test_a_floor_is_rounded_up_to_the_multiple():
    result = cc.prune_channels(studentnet(width=1.0), EXAMPLE.double(), ratio=0.9, multiple_of=8, floor=10)
    left = [len(group.survivors) for group in result.groups]
    assert min(left) == 16 and not any(count % 8 for count in left)


def test_layer_scope_takes_the_same_part_of_each_layer():
    result = cc.prune_channels(studentnet(width=1.0), EXAMPLE.double(), ratio=0.25, scope="layer")
    assert [len(g.survivors) for g in result.groups] == [12, 24, 48, 96, 192, 192, 192]


def test_the_threshold_parts_those_who_stay_from_those_who_go():
    result = cc.prune_channels(studentnet(width=1.0), EXAMPLE.double(), ratio=0.4)
    assert len({g.threshold for g in result.groups}) == 1
    for g in result.groups:
        stays = torch.zeros(g.group.size, dtype=torch.bool).index_fill(0, g.survivors, True)
        assert (g.scores[stays] >= g.threshold).all() and (g.scores[~stays] <= g.threshold).all()


def test_equal_scores_are_cut_to_the_exact_count():
    """Untrained γ are all 1; a threshold alone could only take all channels or none."""
    result = cc.prune_channels(cc.build("studentnet").eval(), EXAMPLE, ratio=0.25, scope="layer")
    assert [g.survivors.tolist() for g in result.groups] == [list(range(g.group.size * 3 // 4)) for g in result.groups]


def test_kept_says_who_is_left_in_every_layer():
    model = studentnet()
    result = cc.prune_channels(model, EXAMPLE.double(), ratio=0.5)
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
    model = cc.prune_channels(studentnet(), EXAMPLE.double(), ratio=0.6).model
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            assert layer.weight.shape[0] == layer.out_channels
            assert layer.weight.shape[1] == layer.in_channels // layer.groups
        elif isinstance(layer, nn.BatchNorm2d):
            assert layer.num_features == len(layer.weight) == len(layer.running_mean)


def test_nothing_of_the_original_changes():
    model = studentnet()
    before = copy.deepcopy(model.state_dict())
    cc.prune_channels(model, EXAMPLE.double(), ratio=0.7).model.cnn[0][0].weight.data.zero_()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_ignored_layers_stay_whole_and_the_floor_is_kept():
    result = cc.prune_channels(studentnet(), EXAMPLE.double(), ratio=0.9, ignore=("cnn.2.3",), floor=5)
    kept = {g.name: len(g.survivors) for g in result.groups}
    assert kept["cnn.2.3"] == 64 and min(kept.values()) >= 5


def test_who_is_kept_may_be_a_tensor_with_repetitions():
    result = cc.prune_channels(studentnet(), EXAMPLE.double(), keep={"cnn.1.3": torch.tensor([2, 0, 0])})
    assert result.groups[1].survivors.tolist() == [0, 2]


def test_homework_7s_transplant_is_keep_with_the_smaller_networks_sizes():
    """Width 0.5 out of width 1: the shapes are those of a StudentNet built at 0.5, and the best |γ| are in it."""
    model, target = studentnet(1.0), cc.build("studentnet", 0.5)
    result = network_slimming(model, target, EXAMPLE.double())
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
        ({}, "Give either ratio=, keep= or budget="),
        ({"ratio": 0.5, "keep": {}}, "Give either ratio=, keep= or budget="),
        ({"ratio": 0.5, "floor": 0}, "floor must be 1 or more; it was 0"),
        ({"keep": {}, "ignore": ("cnn.1.3",)}, "go with ratio= and budget= only"),
        ({"keep": {}, "multiple_of": 8}, "go with ratio= and budget= only"),
        ({"ratio": 0.5, "floor": 2.5}, "floor must be 1 or more; it was 2.5"),
        ({"ratio": 0.5, "multiple_of": 0}, "1 or more; multiple_of was 0"),
        ({"ratio": 0.5, "multiple_of": 2.5}, "1 or more; multiple_of was 2.5"),
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
        cc.prune_channels(studentnet(), EXAMPLE.double(), **arguments)


def test_a_network_that_cannot_be_traced_says_why():
    class Asks(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(cc.UnsupportedModelError, match=r"Asks cannot be traced.*control flow"):
        cc.prune_channels(Asks(), EXAMPLE, ratio=0.5)


def test_a_network_without_batchnorm_cannot_be_scored_by_it():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))
    with pytest.raises(cc.UnsupportedModelError, match="no BatchNorm scales any of its channels"):
        cc.prune_channels(model, EXAMPLE, ratio=0.5)


def test_an_example_of_the_wrong_size_is_a_sentence():
    with pytest.raises(cc.UnsupportedModelError, match="StudentNet does not run on the example input"):
        cc.prune_channels(studentnet(), torch.zeros(1, 3, 32, 32, dtype=torch.float64), ratio=0.5)


@pytest.mark.parametrize("arch", cc.architectures())
@pytest.mark.parametrize("width", sampled([0.3, 0.6, 0.8], lambda width: width == 0.6))
def test_a_slimmed_network_has_as_many_channels_in_every_layer(arch, width):
    """Those of the network built at that width, wherever the wider one has enough of each kind."""
    wide, narrow = zoo_network(arch, 1.0), cc.build(arch, width).eval()
    result = network_slimming(wide, narrow, EXAMPLE.double())
    sizes = {name: m.out_channels for name, m in narrow.named_modules() if isinstance(m, nn.Conv2d)}
    for name, keep in result.kept.items():
        if name in sizes:
            assert abs(len(keep.outputs) - sizes[name]) <= 0.1 * sizes[name] + 1
    images = torch.randn(2, 1, 32, 32, dtype=torch.float64)
    assert largest_difference(wide, result, images) <= 1e-9


def test_only_networks_of_one_architecture_are_slimmed():
    with pytest.raises(cc.UnsupportedModelError, match="it is another architecture"):
        network_slimming(studentnet(), cc.build("squeezenet"), EXAMPLE.double())
