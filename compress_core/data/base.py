"""What every dataset offers: the one interface that training, healing and measuring read."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Batch(NamedTuple):
    """Some training images, as an epoch shows them."""

    images: Tensor
    """(N, C, H, W) float32."""
    labels: Tensor
    """(N,) int64."""
    index: Tensor
    """(N,) int64, the place of each among the training images: by it a teacher's answers are kept."""


class Dataset(ABC):
    """Images for one classification task, normalised and ready for a network.

    Three parts that never mix: *training* (`batches`, `calibration`), *validation* (read by
    whatever chooses: early stopping, a search) and *test* (read only by what is reported).
    """

    name: str
    title: str
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    """(C, H, W) of one image."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Per channel, of training images with values in 0…1."""
    stem_stride: int = 2
    """Of the `small` networks' first layer: 2 for drawings; 1 for photographs, whose details are finer, so that what
    comes behind it halves instead."""

    noun: str = "images"
    """What its images are, many of them, in a sentence."""
    usual_pieces: int = 1
    """How many of `pieces` a page's figures are taken from; the others sharpen its numbers."""
    teacher: str = ""
    """The architecture of the network that teaches others, at width 1; empty where none is trained to."""
    source: str = ""
    """Who made it, where it is from, and its licence: a line of Markdown."""
    drawn: bool = False
    """Whether its images are of what a pen draws."""
    own: bool = False
    """Whether somebody here brought it: it is not shipped, nor are networks for it."""

    @property
    def chance(self) -> float:
        """The accuracy of guessing, every class as likely: 0 … 1."""
        return 1 / len(self.classes)

    @abstractmethod
    def counts(self) -> Mapping[str, list[int]]:
        """How many originals of each class each part has: `training`, `validation`, `test`."""

    def labelled(self, count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        """`count` training images or fewer, with their labels; for what looks at labels without training."""
        batch = next(self.batches(count, seed))
        return batch.images, batch.labels

    @abstractmethod
    def test(self, whole: bool = False) -> tuple[Tensor, Tensor]:
        """Images (N, C, H, W) float32 and labels (N,) int64. Shared by all callers: read only.

        Args:
            whole: whether all that are at hand, and not as many of them as a knob can wait for; those come first.
        """

    def pieces(self) -> list[slice]:
        """All test images at hand, `test(whole=True)`, in pieces; a knob's first answer is taken from the first one."""
        return [slice(None)]

    def places(self, pieces: int | None = None) -> Tensor:
        """(N,) int64: where in the test the images of the first pieces (all if None) stand, in their order there."""
        of_all = torch.arange(len(self.test_sources(whole=True)))
        return torch.cat([of_all[piece] for piece in self.pieces()[:pieces]]).sort().values

    @abstractmethod
    def validation(self) -> tuple[Tensor, Tensor]:
        """As `test`, from images that neither training nor the test has seen."""

    @abstractmethod
    def test_sources(self, whole: bool = False) -> Tensor:
        """(N,) int64: which original each image of `test` was made from.

        Images of one source are not independent, and an interval must know it.
        """

    @abstractmethod
    def calibration(self, count: int, seed: int = 0) -> Tensor:
        """`count` training images (count, C, H, W), without labels."""

    @abstractmethod
    def batches(self, size: int, seed: int = 0, view: int | None = None) -> Iterator[Batch]:
        """One epoch of augmented training images, in an order drawn from `seed`.

        Args:
            view: what the augmentation is drawn from instead of `seed`: the same view shows the same images again.
        """

    @abstractmethod
    def see(self, picture: np.ndarray) -> np.ndarray:
        """What a network of this dataset is given of a picture from elsewhere.

        Args:
            picture: (H, W, 3) uint8, of any size.

        Returns:
            (height, width, C) uint8, made as the training images were; `normalise` makes it ready.

        Raises:
            DataError: there is nothing on it.
        """

    def normalise(self, pixels: np.ndarray) -> Tensor:
        """(N, H, W, C) uint8 as (N, C, H, W) float32, ready for a network."""
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
        scale = torch.tensor([1 / (255 * s) for s in self.std]).view(1, -1, 1, 1)
        shift = torch.tensor([m / s for m, s in zip(self.mean, self.std, strict=True)]).view(1, -1, 1, 1)
        return images.mul_(scale).sub_(shift)

    def pictures(self, images: Tensor) -> np.ndarray:
        """Normalised images (N, C, H, W) as uint8 (N, H, W, C), to be looked at."""
        mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (self.mean, self.std))
        values = (images * std + mean).clamp(0, 1).mul(255).round().to(torch.uint8)
        return values.permute(0, 2, 3, 1).contiguous().numpy()
