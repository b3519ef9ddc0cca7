"""The smallest file of StudentNet that loses at most 1.5 points of accuracy, all knobs together.

    python benchmarks/smallest.py [--dataset digits cifar10]

First in seconds, without a label or a gradient: channels cut by the second order, layers solved again, errors of
rounding compensated, codes Huffman-coded; every candidate is a recipe, and its file is loaded again by itself. Then in
a minute of distillation from the original on training images: fewer channels, and a byte budget spent layer by layer.
Candidates are chosen by validation images: the smallest that loses at most `MARGIN` there, less than the bar since the
best of many looks better than it is, and of those that fit the budget the best. Test images are read once, for those
chosen. Sizes are compared with the network's float32 file; nearly all its weights are kept in float16 without loss.
"""

import argparse
import itertools
import os
import platform
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

import compress_core as cc
from compress_core.data import Dataset
from compress_core.files import file_bytes
from compress_core.layers.inference import predict
from compress_core.pruning.coupling import couple
from compress_core.quantization.calibration import calibrate
from compress_core.quantization.sensitivity import sensitivity, spend
from compress_core.training.checkpoints import checkpoint_path
from compress_core.training.finetune import IMAGES

BAR, MARGIN = 1.5, 1.2
RATIOS, BITS = {"digits": (0.5, 0.55, 0.6, 0.65, 0.7), "cifar10": (0.1, 0.2, 0.3, 0.4, 0.5)}, (3, 4)
SCHEMES = "per_tensor", "per_channel", "codebook"
DISTILLED_RATIOS = {"digits": (0.7, 0.75, 0.8), "cifar10": (0.3, 0.4, 0.5)}
DISTILLED_SCHEMES = "per_tensor", "per_tensor_symmetric", "per_channel"
EPOCHS, RATE = 130, 0.003
"""About a minute on two cores."""
TIMES_SMALLER = {"digits": 100, "cifar10": 30}


def right(model: nn.Module, data: Dataset, which: str) -> float:
    images, labels = data.test(whole=True) if which == "test" else data.validation()
    return 100 * predict(model, images).argmax(1).eq(labels).double().mean().item()


def without_training(data: Dataset, before: float, whole: int) -> None:
    cache = cc.StageCache()
    found = []
    for ratio, bits, scheme in itertools.product(RATIOS[data.name], BITS, SCHEMES):
        recipe = cc.Recipe(
            dataset=data.name,
            prune=ratio,
            criterion="obs",
            heal="reconstruct",
            bits=bits,
            scheme=scheme,
            rounding="error_compensating",
            coding="huffman",
        )
        compressed = cc.compress(recipe, cache)
        found.append((len(file_bytes(compressed)), right(compressed.model, data, "validation") - before, recipe))
    print(f"\nWithout training: {len(found)} recipes, points on validation images")
    for length, points, recipe in sorted(found, key=lambda row: row[0]):
        print(f"{length:>9,} bytes {whole / length:>6.1f} times smaller {points:>+7.2f}  {recipe.to_query()}")
    fitting = [row for row in found if row[1] >= -MARGIN]
    if not fitting:
        print(f"None of them loses at most {MARGIN} points.")
        return
    length, _, recipe = min(fitting, key=lambda row: row[0])
    started = time.perf_counter()
    compressed = cc.compress(recipe)
    took = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.safetensors"
        cc.save(compressed, path)
        report(
            cc.load_file(path), data, path.stat().st_size, whole, f"{recipe.to_query()}, in {took:.1f} s from nothing"
        )


def distilled(data: Dataset, before: float, whole: int) -> None:
    model, images = cc.load("studentnet", dataset=data.name), data.calibration(1024, seed=0)
    example = torch.zeros(1, *data.input_shape)
    coupling, budget, found = couple(model, example), whole // TIMES_SMALLER[data.name], []
    print(f"\nDistilled, {EPOCHS} epochs, {budget:,} bytes to spend, points on validation images")
    for ratio in DISTILLED_RATIOS[data.name]:
        started = time.perf_counter()
        pruned = cc.prune_channels(
            model, example, ratio=ratio, criterion="obs", images=images, coupling=coupling, proven=False
        )
        solved = cc.reconstruct(pruned, model, images)
        student = cc.finetune(solved, data, EPOCHS, teacher=model, learning_rate=RATE, images=IMAGES)
        took, calibration = time.perf_counter() - started, calibrate(student, images)
        print(f"{ratio:.0%} of the channels cut: {right(student, data, 'validation') - before:+.2f} after {took:.0f} s")
        for scheme in DISTILLED_SCHEMES:
            given = {"scheme": scheme, "rounding": "error_compensating", "calibration": calibration}
            sensitive = sensitivity(student, images[:256], scheme=scheme)
            try:
                plan = spend(student, images, budget, coding="huffman", found=sensitive, **given)
            except ValueError as error:
                print(f"    {scheme}: {error}")
                continue
            result = cc.quantize(student, plan, **given)
            points = right(result.model, data, "validation") - before
            print(f"    {scheme:<24}{points:>+7.2f}  bits {' '.join(map(str, plan.values()))}")
            found.append((points, f"{ratio:.0%} cut, {scheme}, {took:.0f} s", result))
    if not found:
        print("No candidate fits this budget.")
        return
    points, name, result = max(found, key=lambda row: row[0])
    print(f"The best of them: {points:+.2f} points on validation images, where {-MARGIN:+.2f} are allowed")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.safetensors"
        cc.save(result, path, coding="huffman")
        report(cc.load_file(path, into=model), data, path.stat().st_size, whole, name)


def report(model: nn.Module, data: Dataset, length: int, whole: int, how: str) -> None:
    lost = right(model, data, "test") - right(cc.load("studentnet", dataset=data.name), data, "test")
    half = checkpoint_path("studentnet", 1.0, data.name).stat().st_size
    print(
        f"Chosen: {length:,} bytes, {whole / length:.1f} times smaller than {whole:,} in float32, "
        f"{half / length:.1f} times than {half:,} in float16; {lost:+.2f} points on "
        f"{len(data.test(whole=True)[1]):,} test images ({'within' if lost >= -BAR else 'beyond'} {BAR}). {how}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", nargs="+", default=[*RATIOS], choices=[*RATIOS])
    args = parser.parse_args()
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    for data in map(cc.dataset, args.dataset):
        whole = len(file_bytes(cc.compress(cc.Recipe(dataset=data.name))))
        before = right(cc.load("studentnet", dataset=data.name), data, "validation")
        print(f"\n{data.title}: {whole:,} bytes in float32, {before:.2f} % of the validation images")
        without_training(data, before, whole)
        distilled(data, before, whole)


if __name__ == "__main__":
    main()
