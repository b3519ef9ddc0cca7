"""One network in three runtimes: eager PyTorch, and onnxruntime in float and in 8-bit integers."""

from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from compress_core.analysis.latency import run_interleaved, summarize
from compress_core.layers.folding import fold_batchnorm
from compress_core.layers.inference import prepare
from compress_core.quantization.integer import Session, to_int8, to_onnx
from compress_core.quantization.packing import serialize
from compress_core.quantization.quantize import unquantized

BATCHES = (1, 64)
BUDGET_S = 0.5
"""For each batch size, all runtimes together, after warming up."""
MIN_ROUNDS, MAX_ROUNDS = 3, 2000


@dataclass(frozen=True)
class Runtimes:
    """Interleaved runs of one network on the same images, BatchNorm folded."""

    table: pd.DataFrame
    """A row a `runtime` (`torch`, `onnx`, `int8`) and a `batch`: `ms`, the median, and `low` and `high`, the
    quartiles; `speedup`, how often eager PyTorch took longer (the median over rounds); the number of `runs`; and the
    `file_bytes` of the network as that runtime reads it."""
    onnx: bytes
    int8: bytes
    """The two files, for `compress_core.quantization.integer.run_onnx`."""
    threads: int
    """For each operation, in all three."""


def compare_runtimes(
    model: nn.Module, images: Tensor, batches: tuple[int, ...] = BATCHES, budget_s: float = BUDGET_S
) -> Runtimes:
    """Time a network in eager PyTorch, in onnxruntime and in onnxruntime with 8-bit integers, in turn.

    Args:
        model: it stays as it was.
        images: (N, C, H, W) calibration images, from which the ranges of the activations are taken; timed are runs on
            the first of them, again and again where a batch is larger.
        budget_s: seconds for each batch size.

    Raises:
        CompressError: onnx or onnxruntime is not installed.
        UnsupportedModelError: ONNX has no operator for what the network does.
        ValueError: there is no image.
    """
    onnx = to_onnx(fold_batchnorm(model), images[:1])
    int8 = to_int8(onnx, images)
    networks = {"torch": prepare(model), "onnx": Session(onnx), "int8": Session(int8)}
    sizes = [len(serialize(unquantized(model), {})), len(onnx), len(int8)]
    rows = []
    for batch in batches:
        given = images[torch.arange(batch) % len(images)]
        last = given.contiguous(memory_format=torch.channels_last)

        def run(name: str, plain: Tensor = given, last: Tensor = last) -> Tensor:
            return networks[name](last if name == "torch" else plain)

        runs = [lambda name=name, run=run: run(name) for name in networks]
        timings = summarize(run_interleaved(runs, budget_s, MIN_ROUNDS, MAX_ROUNDS), list(networks))
        own, speedup = timings.table[["ms", "low", "high"]], 1 / timings.table["relative"]
        rows.append(own.assign(batch=batch, speedup=speedup, runs=timings.rounds, file_bytes=sizes))
    table = pd.concat(rows).rename_axis("runtime").reset_index()
    return Runtimes(table, onnx, int8, torch.get_num_threads())
