"""What of a compressed network can be taken away: files in the forms of others, each with a snippet that runs it."""

import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from textwrap import dedent

import torch

from compress_core.cache import StageCache
from compress_core.data import dataset
from compress_core.errors import UnsupportedModelError
from compress_core.files import file_bytes
from compress_core.layers.duplicate import duplicate
from compress_core.pipeline import CALIBRATION_SEED, Compressed, compress
from compress_core.quantization.integer import to_int8, to_onnx
from compress_core.recipe import Recipe

INT8_IMAGES = 256
"""Calibration images that the ranges of activations are taken from."""
LONGEST = 80
"""Signs of what was chosen that a file is called by; what stands behind them is told by a digest."""


@dataclass(frozen=True)
class FileFormat:
    """A form of file that a network leaves in."""

    title: str
    about: str
    """What it holds, in a sentence."""
    ending: str
    make: Callable[[Compressed], bytes]
    needs: str
    """What the snippet imports, as pip calls it."""
    snippet: str
    """Python that reads the file `NAME` and runs it on `images`; its answer is `logits`."""


def _example(compressed: Compressed) -> torch.Tensor:
    return torch.zeros(2, *dataset(compressed.recipe.dataset).input_shape)


def to_program(compressed: Compressed) -> bytes:
    """A network as a program of `torch.export`, float32 and for any number of images: it runs where torch alone is.

    Raises:
        UnsupportedModelError: torch.export does not follow what it does.
    """
    network, file = duplicate(compressed.model).eval(), io.BytesIO()
    shapes = ({0: torch.export.Dim("images", min=1, max=4096)},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            program = torch.export.export(network, (_example(compressed),), dynamic_shapes=shapes)
            torch.export.save(program, file)
        except Exception as error:  # what it raises is not told by its documentation
            why = str(error).strip().partition("\n")[0].rstrip(".")
            raise UnsupportedModelError(f"torch.export does not follow this network: {why}.") from error
    return file.getvalue()


def _onnx(compressed: Compressed) -> bytes:
    return to_onnx(compressed.model, _example(compressed))


def _int8(compressed: Compressed) -> bytes:
    """Of the network before its weights were rounded: onnxruntime rounds them to 8 bits in its own way."""
    before = compress(compressed.recipe.weights_only(), StageCache())
    images = dataset(compressed.recipe.dataset).calibration(INT8_IMAGES, CALIBRATION_SEED)
    return to_int8(_onnx(before), images)


def _snippet(code: str) -> str:
    return dedent(code).strip()


_RUN_ONNX = _snippet("""
    import numpy as np
    import onnxruntime

    network = onnxruntime.InferenceSession("NAME")
    images = np.zeros((1, SHAPE), np.float32)  # READY
    (logits,) = network.run(None, {"images": images})
    print(logits.argmax(1))
""")

FORMATS: Mapping[str, FileFormat] = {
    "packed": FileFormat(
        "Packed",
        "The weights in their few bits, as small as this page says.",
        ".safetensors",
        file_bytes,
        "compress-core",
        _snippet("""
            import compress_core as cc
            import torch

            network = cc.load_file("NAME")
            images = torch.zeros(1, SHAPE)  # READY
            logits = network(images).detach()
            print(logits.argmax(1))
        """),
    ),
    "program": FileFormat(
        "PyTorch program",
        "The network as torch.export writes it, in 32 bits: it runs without a line of this project.",
        ".pt2",
        to_program,
        "torch",
        _snippet("""
            import torch

            network = torch.export.load("NAME").module()
            images = torch.zeros(1, SHAPE)  # READY
            logits = network(images).detach()
            print(logits.argmax(1))
        """),
    ),
    "onnx": FileFormat(
        "ONNX", "The network in 32 bits, for any runtime.", ".onnx", _onnx, "numpy onnxruntime", _RUN_ONNX
    ),
    "int8": FileFormat(
        "ONNX, 8-bit integers",
        "The pruned network before its rounding, computed in 8-bit integers.",
        ".int8.onnx",
        _int8,
        "numpy onnxruntime",
        _RUN_ONNX,
    ),
}


def export(recipe: Recipe, cache: StageCache, form: str) -> bytes:
    """The file of a recipe's network in one of `FORMATS`.

    Raises:
        CompressError: onnx or onnxruntime is not installed; or the network cannot be written so.
    """
    return FORMATS[form].make(compress(recipe, cache))


def file_name(recipe: Recipe, form: str) -> str:
    """What a file is called: its architecture, and what was chosen."""
    chosen = recipe.to_query().replace("&", "-").replace("=", "") or "original"
    if len(chosen) > LONGEST:
        chosen = f"{chosen[:LONGEST]}-{blake2b(chosen.encode(), digest_size=4).hexdigest()}"
    return f"{recipe.arch}-{chosen}{FORMATS[form].ending}"


def snippet(recipe: Recipe, form: str) -> str:
    """Python that reads and runs that file."""
    data = dataset(recipe.dataset)
    ready = f"(pixels / 255 - mean) / std, mean = {data.mean}, std = {data.std}"
    code = FORMATS[form].snippet.replace("NAME", file_name(recipe, form))
    code = code.replace("SHAPE", ", ".join(map(str, data.input_shape))).replace("READY", ready)
    return f"# pip install {FORMATS[form].needs}\n{code}\n"
