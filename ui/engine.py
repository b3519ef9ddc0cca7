"""Caches and the gate: how many visitors share two cores."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd
import streamlit as st
import torch

from compress_core.analysis.latency import Latency
from compress_core.errors import CheckpointError
from compress_core.explain import network_name
from compress_core.files import file_bytes
from compress_core.measure import gzip_bytes, time_against
from compress_core.pipeline import compress, original_of
from compress_core.recipe import Recipe
from compress_core.stages import StageCache
from compress_core.study import Cut, Study, study, study_cut
from compress_core.tradeoff.grid import load_grid
from compress_core.training.checkpoints import trained_widths

NETWORKS_KEPT = 96
RESULTS_KEPT = 1024

T = TypeVar("T")


@dataclass(frozen=True)
class Engine:
    """What all visitors share. Nothing in it belongs to one of them, and nobody changes what it hands out."""

    networks: StageCache
    results: StageCache
    gate: threading.Lock
    """One computation at a time: two visitors who queue are both served sooner than two who share two cores."""


@st.cache_resource
def engine() -> Engine:
    """The one engine of this server. Small networks run fastest with one thread an operation."""
    torch.set_num_threads(1)
    return Engine(StageCache(NETWORKS_KEPT), StageCache(RESULTS_KEPT), threading.Lock())


def _once(stage: str, key: Hashable, compute: Callable[[StageCache], T]) -> T:
    """A result from the cache, or computed when it is this visitor's turn."""
    shared = engine()

    def in_turn() -> T:
        with shared.gate:
            return compute(shared.networks)

    return shared.results.get(stage, key, in_turn)


@dataclass(frozen=True)
class Shown:
    """What is shown of a recipe: itself and its original, or the nearest whose weights can be read."""

    recipe: Recipe
    original: Recipe
    notices: tuple[str, ...]
    """Sentences about what was damaged and what was taken instead."""


def shown(recipe: Recipe) -> Shown:
    """The recipes to show.

    Raises:
        CheckpointError: no weights of this architecture can be read at all.
    """
    recipe = recipe.canonical()
    chosen, missing = _nearest(recipe)
    original, lost = _nearest(original_of(recipe))
    return Shown(chosen, original, tuple(dict.fromkeys((*lost, *missing))))


def _nearest(recipe: Recipe) -> tuple[Recipe, list[str]]:
    """The recipe of the nearest width whose weights can be read, and a sentence where it is another one."""
    others = sorted(trained_widths(recipe.arch, recipe.dataset), key=lambda width: abs(width - recipe.width))
    first: CheckpointError | None = None
    for width in (recipe.width, *others):
        candidate = recipe.with_(width=width)
        try:
            study_of_cut(candidate)
        except CheckpointError as error:
            first = first or error
        else:
            return candidate, [f"{first} Taken instead: width {width:g}."] if first else []
    raise first


def study_of_cut(recipe: Recipe) -> Cut:
    """Who stays and who goes, in milliseconds."""
    return _once("cut", recipe, lambda networks: study_cut(recipe, networks))


def study_of(what: Shown) -> Study:
    """The recipe measured beside its original."""
    return _once("study", what, lambda networks: study(what.recipe, networks, what.original))


def latency_of(what: Shown) -> Latency:
    """The recipe's time beside its original's."""
    return _once(
        "latency",
        what,
        lambda networks: time_against(compress(what.recipe, networks), compress(what.original, networks), networks),
    )


def gzipped(recipe: Recipe) -> int:
    """The length of the file once gzipped; it costs up to a tenth of a second, so it waits until asked for."""
    return _once("gzip", recipe, lambda networks: gzip_bytes(compress(recipe, networks)))


def download(recipe: Recipe) -> bytes:
    """The file of a recipe's network. Not kept: a megabyte is made anew in a hundredth of a second."""
    shared = engine()
    with shared.gate:
        return file_bytes(compress(recipe, shared.networks))


@st.cache_data(show_spinner=False)
def grid(arch: str, dataset: str) -> pd.DataFrame:
    """The table measured beforehand, with a name for each recipe."""
    table = load_grid(arch, dataset)
    names = [
        network_name(Recipe(dataset=dataset, arch=arch, width=row.width, prune=row.prune, bits=int(row.bits)))
        for row in table.itertuples()
    ]
    return table.assign(name=names)
