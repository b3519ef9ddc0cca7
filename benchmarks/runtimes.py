"""What a network takes in eager PyTorch, in onnxruntime, and in onnxruntime with 8-bit integers.

    python benchmarks/runtimes.py [--threads 1]

The architectures as trained on digits, and torchvision's MobileNetV2, untrained, on noise of 224×224. Milliseconds of 1
and of 64 images, medians of two seconds in which the three take turns; `±` is half of what lies between the quartiles,
as a part of the median, where it is largest. Bytes of the two files in ONNX. Accuracy on the 2,160 test images of
digits, and how many of them the two files answer alike, in percent; the ranges of the activations come from 512
training images.
"""

import argparse
import os
import platform
import sys
from importlib.metadata import version

import torch

import compress_core as cc
from compress_core.analysis.runtimes import Runtimes, compare_runtimes
from compress_core.layers.vision import torchvision
from compress_core.pipeline import CALIBRATION_IMAGES
from compress_core.quantization.integer import missing, run_onnx

BUDGET_S = 2.0
NOISE_IMAGES = 8


def row(name: str, result: Runtimes) -> str:
    table = result.table.assign(spread=lambda t: (t["high"] - t["low"]) / t["ms"] / 2)
    words = f"{name:<26}"
    for batch, rows in table.groupby("batch"):
        ms = rows.set_index("runtime")["ms"]
        words += "".join(f"{time:>9.{2 if batch == 1 else 1}f}" for time in ms) + f"{rows['spread'].max():>6.0%}"
    return words + f"{len(result.onnx):>12,}{len(result.int8):>11,}"


def accuracies(result: Runtimes) -> str:
    images, labels = cc.dataset("digits").test()
    in_float, in_integers = (run_onnx(file, images).argmax(1) for file in (result.onnx, result.int8))
    parts = in_float == labels, in_integers == labels, in_float == in_integers
    return "".join(f"{100 * part.double().mean():>9.2f}" for part in parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="of each operation, in all three")
    args = parser.parse_args()
    if lacking := missing():
        sys.exit(lacking)
    torch.set_num_threads(args.threads)
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}, torch {torch.__version__}, "
        f"onnxruntime {version('onnxruntime')}, threads: {args.threads}"
    )
    print(f"{'':<26}{'1 image, ms':>33}{'64 images, ms':>33}{'bytes':>23}{'accuracy, %':>27}")
    times = f"{'eager':>9}{'float':>9}{'int8':>9}{'±':>6}"
    print(f"{'network':<26}{times}{times}{'float':>12}{'int8':>11}{'float':>9}{'int8':>9}{'alike':>9}")
    images = cc.dataset("digits").calibration(CALIBRATION_IMAGES)
    for arch in cc.architectures():
        result = compare_runtimes(cc.load(arch), images, budget_s=BUDGET_S)
        print(row(arch, result) + accuracies(result), flush=True)
    torch.manual_seed(0)
    model, noise = torchvision().models.mobilenet_v2(weights=None).eval(), torch.randn(NOISE_IMAGES, 3, 224, 224)
    print(row("torchvision's mobilenet_v2", compare_runtimes(model, noise, budget_s=BUDGET_S)))


if __name__ == "__main__":
    main()
