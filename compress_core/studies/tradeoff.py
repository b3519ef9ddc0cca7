"""A measured grid of recipes for one architecture, shipped as a table so that a page has a background at once."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from compress_core.cache import StageCache
from compress_core.files import file_bytes
from compress_core.measure import Measurement
from compress_core.pipeline import compress
from compress_core.recipe import Recipe
from compress_core.studies.accuracy import study_accuracy

FOLDER = Path(__file__).parent / "grids"
WIDTHS = (0.25, 0.5, 0.75, 1.0)
RATIOS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
BITS = (2, 3, 4, 5, 6, 8, 32)
COLUMNS = ["width", "prune", "bits", "accuracy", "samples", "params", "file_bytes"]


def grid_path(arch: str, dataset: str) -> Path:
    """Where the table of an architecture on a dataset is kept."""
    return FOLDER / f"{arch}-{dataset}.csv"


def measure_grid(
    arch: str, dataset: str, progress: Callable[[int, int], None] = lambda done, total: None
) -> pd.DataFrame:
    """Measure every width × ratio × bit width of the grid; a row per recipe, on the test images."""
    cache = StageCache()
    points = list(itertools.product(WIDTHS, RATIOS, BITS))
    rows = []
    for done, (width, prune, bits) in enumerate(points, start=1):
        rows.append(measure_point(Recipe(dataset=dataset, arch=arch, width=width, prune=prune, bits=bits), cache))
        progress(done, len(points))
    return pd.DataFrame(rows, columns=COLUMNS)


def measure_point(recipe: Recipe, cache: StageCache) -> tuple:
    """The grid's row of one recipe."""
    compressed = compress(recipe, cache)
    found = study_accuracy(recipe, cache)
    params = sum(p.numel() for p in compressed.model.parameters())
    accuracy = round(found.value, 4)
    return recipe.width, recipe.prune, recipe.bits, accuracy, found.samples, params, len(file_bytes(compressed))


def write_grid(grid: pd.DataFrame, path: Path, command: str) -> None:
    """Write the table with the command that made it in its first line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# {command}\n{grid.to_csv(index=False)}")


def load_grid(arch: str, dataset: str) -> pd.DataFrame:
    """The shipped table, with the `recipe` of each row; empty where none was measured."""
    path = grid_path(arch, dataset)
    table = pd.read_csv(path, comment="#") if path.is_file() else pd.DataFrame(columns=COLUMNS)
    rows = table[["width", "prune", "bits"]].to_dict("records")
    return table.assign(recipe=[Recipe(dataset=dataset, arch=arch, **row).canonical() for row in rows])


def better_in(grid: pd.DataFrame, own: Measurement) -> pd.DataFrame:
    """The rows of the grid that are more accurate than this network and as small, the most accurate first."""
    more = grid["accuracy"].gt(round(own.accuracy, 4)) & grid["file_bytes"].le(own.file_bytes)
    return grid[more & grid["recipe"].ne(own.recipe)].sort_values("accuracy", ascending=False, kind="stable")
