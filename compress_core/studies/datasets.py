"""The datasets: what is at hand of each, and how more of it comes."""

from collections.abc import Callable, Generator
from pathlib import Path

import pandas as pd

from compress_core.data import dataset, reopen
from compress_core.data.cifar10 import Cifar10, download, keep_whole, read_torchvision
from compress_core.data.folder import user_folder
from compress_core.data.images import LabelledImages, read_images
from compress_core.data.own import keep_own


def count_images(name: str) -> pd.DataFrame:
    """How many originals each class has in each part: `part`, `label`, `images`."""
    rows = [(part, label, many) for part, own in dataset(name).counts().items() for label, many in enumerate(own)]
    return pd.DataFrame(rows, columns=["part", "label", "images"])


def examples(name: str) -> list[int]:
    """The place of the first test image of each class, in the order of the classes."""
    data = dataset(name)
    labels = data.test()[1].tolist()
    return [labels.index(label) for label in range(len(data.classes)) if label in labels]


def is_whole(name: str) -> bool:
    """Whether nothing of a dataset has to be fetched."""
    return name != Cifar10.name or dataset(name).is_whole


def fetch_whole() -> Generator[float, None, Path]:
    """Fetch the whole of CIFAR-10 over the network; yields the part that is there, 0…1.

    Raises:
        DataError: it cannot be fetched, or is damaged.
    """
    yield from download(user_folder())
    path = keep_whole(read_torchvision(user_folder(), download=True))
    reopen(Cifar10.name)
    return path


def add_own(source: Path, called: str, progress: Callable[[int, int], None]) -> tuple[str, LabelledImages]:
    """Read somebody's images and keep them as a dataset; returns its name, and what was read.

    Raises:
        DataError: as in `read_images` and `keep_own`.
    """
    images = read_images(source, progress=progress)
    return keep_own(images, called), images
