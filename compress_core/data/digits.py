"""Handwritten digits that travel with the library, so that everything works without a network."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.resources import files

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from compress_core.data.base import Batch, Dataset
from compress_core.data.warps import WarpRange, warp
from compress_core.errors import DataError

SPLIT_SEED, VALIDATION_SEED, TEST_SEED = 0, 1, 2
VALIDATION_PER_CLASS = TEST_PER_CLASS = 36
VALIDATION_WARPS, TEST_WARPS = 3, 6
MARGIN = 0.25
"""The part of an image that is free around a digit which is not warped."""
CELLS, CELL = 8, 4
"""Of the originals: pixels of a side, and how many of a scanned form's each counts in each direction."""
FAINTEST = 32
"""The least difference between ink and paper, of 255."""


class Digits(Dataset):
    """1,797 handwritten digits of 8×8 pixels, seen through random warps on 32×32.

    The images are the test set of E. Alpaydin and C. Kaynak's *Optical Recognition of Handwritten
    Digits* (UCI Machine Learning Repository, 1998, CC BY 4.0), as scikit-learn ships them.
    36 digits of each class are kept for validation and 36 for test. The test set is each of its 360
    digits under six fixed warps (2,160 images); training draws fresh warps in every epoch.
    """

    name = "digits"
    title = "Handwritten digits"
    noun = "digits"
    drawn = True
    usual_pieces = TEST_WARPS
    classes = tuple("0123456789")
    input_shape = (1, 32, 32)
    mean = (0.27,)
    std = (0.32,)
    teacher = "resnet18"
    source = (
        "E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits* (UCI Machine Learning Repository, "
        "1998), its test set, CC BY 4.0, as scikit-learn ships it"
    )
    ranges = WarpRange()
    straight = WarpRange(0, 0, 0, 0, 0, 0)

    @cached_property
    def _parts(self) -> dict[str, tuple[Tensor, Tensor]]:
        with np.load(files("compress_core.data") / "digits.npz") as stored:
            images = torch.from_numpy(stored["images"]).float().unsqueeze(1) / 16  # stored as 0…16
            labels = torch.from_numpy(stored["labels"]).long()
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(SPLIT_SEED))
        parts: dict[str, list[Tensor]] = {"test": [], "validation": [], "training": []}
        for label in range(len(self.classes)):
            of_class = order[labels[order] == label]
            test, validation, training = of_class.tensor_split([TEST_PER_CLASS, TEST_PER_CLASS + VALIDATION_PER_CLASS])
            parts["test"].append(test)
            parts["validation"].append(validation)
            parts["training"].append(training)
        indices = {part: torch.cat(chosen) for part, chosen in parts.items()}
        return {part: (images[index], labels[index]) for part, index in indices.items()}

    def _views(self, images: Tensor, generator: torch.Generator) -> Tensor:
        views = warp(images, self.input_shape[1], MARGIN, self.ranges, generator)
        return (views - self.mean[0]) / self.std[0]

    def _fixed_views(self, part: str, warps: int, seed: int) -> tuple[Tensor, Tensor]:
        images, labels = self._parts[part]
        generator = torch.Generator().manual_seed(seed)
        return self._views(images.repeat_interleave(warps, 0), generator), labels.repeat_interleave(warps)

    @cached_property
    def _test(self) -> tuple[Tensor, Tensor]:
        return self._fixed_views("test", TEST_WARPS, TEST_SEED)

    @cached_property
    def _validation(self) -> tuple[Tensor, Tensor]:
        return self._fixed_views("validation", VALIDATION_WARPS, VALIDATION_SEED)

    def counts(self) -> Mapping[str, list[int]]:
        return {part: labels.bincount().tolist() for part, (_, labels) in self._parts.items()}

    def pieces(self) -> list[slice]:
        return [slice(warp, None, TEST_WARPS) for warp in range(TEST_WARPS)]  # each has every original once

    def test(self, whole: bool = False) -> tuple[Tensor, Tensor]:
        return self._test

    def validation(self) -> tuple[Tensor, Tensor]:
        return self._validation

    def test_sources(self, whole: bool = False) -> Tensor:
        return torch.arange(len(self._parts["test"][1])).repeat_interleave(TEST_WARPS)

    def calibration(self, count: int, seed: int = 0) -> Tensor:
        images, _ = self._parts["training"]
        generator = torch.Generator().manual_seed(seed)
        rounds = -(-count // len(images))
        order = torch.cat([torch.randperm(len(images), generator=generator) for _ in range(rounds)])[:count]
        return self._views(images[order], generator)

    def see(self, picture: np.ndarray) -> np.ndarray:
        """As Alpaydin & Kaynak made theirs from NIST's forms: the ink, cut out and made one size, black or white in
        32×32; then how much of it lies in each of 8×8 cells.
        """
        grey = np.asarray(Image.fromarray(picture).convert("L"), dtype=np.float32)
        darkest, brightest = np.percentile(grey, (1, 99))
        if brightest - darkest < FAINTEST:
            raise DataError("There is no digit to be seen: ink and paper are of one brightness. Give another picture.")
        edges = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
        on_paper = np.median(edges) > (darkest + brightest) / 2
        ink = (grey < (darkest + brightest) / 2) == on_paper
        rows, columns = (np.flatnonzero(ink.any(axis)) for axis in (1, 0))
        cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        side = CELLS * CELL
        scale = side / max(cut.shape)
        height, width = (max(1, round(scale * length)) for length in cut.shape)
        fitted = Image.fromarray(np.uint8(255 * cut)).resize((width, height), Image.Resampling.BOX)
        form = np.zeros((side, side), dtype=np.float32)
        top, left = (side - height) // 2, (side - width) // 2
        form[top : top + height, left : left + width] = np.asarray(fitted) >= 128
        cells = torch.from_numpy(form.reshape(CELLS, CELL, CELLS, CELL).mean((1, 3)))
        view = warp(cells[None, None], self.input_shape[1], MARGIN, self.straight, torch.Generator())[0]
        return view.mul(255).round().to(torch.uint8).permute(1, 2, 0).numpy()

    def batches(self, size: int, seed: int = 0, view: int | None = None) -> Iterator[Batch]:
        images, labels = self._parts["training"]
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(images), generator=generator)
        if view is None:
            views = self._views(images[order], generator)
        else:
            views = self._views(images, torch.Generator().manual_seed(view))[order]
        yield from map(Batch, views.split(size), labels[order].split(size), order.split(size))
