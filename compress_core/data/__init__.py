"""Datasets by name. A new one is one file with a `Dataset` and one line in the registry below."""

from functools import cache

from compress_core.data.base import Dataset
from compress_core.data.digits import Digits

_REGISTRY: dict[str, type[Dataset]] = {d.name: d for d in (Digits,)}


def datasets() -> list[str]:
    """The names that `dataset` takes."""
    return list(_REGISTRY)


@cache
def dataset(name: str) -> Dataset:
    """The dataset of that name; the same object at every call.

    Raises:
        ValueError: no dataset has this name.
    """
    if name not in _REGISTRY:
        raise ValueError(f"There is no dataset '{name}'. Choose one of: {', '.join(_REGISTRY)}.")
    return _REGISTRY[name]()


__all__ = ["Dataset", "dataset", "datasets"]
