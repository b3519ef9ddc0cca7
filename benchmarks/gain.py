"""Whether pruned networks are faster by what their multiply–accumulates promise.

    python benchmarks/gain.py [--ratio 0.5]

For each architecture, trained on digits, half of the channels cut by three criteria: multiply–accumulates and the time
of 64 images, each as a part of the original's, times taken in turn with the original's. The last column holds what the
time fell by against what the multiply–accumulates fell by.
"""

import argparse
import os
import platform
import statistics

import torch

import compress_core as cc
from compress_core.analysis.latency import compare_latency
from compress_core.pipeline import SOLVING_IMAGES
from compress_core.pruning.budget import cost
from compress_core.pruning.coupling import couple

CRITERIA = ("bn_scale", "l1", "obs")
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratio", type=float, default=0.5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = cc.dataset("digits")
    example, images = torch.zeros(1, *data.input_shape), data.calibration(SOLVING_IMAGES)
    print(f"{platform.platform()}, {os.cpu_count()} cores, torch {torch.__version__}, one thread an operation")
    print(f"{'network':<16}{'criterion':<12}{'MACs':>8}{'time':>8}{'fell by, of the promise':>26}")
    for arch in cc.architectures():
        model = cc.load(arch)
        coupling, before = couple(model, example), cost(model, example, "macs")
        for criterion in CRITERIA:
            pruned = cc.prune_channels(
                model, example, ratio=args.ratio, criterion=criterion, images=images, coupling=coupling
            ).model
            macs = cost(pruned, example, "macs") / before
            time = 1 / statistics.median(
                compare_latency(pruned, model, data.input_shape).batch_speedup for _ in range(ROUNDS)
            )
            print(f"{arch:<16}{criterion:<12}{macs:>8.2f}{time:>8.2f}{(1 - time) / (1 - macs):>26.2f}", flush=True)


if __name__ == "__main__":
    main()
