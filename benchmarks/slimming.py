"""What slimming costs and what recalibration brings back, and how long a slider step takes.

    python benchmarks/slimming.py

Every width that is trained, ratios 0.1 … 0.9, global scope. Accuracy on the whole test set, in percent: right after
the cut, recalibrated. Times in milliseconds, medians of five on this machine; one thread an operation.
"""

import os
import platform
import statistics
import time

import torch

import compress_core as cc
from compress_core.layers.inference import predict
from compress_core.measure import answer
from compress_core.registry import HEALINGS
from compress_core.training.checkpoints import trained_widths

REPEATS = 5


def seconds(run) -> float:
    """The median time of a few runs after one that warms up."""
    times = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def main() -> None:
    torch.set_num_threads(1)
    print(f"{platform.platform()}, {os.cpu_count()} cores, torch {torch.__version__}, one thread an operation")
    columns = {
        "width": 6,
        "ratio": 7,
        "params": 9,
        "cut %": 8,
        "healed %": 10,
        "cut ms": 9,
        "heal ms": 9,
        "measure ms": 12,
    }
    print("".join(f"{name:>{width}}" for name, width in columns.items()))
    images, test_images = (
        cc.dataset("digits").calibration(HEALINGS["recalibrate"].images),
        cc.dataset("digits").test()[0],
    )
    for width in trained_widths("studentnet", "digits"):
        model = cc.load("studentnet", width)
        for step in range(1, 10):
            recipe = cc.Recipe(width=width, prune=step / 10, criterion="bn_scale")
            cache = cc.StageCache()
            accuracy = {
                heal: 100 * answer(cc.compress(recipe.with_(heal=heal), cache), cache).correct.double().mean().item()
                for heal in ("none", "recalibrate")
            }
            pruned = cc.prune_channels(model, torch.zeros(1, 1, 32, 32), ratio=recipe.prune)
            params = sum(p.numel() for p in pruned.model.parameters())
            cut_s = seconds(
                lambda model=model, recipe=recipe: cc.prune_channels(
                    model, torch.zeros(1, 1, 32, 32), ratio=recipe.prune
                )
            )
            heal_s = seconds(lambda pruned=pruned: cc.recalibrate(pruned.model, images))

            measure_s = seconds(lambda pruned=pruned: predict(pruned.model, test_images))
            print(
                f"{width:6.2f}{recipe.prune:7.1f}{params:9,}{accuracy['none']:8.1f}{accuracy['recalibrate']:10.1f}"
                f"{1000 * cut_s:9.1f}{1000 * heal_s:9.1f}{1000 * measure_s:12.1f}"
            )


if __name__ == "__main__":
    main()
