"""Caches and the gate: how many visitors share two cores."""

import threading
from dataclasses import dataclass

import pandas as pd
import streamlit as st
import torch

from compress_core.errors import CheckpointError
from compress_core.explain import network_name
from compress_core.files import file_bytes
from compress_core.measure import gzip_bytes
from compress_core.pipeline import compress, original_of
from compress_core.recipe import Recipe
from compress_core.stages import StageCache
from compress_core.study import Study, study
from compress_core.tradeoff.grid import load_grid
from compress_core.training.checkpoints import trained_widths

STAGES_KEPT = 96
STUDIES_KEPT = 512


@dataclass(frozen=True)
class Engine:
    """What all visitors share."""

    stages: StageCache
    gate: threading.Lock
    """One computation at a time: those who wait are served sooner than those who share two cores."""


@st.cache_resource
def engine() -> Engine:
    """The one engine of this server. Small networks run fastest with one thread an operation."""
    torch.set_num_threads(1)
    return Engine(StageCache(STAGES_KEPT), threading.Lock())


@dataclass(frozen=True)
class Outcome:
    """What could be measured of a recipe."""

    study: Study | None
    notices: tuple[str, ...] = ()
    """Sentences about what was damaged and what was taken instead."""


def measured(recipe: Recipe) -> Outcome:
    """The study of a recipe, or of the nearest one whose weights can be read."""
    return _measured(recipe.canonical().to_query(), checkpoints_version())


@st.cache_data(max_entries=STUDIES_KEPT, show_spinner=False)
def _measured(query: str, version: tuple) -> Outcome:
    shared = engine()
    wanted = Recipe.from_query(query)
    with shared.gate:
        original, lost = _nearest(original_of(wanted), shared.stages)
        recipe, missing = _nearest(wanted, shared.stages)
        notices = tuple(dict.fromkeys((*lost, *missing)))
        if original is None or recipe is None:
            return Outcome(None, notices)
        return Outcome(study(recipe, shared.stages, original), notices)


def _nearest(recipe: Recipe, stages: StageCache) -> tuple[Recipe | None, tuple[str, ...]]:
    """The recipe of the nearest width whose weights can be read, and a sentence where it is another one."""
    widths = sorted({recipe.width, *trained_widths(recipe.arch, recipe.dataset)}, key=lambda w: abs(w - recipe.width))
    first_error = ""
    for width in [recipe.width, *(w for w in widths if w != recipe.width)]:
        candidate = recipe.with_(width=width)
        try:
            compress(candidate, stages)
        except CheckpointError as error:
            first_error = first_error or str(error)
            continue
        return candidate, (f"{first_error} Taken instead: width {width:g}.",) if first_error else ()
    return None, (f"{first_error} No other width can be read either.",)


def checkpoints_version() -> tuple:
    """Changes when a checkpoint is replaced, so that no result outlives its weights."""
    from compress_core.training import checkpoints

    return tuple(sorted((p.name, p.stat().st_mtime_ns) for p in checkpoints.FOLDER.glob("*.safetensors")))


@st.cache_data(show_spinner=False)
def grid(arch: str, dataset: str) -> pd.DataFrame:
    """The table measured beforehand, with a name for each recipe."""
    table = load_grid(arch, dataset)
    names = [
        network_name(Recipe(dataset=dataset, arch=arch, width=row.width, prune=row.prune, bits=int(row.bits)))
        for row in table.itertuples()
    ]
    return table.assign(name=names)


def download(recipe: Recipe) -> bytes:
    """The file of a recipe's network."""
    shared = engine()
    with shared.gate:
        return file_bytes(compress(recipe, shared.stages))


@st.cache_data(max_entries=STUDIES_KEPT, show_spinner=False)
def gzipped(query: str) -> int:
    """The length of a recipe's file once gzipped; costs up to a tenth of a second, so it waits until asked for."""
    shared = engine()
    with shared.gate:
        return gzip_bytes(compress(Recipe.from_query(query), shared.stages))
