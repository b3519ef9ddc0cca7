"""Accuracy against size."""

import math

import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import axis, figure, label
from compress_core.plots.tokens import COMPRESSED, ORIGINAL, style
from compress_core.registry import ARCHITECTURES

TICKS_KB = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
HOVER = "%{text}<br>%{y:.1f} %, %{x:.4g} KB<extra></extra>"


def accuracy_against_size(points: pd.DataFrame, grid: pd.DataFrame, tried: pd.DataFrame, arch: str) -> go.Figure:
    """Where the original and the current recipe stand among the tried and the measured ones.

    Args:
        points: the rows `original` and, where it is another one, `this recipe` (index), with `file_bytes`,
            `accuracy`, `low`, `high`, `name`.
        grid: measured beforehand, `file_bytes`, `accuracy`, `name`; drawn faintly.
        tried: in this visit, the same columns.
    """
    color, symbol = style(ARCHITECTURES[arch])
    traces = [
        _cloud(grid, "measured beforehand", {"color": color, "symbol": symbol, "size": 6, "opacity": 0.22}),
        _cloud(tried, "tried in this visit", {"color": color, "symbol": f"{symbol}-open", "size": 10, "opacity": 0.9}),
    ]
    sizes = pd.concat([frame["file_bytes"] for frame in (grid, tried, points) if len(frame)]).astype(float) / 1000
    span = [math.log10(sizes.min()) - 0.15, math.log10(sizes.max()) + 0.25]
    labels = []
    for kind, row in points.iterrows():
        mark, shape = (ORIGINAL, "square") if kind == "original" else (COMPRESSED, "diamond")
        place, percent = math.log10(row["file_bytes"] / 1000), row["accuracy"] * 100
        above, below = [(row["high"] - row["accuracy"]) * 100], [(row["accuracy"] - row["low"]) * 100]
        bars = {"type": "data", "symmetric": False, "width": 6, "array": above, "arrayminus": below}
        point = _cloud(pd.DataFrame([row]), str(kind), {"color": mark, "symbol": shape, "size": 15})
        traces.append(point | {"error_y": bars})
        shift = 20 if kind == "original" or percent < 25 else -20  # apart where the two are close
        part = (place - span[0]) / (span[1] - span[0])
        anchor = "left" if part < 0.15 else "right" if part > 0.85 else "center"
        labels.append(label(f"<b>{kind}</b>", x=place, y=percent, yshift=shift, xanchor=anchor))
    ticks = [t for t in TICKS_KB if span[0] <= math.log10(t) <= span[1]]
    return figure(
        traces,
        axis("file size (KB, log scale)", type="log", range=span, tickvals=ticks, ticktext=[f"{t:,}" for t in ticks]),
        axis("test accuracy (%)", range=[0, 115], tickvals=list(range(0, 101, 20))),
        labels,
    )


def _cloud(frame: pd.DataFrame, name: str, marker: dict) -> dict:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": frame["file_bytes"].astype(float) / 1000,
        "y": frame["accuracy"].astype(float) * 100,
        "text": frame["name"],
        "marker": marker,
        "hovertemplate": HOVER,
    }
