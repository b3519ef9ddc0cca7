"""Trained weights on disk: one safetensors file a network, with the command that made it in its metadata."""

import copy
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from compress_core.data import Dataset
from compress_core.data import dataset as get_dataset
from compress_core.data.folder import user_folder, write_whole
from compress_core.errors import CheckpointError
from compress_core.layers.duplicate import duplicate
from compress_core.layers.vision import torchvision
from compress_core.registry import DATASETS
from compress_core.zoo import architecture, architectures, build

FOLDER = Path(__file__).parent.parent / "checkpoints"
SEAL = "seal"
"""The metadata's name for the checksum; what is shipped has one, and so has what is written here."""
OWN = "own-"
"""How the names of weights begin that were trained by a person in the app."""


def folder_of(dataset: str, weights: str = "plain") -> Path:
    """Where weights of that name are kept: those that are shipped, and those that were trained here."""
    here = weights.startswith(OWN) or getattr(DATASETS.get(dataset), "own", False)
    return user_folder() / "runs" if here else FOLDER


def checkpoint_path(
    arch: str, width: float, dataset: str, weights: str = "plain", folder: Path | None = None, **options: object
) -> Path:
    """Where the weights of that network are kept; `options` are those that `build` takes, defaults left out."""
    name = f"{arch}{_variant(options)}-{width:.2f}-{dataset}-{weights}.safetensors"
    return (folder or folder_of(dataset, weights)) / name


def _variant(options: Mapping[str, object]) -> str:
    return "".join(f"+{name}={value}" for name, value in sorted(options.items()))


def trained_values(arch: str, dataset: str, option: str, folder: Path | None = None) -> list[object]:
    """The values of an option with which an architecture is trained, in the order of its registry entry.

    The first of them, the default, stands in no file's name.
    """
    values = architecture(arch).options.get(option, ())
    default, *others = values or (None,)
    found = [default] if trained_widths(arch, dataset, folder=folder) else []
    return found + [value for value in others if trained_widths(arch, dataset, folder=folder, **{option: value})]


def trained_widths(
    arch: str, dataset: str, weights: str = "plain", folder: Path | None = None, **options: object
) -> list[float]:
    """The width multipliers for which there is a checkpoint, smallest first; `options` as in `checkpoint_path`."""
    network = re.escape(arch + _variant(options))
    pattern = re.compile(rf"{network}-(\d+\.\d\d)-{re.escape(dataset)}-{re.escape(weights)}\.safetensors")
    folder = folder or folder_of(dataset, weights)
    names = _names(folder, folder.stat().st_mtime_ns) if folder.is_dir() else ()
    return sorted(float(match[1]) for match in map(pattern.fullmatch, names) if match)


@lru_cache(maxsize=16)
def _names(folder: Path, modified: int) -> tuple[str, ...]:
    """The checkpoints in a folder; every page asks more than ten times."""
    return tuple(path.name for path in folder.glob("*.safetensors"))


def weights_name(sparsity: float) -> str:
    """What a recipe calls weights trained under this λ: `plain`, or `sparse-` and the λ."""
    return f"sparse-{sparsity:g}" if sparsity else "plain"


def in_half_precision(model: nn.Module) -> nn.Module:
    """A copy whose weights, not its biases and BatchNorms, are rounded to what float16 holds."""
    rounded = copy.deepcopy(model)
    for parameter in rounded.parameters():
        if parameter.dim() > 1:
            parameter.data = parameter.data.half().float()
    return rounded


def save_checkpoint(model: nn.Module, path: Path, metadata: Mapping[str, object]) -> None:
    """Write the weights, whole or not at all: what float16 holds exactly as float16, everything else as float32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: t.detach().contiguous() for name, t in model.state_dict().items() if t.is_floating_point()}
    tensors = {name: t.half() if torch.equal(t.half().float(), t) else t for name, t in tensors.items()}
    story = {key: str(value) for key, value in metadata.items()}
    sealed = story | {SEAL: seal_of(tensors, story)}
    write_whole(path, lambda unfinished: save_file(tensors, unfinished, metadata=sealed))


def seal_of(tensors: Mapping[str, torch.Tensor], story: Mapping[str, str]) -> str:
    """A checksum of everything that a checkpoint holds, but for the seal itself."""
    digest = blake2b(digest_size=16)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    for key, text in sorted(story.items()):
        if key != SEAL:
            digest.update(f"{key}={text}\n".encode())
    return digest.hexdigest()


def read_checkpoint(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors by name, and the metadata.

    Raises:
        CheckpointError: the file is missing, damaged, or holds a value that is not a number.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint '{path.name}' in {path.parent}.")
    try:
        with safe_open(path, framework="pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (not a mapping)
            metadata = dict(stored.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"The checkpoint '{path.name}' cannot be read ({error}). Restore the file, or train the network again "
            "with 'python -m compress_core train'."
        ) from error
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise CheckpointError(f"The checkpoint '{path.name}' holds values that are not numbers, in '{broken[0]}'.")
    sealed = SEAL in metadata or path.parent == FOLDER
    if sealed and metadata.get(SEAL) != seal_of(tensors, metadata):
        raise CheckpointError(
            f"The checkpoint '{path.name}' is damaged: its checksum is another one. Restore the file, or train the "
            "network again with 'python -m compress_core train'."
        )
    return tensors, metadata


def read_metadata(path: Path) -> dict[str, str]:
    """The story of a checkpoint, without its tensors.

    Raises:
        CheckpointError: as in `read_checkpoint`.
    """
    try:
        with safe_open(path, framework="pt") as stored:
            return dict(stored.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"The checkpoint '{path.name}' cannot be read ({error}).") from error


def load_weights(model: nn.Module, tensors: Mapping[str, torch.Tensor], origin: str) -> nn.Module:
    """Fill `model` in place and return it in eval mode.

    Integers, such as BatchNorm's batch counters, may be missing; everything else must be there in its shape.

    Raises:
        CheckpointError: names or shapes do not fit.
    """
    try:
        missing, unexpected = model.load_state_dict(dict(tensors), strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"{origin} does not fit this network: {str(error).splitlines()[-1].strip()}") from error
    own = model.state_dict()
    missing = [name for name in missing if own[name].is_floating_point()]
    if missing or unexpected:
        detail = f"'{missing[0]}' is missing" if missing else f"'{unexpected[0]}' is not part of it"
        raise CheckpointError(f"{origin} does not fit this network: {detail}.")
    return model.eval()


def build_for(arch: str, width: float, data: Dataset, **options: object) -> nn.Module:
    """The untrained `small` network for a dataset's images and classes."""
    options = {"stem_stride": data.stem_stride, **options}
    return build(arch, width, "small", len(data.classes), data.input_shape[0], **options)


@cache
def _load(path: Path, modified: int, arch: str, width: float, dataset: str, **options: object) -> nn.Module:
    data = get_dataset(dataset)
    tensors, _ = read_checkpoint(path)
    model = build_for(arch, width, data, **options)
    return load_weights(model, {name: t.float() for name, t in tensors.items()}, f"The checkpoint '{path.name}'")


def load(
    arch: str, width: float = 1.0, dataset: str = "digits", weights: str = "plain", **options: object
) -> nn.Module:
    """The trained network, in eval mode; a fresh copy at every call.

    Args:
        dataset: what it was trained on; `imagenet` for the paper's network with torchvision's weights, fetched once
            over the network and kept in torch's own cache.
        options: what `build` takes beyond the width, where they differ from its defaults: `shuffle=False`.

    Raises:
        CheckpointError: there is no such checkpoint, it is damaged, or it cannot be fetched.
    """
    if dataset == "imagenet":
        return _load_pretrained(arch, width)
    path = checkpoint_path(arch, width, dataset, weights, **options)
    if not path.is_file():
        widths = ", ".join(f"{w:g}" for w in trained_widths(arch, dataset, weights, **options)) or "none"
        variant = "".join(f", {name}={value}" for name, value in options.items())
        raise CheckpointError(
            f"There is no trained {arch} of width {width:g} for {dataset} ({weights}{variant}). "
            f"Trained widths: {widths}."
        )
    return duplicate(_load(path, path.stat().st_mtime_ns, arch, width, dataset, **options))


def _load_pretrained(arch: str, width: float) -> nn.Module:
    source = architecture(arch).pretrained
    if source is None or width not in source.widths:
        reachable = [(name, architecture(name).pretrained) for name in architectures(yardsticks=True)]
        offers = [f"{name} ({', '.join(f'{w:g}' for w in p.widths)})" for name, p in reachable if p is not None]
        raise CheckpointError(
            f"There are no ImageNet weights for {arch} of width {width:g}. There are some for: {', '.join(offers)}."
        )
    name = source.widths[width]
    try:
        state = torchvision().models.get_model_weights(name).DEFAULT.get_state_dict(progress=False, check_hash=True)
    except ImportError as error:
        raise CheckpointError(f"ImageNet weights come from torchvision, which is not installed ({error}).") from error
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f"The ImageNet weights of {name} cannot be fetched ({error}). They need a network once; then they are "
            f"kept in {torch.hub.get_dir()}."
        ) from error
    model = build(arch, width, "imagenet", 1000, **source.options)
    return load_weights(model, source.convert(state), f"torchvision's {name}")
