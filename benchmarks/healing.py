"""What each criterion and each healing keeps of the accuracy, beside Torch-Pruning's BNScalePruner.

    python benchmarks/healing.py [--dataset digits …] [--arch studentnet …] [--by obs …] [--untrained] [--out table.csv]

Points of test accuracy below (−) the original's: right after the cut, and under each healing of the library, with the
seconds that it takes once what it needs of the network is known. Nothing was chosen by these images; criteria and
healings read training images only, 512 of them or fewer but for the epochs, which see 1,100 each as in the app. For the
best criterion a longer distillation from the original follows (half a minute to some minutes on two cores).
`--untrained` leaves out whatever trains: half an hour an architecture becomes a minute or two. Torch-Pruning is no
dependency of this project; it is compared with where `pip install torch-pruning==1.6.1` has
been run.
"""

import argparse
import itertools
import os
import platform
import time
from collections.abc import Callable, Sequence

import pandas as pd
import torch
from torch import nn

import compress_core as cc
from compress_core.cache import StageCache
from compress_core.data import Dataset
from compress_core.layers.inference import predict
from compress_core.measure import answer
from compress_core.pipeline import CALIBRATION_IMAGES
from compress_core.registry import HEALINGS
from compress_core.training.finetune import EPOCHS, IMAGES

ARCHITECTURES = ("studentnet", "mobilenet_v2", "shufflenet_v2")
RATIOS = (0.3, 0.5, 0.7)
LONG_EPOCHS, LONG_RATE, LONG_CRITERION = 40, 0.002, "obs"


def example(data: Dataset) -> torch.Tensor:
    return torch.zeros(1, *data.input_shape)


def test_accuracy(model: nn.Module, data: Dataset) -> float:
    images, labels = data.test(whole=True)
    return 100 * predict(model, images).argmax(1).eq(labels).double().mean().item()


def params(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def timed(run: Callable[[], object]) -> tuple[object, float]:
    started = time.perf_counter()
    return run(), time.perf_counter() - started


def ours(arch: str, data: Dataset, criteria: Sequence[str], trains: bool) -> list[dict]:
    """A row a criterion and ratio: points lost under each healing, and its seconds once the network is known."""
    cache = StageCache()
    original = accuracy(cc.Recipe(dataset=data.name, arch=arch), cache)
    rows = []
    for criterion, ratio in itertools.product(criteria, RATIOS):
        recipe = cc.Recipe(dataset=data.name, arch=arch, criterion=criterion, prune=ratio)
        row = {"dataset": data.name, "network": arch, "by": criterion, "ratio": ratio}
        seconds = {}
        for name, healing in HEALINGS.items():
            if healing.slow and not trains:
                continue
            healed = recipe.with_(heal=name)
            cc.compress(recipe.with_(heal=name, prune=ratio - 0.05), cache)  # what it looks up of the network is kept
            cc.compress(recipe.with_(heal="none"), cache)
            compressed, took = timed(lambda healed=healed: cc.compress(healed, cache))
            row["params"] = params(compressed.model)
            row["cut" if name == "none" else name] = accuracy(healed, cache) - original
            if name != "none":
                seconds[f"{name} s"] = took
        if criterion == LONG_CRITERION and trains:
            model, solved = cc.load(arch, dataset=data.name), cc.compress(recipe.with_(heal="reconstruct"), cache).model
            plan = {"teacher": model, "learning_rate": LONG_RATE, "images": IMAGES}
            longer, took = timed(lambda s=solved, p=plan: cc.finetune(s, data, LONG_EPOCHS, **p))
            row[f"{LONG_EPOCHS} epochs"] = test_accuracy(longer, data) - original
            seconds["long s"] = took
        rows.append(row | seconds)
        show(rows[-1])
    return rows


def accuracy(recipe: cc.Recipe, cache: StageCache) -> float:
    return 100 * answer(cc.compress(recipe, cache), cache).accuracy


def torch_prunings(arch: str, data: Dataset) -> list[dict]:
    """Its pruner from the same checkpoint, all layers together; healed as its users do, by training on."""
    try:
        import torch_pruning
    except ImportError:
        print("Torch-Pruning is not installed (pip install torch-pruning==1.6.1): its rows are left out.")
        return []
    original = test_accuracy(cc.load(arch, dataset=data.name), data)
    images = data.calibration(CALIBRATION_IMAGES, seed=0)
    rows = []
    for ratio in RATIOS:
        model = cc.load(arch, dataset=data.name)
        last = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == len(data.classes)]
        row = {"dataset": data.name, "network": arch, "by": "Torch-Pruning γ", "ratio": ratio}
        try:
            torch_pruning.pruner.BNScalePruner(
                model,
                example(data),
                importance=torch_pruning.importance.BNScaleImportance(),
                pruning_ratio=ratio,
                global_pruning=True,
                ignored_layers=last,
            ).step()
            row |= {
                "params": params(model),
                "cut": test_accuracy(model, data) - original,
                "recalibrated": test_accuracy(cc.recalibrate(model, images), data) - original,
                "2 epochs": test_accuracy(cc.finetune(model, data, EPOCHS, images=IMAGES), data) - original,
            }
        except Exception as error:  # whatever it stops with is a result here
            row["failed"] = f"{type(error).__name__}: {error}"
        rows.append(row)
        show(row)
    return rows


def show(row: dict) -> None:
    words = [f"{value:8.2f}" if isinstance(value, float) else f"{value:>8}" for value in row.values()]
    print("  ".join(f"{name} {word.strip()}" for name, word in zip(row, words, strict=True)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", nargs="+", default=["digits", "cifar10"], choices=cc.datasets())
    parser.add_argument("--arch", nargs="+", default=ARCHITECTURES, choices=cc.architectures())
    parser.add_argument("--by", nargs="+", default=cc.criteria(), choices=cc.criteria(), help="the criteria")
    parser.add_argument("--untrained", action="store_true", help="leave out what trains")
    parser.add_argument("--out", help="a table of all rows (CSV)")
    args = parser.parse_args()
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    rows = []
    for data, arch in itertools.product(map(cc.dataset, args.dataset), args.arch):
        before, count = test_accuracy(cc.load(arch, dataset=data.name), data), len(data.test(whole=True)[1])
        print(f"{data.title}, {arch}: {before:.2f} % of {count:,} test images")
        rows += ours(arch, data, args.by, not args.untrained)
        rows += [] if args.untrained else torch_prunings(arch, data)
    table = pd.DataFrame(rows)
    if args.out:
        table.to_csv(args.out, index=False)
    print(table.round(2).to_string(index=False, na_rep=""))


if __name__ == "__main__":
    main()
