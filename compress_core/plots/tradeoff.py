"""Accuracy against size."""

import math
from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import axis, figure, label
from compress_core.plots.tokens import COMPRESSED, ORIGINAL, PIN, PLOT_FONT_PX, style
from compress_core.registry import ARCHITECTURES

TICKS_KB = {
    2.3: (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
    9.0: (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000),
}
"""By the decades that an axis spans at most; more of them would not fit on a small laptop."""
DEPTHS = (12, 36)
"""How many points below the original a closer look ends, the closest that holds the recipe."""
_LEGEND = {
    "orientation": "h",
    "x": 0,
    "y": 1.0,
    "yanchor": "bottom",
    "font": {"size": PLOT_FONT_PX},
    "itemclick": False,
    "itemdoubleclick": False,
}
MARKS = {"original": (ORIGINAL, "square"), "this recipe": (COMPRESSED, "diamond")} | PIN
HOVER = "%{text}<br>%{y:.1f} %, %{x:.4g} KB<extra></extra>"


def accuracy_against_size(
    points: pd.DataFrame, grid: pd.DataFrame, tried: pd.DataFrame, arch: str, chance: float, whole: bool = False
) -> go.Figure:
    """Where the original and the current recipe stand among the tried and the measured ones.

    Each mark has its row's `query` as its `customdata`.

    Args:
        points: the rows `original`, `this recipe` where it is another one, and the letters of pins (index), with
            `file_bytes`, `accuracy`, `low`, `high`, `name`, `query`.
        grid: measured beforehand, `file_bytes`, `accuracy`, `name`, `query`; drawn faintly.
        tried: in this visit, the same columns.
        chance: the accuracy of guessing.
        whole: whether the axis of accuracies is shown from 0 to 100 %, or where things happen.
    """
    color, symbol = style(ARCHITECTURES[arch])
    traces = [
        _cloud(grid, "measured beforehand", {"color": color, "symbol": symbol, "size": 7, "opacity": 0.5}),
        _cloud(tried, "tried in this visit", {"color": color, "symbol": f"{symbol}-open", "size": 11, "opacity": 0.9}),
    ]
    traces[1]["showlegend"] = len(tried) > 0
    sizes = pd.concat([frame["file_bytes"] for frame in (grid, tried, points) if len(frame)]).astype(float) / 1000
    span = [math.log10(sizes.min()) - 0.15, math.log10(sizes.max()) + 0.25]
    ends = accuracy_ends(points, [*grid["accuracy"], *tried["accuracy"]], whole)
    labels = []
    for kind, row in points.iterrows():
        mark, shape = MARKS[kind]
        place, percent = math.log10(row["file_bytes"] / 1000), row["accuracy"] * 100
        above, below = [(row["high"] - row["accuracy"]) * 100], [(row["accuracy"] - row["low"]) * 100]
        bars = {"type": "data", "symmetric": False, "width": 6, "array": above, "arrayminus": below}
        point = _cloud(pd.DataFrame([row]), str(kind), {"color": mark, "symbol": shape, "size": 15})
        traces.append(point | {"error_y": bars, "showlegend": False})
        part = (place - span[0]) / (span[1] - span[0])
        if kind == "original":
            anchor = "left" if part < 0.15 else "right" if part > 0.85 else "center"
            at = {"y": 100 * row["high"], "yshift": 12, "xanchor": anchor}
        else:  # beside it, since its interval stands above and below
            side = {"xshift": 12, "xanchor": "left"} if part < 0.7 else {"xshift": -12, "xanchor": "right"}
            at = {"y": percent} | side
        labels.append(label(f"<b>{kind}</b>", x=place, **at))
    few = next((ticks for decades, ticks in TICKS_KB.items() if span[1] - span[0] <= decades), ())
    ticks = [t for t in few if span[0] <= math.log10(t) <= span[1]]
    guessing = []
    if ends[0] < 100 * chance:
        dotted = {"color": ORIGINAL, "width": 1.5, "dash": "dot"}
        across = {"x0": 0, "x1": 1, "xref": "x domain", "y0": 100 * chance, "y1": 100 * chance}
        guessing = [{"type": "line", "line": dotted} | across]
        place = {"x": 1, "xref": "x domain", "xanchor": "right", "y": 100 * chance, "yanchor": "bottom"}
        labels.append(label(f"guessing {100 * chance:.3g} %", **place))
    return figure(
        traces,
        axis("file size (KB, log scale)", type="log", range=span, tickvals=ticks, ticktext=[f"{t:,}" for t in ticks]),
        axis("test accuracy (%)", range=list(ends), nticks=6, zeroline=False),
        labels,
        shapes=guessing,
        showlegend=True,
        legend=_LEGEND,
        clickmode="event+select",
    )


def accuracy_ends(points: pd.DataFrame, others: Sequence[float], whole: bool) -> tuple[float, float]:
    """The ends of the axis of accuracies (%), with room for a label above the highest."""
    highest = 100 * float(max([*points["high"], *others]))
    lowest, original = 100 * float(points["low"].min()), 100 * float(points.loc["original", "accuracy"])
    depths = () if whole else DEPTHS
    bottom = next((original - depth for depth in depths if lowest > original - depth * 0.95), 0.0)
    bottom = max(0.0, bottom)
    return bottom, highest + 0.2 * (highest - bottom)


def _cloud(frame: pd.DataFrame, name: str, marker: dict) -> dict:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": frame["file_bytes"].astype(float) / 1000,
        "y": frame["accuracy"].astype(float) * 100,
        "text": frame["name"],
        "customdata": frame["query"],
        "marker": marker,
        "hovertemplate": HOVER,
        # A click takes a recipe; it marks nothing.
        "selected": {"marker": {"opacity": marker.get("opacity", 1)}},
        "unselected": {"marker": {"opacity": marker.get("opacity", 1)}},
    }
