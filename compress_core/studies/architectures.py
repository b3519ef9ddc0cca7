"""What every width of every architecture costs, counted once and shipped as a table; and what the papers report."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from compress_core.analysis.diagram import Diagram, block_diagram, block_names
from compress_core.analysis.profile import profile
from compress_core.data import dataset, shipped_datasets
from compress_core.training.checkpoints import build_for
from compress_core.training.shipped import trained_accuracies
from compress_core.zoo import Reported, architecture, architectures, build

FILE = Path(__file__).parent / "costs.csv"
WIDTHS = tuple(round(0.05 * step, 2) for step in range(2, 41))
IMAGENET = "imagenet"


def list_blocks(arch: str, width: float, images: str) -> list[str]:
    """The names of the units of a network that its paper draws."""
    return block_names(skeleton(arch, width, images)[0])


def draw_block(arch: str, width: float, images: str, block: str) -> Diagram:
    """The diagram of one unit."""
    model, image = skeleton(arch, width, images)
    return block_diagram(model, block, image)


def untrained(arch: str, width: float, images: str, **options: object) -> tuple[nn.Module, tuple[int, int, int]]:
    """A network in eval mode, and the (C, H, W) that it reads.

    Args:
        images: `imagenet` for the paper's network, or the name of a dataset for the small one that is trained on it.
        options: what `build` takes beyond the width.
    """
    if images == IMAGENET:
        return build(arch, width, "imagenet", 1000, **options).eval(), (3, 224, 224)
    data = dataset(images)
    return build_for(arch, width, data, **options).eval(), data.input_shape


def skeleton(arch: str, width: float, images: str, **options: object) -> tuple[nn.Module, torch.Tensor]:
    """`untrained` without memory for its weights, and an image for it: enough to count, in milliseconds."""
    with torch.device("meta"):
        model, shape = untrained(arch, width, images, **options)
        return model, torch.empty(1, *shape)


def count_layers(arch: str, width: float, images: str, **options: object) -> pd.DataFrame:
    """`profile` of an architecture at a width."""
    return profile(*skeleton(arch, width, images, **options))


def count_costs(wanted: Iterable[tuple[str, str]] | None = None) -> pd.DataFrame:
    """A row per width of each network: `arch`, `images`, `width`, `params`, `macs`, `memory_access`.

    Args:
        wanted: architectures, each with the images that it is counted for; all of them if left out.
    """
    if wanted is None:
        wanted = itertools.product(architectures(yardsticks=True), (IMAGENET, *shipped_datasets()))
    rows = []
    for arch, images in wanted:
        for width in WIDTHS:
            layers = count_layers(arch, width, images)
            rows.append((arch, images, width, *layers[["params", "macs", "memory_access"]].sum()))
    return pd.DataFrame(rows, columns=["arch", "images", "width", "params", "macs", "memory_access"])


def load_costs(images: str, *archs: str) -> pd.DataFrame:
    """The shipped table, made by `python -m compress_core costs`, and what it lacks, counted in a second or two.

    Args:
        images: as in `untrained`.
        archs: those that it is to have; all if left out.
    """
    table = pd.read_csv(FILE, comment="#")
    table = table[table["images"] == images]
    missing = [(arch, images) for arch in archs or architectures(yardsticks=True) if arch not in set(table["arch"])]
    table = pd.concat([table, count_costs(missing)], ignore_index=True) if missing else table
    return table.assign(title=table["arch"].map(lambda name: architecture(name).title)).reset_index(drop=True)


def within_budget(costs: pd.DataFrame, cost: str, budget: float) -> pd.DataFrame:
    """For each architecture the row of its widest network that costs at most `budget` (`params` or `macs`).

    An architecture of which even the narrowest costs more has no row.
    """
    affordable = costs[costs[cost] <= budget]
    return affordable.loc[affordable.groupby("arch", sort=False)["width"].idxmax()].reset_index(drop=True)


def _counted(arch: str, row: Reported) -> tuple[float, float]:
    """Parameters and MACs of our network, in millions."""
    layers = count_layers(arch, row.width, IMAGENET, **row.options)
    return layers["params"].sum() / 1e6, layers["macs"].sum() / 1e6


def beside_counts(arch: str) -> pd.DataFrame:
    """A row for each network that the paper reports; counts in millions, for 224×224 images and 1,000 classes."""
    rows = []
    for row in architecture(arch).reported:
        params, macs = _counted(arch, row)
        rows.append(
            {
                "Network": row.name,
                "Top-1 (%)": row.top1,
                "MACs, paper (M)": row.macs,
                "MACs, counted (M)": round(macs, 1),
                "Parameters, paper (M)": row.params,
                "Parameters, counted (M)": round(params, 2),
                "Source": row.source,
            }
        )
    table = pd.DataFrame(rows)
    return table.dropna(axis="columns", how="all").astype(object).fillna("–") if len(table) else table


def best_within(cost: str, budget: float) -> pd.DataFrame:
    """Of each architecture the most accurate published network that costs at most `budget`; `params` or `macs`."""
    rows = []
    for arch in architectures():
        fitting = []
        for row in architecture(arch).reported:
            params, macs = _counted(arch, row)
            if row.top1 is not None and (params if cost == "params" else macs) * 1e6 <= budget:
                fitting.append((row.top1, row, params, macs))
        if fitting:
            top1, row, params, macs = max(fitting, key=lambda entry: entry[0])
            rows.append(
                {"Network": row.name, "Top-1 (%)": top1, "Parameters": f"{params:.2f} M", "MACs": f"{macs:.0f} M"}
            )
    table = pd.DataFrame(rows)
    return table.sort_values("Top-1 (%)", ascending=False) if len(table) else table


def best_trained(dataset: str, cost: str, budget: float) -> pd.DataFrame:
    """Of each architecture the most accurate trained network that costs at most `budget`: `arch`, `width`, `accuracy`,
    `samples`, `params`, `macs`."""
    costs = load_costs(dataset)
    own = trained_accuracies(dataset).merge(costs[costs[cost] <= budget], on=["arch", "width"])
    return own.sort_values("accuracy", ascending=False).drop_duplicates("arch").reset_index(drop=True)
