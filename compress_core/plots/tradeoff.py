"""Accuracy against size."""

import math

import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import lay_out
from compress_core.plots.tokens import ARCHITECTURE, COMPRESSED, ORIGINAL


def accuracy_against_size(points: pd.DataFrame, grid: pd.DataFrame, tried: pd.DataFrame, arch: str) -> go.Figure:
    """Where the original and the current recipe stand among the tried and the measured ones.

    Args:
        points: the rows `original` and `this recipe` (index), with `file_bytes`, `accuracy`, `low`, `high`, `name`.
        grid: measured beforehand, `file_bytes`, `accuracy`, `name`; drawn faintly.
        tried: in this visit, the same columns.
    """
    color, symbol = ARCHITECTURE[arch]
    figure = go.Figure()
    layers = (
        ("measured beforehand", grid, {"size": 6, "opacity": 0.22}),
        ("tried in this visit", tried, {"size": 9, "opacity": 0.9, "symbol": f"{symbol}-open", "line_width": 2}),
    )
    for title, frame, marker in layers:
        figure.add_scatter(
            x=frame["file_bytes"] / 1000,
            y=frame["accuracy"] * 100,
            mode="markers",
            name=title,
            marker={"color": color, "symbol": symbol, **{k: v for k, v in marker.items() if k != "line_width"}},
            marker_line_width=marker.get("line_width", 0),
            text=frame["name"],
            hovertemplate="%{text}<br>%{y:.1f} %, %{x:.4g} KB<extra>" + title + "</extra>",
        )
    same = points["file_bytes"].nunique() == 1 and points["name"].nunique() == 1
    for kind, row in points.iterrows():
        if same and kind != "original":
            continue
        mark = ORIGINAL if kind == "original" else COMPRESSED
        figure.add_scatter(
            x=[row["file_bytes"] / 1000],
            y=[row["accuracy"] * 100],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [(row["high"] - row["accuracy"]) * 100],
                "arrayminus": [(row["accuracy"] - row["low"]) * 100],
                "width": 6,
            },
            mode="markers",
            name=kind,
            marker={"color": mark, "size": 15, "symbol": "square" if kind == "original" else "diamond"},
            text=[row["name"]],
            hovertemplate="%{text}<br>%{y:.1f} %, %{x:.4g} KB<extra>" + kind + "</extra>",
        )
        low = row["accuracy"] < 0.25
        figure.add_annotation(
            x=math.log10(row["file_bytes"] / 1000),
            y=row["accuracy"] * 100,
            text=f"<b>{kind}</b>",
            font_color=mark,
            showarrow=False,
            yshift=22 if low else -22,
        )
    sizes = pd.concat([frame["file_bytes"] for frame in (grid, tried, points) if len(frame)]) / 1000
    span = [math.log10(sizes.min()) - 0.15, math.log10(sizes.max()) + 0.25]
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if span[0] <= math.log10(t) <= span[1]]
    figure.update_xaxes(
        title="file size (KB, log scale)", type="log", range=span, tickvals=ticks, ticktext=[f"{t:,}" for t in ticks]
    )
    figure.update_yaxes(title="test accuracy (%)", range=[0, 104])
    figure.update_layout(showlegend=False)
    return lay_out(figure)
