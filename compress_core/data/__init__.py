"""Datasets by name. A new one is one file with a `Dataset` and one line below; a person's own are in their cache."""

from compress_core.data.base import Batch, Dataset
from compress_core.data.cifar10 import Cifar10
from compress_core.data.digits import Digits
from compress_core.data.own import register_own
from compress_core.registry import DATASETS

DATASETS.register(**{kind.name: kind for kind in (Digits, Cifar10)})
register_own()
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


def reopen(name: str) -> None:
    """Read a dataset anew when it is asked for next: more of it has come."""
    _opened.pop(DATASETS[name], None)


def shipped_datasets() -> list[str]:
    """The names of those that are not somebody's own."""
    return [name for name, kind in DATASETS.items() if not kind.own]


__all__ = ["Batch", "Dataset", "dataset", "datasets", "reopen", "shipped_datasets"]
