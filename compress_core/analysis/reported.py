"""What the papers report of their networks, beside what is counted of ours."""

import pandas as pd

from compress_core.analysis.costs import count_layers
from compress_core.zoo import Reported, architecture, architectures


def _counted(arch: str, row: Reported) -> tuple[float, float]:
    """Parameters and MACs of our network, in millions."""
    layers = count_layers(arch, row.width, "imagenet", **row.options)
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
                {
                    "Network": row.name,
                    "Top-1 (%)": top1,
                    "Parameters": f"{params:.2f} M",
                    "MACs": f"{macs:.0f} M",
                }
            )
    table = pd.DataFrame(rows)
    return table.sort_values("Top-1 (%)", ascending=False) if len(table) else table
