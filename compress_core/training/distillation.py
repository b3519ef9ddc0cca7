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

BATCH = 512


class Teacher:
    """The logits of a network on training images; on fixed views they are taken once.

    Args:
        folder: where answers to fixed views are kept for other trainings; in memory alone if left out.
    """

    def __init__(self, model: nn.Module, data: Dataset, device: str = "cpu", folder: Path | None = None):
        self.model, self.data = prepare(model).to(device), data
        self.device, self.folder = device, folder
        self.kept: dict[int, Tensor] = {}
        weights = b"".join(tensor.cpu().numpy().tobytes() for tensor in model.state_dict().values())
        self.name = f"answers-{data.name}-{blake2b(weights, digest_size=6).hexdigest()}"

    def __call__(self, images: Tensor, index: Tensor, view: int | None = None) -> Tensor:
        """Its logits (N, classes) on a batch of images, which stand at `index` among the training images."""
        if view is None:
            with torch.no_grad():
                return self.model(images)
        if view not in self.kept:
            self.kept[view] = self._kept(view)
        return self.kept[view][index].to(self.device)

    def _kept(self, view: int) -> Tensor:
        """The answers to a view, from the folder if they are there."""
        if self.folder is None:
            return self._take(view)
        file = self.folder / f"{self.name}-view{view}.safetensors"
        with contextlib.suppress(OSError, SafetensorError, KeyError):  # not there, or damaged
            return load_file(file)["logits"]
        answers = self._take(view)
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(f".{os.getpid()}")
        save_file({"logits": answers}, unfinished)
        unfinished.replace(file)
        return answers

    @torch.no_grad()
    def _take(self, view: int) -> Tensor:
        """(training images, classes) what it answers to a view."""
        answers, indices = [], []
        for images, _, index in self.data.batches(BATCH, 0, view):
            answers.append(self.model(images.to(self.device, memory_format=torch.channels_last)).cpu())
            indices.append(index)
        found = torch.cat(answers)
        return torch.empty_like(found).index_copy_(0, torch.cat(indices), found)
