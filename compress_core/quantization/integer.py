"""Networks as ONNX, in float and in 8-bit integers, and onnxruntime to run them where it is installed.

Everything else works without it, so it is imported where it is used, and `missing` says whether it lacks.
"""

import importlib
import io
import tempfile
import threading
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from compress_core.errors import CompressError, UnsupportedModelError
from compress_core.layers.duplicate import duplicate
from compress_core.layers.running import run_on

PACKAGES = ("onnx", "onnxruntime")
BATCH = 64
OTHERS = 5
"""Images of which a file, made from one, has to give what the network gives."""
NEAR = 1e-3
"""Of the largest output."""
_exporting = threading.Lock()  # torch's exporter keeps what it is about in globals


def missing() -> str:
    """What lacks here to run networks as ONNX, as a sentence for a person; '' where nothing does."""
    lacking = [name for name in PACKAGES if not _is_there(name)]
    if not lacking:
        return ""
    verb = "is" if len(lacking) == 1 else "are"
    return f"Networks as ONNX need {' and '.join(lacking)}, which {verb} not installed: pip install {' '.join(lacking)}"


def _is_there(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def _need_packages() -> None:
    if lacks := missing():
        raise CompressError(lacks)


def to_onnx(model: nn.Module, example_input: Tensor) -> bytes:
    """The file of a network in ONNX, float32 and in eval mode, for any number of images at a time.

    It reads `images` (N, C, H, W) and gives `logits`. A BatchNorm that directly follows a convolution becomes part of
    it; behind a ragged one only where `compress_core.layers.inference.fold_batchnorm` has gone before.

    Args:
        model: it stays as it was.
        example_input: images of the size that the network is made for; their values do not matter.

    Raises:
        CompressError: onnx or onnxruntime is not installed.
        UnsupportedModelError: the network does something that ONNX has no operator for, gives something else than one
            tensor, or does not do the same for every number of images.
    """
    _need_packages()
    network, file = duplicate(model, device="cpu").float().eval(), io.BytesIO()
    example = example_input[:1].detach().cpu().float()
    several = torch.cat([example] * OTHERS) + torch.randn(
        OTHERS, *example.shape[1:], generator=torch.Generator().manual_seed(0)
    )
    with torch.inference_mode():
        wanted = run_on(network, several)
    if not isinstance(wanted, Tensor):
        raise UnsupportedModelError(
            f"{type(model).__name__} gives {type(wanted).__name__} and not one tensor: put it into a module that does."
        )
    axes = {"images": {0: "N"}, "logits": {0: "N"}}
    with _exporting, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tracing is deprecated, and that it takes sizes over
        try:
            torch.onnx.export(
                network,
                (example,),
                file,
                input_names=["images"],
                output_names=["logits"],
                dynamic_axes=axes,
                dynamo=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            why = str(error).strip().partition("\n")[0].rstrip(".")
            raise UnsupportedModelError(f"This network cannot be written as ONNX: {why}.") from error
    given = run_onnx(file.getvalue(), several)
    if given.shape != wanted.shape or not (given - wanted).abs().max() <= NEAR * wanted.abs().max():
        raise UnsupportedModelError(
            f"{type(model).__name__} cannot be written as ONNX: made from one image, the file gives something else for "
            "another number of images. Something in its forward depends on that number."
        )
    return file.getvalue()


def to_int8(data: bytes, images: Tensor) -> bytes:
    """The file of a network in ONNX that multiplies and adds 8-bit integers, from its file in float.

    Weights get a scale for each output channel and codes from −64 to 64, because processors without VNNI add pairs of
    products in 16 bits, which more would overflow. Activations get a scale and a zero point for each tensor, from
    the smallest and the largest value that `images` give. The same input makes the same file.

    Args:
        data: what `to_onnx` made.
        images: (N, C, H, W) calibration images; some hundred are enough.

    Raises:
        CompressError: onnx or onnxruntime is not installed.
        ValueError: there is no image.
    """
    _need_packages()
    if not len(images):
        raise ValueError("Quantizing activations needs at least one image.")
    import onnx
    from onnxruntime import quantization

    with tempfile.TemporaryDirectory() as folder:
        simplified, quantized = Path(folder, "simplified.onnx"), Path(folder, "quantized.onnx")
        quantization.quant_pre_process(onnx.load_from_string(data), simplified, skip_symbolic_shape=True)
        graph = onnx.load(simplified).graph
        whole = {info.name for info in graph.value_info if info.type.tensor_type.elem_type == onnx.TensorProto.INT64}
        quantization.quantize_static(
            simplified,
            quantized,
            _Calibration(images),
            quant_format=quantization.QuantFormat.QOperator,  # QDQ's files are larger by 11 to 70 %
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            nodes_to_exclude=[node.name for node in graph.node if whole.issuperset(node.output)],
        )
        return quantized.read_bytes()


class _Calibration:
    """Images as onnxruntime's quantizer asks for them: a batch at a time, and None after the last."""

    def __init__(self, images: Tensor):
        self.batches = iter(images.split(BATCH))

    def get_next(self) -> dict | None:
        batch = next(self.batches, None)
        return None if batch is None else {"images": _array(batch)}


class Session:
    """A network in ONNX, ready to be run on the processor: images (N, C, H, W) → logits. Threads may share it.

    Args:
        data: the file.
        threads: for each operation; left out, as many as torch uses.

    Raises:
        CompressError: onnx or onnxruntime is not installed.
    """

    def __init__(self, data: bytes, threads: int | None = None):
        _need_packages()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        # Its threads would go on waiting busily after a run, in the time of whoever is next.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    def __call__(self, images: Tensor) -> Tensor:
        (logits,) = self.session.run(None, {"images": _array(images)})
        return torch.from_numpy(logits)


def run_onnx(data: bytes, images: Tensor) -> Tensor:
    """The logits (N, classes) that a file in ONNX gives for images (N, C, H, W), batch by batch.

    Raises:
        CompressError: onnx or onnxruntime is not installed.
    """
    session = Session(data)
    return torch.cat([session(batch) for batch in images.split(BATCH)])


def _array(images: Tensor):
    return images.detach().cpu().float().contiguous().numpy()
