"""Figures of channels and their scores."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import MARGIN, axis, figure, label
from compress_core.plots.tokens import COMPRESSED, FIGURE_HEIGHT_PX, ORIGINAL, THRESHOLD_LINE

BINS = 56
SCALING_FACTOR = "scaling factor |γ| (no unit)"
SIDES = {"l": 58, "r": 14}
"""Fixed margins, so that a slider under the figure stands where the axis does."""
_FATES = (("stay", True, COMPRESSED), ("cut", False, ORIGINAL))


def score_histogram(
    channels: pd.DataFrame,
    threshold: float | None = None,
    ends: tuple[float, float] | None = None,
    score: str = SCALING_FACTOR,
    log: bool = False,
    named: bool = True,
    height: int = FIGURE_HEIGHT_PX,
) -> go.Figure:
    """How the channels' scores are distributed, who stays and who goes.

    Args:
        channels: `score` and `kept`, a row per channel.
        threshold: drawn as a line where there is one for all rows.
        ends: of the axis; from 0 to the highest score, 1 at least, if left out.
        score: what the channels are ranked by, with its unit.
        log: whether the axis is one of powers of ten; what is below its start is counted there.
        named: whether the threshold's value stands at its line.
        height: px.
    """
    ends = ends or (0.0, max(1.0, float(channels["score"].max()) * 1.02))
    above = {"yref": "paper", "yanchor": "bottom"}
    labels = []
    for name, stays, color in _FATES:
        here = int((channels["kept"] == stays).sum())
        if here:
            place = {"x": float(stays), "xref": "paper", "xanchor": "right" if stays else "left"}
            labels.append(label(f"<b>{here:,}</b> {name}", color, y=1.08 if named else 1.0, **above, **place))
    lines = line(threshold, log, "y")
    if lines and named:
        x = lines[0]["x0"]
        low, high = at(np.array(ends), log)
        part = (x - low) / (high - low)
        anchor = "right" if part > 0.8 else "left" if part < 0.2 else "center"
        text = f"threshold {threshold:.1e}" if log else f"threshold {threshold:.2f}"
        labels.append(label(text, x=x, xanchor=anchor, y=1.0, **above))
    # Two rows of labels where the threshold is named: the counts, and below them its value.
    margin = MARGIN | {"t": 50} if named else SIDES | {"t": 26, "b": 46}
    return figure(
        stacks(channels, ends, log, {}),
        across(score, ends, log) | {"automargin": named},
        axis("channels", rangemode="tozero", nticks=5) | {"automargin": named},
        labels,
        barmode="stack",
        bargap=0,
        shapes=lines,
        height=height,
        margin=margin,
    )


def across(score: str, ends: tuple[float, float], log: bool) -> dict:
    """The axis of the scores. A log one is drawn by hand, so that bars are as wide as each other."""
    if not log:
        return axis(score, range=list(ends), automargin=False)
    low, high = np.log10(ends)
    every = 1 if high - low < 6 else 2
    decades = [d for d in range(int(np.ceil(low)), int(np.floor(high)) + 1) if d % every == 0]
    ticks = {"tickvals": decades, "ticktext": [f"10<sup>{d}</sup>".replace("-", "−") for d in decades]}
    return axis(f"{score}, log scale", range=[low, high], automargin=False, **ticks)


def at(values: np.ndarray | float, log: bool, low: float = 0.0) -> np.ndarray | float:
    """Where scores stand on the axis."""
    return np.log10(np.maximum(values, low)) if log else values


def stacks(channels: pd.DataFrame, ends: tuple[float, float], log: bool, on: dict) -> list[dict]:
    """The bars of who stays and who goes, `on` these axes."""
    scores, kept = channels["score"].to_numpy(float), channels["kept"].to_numpy(bool)
    edges = np.linspace(*at(np.array(ends), log), BINS + 1)
    middles, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    places = at(scores, log, ends[0])
    return [
        on
        | {
            "type": "bar",
            "x": middles,
            "y": np.histogram(places[kept == stays], edges)[0],
            "width": width * 0.9,
            "name": name,
            "marker": {"color": color, "line": {"width": 0}},
            "customdata": 10**middles if log else middles,
            "hovertemplate": f"%{{y}} channels {name}<br>about %{{customdata:.3g}}<extra></extra>",
        }
        for name, stays, color in _FATES
    ]


def line(threshold: float | None, log: bool, yaxis: str) -> list[dict]:
    """The line of a threshold, if there is one."""
    if threshold is None or not np.isfinite(threshold) or (log and threshold <= 0):
        return []
    x = float(at(threshold, log))
    ends = {"x0": x, "x1": x, "y0": 0, "y1": 1, "yref": f"{yaxis} domain"}
    return [{"type": "line", "line": {"color": color, "width": px}} | ends for color, px in THRESHOLD_LINE]
