"""Datasets by name. A new one is one file with a `Dataset` and one line in the registry below."""

from functools import cache

from compress_core.data.base import Dataset
from compress_core.data.digits import Digits
from compress_core.registry import Registry

DATASETS: Registry[type[Dataset]] = Registry("dataset", {d.name: d for d in (Digits,)})


def datasets() -> list[str]:
    """The names that `dataset` takes."""
    return list(DATASETS)


@cache
def dataset(name: str) -> Dataset:
    """The dataset of that name; the same object at every call.

    Raises:
        ValueError: no dataset has this name.
    """
    return DATASETS[name]()


__all__ = ["Dataset", "dataset", "datasets"]
