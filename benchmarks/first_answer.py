"""Whether a knob's first answer agrees with what it sharpens to, and how long either takes.

    python benchmarks/first_answer.py [--dataset digits cifar10] [--recipes 100] [--seed 0]

Recipes are drawn at random: architecture, width, pruning ratio and bits. Counted is how often the accuracy on all test
images at hand lies within the 95 % interval that was stated with the first answer, and the same of its change from the
original. Seconds are medians on one thread a layer, batches spread over the cores, with what a network is cut and
healed by already known, as when a knob is turned.
"""

import argparse
import platform
import random
import statistics
import time

import torch

import compress_core as cc
from compress_core.cache import StageCache
from compress_core.recipe import Recipe
from compress_core.studies.home import study_comparison, study_first_answer
from compress_core.training.checkpoints import trained_widths

RATIOS = [n / 20 for n in range(16)]
BITS = (2, 3, 4, 5, 6, 8, 32)


def drawn(dataset: str, count: int, seed: int) -> list[Recipe]:
    """So many different recipes."""
    chance, found = random.Random(seed), {}
    while len(found) < count:
        arch = chance.choice(cc.architectures())
        width = chance.choice(trained_widths(arch, dataset))
        recipe = Recipe(dataset=dataset, arch=arch, width=width, prune=chance.choice(RATIOS), bits=chance.choice(BITS))
        found[recipe.canonical()] = recipe
    return list(found.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", nargs="+", default=cc.datasets(), choices=cc.datasets())
    parser.add_argument("--recipes", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}\n"
    )
    for dataset in args.dataset:
        accuracies = changes = 0
        seconds: dict[str, list[float]] = {"first": [], "whole": []}
        cache = StageCache(48)
        for recipe in drawn(dataset, args.recipes, args.seed):
            study_first_answer(recipe.with_(prune=max(0.0, recipe.prune - 0.05)), cache)
            started = time.perf_counter()
            first = study_first_answer(recipe, cache)
            seconds["first"].append(time.perf_counter() - started)
            whole = study_comparison(recipe, cache)
            seconds["whole"].append(time.perf_counter() - started)
            accuracies += first.compressed.low <= whole.compressed.accuracy <= first.compressed.high
            changes += first.change.low <= whole.change.value <= first.change.high
        took = ", ".join(f"{name} {statistics.median(all_of_it):.2f} s" for name, all_of_it in seconds.items())
        print(
            f"{dataset}: of {args.recipes} recipes, {first.compressed.samples:,} against "
            f"{whole.compressed.samples:,} images: accuracy within the first interval {accuracies}, "
            f"change within its own {changes} | {took}",
            flush=True,
        )


if __name__ == "__main__":
    main()
