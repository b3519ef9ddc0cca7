"""Networks as ONNX against torch's own answers, and what is in the files."""

import logging
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

import compress_core as cc
from compress_core.layers.folding import fold_batchnorm
from compress_core.layers.inference import predict
from compress_core.layers.modules import RaggedConv2d, SelectChannels
from compress_core.layers.vision import torchvision
from compress_core.quantization import integer
from compress_core.quantization.integer import Session, missing, run_onnx, to_int8, to_onnx
from tests.helpers.marks import sampled

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

DATA = cc.dataset("digits")
EXAMPLE = torch.zeros(1, *DATA.input_shape)
IMAGES = DATA.calibration(128)


def small() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 15 * 15, 3)
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def pruned() -> dict[str, nn.Module]:
    """Every architecture without half of its channels."""
    return {
        arch: cc.prune_channels(cc.load(arch), EXAMPLE, ratio=0.5, criterion="l1").model for arch in cc.architectures()
    }


def weights(file: bytes) -> dict[str, list[int]]:
    """The element type of what each layer multiplies with; biases are no part of it."""
    graph = onnx.load_from_string(file).graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    place = {"Conv": 1, "Gemm": 1, "MatMul": 1, "QLinearConv": 3, "QGemm": 3, "QLinearMatMul": 3}
    return {node.name: types[node.input[place[node.op_type]]] for node in graph.node if node.op_type in place}


@pytest.mark.parametrize("arch", sampled(cc.architectures(), lambda arch: arch == "shufflenet_v1"))
def test_a_pruned_network_gives_in_onnxruntime_what_it_gives_in_torch(arch, pruned):
    for model in (pruned[arch], fold_batchnorm(pruned[arch])):
        file = to_onnx(model, EXAMPLE)
        onnx.checker.check_model(onnx.load_from_string(file), full_check=True)
        for count in (1, 7, 70):
            images = DATA.test()[0][:count]
            with torch.no_grad():
                assert (run_onnx(file, images) - model(images)).abs().max() <= 1e-4
        onnx.checker.check_model(onnx.load_from_string(to_int8(file, IMAGES)))


def test_what_surgery_leaves_is_among_them(pruned):
    kinds = {type(module) for model in pruned.values() for module in model.modules()}
    assert {RaggedConv2d, SelectChannels} <= kinds
    assert all(isinstance(model, torch.fx.GraphModule) for arch, model in pruned.items() if "shuffle" in arch)


@pytest.mark.parametrize("arch", ["shufflenet_v1", "shufflenet_v2"])
def test_where_channels_go_is_no_arithmetic_for_each_image(arch, pruned):
    """Whole, a shuffle is two reshapes and a transposition; of what is left of it, one selection."""

    def operators(model: nn.Module) -> set[str]:
        return {node.op_type for node in onnx.load_from_string(to_onnx(model, EXAMPLE)).graph.node}

    assert not operators(cc.load(arch)) & {"Shape", "Gather"}
    assert not operators(pruned[arch]) & {"Shape", "Transpose"}


@pytest.mark.parametrize("arch", sampled(cc.architectures(), lambda arch: arch == "studentnet"))
def test_integers_keep_the_accuracy(arch):
    model = cc.load(arch)
    images, labels = DATA.test()
    file = to_onnx(model, EXAMPLE)
    logits, in_float, in_integers = (
        predict(model, images),
        run_onnx(file, images),
        run_onnx(to_int8(file, IMAGES), images),
    )
    assert (in_float - logits).abs().max() <= 1e-4
    before, after = (answers.argmax(1).eq(labels).double().mean() for answers in (in_float, in_integers))
    assert abs(after - before) <= 0.015
    assert 0 < (in_integers - in_float).norm() / in_float.norm() < 0.1


@pytest.mark.parametrize("arch", ["studentnet", "shufflenet_v1"])
def test_the_weights_in_the_file_are_integers(arch):
    model = cc.load(arch)
    file = to_onnx(model, EXAMPLE)
    small_file = to_int8(file, IMAGES)
    layers = sum(isinstance(module, nn.Conv2d | nn.Linear) for module in model.modules())
    assert list(weights(file).values()) == layers * [onnx.TensorProto.FLOAT]
    assert list(weights(small_file).values()) == layers * [onnx.TensorProto.INT8]
    assert len(small_file) < len(file) / 2.5


def test_each_output_channel_has_a_scale_of_its_own():
    conv = nn.Conv2d(1, 6, 3)
    conv.weight.data[0] *= 1000
    graph = onnx.load_from_string(to_int8(to_onnx(nn.Sequential(conv), EXAMPLE), IMAGES)).graph
    (layer,) = [node for node in graph.node if node.op_type == "QLinearConv"]
    tensors = {tensor.name: torch.tensor(onnx.numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    codes, scales = tensors[layer.input[3]], tensors[layer.input[4]]
    assert scales.shape == (6,) and codes.abs().amax((1, 2, 3)).tolist() == [64] * 6
    assert ((codes * scales.view(-1, 1, 1, 1) - conv.weight).abs().amax((1, 2, 3)) <= scales / 2 * 1.001).all()


def test_the_same_network_is_the_same_file_and_stays_as_it_was():
    model = small()  # in training mode
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first = to_onnx(model, EXAMPLE)
    assert (run_onnx(first, IMAGES) - predict(model, IMAGES)).abs().max() <= 1e-4  # in eval mode
    assert to_onnx(model, EXAMPLE) == to_onnx(model.double(), EXAMPLE.double()) == first
    assert to_int8(first, IMAGES) == to_int8(first, IMAGES)
    assert model.training and all(torch.equal(model.state_dict()[name], tensor) for name, tensor in state.items())
    graph = onnx.load_from_string(first).graph
    assert [value.name for value in (*graph.input, *graph.output)] == ["images", "logits"]


@pytest.mark.slow
def test_threads_that_write_at_once_write_what_each_writes_alone(pruned):
    models = [cc.load("studentnet"), pruned["shufflenet_v2"]] * 3

    def write(model: nn.Module) -> tuple[bytes, bytes]:
        file = to_onnx(model, EXAMPLE)
        return file, to_int8(file, IMAGES[:8])

    alone = [write(model) for model in models]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, models)) == alone


def test_a_session_is_shared_by_threads():
    file = to_onnx(cc.load("studentnet"), EXAMPLE)
    session, batches = Session(file), DATA.test()[0][:200].split(20)
    with ThreadPoolExecutor(4) as pool:
        assert torch.equal(torch.cat(list(pool.map(session, batches))), run_onnx(file, torch.cat(batches)))


def test_nothing_is_said_on_the_way(caplog, recwarn, capfd):
    handlers = list(logging.root.handlers)
    for model in (cc.load("shufflenet_v2"), torchvision().models.shufflenet_v2_x0_5().eval()):
        channels = next(module.in_channels for module in model.modules() if isinstance(module, nn.Conv2d))
        images = torch.randn(2, channels, 32, 32)
        run_onnx(to_int8(to_onnx(model, images), images), images)
    assert not caplog.records and not recwarn.list and logging.root.handlers == handlers
    assert capfd.readouterr() == ("", "")


def test_calibration_needs_an_image():
    with pytest.raises(ValueError, match="at least one image"):
        to_int8(to_onnx(small(), EXAMPLE), IMAGES[:0])


def test_one_image_is_enough():
    file = to_onnx(small(), EXAMPLE)
    assert run_onnx(to_int8(file, IMAGES[:1]), IMAGES[:3]).shape == (3, 3)


class Unheard(nn.Module):
    def forward(self, x):
        return torch.special.bessel_j0(x)


def test_what_onnx_does_not_know_is_said():
    with pytest.raises(cc.UnsupportedModelError, match=r"cannot be written as ONNX: .*bessel"):
        to_onnx(Unheard(), EXAMPLE)
    assert len(to_onnx(small(), EXAMPLE))  # the next one can


@pytest.mark.parametrize("package", integer.PACKAGES)
def test_a_package_that_lacks_is_named(package, monkeypatch):
    assert missing() == ""
    file = to_onnx(small(), EXAMPLE)
    monkeypatch.setitem(sys.modules, package, None)
    assert f"need {package}, which is not installed: pip install {package}" in missing()
    for run in (lambda: to_onnx(small(), EXAMPLE), lambda: to_int8(file, IMAGES), lambda: run_onnx(file, IMAGES)):
        with pytest.raises(cc.CompressError, match=f"need {package}"):
            run()


def test_the_library_works_without_both():
    import subprocess

    code = (
        "import sys; sys.modules['onnx'] = sys.modules['onnxruntime'] = None; "
        "import compress_core.analysis.runtimes; from compress_core.quantization.integer import missing; "
        "assert 'onnx and onnxruntime, which are' in missing()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
