"""Compressing neural networks, measured: channel pruning, healing, quantization and the file that results."""

from compress_core.analysis.profile import profile
from compress_core.cache import StageCache
from compress_core.data import dataset, datasets
from compress_core.errors import CheckpointError, CompressError, DataError, UnsupportedModelError
from compress_core.files import load_file, save
from compress_core.measure import Measurement, gzip_bytes, measure
from compress_core.pipeline import Compressed, compress, original_of
from compress_core.pruning.channels import PruneResult, prune_channels
from compress_core.pruning.criteria import criteria
from compress_core.pruning.healing import absorb, compensate, healings, recalibrate, reconstruct
from compress_core.pruning.slimming import network_slimming
from compress_core.pruning.weights import WeightPruneResult, prune_weights, remove_empty_channels
from compress_core.quantization.calibration import calibrate
from compress_core.quantization.clipping import clippings
from compress_core.quantization.quantize import QuantizeResult, quantize
from compress_core.quantization.rounding import roundings
from compress_core.quantization.schemes import schemes
from compress_core.quantization.sensitivity import sensitivity, spend
from compress_core.recipe import Recipe, RecipeError
from compress_core.training.checkpoints import load
from compress_core.training.finetune import finetune
from compress_core.version import VERSION as __version__
from compress_core.zoo import architectures, build

__all__ = [
    "CheckpointError",
    "CompressError",
    "Compressed",
    "DataError",
    "Measurement",
    "PruneResult",
    "QuantizeResult",
    "Recipe",
    "RecipeError",
    "StageCache",
    "UnsupportedModelError",
    "WeightPruneResult",
    "__version__",
    "absorb",
    "architectures",
    "build",
    "calibrate",
    "clippings",
    "compensate",
    "compress",
    "criteria",
    "dataset",
    "datasets",
    "finetune",
    "gzip_bytes",
    "healings",
    "load",
    "load_file",
    "measure",
    "network_slimming",
    "original_of",
    "profile",
    "prune_channels",
    "prune_weights",
    "quantize",
    "recalibrate",
    "reconstruct",
    "remove_empty_channels",
    "roundings",
    "save",
    "schemes",
    "sensitivity",
    "spend",
]
