"""Colour photographs held in memory as bytes: what CIFAR-10 and a folder of one's own have in common."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from compress_core.data.base import Batch, Dataset
from compress_core.data.images import middle_square

SHIFT = 4
"""Pixels by which a training image may move, its edges mirrored."""
PIECE, USUAL_PIECES = 1000, 2
"""Test images that are looked at together, and how many times as many a page's figures are taken from."""
LIVE_TESTS = PIECE * USUAL_PIECES


@dataclass(frozen=True)
class Part:
    """Images (N, H, W, 3) uint8 and labels (N,) int64."""

    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def mirrored_edges(self) -> np.ndarray:
        """(N, H + 2·SHIFT, W + 2·SHIFT, 3): every shifted view is a window of it."""
        return np.pad(self.pixels, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), "reflect")


class Photographs(Dataset):
    """Photographs of `parts` training, calibration, validation and test; a training image is shifted and mirrored.

    The mirror alternates (Jordan 2024, *94 % on CIFAR-10 in 3.29 Seconds on a Single GPU*, section 3.6): an image drawn
    one way in one epoch is drawn the other way in the next, so that two epochs show both.
    """

    stem_stride = 1
    usual_pieces = USUAL_PIECES

    @property
    @abstractmethod
    def parts(self) -> Mapping[str, Part]:
        """`training`, `calibration`, `validation` and `test`; calibration is a part of training."""

    def counts(self) -> Mapping[str, list[int]]:
        shown = ("training", "validation", "test")
        return {name: np.bincount(self.parts[name].labels, minlength=len(self.classes)).tolist() for name in shown}

    def labelled(self, count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Of the calibration images: the same whether or not all training images are at hand."""
        part = self.parts["calibration"]
        order = torch.randperm(len(part), generator=torch.Generator().manual_seed(seed))[:count].numpy()
        return self.normalise(part.pixels[order]).contiguous(), torch.from_numpy(part.labels[order])

    def see(self, picture: np.ndarray) -> np.ndarray:
        return middle_square(picture, self.input_shape[1])

    def _whole(self, part: Part) -> tuple[Tensor, Tensor]:
        return self.normalise(part.pixels).contiguous(), torch.from_numpy(part.labels)

    @cached_property
    def _test(self) -> tuple[Tensor, Tensor]:
        return self._whole(self.parts["test"])

    @cached_property
    def _live_test(self) -> tuple[Tensor, Tensor]:
        part = self.parts["test"]
        return self._whole(Part(part.pixels[:LIVE_TESTS], part.labels[:LIVE_TESTS]))

    @cached_property
    def _validation(self) -> tuple[Tensor, Tensor]:
        return self._whole(self.parts["validation"])

    def test(self, whole: bool = False) -> tuple[Tensor, Tensor]:
        return self._test if whole else self._live_test

    def pieces(self) -> list[slice]:
        return [slice(start, start + PIECE) for start in range(0, len(self.parts["test"]), PIECE)]

    def validation(self) -> tuple[Tensor, Tensor]:
        return self._validation

    def test_sources(self, whole: bool = False) -> Tensor:
        many = len(self.parts["test"])
        return torch.arange(many if whole else min(many, LIVE_TESTS))

    def calibration(self, count: int, seed: int = 0) -> Tensor:
        part, generator = self.parts["calibration"], torch.Generator().manual_seed(seed)
        rounds = -(-count // len(part))
        order = torch.cat([torch.randperm(len(part), generator=generator) for _ in range(rounds)])[:count]
        return self.normalise(part.pixels[order.numpy()]).contiguous()

    def batches(self, size: int, seed: int = 0, view: int | None = None) -> Iterator[Batch]:
        part = self.parts["training"]
        labels = torch.from_numpy(part.labels)
        order = torch.randperm(len(part), generator=torch.Generator().manual_seed(seed))
        shifts, mirrored = self._view(len(part), seed if view is None else view)
        height, width = part.pixels.shape[1:3]
        windows = np.lib.stride_tricks.sliding_window_view(part.mirrored_edges, (height, width), (1, 2))
        windows = np.moveaxis(windows, 3, 5)  # (N, 2·SHIFT + 1, 2·SHIFT + 1, H, W, 3)
        for chosen in order.split(size):
            index = chosen.numpy()
            pixels = windows[index, shifts[index, 0], shifts[index, 1]]
            turned = mirrored[index]
            pixels[turned] = pixels[turned, :, ::-1]
            yield Batch(self.normalise(pixels), labels[chosen], chosen)

    @staticmethod
    def _view(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """How far each image is shifted (N, 2), and whether it is mirrored (N,)."""
        first = torch.Generator().manual_seed(0)  # who is mirrored in even views; in odd ones it is the others
        mirrored = torch.rand(count, generator=first).lt(0.5) ^ bool(seed % 2)
        shifts = torch.randint(2 * SHIFT + 1, (count, 2), generator=torch.Generator().manual_seed(seed))
        return shifts.numpy(), mirrored.numpy()
