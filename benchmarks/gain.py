"""Whether pruned networks are faster by what their multiply–accumulates promise.

    python benchmarks/gain.py [--ratio 0.5] [--preset digits] [--arch studentnet …]

For each architecture half of the channels cut, as many as the criterion says, rounded to multiples of 16, or (where
convolutions are grouped) balanced, so that each of their groups reads as many, a multiple of 8:
multiply–accumulates and time as parts of the original's, in eager PyTorch and in onnxruntime, each taking turns with
the original for two seconds. `of promise` is what the time fell by against what the multiply–accumulates fell by;
below 0 the smaller network is slower. The row `half as wide` is a network of the same architecture that was built at
half the width: no surgery can be expected to gain more. `digits`: trained, 64 images of 32×32, all layers against each
other. `imagenet`: the papers' networks, untrained, images of 224×224, the same part of each layer.
"""

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import torch
from torch import Tensor, nn

import compress_core as cc
from compress_core.analysis.latency import run_interleaved
from compress_core.layers.folding import fold_batchnorm
from compress_core.layers.inference import prepare
from compress_core.pipeline import CALIBRATION_IMAGES
from compress_core.pruning.budget import cost
from compress_core.pruning.coupling import couple
from compress_core.quantization.integer import Session, missing, to_onnx

CRITERIA = {"digits": ("l1", "obs"), "imagenet": ("l1",)}
SCOPES = {"digits": "global", "imagenet": "layer"}
BATCHES = {"digits": 64, "imagenet": 16}  # unless another one is asked for
WAYS = {"as scored": {}, "of 16": {"multiple_of": 16}, "balanced": {"multiple_of": 8, "balanced": True}}
BUDGET_S = 2.0
MIN_ROUNDS, MAX_ROUNDS = 3, 2000


def network(arch: str, preset: str, width: float = 1.0) -> nn.Module:
    if preset == "digits":
        return cc.load(arch, width)
    torch.manual_seed(0)
    return cc.build(arch, width, preset, num_classes=1000).eval()


def convolutions(model: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]


def eager(model: nn.Module, images: Tensor) -> Callable[[], Tensor]:
    return partial(prepare(model), images.contiguous(memory_format=torch.channels_last))


def in_onnxruntime(model: nn.Module, images: Tensor) -> Callable[[], Tensor]:
    return partial(Session(to_onnx(fold_batchnorm(model), images[:1])), images)


def times(original: Callable[[], Tensor], pruned: Callable[[], Tensor]) -> tuple[float, float, float]:
    """Milliseconds of both, and how much of the original's time the pruned one takes: medians."""
    rounds = run_interleaved([original, pruned], BUDGET_S, MIN_ROUNDS, MAX_ROUNDS)
    before, after = (1000 * statistics.median(column) for column in zip(*rounds, strict=True))
    return before, after, statistics.median(own / other for other, own in rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratio", type=float, default=0.5)
    parser.add_argument("--preset", default="digits", choices=list(CRITERIA))
    parser.add_argument("--batch", type=int, help="images; 64 of the digits, 16 of imagenet's size if left out")
    parser.add_argument("--arch", nargs="+", default=cc.architectures(), choices=cc.architectures())
    args = parser.parse_args()
    if lacking := missing():
        sys.exit(lacking)
    torch.set_num_threads(1)
    data, batch, scope = cc.dataset("digits"), args.batch or BATCHES[args.preset], SCOPES[args.preset]
    shape = data.input_shape if args.preset == "digits" else (3, 224, 224)
    torch.manual_seed(0)
    images = data.test()[0][:batch] if args.preset == "digits" else torch.randn(batch, *shape)
    calibration = data.calibration(CALIBRATION_IMAGES)
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}, torch {torch.__version__}, "
        f"onnxruntime {version('onnxruntime')}, one thread; {args.preset}, {args.ratio:.0%} of the channels cut, "
        f"scope {scope}, {batch} images of {'×'.join(map(str, shape))}"
    )
    print(f"{'':<49}{'eager PyTorch':>30}{'onnxruntime':>34}")
    columns = f"{'ms':>16}{'time':>7}{'of promise':>11}"
    print(f"{'network':<14}{'criterion':<13}{'channels':<10}{'cut':>4}{'MACs':>6}  {columns}{columns}")
    for arch in args.arch:
        model = network(arch, args.preset)
        coupling, before = couple(model, images[:1]), cost(model, images[:1], "macs")
        originals = [start(model, images) for start in (eager, in_onnxruntime)]
        grouped = any(1 < getattr(layer, "groups", 1) < layer.in_channels for layer in convolutions(model))
        smaller = {
            (criterion, way): cc.prune_channels(
                model,
                images[:1],
                ratio=args.ratio,
                criterion=criterion,
                scope=scope,
                images=calibration,
                coupling=coupling,
                **how,
            )
            for criterion in CRITERIA[args.preset]
            for way, how in WAYS.items()
            if grouped or way != "balanced"
        }
        rows = {key: (result.model, f"{result.cut_share:.0%}") for key, result in smaller.items()}
        rows["half as wide", ""] = network(arch, args.preset, 0.5), ""
        for (criterion, way), (pruned, cut) in rows.items():
            macs = cost(pruned, images[:1], "macs") / before
            row = f"{arch:<14}{criterion:<13}{way:<10}{cut:>4}{macs:>6.2f}  "
            for original, start in zip(originals, (eager, in_onnxruntime), strict=True):
                own, left, time = times(original, start(pruned, images))
                row += f"{f'{own:.1f} → {left:.1f}':>16}{time:>7.2f}{(1 - time) / (1 - macs):>11.2f}"
            print(row, flush=True)


if __name__ == "__main__":
    main()
