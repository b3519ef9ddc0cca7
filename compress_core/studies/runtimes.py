"""One network in three runtimes: PyTorch, onnxruntime, and onnxruntime in 8-bit integers."""

from dataclasses import dataclass

import pandas as pd
from torch import nn

from compress_core.analysis.runtimes import compare_runtimes
from compress_core.cache import StageCache
from compress_core.data import dataset
from compress_core.layers.inference import predict
from compress_core.pipeline import CALIBRATION_SEED, compress
from compress_core.quantization.integer import run_onnx
from compress_core.recipe import Recipe

IMAGES = 256
"""Calibration images that the ranges of activations are taken from."""


@dataclass(frozen=True)
class RuntimeComparison:
    """One network in three runtimes.

    `table` is that of `compress_core.analysis.runtimes.Runtimes`; `right` and `agree` have a share for each runtime, of
    `samples` test images: right answers, and the same answers as eager PyTorch's. `off_grid` counts the convolutions
    whose outputs are no multiple of 16, of `convolutions`.
    """

    table: pd.DataFrame
    right: dict[str, float]
    agree: dict[str, float]
    samples: int
    threads: int
    onnx: bytes
    int8: bytes
    off_grid: int
    convolutions: int
    cut_share: float


def study_runtimes(recipe: Recipe, cache: StageCache) -> RuntimeComparison:
    """Time a recipe's network, before its weights are rounded, in three runtimes, and hold their answers together.

    Raises:
        CompressError: onnx or onnxruntime is not installed.
        UnsupportedModelError: ONNX has no operator for what the network does.
    """
    built = compress(recipe.weights_only(), cache)
    images, labels = dataset(recipe.dataset).test()
    three = compare_runtimes(built.model, dataset(recipe.dataset).calibration(IMAGES, CALIBRATION_SEED))
    answers = {
        "torch": predict(built.model, images).argmax(1),
        "onnx": run_onnx(three.onnx, images).argmax(1),
        "int8": run_onnx(three.int8, images).argmax(1),
    }
    right = {name: own.eq(labels).double().mean().item() for name, own in answers.items()}
    agree = {name: own.eq(answers["torch"]).double().mean().item() for name, own in answers.items()}
    outputs = [m.out_channels for m in built.model.modules() if isinstance(m, nn.Conv2d)]
    off = sum(count % 16 > 0 for count in outputs)
    share = built.report.pruned.cut_share
    return RuntimeComparison(
        three.table, right, agree, len(labels), three.threads, three.onnx, three.int8, off, len(outputs), share
    )
