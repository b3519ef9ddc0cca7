"""torchvision's networks, which know nothing of this library: pruned exactly, and none left whole."""

import functools

import pytest
import torch
from torch import Tensor, nn

import compress_core as cc
from compress_core.layers.vision import torchvision
from compress_core.pruning import coupling as coupling_module
from compress_core.pruning.channels import ScoredGroup, build_pruned
from compress_core.pruning.coupling import couple
from tests.conftest import with_random_norms
from tests.helpers.marks import sampled
from tests.pruning.oracle import largest_difference

SMALLEST = {  # pixels, and percent of the parameters that go with 40 % of the channels
    "alexnet": (64, 60),
    "convnext_tiny": (64, 35),
    "densenet121": (64, 55),
    "efficientnet_b0": (64, 50),
    "googlenet": (64, 25),
    "mnasnet0_5": (64, 45),
    "mobilenet_v2": (64, 50),
    "mobilenet_v3_small": (64, 50),
    "regnet_y_400mf": (64, 55),
    "resnet18": (64, 60),
    "shufflenet_v2_x0_5": (64, 35),
    "squeezenet1_1": (64, 50),
    "swin_t": (64, 24),
    "maxvit_t": (224, 25),
}
QUICK = ("convnext_tiny", "mobilenet_v3_small", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1")


@functools.cache
def network(name: str) -> nn.Module:
    """In double precision, with random scales, shifts and statistics, and heads as loud as hidden layers."""
    torch.manual_seed(0)
    options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    model = with_random_norms(torchvision().models.get_model(name, **options).double())
    for parameter in model.parameters():
        if parameter.dim() == 1 or parameter.shape[1:].numel() == 1:  # biases, and what scales residual branches
            parameter.data = parameter + 0.3 * torch.randn_like(parameter)
    for layer in [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]:
        layer.weight.data *= (2 / layer.weight[0].numel()) ** 0.5 / layer.weight.std()
    return model.eval()


def at_random(model: nn.Module, images: Tensor, ratio: float = 0.4) -> cc.PruneResult:
    generator = torch.Generator().manual_seed(0)
    coupling, chosen = couple(model, images), []
    for group in coupling.groups:
        scores = torch.rand(group.size, generator=generator)
        left = scores.argsort(descending=True)[: max(1, round((1 - ratio) * group.size))].sort().values
        chosen.append(ScoredGroup(group, scores, left, float("-inf"), 0))
    return build_pruned(model, coupling, chosen)


def cut_percent(model: nn.Module, result: cc.PruneResult) -> float:
    return 100 - 100 * sum(p.numel() for p in result.model.parameters()) / sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", sampled(SMALLEST, lambda name: name in QUICK))
def test_pruned_equals_masked(name):
    pixels, percent = SMALLEST[name]
    model, images = network(name), torch.randn(2, 3, pixels, pixels, dtype=torch.float64)
    result = at_random(model, images)
    with torch.no_grad():
        one, other = result.model.eval()(images)
    scale = max(1.0, float(one.abs().max()))
    assert (one - other).abs().max() > 1e-5 * scale
    assert largest_difference(model, result, images) <= 1e-9 * scale
    assert cut_percent(model, result) >= percent


@pytest.mark.parametrize("name", SMALLEST)
def test_the_wiring_is_read_without_computing(name, monkeypatch):
    """Nothing in these networks asks for values; a run that computes would take ten times as long."""
    run = coupling_module._run

    def only_shapes(model, example_input, device=None):
        assert device == "meta"
        return run(model, example_input, device)

    monkeypatch.setattr(coupling_module, "_run", only_shapes)
    assert couple(network(name), torch.zeros(1, 3, *[SMALLEST[name][0]] * 2).double()).groups


def test_the_residual_stream_of_a_transformer_stays_whole():
    """LayerNorm averages over it: without one channel all others would come out differently. Its hidden units go."""
    model = torchvision().models.VisionTransformer(32, 8, 2, 2, 24, 48, num_classes=5).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) / parameter.shape[-1] ** 0.5)
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    result = at_random(model, images)
    assert [(scored.name, scored.group.size) for scored in result.groups] == [
        (f"encoder.layers.encoder_layer_{i}.mlp.0", 48) for i in range(2)
    ]
    assert result.model.encoder.layers.encoder_layer_0.mlp[0].out_features == 29
    assert largest_difference(model, result, images) <= 1e-9


class Tokens(nn.Module):
    """Linear layers on the last dimension of (N, L, C), with something unusual between two of them."""

    def __init__(self, between):
        super().__init__()
        self.stem = nn.Conv2d(3, 10, 1)
        self.a, self.b, self.c = nn.Linear(10, 12), nn.Linear(12, 9), nn.Linear(9, 4)
        self.between = between

    def forward(self, x):
        tokens = self.stem(x).flatten(2).transpose(1, 2)
        return self.c(nn.functional.gelu(self.b(self.between(self.a(tokens))))).mean(1)


@pytest.mark.parametrize(
    ("what", "between", "groups"),
    [
        ("nothing", lambda t: t, ["stem", "a", "b"]),
        ("halves joined the other way round", lambda t: torch.cat([t[..., 6:], t[..., :6]], -1), ["stem", "a", "b"]),
        ("a gate from the mean token", lambda t: t * torch.sigmoid(t.mean(1, keepdim=True)), ["stem", "a", "b"]),
        ("there and back", lambda t: t.permute(0, 2, 1).relu().permute(0, 2, 1), ["stem", "a", "b"]),
        ("a shuffle", lambda t: t.unflatten(-1, (3, 4)).transpose(2, 3).flatten(2), ["stem", "b"]),
        ("a viewed shuffle", lambda t: t.reshape(-1, 64, 3, 4).transpose(2, 3).reshape(-1, 64, 12), ["stem", "a", "b"]),
        ("LayerNorm", nn.LayerNorm(12), ["stem", "b"]),
        ("normalised", lambda t: nn.functional.normalize(t, dim=-1), ["stem", "b"]),
        ("attention", lambda t: torch.softmax(t @ t.transpose(1, 2), -1) @ t, ["stem", "b"]),
        ("attention's own layer", nn.TransformerEncoderLayer(12, 3, 16, batch_first=True), ["stem", "b"]),
        ("a token by its number", lambda t: t + t[:, :1], ["stem", "b"]),
        ("a recurrent layer", lambda t: t + torch.cumsum(t, -1), ["stem", "b"]),
    ],
)
def test_linear_layers_on_the_last_dimension(what, between, groups):
    """What is not known, or ties all channels together, stays whole; all else goes, exactly."""
    torch.manual_seed(0)
    model = Tokens(between).double().eval()
    images = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    result = at_random(model, images, 0.5)
    assert [scored.name for scored in result.groups] == groups
    assert largest_difference(model, result, images) <= 1e-9


def test_a_dropout_of_whole_paths_hides_nothing():
    """In evaluation it gives its very input back, so the channels on both of its sides are the same."""
    model = network("efficientnet_b0")
    groups = couple(model, torch.zeros(1, 3, 64, 64).double()).groups
    stream = [group for group in groups if "features.2.1.block.3.0" in group.writers]
    assert len(stream) == 1 and "features.2.0.block.3.0" in stream[0].writers
