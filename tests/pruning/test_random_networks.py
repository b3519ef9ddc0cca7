"""Networks put together at random, any survivors: what is left computes what the masked original does."""

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import compress_core as cc
from compress_core.pruning.channels import ScoredGroup, build_pruned
from compress_core.pruning.coupling import couple
from tests.conftest import with_random_norms
from tests.pruning.oracle import largest_difference

PIXELS, MOST_CHANNELS, CLASSES = 6, 40, 5
STEPS = (
    *("conv", "conv", "conv", "depthwise", "grouped", "norm", "norm", "relu", "relu in place", "hardswish"),
    *("add", "gate", "cat", "chunk", "shuffle", "channels last", "layer norm", "softmax", "flip", "pool and back"),
    "softmax in groups",
)


def shuffled(x: Tensor, groups: int) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


class Built(nn.Module):
    """A program over a growing list of maps of one size; each step reads one or two of them.

    `program` holds (step, which of the last three maps, which other map, a number that the step uses as it likes).
    """

    def __init__(self, program: list[tuple[str, int, int, int]], flat: bool):
        super().__init__()
        self.layers, self.flat = nn.ModuleDict(), flat
        self.steps: list[tuple] = []
        widths = [3]
        for name, a, b, number in [("conv", 0, 0, 9), *program]:
            a, b = len(widths) - 1 - a % min(3, len(widths)), b % len(widths)
            self.steps.append((name, a, b, number, *self._layers_for(name, widths[a], widths[b], number, widths)))
        size = widths[-1] * (PIXELS**2 if flat else 1)
        self.head = nn.Sequential(nn.Linear(size, 7), nn.SiLU(), nn.Linear(7, CLASSES))

    def _layers_for(self, name: str, a: int, b: int, number: int, widths: list[int]) -> tuple[str, int]:
        """Makes what a step needs, and notes how wide its result is; returns a key and how many groups it has."""
        key, groups, out = str(len(self.steps)), 1, a
        match name:
            case "conv":
                out = 2 + number
                layer = nn.Conv2d(a, out, 1 + 2 * (number % 2), padding=number % 2, bias=number % 3 == 0)
            case "depthwise":
                layer = nn.Conv2d(a, a, 3, padding=1, groups=a)
            case "grouped":
                groups = next((g for g in (4, 3, 2) if a % g == 0), 1)
                out = groups * (1 + number % 4)
                layer = nn.Conv2d(a, out, 1, groups=groups)
            case "norm":
                layer = nn.BatchNorm2d(a)
            case "add" | "gate":
                layer = nn.Conv2d(b, a, 1) if a != b else None
            case "cat":
                layer, out = None, a + b
                if out > MOST_CHANNELS:
                    layer, out = nn.Conv2d(a + b, 8, 1), 8
            case "chunk":
                layer, groups = None, min(a, 2)  # a single channel is not split
                out = a // groups
                widths += [a - out] * (groups - 1)
            case "shuffle" | "softmax in groups":
                layer, groups = None, next((g for g in (2, 3, 5, 7) if a % g == 0), 1)
            case "channels last":
                layer = nn.Sequential(nn.Linear(a, 3 + number), nn.GELU(), nn.Dropout(0.5), nn.Linear(3 + number, a))
            case "layer norm":
                layer = nn.LayerNorm(a)
            case _:
                layer = None
        if layer is not None:
            self.layers[key] = layer
        widths.append(out)
        return key, groups

    def forward(self, x: Tensor) -> Tensor:
        maps = [x * 1.0]
        for name, a, b, _, key, groups in self.steps:
            layer = self.layers[key] if key in self.layers else None  # noqa: SIM401
            maps += self._step(name, maps[a], maps[b], layer, groups)
        last = maps[-1]
        return self.head(last.flatten(1) if self.flat else last.mean((2, 3)))

    @staticmethod
    def _step(name: str, x: Tensor, y: Tensor, layer: nn.Module | None, groups: int) -> list[Tensor]:
        match name:
            case "relu":
                return [F.relu(x)]
            case "relu in place":
                return [F.relu(x, inplace=True)]  # which others may have read, or will
            case "hardswish":
                return [F.hardswish(x)]
            case "add":
                return [x + (y if layer is None else layer(y))]
            case "gate":
                return [x * torch.sigmoid(F.adaptive_avg_pool2d(y if layer is None else layer(y), 1))]
            case "cat":
                joined = torch.cat([x, y], 1)
                return [joined if layer is None else layer(joined)]
            case "chunk":
                parts = x.chunk(groups, 1)
                return [parts[i] for i in range(groups)]
            case "shuffle":
                return [shuffled(x, groups)]
            case "channels last" | "layer norm":
                return [layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)]
            case "softmax in groups":
                n, c, h, w = x.shape
                return [torch.softmax(x.view(n, groups, c // groups, h, w), 2).reshape(n, c, h, w)]
            case "softmax":
                return [torch.softmax(x, 1)]
            case "flip":
                return [x.flip(1)]
            case "pool and back":
                return [F.interpolate(F.max_pool2d(x, 2), scale_factor=2.0)]
            case _:
                return [layer(x)]


def pruned(model: nn.Module, images: Tensor, ratio: float, seed: int) -> cc.PruneResult:
    """With survivors drawn channel by channel, so that groups and halves lose as they please."""
    generator = torch.Generator().manual_seed(seed)
    chosen = []
    for group in couple(model, images).groups:
        scores = torch.rand(group.size, generator=generator)
        chosen.append(ScoredGroup(group, scores, (scores >= ratio).nonzero().flatten(), float("-inf"), 0))
    return build_pruned(model, couple(model, images), chosen)


def built(program: list[tuple[str, int, int, int]], flat: bool, seed: int) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(seed)
    model = with_random_norms(Built(program, flat).double(), seed)
    for layer in [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]:
        nn.init.normal_(layer.weight, std=(2 / layer.weight[0].numel()) ** 0.5)  # so that signals reach the end
    return model, torch.randn(2, 3, PIXELS, PIXELS, dtype=torch.float64)


programs = st.lists(st.tuples(st.sampled_from(STEPS), *[st.integers(0, 11)] * 3), min_size=3, max_size=12)


@given(program=programs, flat=st.booleans(), ratio=st.sampled_from([0.2, 0.5, 0.8]), seed=st.integers(0, 2**16))
@settings(max_examples=100, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_whatever_it_is_made_of_it_is_pruned_exactly(program, flat, ratio, seed):
    model, images = built(program, flat, seed)
    result = pruned(model, images, ratio, seed)
    with torch.no_grad():
        scale = max(1.0, float(model(images).abs().max()))
    assert largest_difference(model, result, images) <= 1e-9 * scale


@pytest.mark.parametrize("seed", range(8))
def test_random_networks_do_lose_channels(seed):
    """The test above would prove nothing if everything were frozen."""
    generator = torch.Generator().manual_seed(seed)
    exact = [
        step for step in STEPS if step not in ("layer norm", "softmax", "softmax in groups", "flip", "relu in place")
    ]
    numbers = torch.randint(0, 12, (10, 4), generator=generator).tolist()
    program = [(exact[(n + 5 * i + seed) % len(exact)], *rest) for i, (n, *rest) in enumerate(numbers)]
    model, images = built(program, False, seed)
    result = pruned(model, images, 0.5, seed)
    with torch.no_grad():
        one, other = result.model(images)
    assert (one - other).abs().max() > 1e-6
    assert result.cut_share > 0.25
    assert sum(p.numel() for p in result.model.parameters()) < sum(p.numel() for p in model.parameters())
    assert largest_difference(model, result, images) <= 1e-9 * max(1.0, float(one.abs().max()))
