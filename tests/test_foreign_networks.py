"""Networks as other people write them: right by an oracle that is not the code, or refused with a sentence."""

import copy
import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

import compress_core as cc
from compress_core.layers.inference import predict
from compress_core.pruning.budget import cost
from compress_core.quantization import integer
from tests.conftest import with_random_norms

IMAGES = torch.randn(16, 3, 16, 16, generator=torch.Generator().manual_seed(0))
IMAGES *= torch.linspace(0.2, 3, 16).view(-1, 1, 1, 1)  # no two of which look alike to a mean over places


def block(c_in: int, c_out: int, **options) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, padding=1, **options), nn.BatchNorm2d(c_out), nn.ReLU())


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.body, self.fc = block(3, 12), block(12, 16), nn.Linear(16, 5)

    def forward(self, x):
        return self.fc(self.body(self.stem(x)).mean((2, 3)))


def trained(model: nn.Module) -> nn.Module:
    """With statistics of its own, in eval mode."""
    torch.manual_seed(0)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and "weight" in layer._parameters:
            layer.reset_parameters()
    norms = [layer for layer in with_random_norms(model).modules() if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()(IMAGES)
    return model.eval()


def answer(model: nn.Module, images: torch.Tensor = IMAGES) -> torch.Tensor:
    with torch.no_grad():
        return model(images)


def explained(model: nn.Module, wanted: torch.Tensor) -> float:
    """R² of what it puts out."""
    error = (answer(model) - wanted).square().mean() / (wanted - wanted.mean(0)).square().mean()
    return 1 - float(error)


# 1. A copy that still runs the original.


class Dict(Net):
    def forward(self, x):
        return {"out": super().forward(x)}


def unwrapped_by_a_lambda() -> nn.Module:
    model = trained(Dict())
    old = model.forward
    model.forward = lambda x: old(x)["out"]
    return model


def unwrapped_in_a_notebook() -> nn.Module:
    names = {"model": trained(Dict())}
    exec("old = model.forward\nmodel.forward = lambda x: old(x)['out']", names)
    return names["model"]


def partly_called() -> nn.Module:
    model = trained(Net())
    model.forward = functools.partial(model.forward)
    return model


def under_autocast() -> nn.Module:
    model = trained(Net())
    model.forward = torch.autocast("cpu", dtype=torch.bfloat16)(model.forward)
    return model


def compiled_in_place() -> nn.Module:
    model = trained(Net())
    model.compile(backend="eager")
    return model


def a_layer_behind_a_lambda() -> nn.Module:
    model = trained(Net())
    own = model.body
    model.body = Calls(lambda x: own(x))
    return model


class Calls(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def held_by_itself() -> nn.Module:
    model = trained(Net())
    old = model.forward

    def forward(x):
        return old(x) if len(x) < 9 else torch.cat([forward(x[:8]), forward(x[8:])])

    model.forward = forward
    return model


BOUND = {
    "a function that calls itself": held_by_itself,
    "a lambda around forward": unwrapped_by_a_lambda,
    "a lambda in a notebook": unwrapped_in_a_notebook,
    "functools.partial": partly_called,
    "autocast": under_autocast,
    "model.compile()": compiled_in_place,
    "a function that a module holds": a_layer_behind_a_lambda,
}


@pytest.mark.parametrize("name", BOUND)
def test_a_quantized_copy_runs_its_own_weights(name):
    model = BOUND[name]()
    before = answer(model)
    result = cc.quantize(model, 1).model
    assert not torch.equal(answer(result), before)  # one bit changes what it says
    given = answer(result)
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data.fill_(0)
    assert torch.equal(answer(result), given)


@pytest.mark.parametrize("name", BOUND)
def test_a_pruned_copy_runs_its_own_weights_or_is_refused(name):
    model = BOUND[name]()
    before = answer(model)
    try:
        result = cc.prune_channels(model, IMAGES, ratio=0.5, criterion="l2")
    except cc.UnsupportedModelError as error:
        assert "forward" in str(error) or "cannot be traced" in str(error)
        return
    given = answer(result.model)
    assert given.shape == before.shape and not torch.equal(given, before)
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data.fill_(0)
    assert torch.equal(answer(result.model), given)


def test_a_network_wrapped_by_compile_is_refused_with_what_to_give_instead():
    wrapped = torch.compile(trained(Net()), backend="eager")
    prune_half = functools.partial(cc.prune_channels, example_input=IMAGES, ratio=0.5)
    for compress in (cc.quantize, prune_half, functools.partial(cc.prune_weights, ratio=0.5)):
        with pytest.raises(cc.UnsupportedModelError, match="_orig_mod"):
            compress(wrapped)


def test_the_proof_fails_where_a_copy_does_not_run_its_own_weights():
    class Elsewhere(Net):
        def forward(self, x):  # what it says does not come from its weights
            return (0 * super().forward(x)).nan_to_num() + torch.ones(5)

    with pytest.raises(cc.UnsupportedModelError, match="own weights"):
        cc.prune_channels(trained(Elsewhere()), IMAGES, ratio=0.5, criterion="l2")


# 2. BatchNorm is folded by what the network does.


class Backwards(nn.Sequential):
    def forward(self, x):
        conv, norm, relu = self
        return conv(relu(norm(F.pad(x, (0, 0, 0, 0, 0, 9)))))[:, :12]


class Turned(Net):
    """A Sequential of one's own that runs its layers in another order."""

    def __init__(self):
        super().__init__()
        self.stem = Backwards(nn.Conv2d(12, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU())


class Tapped(Net):
    """What each layer of a Sequential gives is read."""

    def forward(self, x):
        x, taps = self.stem(x), []
        for layer in self.body:
            x = layer(x)
            taps.append(x.mean((2, 3)))
        return self.fc(sum(taps))


@pytest.mark.parametrize("kind", [Turned, Tapped, Net])
@pytest.mark.parametrize("rounding", ["nearest", "error_compensating"])
def test_sixteen_bits_change_nothing_however_its_layers_are_called(kind, rounding):
    model = trained(kind())
    wanted = answer(model)
    assert explained(cc.quantize(model, 16, rounding=rounding, images=IMAGES).model, wanted) > 0.999


# 3. A file of a rewired network.


class Shuffled(Net):
    def forward(self, x):
        y = self.stem(x)
        y = torch.cat([y[:, 6:], y[:, :6]], 1).view(-1, 2, 6, 16, 16).transpose(1, 2).flatten(1, 2)
        return self.fc(self.body(y).mean((2, 3)))


def test_a_file_of_a_rewired_network_is_not_read_into_the_original(tmp_path):
    model = trained(Shuffled())
    pruned = cc.prune_channels(model, IMAGES, ratio=0.4, criterion="l2").model
    result = cc.quantize(pruned, 8)
    cc.save(result, tmp_path / "file")
    assert torch.equal(answer(cc.load_file(tmp_path / "file", into=pruned)), answer(result.model))
    with pytest.raises(cc.CheckpointError, match="rewired"):
        cc.load_file(tmp_path / "file", into=model)


class Loose(Net):
    """Its norms stand in no Sequential."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16)

    def forward(self, x):
        return self.fc(torch.relu(self.norm(self.conv(self.body(self.stem(x))))).mean((2, 3)))


def test_what_a_file_has_not_folded_stays_as_it_is(tmp_path, monkeypatch):
    """Files of versions that folded by the order in a Sequential alone are read as they were written."""
    model = trained(Loose())
    folded = cc.quantize(model, 8)
    assert isinstance(folded.model.norm, nn.Identity)
    monkeypatch.setattr("compress_core.layers.folding.runs_in_order", lambda _: True)
    before = cc.quantize(model, 8)
    assert isinstance(before.model.norm, nn.BatchNorm2d)
    cc.save(before, tmp_path / "before")
    monkeypatch.undo()
    for result in (before, folded):
        cc.save(result, tmp_path / "file")
        assert torch.equal(answer(cc.load_file(tmp_path / "file", into=model)), answer(result.model))


# 4. A module that is used several times.


class Repeated(Net):
    def __init__(self, times: int):
        super().__init__()
        self.middle, self.times = block(16, 16), times

    def forward(self, x):
        x = self.body(self.stem(x))
        for _ in range(self.times):
            x = self.middle(x)
        return self.fc(x.mean((2, 3)))


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_a_layer_that_runs_several_times_is_not_solved_for_one_of_them(times):
    model = trained(Repeated(times))
    result = cc.prune_channels(model, IMAGES, ratio=0.4, criterion="l2")
    assert explained(cc.reconstruct(result, model, IMAGES), answer(model)) > 0.4


# 5. Weights that something else makes.

MAKERS = {
    "weight_norm": weight_norm,
    "spectral_norm": spectral_norm,
    "prune": lambda layer: prune.l1_unstructured(layer, "weight", 0.1),
    "parametrizations.weight_norm": parametrizations.weight_norm,
    "parametrizations.spectral_norm": parametrizations.spectral_norm,
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.filterwarnings("ignore")
def test_holes_stay_holes_and_the_original_whole(maker):
    model = trained(Net())
    MAKERS[maker](model.body[0])
    before = answer(model)
    result = cc.prune_weights(model, 0.5)
    answer(result.model)
    assert torch.equal(answer(model), before)
    modules = dict(result.model.named_modules())
    assert "stem.0" in result.masks
    for name, mask in result.masks.items():
        assert not modules[name].weight[~mask].any()
    alone = MAKERS[maker](nn.Conv2d(3, 4, 3))
    with pytest.raises(cc.UnsupportedModelError, match="makes"):
        cc.prune_weights(nn.Sequential(alone), 0.5)


# 6. A rewired network trains as the original does.


class Dropping(Shuffled):
    def forward(self, x):
        y = self.stem(x)
        y = torch.cat([y[:, 6:], y[:, :6]], 1).view(-1, 2, 6, 16, 16).transpose(1, 2).flatten(1, 2)
        return self.fc(F.dropout(self.body(y).mean((2, 3)), 0.5, self.training))


class WithHead(Shuffled):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        out = super().forward(x)
        return (out, self.head(self.stem(x).mean((2, 3)))) if self.training else out


def test_what_drops_in_training_still_drops_after_rewiring():
    result = cc.prune_channels(trained(Dropping()), IMAGES, ratio=0.4, criterion="l2")
    model = result.model.train()
    for norm in [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]:
        norm.eval()
    assert not torch.equal(answer(model), answer(model))
    assert torch.equal(answer(model.eval()), answer(model))
    again = cc.prune_channels(model, IMAGES, ratio=0.2, criterion="l2").model.train()
    assert not torch.equal(answer(again), answer(again))


def test_what_is_another_network_in_training_says_so():
    model = cc.prune_channels(trained(WithHead()), IMAGES, ratio=0.4, criterion="l2").model
    with pytest.raises(cc.UnsupportedModelError, match="in training"):
        model.train()
    assert model.eval() is model


# 7. Whole numbers of other kinds.


@pytest.mark.parametrize("five", [5, np.int64(5), np.array(5), torch.tensor(5)])
def test_so_many_channels_are_kept(five):
    result = cc.prune_channels(trained(Net()), IMAGES, keep={"stem.0": five}, criterion="l2")
    assert result.model.stem[0].out_channels == 5


# 8. Convolutions with a forward of their own.


class Scaled(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight * 0.1, self.bias, padding=1)


@pytest.mark.parametrize(("rounding", "correct_bias"), [("nearest", True), ("error_compensating", False)])
def test_a_convolution_with_a_forward_of_its_own_keeps_its_bias(rounding, correct_bias):
    model = Net()
    model.body[0] = Scaled(12, 16, 3, padding=1)
    trained(model)
    wanted = answer(model)
    result = cc.quantize(model, 8, rounding=rounding, correct_bias=correct_bias, images=IMAGES)
    assert explained(result.model, wanted) > 0.99


# 9. ONNX for any number of images.


class Branching(Net):
    def forward(self, x):
        return super().forward(x) + (1.0 if len(x) > 2 else 0.0)


class Two(Net):
    def forward(self, x):
        y = super().forward(x)
        return y, y + 1


@pytest.mark.skipif(bool(integer.missing()), reason=integer.missing())
def test_onnx_is_right_for_any_number_of_images_or_refused():
    model = trained(Net())
    assert (integer.run_onnx(integer.to_onnx(model, IMAGES[:1]), IMAGES) - answer(model)).abs().max() < 1e-4
    with pytest.raises(cc.UnsupportedModelError, match="number of images"):
        integer.to_onnx(trained(Branching()), IMAGES[:1])
    with pytest.raises(cc.UnsupportedModelError, match="one tensor"):
        integer.to_onnx(trained(Two()), IMAGES[:1])


# 10. Costs of every kind of layer.

COSTS = {
    "Conv1d": (nn.Conv1d(3, 8, 5), (1, 3, 20), 3 * 8 * 5 * 16),
    "Conv3d": (nn.Conv3d(2, 4, 3, padding=1, groups=2), (1, 2, 4, 5, 6), 4 * 27 * 4 * 5 * 6),
    "ConvTranspose2d": (nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (1, 4, 7, 7), 4 * 3 * 9 * 49),
    "parametrized": (parametrizations.weight_norm(nn.Conv2d(3, 8, 3)), (1, 3, 10, 10), 3 * 8 * 9 * 64),
    "linear on rows": (nn.Linear(6, 5), (1, 7, 6), 7 * 30),
}


@pytest.mark.parametrize("name", COSTS)
def test_costs_are_counted(name):
    layer, shape, macs = COSTS[name]
    rows = cc.profile(nn.Sequential(layer), torch.zeros(shape))
    assert len(rows) == 1 and rows["macs"].item() == macs == cost(nn.Sequential(layer), torch.zeros(shape), "macs")
    assert rows["params"].item() == sum(p.numel() for p in layer.parameters())


def test_a_layer_that_gives_several_things_has_a_row():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.fc = nn.LSTM(6, 4, batch_first=True), nn.Linear(4, 2)

        def forward(self, x):
            return self.fc(self.lstm(x)[0][:, -1])

    assert list(cc.profile(Recurrent(), torch.zeros(1, 7, 6))["layer"]) == ["lstm", "fc"]


# 12. The proof looks at what there is.


class Faint(Net):
    def forward(self, x):
        return super().forward(x) * 1e-6


def test_the_proof_holds_for_faint_outputs(monkeypatch):
    model = trained(Faint())
    assert cc.prune_channels(model, IMAGES, ratio=0.5, criterion="l2").cut_share > 0.4
    from compress_core.pruning import surgery

    right = surgery._shrunk

    def wrong(*args):
        smaller = right(*args)
        smaller.fc.weight.data *= 1.5
        return smaller

    monkeypatch.setattr(surgery, "_shrunk", wrong)
    with pytest.raises(cc.UnsupportedModelError, match="exactly"):
        cc.prune_channels(model, IMAGES, ratio=0.5, criterion="l2")


def test_the_networks_of_these_tests_are_left_as_they_were():
    model = trained(Net())
    before = copy.deepcopy(model.state_dict())
    cc.reconstruct(cc.prune_channels(model, IMAGES, ratio=0.5), model, IMAGES)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


# Ordinary code.


class LeNet(nn.Module):
    """As in every tutorial: `view` behind the convolutions."""

    def __init__(self):
        super().__init__()
        self.c1, self.n1 = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.c2, self.n2 = nn.Conv2d(8, 12, 3, padding=1), nn.BatchNorm2d(12)
        self.f1, self.f2 = nn.Linear(12 * 16, 20), nn.Linear(20, 5)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.n1(self.c1(x))), 2)
        x = F.max_pool2d(F.relu(self.n2(self.c2(x))), 2)
        x = x.view(x.size(0), -1)
        return self.f2(F.relu(self.f1(x)))


@pytest.mark.parametrize("criterion", ["l2", "obs", "taylor", "fpgm"])
def test_a_view_behind_a_convolution_is_nothing_unusual(criterion):
    model, labels = trained(LeNet()), torch.arange(16) % 5
    wanted = answer(model)
    result = cc.prune_channels(model, IMAGES, ratio=0.3, criterion=criterion, images=IMAGES, labels=labels)
    plain = explained(result.model, wanted)
    for heal in (cc.compensate, cc.reconstruct):
        assert explained(heal(result, model, IMAGES), wanted) > plain
    assert answer(cc.recalibrate(result.model, IMAGES)).isfinite().all()
    assert explained(cc.quantize(model, 8, rounding="error_compensating", images=IMAGES).model, wanted) > 0.99
    assert len(cc.sensitivity(model, IMAGES, bits=[4]))
    assert torch.allclose(predict(model, IMAGES), wanted, atol=1e-4)


def test_layers_of_other_dimensions_are_recalibrated():
    model = nn.Sequential(nn.Conv3d(1, 4, 3), nn.BatchNorm3d(4), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten())
    clips = 3 + torch.randn(4, 1, 5, 6, 7)
    healed = cc.recalibrate(model, clips)
    made = model[0](clips)
    assert torch.allclose(healed[1].running_mean, made.mean((0, 2, 3, 4)), atol=1e-4)


NOTHING = {
    "one dimension": (lambda: nn.Sequential(nn.Conv1d(3, 8, 3), nn.BatchNorm1d(8), nn.Conv1d(8, 4, 3)), (1, 3, 20)),
    "GroupNorm": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.Conv2d(8, 4, 3)), (1, 3, 8, 8)),
    "a linear layer": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), (1, 3, 2, 2)),
}


@pytest.mark.parametrize("name", NOTHING)
def test_where_there_is_nothing_to_cut_it_says_why(name):
    build, shape = NOTHING[name]
    with pytest.raises(cc.UnsupportedModelError, match="no channels that can be cut"):
        cc.prune_channels(build(), torch.zeros(shape), ratio=0.5)


def test_without_a_batchnorm_another_criterion_is_named():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    with pytest.raises(cc.UnsupportedModelError, match="criterion='l2'"):
        cc.prune_channels(model, torch.zeros(1, 3, 8, 8), ratio=0.5)


ODD_EXAMPLES = [{"x": IMAGES}, (IMAGES, IMAGES), IMAGES.numpy(), IMAGES[:0], None, torch.tensor(3.0)]


@pytest.mark.parametrize("example", ODD_EXAMPLES)
def test_an_example_that_is_no_batch_of_images_is_a_sentence(example):
    for use in (lambda: cc.prune_channels(trained(Net()), example, ratio=0.5), lambda: cc.profile(Net(), example)):
        with pytest.raises(ValueError, match="example"):
            use()


def test_every_result_and_a_bare_network_can_be_saved(tmp_path):
    model = trained(Net())
    pruned = cc.prune_channels(model, IMAGES, ratio=0.5, criterion="l2")
    for network, into in ((pruned, pruned.model), (cc.prune_weights(model, 0.5), model), (model, model)):
        cc.save(network, tmp_path / "file")
        kept = getattr(network, "model", network)
        assert torch.equal(answer(cc.load_file(tmp_path / "file", into=into)), answer(kept))
    with pytest.raises(ValueError, match="save"):
        cc.save({"a": 1}, tmp_path / "file")


def test_two_writers_of_one_path_leave_a_whole_file(tmp_path):
    results = [cc.quantize(trained(Net()), bits) for bits in (2, 8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: cc.save(results[i % 2], tmp_path / "file"), range(24)))
    cc.load_file(tmp_path / "file", into=trained(Net()))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(self, data):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        cc.save(cc.quantize(trained(Net()), 2), tmp_path / "file")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("criterion", ["l2", "obs", "fpgm"])
def test_half_precision_stays_half_precision(dtype, criterion):
    model = trained(Net()).to(dtype)
    images = IMAGES.to(dtype)
    result = cc.prune_channels(model, images, ratio=0.4, criterion=criterion, images=images, proven=False)
    healed = cc.reconstruct(result, model, images)
    assert {p.dtype for p in healed.parameters()} == {dtype}
    wanted = answer(model.float(), IMAGES)
    assert explained(healed.float(), wanted) > explained(result.model.float(), wanted)
    model.to(dtype)


def test_each_tensor_keeps_its_own_precision():
    model, images = trained(Net()), IMAGES.half()
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):  # and norms in float32, as people leave them
            layer.half()
    result = cc.prune_channels(model, images, ratio=0.4, criterion="l2", proven=False)
    kinds = {name: tensor.dtype for name, tensor in model.state_dict().items()}
    for healed in (cc.reconstruct(result, model, images), cc.recalibrate(result.model, images)):
        assert {name: tensor.dtype for name, tensor in healed.state_dict().items()} == kinds


def test_a_network_without_values_is_a_sentence():
    with torch.device("meta"):
        model = Net()
    for use in (lambda: cc.quantize(model, 8), lambda: cc.prune_channels(model, IMAGES, ratio=0.5)):
        with pytest.raises(ValueError, match="no values"):
            use()
