"""Criteria against plain loops, finite differences and least squares that drop one column at a time."""

import pytest
import torch
from torch import Tensor, nn

import compress_core as cc
from compress_core.layers.duplicate import duplicate
from compress_core.pruning.coupling import couple
from compress_core.pruning.statistics import CalibrationStatistics
from compress_core.registry import CRITERIA
from tests.conftest import with_random_norms
from tests.pruning.test_channels import studentnet

IMAGES = torch.randn(24, 3, 6, 6, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
LABELS = torch.arange(24) % 4


class TwoReaders(nn.Module):
    """One layer that makes channels, two that read them: by 1×1 and by 3×3."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.narrow = nn.Conv2d(6, 5, 1)
        self.wide = nn.Conv2d(6, 5, 3, padding=1)
        self.last = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.first(x)))
        return self.last((self.narrow(x) + self.wide(x)).relu().mean((2, 3)))


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(1)
    return with_random_norms(TwoReaders().double()).eval()


def scores(model: nn.Module, criterion: str, group: int = 0, **given) -> Tensor:
    coupling = couple(model, IMAGES[:1])
    given = {"images": IMAGES, "labels": LABELS, "reduction": CRITERIA[criterion].reduction} | given
    return CRITERIA[criterion].score(CalibrationStatistics(model, coupling, **given), coupling.groups[group])


def close(given: Tensor, expected: list[float], tolerance: float = 1e-5) -> bool:
    return torch.allclose(given.double(), torch.tensor(expected, dtype=torch.float64), rtol=tolerance, atol=1e-9)


def test_norms_of_filters(model):
    filters = [model.first.weight[c].flatten().tolist() for c in range(6)]
    l1 = [sum(abs(w) for w in own) for own in filters]
    l2 = [sum(w * w for w in own) ** 0.5 for own in filters]
    far = [sum(sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) ** 0.5 for y in filters) for x in filters]
    for criterion, expected in (("l1", l1), ("l2", l2), ("fpgm", far)):
        assert close(scores(model, criterion), [6 * value / sum(expected) for value in expected])


def test_scaling_factors(model):
    gamma = [abs(g) for g in model.norm.weight.tolist()]
    assert close(scores(model, "bn_scale"), gamma)
    assert close(scores(model, "bn_scale_normalized"), [6 * g / sum(gamma) for g in gamma])
    assert scores(model, "bn_scale", group=1).isnan().all()  # which no BatchNorm scales


def test_taylor_is_the_slope_of_the_loss_as_the_channel_fades(model):
    """By central differences: the weights that read a channel are scaled a little down and up."""

    def by_reader(channel: int, name: str) -> Tensor:
        values = []
        for scale in (1 - 1e-5, 1 + 1e-5):
            faded = duplicate(model)
            faded.get_submodule(name).weight.data[:, channel] *= scale
            with torch.no_grad():
                values.append(nn.functional.cross_entropy(faded(IMAGES), LABELS, reduction="none"))
        return (values[1] - values[0]) / 2e-5

    expected = torch.zeros(6)
    for name in ("narrow", "wide"):
        own = torch.tensor([float(by_reader(channel, name).abs().mean()) for channel in range(6)])
        expected += own / own.square().sum().sqrt()
    assert close(scores(model, "taylor"), expected.tolist(), 1e-3)


def read(model: nn.Module) -> Tensor:
    with torch.no_grad():
        return torch.relu(model.norm(model.first(IMAGES)))


def test_activation_is_variance_times_squared_weights(model):
    maps = read(model)
    total = torch.zeros(6, dtype=torch.float64)
    for layer in (model.narrow, model.wide):
        own = torch.tensor([float(maps[:, c].var() * (layer.weight.detach()[:, c] ** 2).sum()) for c in range(6)])
        total += own / own.sum()
    assert close(scores(model, "activation"), total.tolist())


def test_second_order_is_what_is_lost_once_the_readers_are_solved_again(model, monkeypatch):
    """Drop each channel, solve both readers anew by least squares, take the cheapest; and again among the rest.

    What is lost of a reader counts by how far errors in it reach.
    """
    reach = CalibrationStatistics(model, couple(model, IMAGES[:1]), IMAGES).error_gain
    monkeypatch.setattr("compress_core.pruning.second_order.DAMPING", 1e-9)
    maps = read(model)
    columns = {
        "narrow": maps.permute(0, 2, 3, 1).reshape(-1, 6, 1),
        "wide": nn.functional.unfold(maps, 3, padding=1).transpose(1, 2).reshape(-1, 6, 9),
    }
    columns = {name: c - c.mean(0) for name, c in columns.items()}
    wanted = {
        name: torch.einsum("rck,ock->ro", c, getattr(model, name).weight.detach().reshape(5, 6, -1))
        for name, c in columns.items()
    }

    def lost(gone: list[int]) -> float:
        left = [c for c in range(6) if c not in gone]
        total = 0.0
        for name, target in wanted.items():
            kept = columns[name][:, left].flatten(1)
            solved = torch.linalg.lstsq(kept, target, driver="gelsd").solution if left else None
            error = target - kept @ solved if left else target
            total += reach[name] * float(error.square().sum() / target.square().sum())
        return total

    gone, before, expected = [], 0.0, {}
    while len(gone) < 4:
        costs = {c: lost([*gone, c]) for c in range(6) if c not in gone}
        cheapest = min(costs, key=costs.get)
        expected[cheapest] = max(costs[cheapest] - before, *expected.values(), 0.0)
        gone.append(cheapest)
        before = costs[cheapest]
    given = scores(model, "obs")
    assert given.argsort()[:4].tolist() == gone
    for channel, cost in expected.items():
        assert float(given[channel]) == pytest.approx(cost, rel=0.02)


def test_how_far_an_error_reaches_is_what_a_linear_tail_makes_of_it():
    """Errors of independent elements grow by the squared weights behind them, BatchNorm's scale included."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 1), nn.Conv2d(4, 5, 1, bias=False), nn.BatchNorm2d(5), nn.Conv2d(5, 2, 1)]
    model = with_random_norms(nn.Sequential(*layers).double()).eval()
    images = torch.randn(32, 3, 12, 12, dtype=torch.float64)
    with torch.no_grad():
        middle = layers[2](layers[1](layers[0](images)))
        spread = [maps.transpose(0, 1).flatten(1).var(1).mean() for maps in (middle, layers[3](middle))]
    stats = CalibrationStatistics(model, couple(model, images[:1]), images)
    grown = layers[3].weight.detach().flatten(1).square().sum(1).mean()
    assert stats.error_gain["1"] == pytest.approx(float(spread[0] * grown), rel=0.05)
    assert stats.error_gain["3"] == pytest.approx(float(spread[1]), rel=0.05)
    assert set(stats.error_gain) == {"1", "3"}, "who reads channels that may go"
    assert not any(layer._forward_hooks for layer in model.modules())


def test_a_channel_that_says_what_another_says_costs_nothing(model):
    """γ, norms and activation cannot see it; the second order does."""
    twin = duplicate(model)
    twin.first.weight.data[1] = twin.first.weight.data[0]
    twin.first.bias.data[1] = twin.first.bias.data[0]
    for tensor in (twin.norm.weight.data, twin.norm.bias.data, twin.norm.running_mean, twin.norm.running_var):
        tensor[1] = tensor[0]
    found = scores(twin, "obs")
    assert found.argmin() in (0, 1) and found.min() < 0.01 * found.max()


def test_chance_depends_on_the_seed_alone():
    model = studentnet()
    example = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    first, second, third = (
        cc.prune_channels(model, example, ratio=0.5, criterion="random", seed=seed).survivors for seed in (0, 0, 1)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first, third, strict=True))


@pytest.mark.parametrize("reduction", ["sum", "mean", "max"])
def test_coupled_channels_are_scored_together(reduction):
    """Two convolutions whose outputs are added: the same channel has two filters."""

    class Added(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right, self.last = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1)

        def forward(self, x):
            return self.last(self.left(x) + self.right(x))

    torch.manual_seed(0)
    model = Added().double()
    both = []
    for layer in (model.left, model.right):
        own = layer.weight.detach().abs().flatten(1).sum(1)
        both.append(own / own.mean())
    pair = torch.stack(both)
    expected = {"sum": pair.sum(0), "mean": pair.mean(0), "max": pair.max(0).values}[reduction]
    assert close(scores(model, "l1", reduction=reduction), expected.tolist())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"criterion": "obs"}, "The criterion 'obs' looks at calibration images: give them as images="),
        ({"criterion": "taylor", "images": IMAGES}, "looks at calibration labels: give them as labels="),
        ({"criterion": "taylor", "images": IMAGES, "labels": LABELS[:3]}, "there are 24 images and 3 labels"),
        ({"criterion": "activation", "images": IMAGES[:0]}, "give them as images="),
        ({"criterion": "l1", "reduction": "vote"}, "cannot be scored by 'vote'. Choose one of: sum, mean, max"),
    ],
)
def test_what_a_criterion_lacks_is_a_sentence(model, given, message):
    with pytest.raises(ValueError, match=message):
        cc.prune_channels(model, IMAGES[:1], ratio=0.5, **given)


@pytest.mark.parametrize("criterion", [name for name in cc.criteria() if not name.startswith("bn_scale")])
def test_linear_layers_on_the_last_dimension_are_scored_and_healed(criterion):
    """As in ConvNeXt and the transformers: channels last, (N, H, W, C) and (N, tokens, C)."""

    class Mixer(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 1)
            self.up, self.down = nn.Linear(8, 12), nn.Linear(12, 8)
            self.wide, self.narrow = nn.Linear(8, 10), nn.Linear(10, 8)
            self.norm, self.last = nn.LayerNorm(8), nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x).permute(0, 2, 3, 1)
            x = self.norm(x + self.down(nn.functional.gelu(self.up(x))))
            x = x.flatten(1, 2)
            x = self.norm(x + self.narrow(nn.functional.gelu(self.wide(x))))
            return self.last(x.mean(1))

    torch.manual_seed(0)
    model = Mixer().double().eval()
    given = {"images": IMAGES, "labels": LABELS}
    pruned = cc.prune_channels(model, IMAGES[:1], ratio=0.5, criterion=criterion, scope="layer", **given)
    assert sorted(group.name for group in pruned.groups) == ["up", "wide"]
    assert pruned.model.up.out_features == 6 and pruned.model.wide.out_features == 5
    with torch.no_grad():
        wanted = model(IMAGES)
        errors = [
            float((network(IMAGES) - wanted).square().sum())
            for network in (pruned.model, cc.absorb(pruned, model, IMAGES), cc.reconstruct(pruned, model, IMAGES))
        ]
    assert errors[2] < errors[0] and errors[2] < errors[1]


class SideBySide(nn.Module):
    """Two layers whose channels one layer reads, laid side by side."""

    def __init__(self):
        super().__init__()
        self.left, self.right, self.last = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1), nn.Conv2d(8, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.cat([self.left(x).sigmoid(), self.right(x).sigmoid()], 1))


def test_what_stands_in_for_another_channel_does_not_leave_with_it():
    """The same channels come from two layers: one of each two is free, not both."""
    torch.manual_seed(0)
    model = SideBySide().double()
    model.right.load_state_dict(model.left.state_dict())
    pair = torch.stack([scores(model, "obs", group=0), scores(model, "obs", group=1)])
    assert (pair.min(0).values < 1e-2 * pair.max()).all()
    assert (pair.max(0).values > 0.1 * pair.max()).sum() >= 3  # the fourth pair is hardly heard at all
    pruned = cc.prune_channels(model, IMAGES[:1], ratio=0.5, criterion="obs", images=IMAGES)
    healed = cc.reconstruct(pruned, model, IMAGES)
    with torch.no_grad():
        assert torch.allclose(healed(IMAGES), model(IMAGES), atol=0.02)


def test_channels_that_one_layer_reads_leave_in_one_order(monkeypatch):
    """By brute force: of all eight the one whose loss least squares mends best, and again, whoever made them."""
    monkeypatch.setattr("compress_core.pruning.second_order.DAMPING", 1e-9)
    torch.manual_seed(4)
    model = SideBySide().double()
    with torch.no_grad():
        read = torch.cat([model.left(IMAGES).sigmoid(), model.right(IMAGES).sigmoid()], 1)
    columns = read.transpose(0, 1).flatten(1).T
    columns = columns - columns.mean(0)
    target = columns @ model.last.weight.detach().flatten(1).T
    gone: list[int] = []
    for _ in range(6):

        def lost(channel: int) -> float:
            kept = columns[:, [c for c in range(8) if c not in (*gone, channel)]]
            return float((target - kept @ torch.linalg.lstsq(kept, target).solution).square().sum())

        gone.append(min((c for c in range(8) if c not in gone), key=lost))
    given = torch.cat([scores(model, "obs", group=0), scores(model, "obs", group=1)])
    assert {c // 4 for c in gone[:4]} == {0, 1}
    assert sorted(given.argsort(stable=True)[:6].tolist()) == sorted(gone)
    assert given[gone].diff().min() >= 0


@pytest.mark.parametrize("criterion", ["activation", "taylor", "obs"])
@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (torch.full((4, 1, 32, 32), float("nan")), "needs images of finite numbers"),
        (torch.zeros(4, 3, 32, 32), "does not run on calibration images of 4 × 3 × 32 × 32"),
        (torch.zeros(4, 1, 32, 32).long(), "needs images as a tensor"),
    ],
    ids=["nan", "channels", "integers"],
)
def test_images_that_nothing_can_be_told_from_are_a_sentence(criterion, images, sentence):
    model = cc.load("studentnet", width=0.25)
    with pytest.raises(ValueError, match=sentence):
        cc.prune_channels(
            model,
            torch.zeros(1, 1, 32, 32),
            ratio=0.3,
            criterion=criterion,
            images=images,
            labels=torch.zeros(4).long(),
        )
