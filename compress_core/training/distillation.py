"""A teacher: a trained network whose logits a student is to come near."""

import torch
from torch import Tensor, nn

from compress_core.data import Dataset
from compress_core.layers.inference import prepare

BATCH = 512


class Teacher:
    """The logits of a network on training images; on fixed views they are taken once.

    Args:
        views: how many fixed views there are, as in a `TrainingPlan`; 0 where every epoch has fresh ones.
    """

    def __init__(self, model: nn.Module, data: Dataset, views: int = 0, device: str = "cpu"):
        self.model, self.data, self.views = prepare(model).to(device), data, views
        self.device = device
        self.kept: dict[int, Tensor] = {}

    def __call__(self, images: Tensor, index: Tensor, view: int | None = None) -> Tensor:
        """Its logits (N, classes) on a batch of images, which stand at `index` among the training images."""
        if view is None:
            with torch.no_grad():
                return self.model(images)
        if view not in self.kept:
            self.kept[view] = self._take(view)
        return self.kept[view][index].to(self.device)

    @torch.no_grad()
    def _take(self, view: int) -> Tensor:
        """(training images, classes) what it answers to a view."""
        answers, indices = [], []
        for images, _, index in self.data.batches(BATCH, 0, view):
            answers.append(self.model(images.to(self.device, memory_format=torch.channels_last)).cpu())
            indices.append(index)
        found = torch.cat(answers)
        return torch.empty_like(found).index_copy_(0, torch.cat(indices), found)
