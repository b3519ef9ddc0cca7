"""Datasets by name. A new one is one file with a `Dataset` and one line below."""

from compress_core.data.base import Batch, Dataset
from compress_core.data.cifar10 import Cifar10
from compress_core.data.digits import Digits
from compress_core.registry import DATASETS

DATASETS.register(**{kind.name: kind for kind in (Digits, Cifar10)})
_opened: dict[type[Dataset], Dataset] = {}


def datasets() -> list[str]:
    """The names that `dataset` takes."""
    return list(DATASETS)


def dataset(name: str) -> Dataset:
    """The dataset of that name; the same object at every call.

    Raises:
        ValueError: no dataset has this name.
    """
    kind = DATASETS[name]
    if kind not in _opened:
        _opened[kind] = kind()
    return _opened[kind]


__all__ = ["Batch", "Dataset", "dataset", "datasets"]
