"""Accuracy and file bytes of every architecture on few bits, by scheme and rounding.

    python benchmarks/bits.py [--dataset digits cifar10] [--arch studentnet …] [--out table.csv]

Points of test accuracy below (−) the original's, and the length of the file in KB, plain and Huffman-coded. Nothing was
chosen by these images; roundings that look at data read 1,024 training images without their labels. At 8 bits
onnxruntime's own static int8 network and its ONNX file stand beside ours, and torchao's int8 weights where
`pip install torchao` has been run, which is no dependency.
"""

import argparse
import itertools
import os
import platform
import time

import pandas as pd
import torch
from torch import nn

import compress_core as cc
from compress_core.analysis.accuracy import accuracy_change
from compress_core.data import Dataset
from compress_core.files import file_bytes
from compress_core.layers.inference import predict
from compress_core.quantization import integer
from compress_core.quantization.calibration import calibrate

BITS = (8, 6, 4, 3, 2)
IMAGES = 1024
NONE = float("nan")
WAYS = [
    ("min_max", "nearest", "usual"),
    ("per_tensor", "nearest", "usual"),
    ("per_tensor", "error_compensating", "usual"),
    ("per_channel", "nearest", "usual"),
    ("per_channel", "stochastic", "usual"),
    ("per_channel", "nearest", "biases corrected"),
    ("per_channel", "error_compensating", "usual"),
    ("per_channel", "error_compensating", "depthwise at 8"),
    ("per_channel_symmetric", "nearest", "usual"),
    ("per_channel_symmetric", "error_compensating", "usual"),
    ("codebook", "nearest", "usual"),
    ("codebook", "error_compensating", "usual"),
]


def right(logits: torch.Tensor, data: Dataset) -> torch.Tensor:
    return logits.argmax(1).eq(data.test(whole=True)[1])


def change(before: torch.Tensor, after: torch.Tensor, data: Dataset) -> tuple[float, float]:
    """Points, and half of their 95 % interval, paired over the same images."""
    found = accuracy_change(before, right(after, data), data.test_sources(whole=True))
    return 100 * found.value, 50 * (found.high - found.low)


def lengths(result: cc.QuantizeResult) -> tuple[int, int]:
    return len(file_bytes(result, "plain")), len(file_bytes(result, "huffman"))


def depthwise_at_8(model: nn.Module, bits: int) -> dict[str, int]:
    """The bits of each layer: `bits`, but 8 for layers with one input channel a filter."""
    layers = [(n, layer) for n, layer in model.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    return {n: 8 if 1 == layer.weight.shape[1] < getattr(layer, "groups", 1) else bits for n, layer in layers}


def measure(arch: str, data: Dataset) -> list[dict]:
    model, images = cc.load(arch, dataset=data.name), data.calibration(IMAGES, seed=0)
    tests = data.test(whole=True)[0]
    before, calibration, rows = right(predict(model, tests), data), calibrate(model, images), []
    for scheme, rounding, how in WAYS:
        for bits in BITS:
            wanted = depthwise_at_8(model, bits) if how == "depthwise at 8" else bits
            started = time.perf_counter()
            result = cc.quantize(
                model, wanted, scheme, rounding, correct_bias=how == "biases corrected", calibration=calibration
            )
            took = time.perf_counter() - started
            points = change(before, predict(result.model, tests), data)
            rows.append((arch, scheme, rounding, how, bits, *points, *lengths(result), took))
    if not integer.missing():
        int8 = integer.to_int8(integer.to_onnx(model, tests[:1]), images)
        points = change(before, integer.run_onnx(int8, tests), data)
        rows.append((arch, "onnxruntime", "static int8", "activations too", 8, *points, len(int8), NONE, NONE))
    rows += torchao(arch, before, data)
    columns = ["network", "scheme", "rounding", "how", "bits", "points", "half", "bytes", "coded", "seconds"]
    return [dict(zip(columns, row, strict=True)) for row in rows]


def torchao(arch: str, before: torch.Tensor, data: Dataset) -> list[tuple]:
    """torchao's weight-only int8, which rounds linear layers and leaves convolutions as they are."""
    try:
        from torchao.quantization import Int8WeightOnlyConfig, quantize_
    except ImportError:
        return []
    own = cc.load(arch, dataset=data.name)
    quantize_(own, Int8WeightOnlyConfig())
    points = change(before, predict(own, data.test(whole=True)[0]), data)
    return [(arch, "torchao", "int8 weights", "linear layers only", 8, *points, NONE, NONE, NONE)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", nargs="+", default=["digits", "cifar10"], choices=cc.datasets())
    parser.add_argument("--arch", nargs="+", default=cc.architectures(), choices=cc.architectures())
    parser.add_argument("--out", help="a CSV file for the whole table")
    args = parser.parse_args()
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    rows = []
    for data, arch in itertools.product(map(cc.dataset, args.dataset), args.arch):
        own = [{"dataset": data.name} | row for row in measure(arch, data)]
        rows += own
        table = pd.DataFrame(own)
        table["way"] = (
            table["scheme"] + ", " + table["rounding"] + table["how"].map(lambda h: "" if h == "usual" else f", {h}")
        )
        original = len(file_bytes(cc.compress(cc.Recipe(dataset=data.name, arch=arch))))
        count = len(data.test(whole=True)[1])
        print(
            f"\n{data.title}, {arch}: points of accuracy lost or won on {count:,} test images / kilobytes; the file at "
            f"32 bits {original / 1000:,.1f} KB"
        )
        cells = table.apply(lambda r: f"{r['points']:+.2f} / {r['bytes'] / 1000:.1f} {r['coded'] / 1000:.1f}", axis=1)
        print(
            table.assign(cell=cells)
            .pivot_table("cell", "way", "bits", "first", sort=False)[sorted(BITS, reverse=True)]
            .fillna("")
            .to_string()
        )
        compensating = table[table["rounding"] == "error_compensating"]["seconds"]
        print(f"± {table['half'].median():.2f} points, the median half of the 95 % intervals of these changes")
        print(f"errors compensated in {compensating.median():.2f} s, calibration kept (median)")
    if args.out:
        pd.DataFrame(rows).to_csv(args.out, index=False)


if __name__ == "__main__":
    main()
