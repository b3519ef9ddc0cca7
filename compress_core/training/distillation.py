"""A teacher: a trained network whose logits a student is to come near."""

import contextlib
import os
from hashlib import blake2b
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from compress_core.data import Dataset
from compress_core.layers.inference import prepare


class Teacher:
    """The logits of a network on training images; on fixed views each image is asked about once.

    Args:
        data: on which it teaches.
        folder: where answers to fixed views are kept for other trainings; in memory alone if left out.
    """

    def __init__(self, model: nn.Module, data: Dataset, device: str = "cpu", folder: Path | None = None):
        self.model, self.classes = prepare(model).to(device), len(data.classes)
        self.device, self.folder = device, folder
        self.kept: dict[int, Tensor] = {}
        """(images, classes) by view, NaN where nothing was asked yet."""
        weights = b"".join(tensor.cpu().numpy().tobytes() for tensor in model.state_dict().values())
        self.name = f"answers-{data.name}-{blake2b(weights, digest_size=6).hexdigest()}"

    def __call__(self, images: Tensor, index: Tensor, view: int | None = None) -> Tensor:
        """Its logits (N, classes) on a batch of images, which stand at `index` among the training images."""
        if view is None:
            return self._answer(images)
        if view not in self.kept:
            self.kept[view] = self._stored(view)
        kept = self.kept[view]
        if (more := int(index.max()) + 1 - len(kept)) > 0:
            kept = self.kept[view] = torch.cat([kept, torch.full((more, self.classes), torch.nan)])
        if kept[index].isnan().any():
            kept[index] = self._answer(images).float().cpu()
            if self.folder is not None and not kept.isnan().any():
                self._store(view)
        return kept[index].to(self.device)

    @torch.no_grad()
    def _answer(self, images: Tensor) -> Tensor:
        return self.model(images)

    def _file(self, view: int) -> Path:
        return self.folder / f"{self.name}-view{view}.safetensors"

    def _stored(self, view: int) -> Tensor:
        """The answers to a view as another training left them, or none."""
        if self.folder is not None:
            with contextlib.suppress(OSError, SafetensorError, KeyError):  # not there, or damaged
                return load_file(self._file(view))["logits"]
        return torch.empty(0, self.classes)

    def _store(self, view: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._file(view).with_suffix(f".{os.getpid()}")
        save_file({"logits": self.kept[view]}, unfinished)
        unfinished.replace(self._file(view))
