"""Three runtimes beside each other: what is timed and what is held. No absolute times."""

import pytest
import torch
from torch import nn

import compress_core as cc
from compress_core.analysis.latency import run_interleaved
from compress_core.analysis.runtimes import compare_runtimes
from compress_core.files import file_bytes
from compress_core.layers.inference import predict
from compress_core.quantization.integer import run_onnx


def test_calls_take_turns_and_none_is_always_first():
    order = []
    rounds = run_interleaved([lambda name=name: order.append(name) for name in "abc"], 0.0, 4, 9)
    assert "".join(order) == "abc" + "cba" + "abc" + "cba" + "abc"
    assert len(rounds) == 4 and all(len(seconds) == 3 and min(seconds) >= 0 for seconds in rounds)


def test_each_runtime_has_its_times_and_its_file():
    pytest.importorskip("onnxruntime")
    data, model = cc.dataset("digits"), cc.load("mobilenet_v2", 0.25)
    images = data.calibration(40)
    result = compare_runtimes(model, images, budget_s=0.1)
    table = result.table
    assert table[["runtime", "batch"]].values.tolist() == [
        [runtime, batch] for batch in (1, 64) for runtime in ("torch", "onnx", "int8")
    ]
    assert (table["low"] <= table["ms"]).all() and (table["ms"] <= table["high"]).all() and (table["runs"] >= 3).all()
    assert (table.loc[table["runtime"] == "torch", "speedup"] == 1).all() and (table["speedup"] > 0).all()
    assert result.threads == torch.get_num_threads()
    ours = len(file_bytes(cc.quantize(model, 32)))
    assert table["file_bytes"].tolist() == [ours, len(result.onnx), len(result.int8)] * 2
    test_images = data.test()[0]
    assert (run_onnx(result.onnx, test_images) - predict(model, test_images)).abs().max() <= 1e-4
    answers = [run_onnx(file, test_images).argmax(1) for file in (result.onnx, result.int8)]
    assert (answers[0] == answers[1]).double().mean() > 0.97


def test_ten_times_the_work_is_slower_in_all():
    pytest.importorskip("onnxruntime")
    layers = [nn.Conv2d(3, 64, 3, padding=1), *[nn.Conv2d(64, 64, 3, padding=1) for _ in range(3)]]
    large, images = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 256, 4)), torch.randn(4, 3, 16, 16)
    little = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Flatten(), nn.Linear(8 * 256, 4))
    times = [compare_runtimes(model, images, (8,), 0.05).table.set_index("runtime")["ms"] for model in (large, little)]
    assert (times[0] > 2 * times[1]).all()
