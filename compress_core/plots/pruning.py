"""Figures of channel pruning: the scores with their threshold, three trainings, and holes against a smaller matrix."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import MARGIN, axis, figure, label
from compress_core.plots.tokens import COMPRESSED, FIGURE_HEIGHT_PX, ORIGINAL, THRESHOLD

BINS = 56
SCALING_FACTOR = "scaling factor |γ| (no unit)"
SIDES = {"l": 58, "r": 14}
"""Fixed margins, so that a slider under the figure stands where the axis does."""
_STATES = (("stay", True, COMPRESSED), ("cut", False, ORIGINAL))


def score_histogram(
    channels: pd.DataFrame,
    threshold: float | None = None,
    ends: tuple[float, float] | None = None,
    score: str = SCALING_FACTOR,
    log: bool = False,
    named: bool = True,
    height: int = FIGURE_HEIGHT_PX,
) -> go.Figure:
    """How the channels' scores are distributed, what stays and what is cut.

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
    for name, stays, color in _STATES:
        here = int((channels["kept"] == stays).sum())
        if here:
            place = {"x": float(stays), "xref": "paper", "xanchor": "right" if stays else "left"}
            labels.append(label(f"<b>{here:,}</b> {name}", color, y=1.08 if named else 1.0, **above, **place))
    lines = threshold_lines(threshold, log, "y")
    if lines and named:
        x = lines[0]["x0"]
        low, high = on_axis(np.array(ends), log)
        part = (x - low) / (high - low)
        anchor = "right" if part > 0.8 else "left" if part < 0.2 else "center"
        text = f"threshold {threshold:.1e}" if log else f"threshold {threshold:.2f}"
        labels.append(label(text, x=x, xanchor=anchor, y=1.0, **above))
    # Two rows of labels where the threshold is named: the counts, and below them its value.
    margin = MARGIN | {"t": 50} if named else SIDES | {"t": 26, "b": 54}
    return figure(
        score_bars(channels, ends, log, {}),
        score_axis(score, ends, log) | {"automargin": named},
        axis("channels", rangemode="tozero", nticks=5) | {"automargin": named},
        labels,
        barmode="stack",
        bargap=0,
        shapes=lines,
        height=height,
        margin=margin,
    )


def score_axis(score: str, ends: tuple[float, float], log: bool) -> dict:
    """The axis of the scores. A log one is drawn by hand, so that bars are as wide as each other."""
    if not log:
        return axis(score, range=list(ends), automargin=False)
    low, high = np.log10(ends)
    every = 1 if high - low < 6 else 2
    decades = [d for d in range(int(np.ceil(low)), int(np.floor(high)) + 1) if d % every == 0]
    ticks = {"tickvals": decades, "ticktext": [f"10<sup>{d}</sup>".replace("-", "−") for d in decades]}
    return axis(f"{score}, log scale", range=[low, high], automargin=False, **ticks)


def on_axis(values: np.ndarray | float, log: bool, low: float = 0.0) -> np.ndarray | float:
    """Where scores stand on the axis."""
    return np.log10(np.maximum(values, low)) if log else values


def score_bars(channels: pd.DataFrame, ends: tuple[float, float], log: bool, on: dict) -> list[dict]:
    """The bars of what stays and what is cut, `on` these axes."""
    scores, kept = channels["score"].to_numpy(float), channels["kept"].to_numpy(bool)
    edges = np.linspace(*on_axis(np.array(ends), log), BINS + 1)
    middles, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    places = on_axis(scores, log, ends[0])
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
        for name, stays, color in _STATES
    ]


def threshold_lines(threshold: float | None, log: bool, yaxis: str) -> list[dict]:
    """The line of a threshold, if there is one."""
    if threshold is None or not np.isfinite(threshold) or (log and threshold <= 0):
        return []
    x = float(on_axis(threshold, log))
    ends = {"x0": x, "x1": x, "y0": 0, "y1": 1, "yref": f"{yaxis} domain"}
    return [{"type": "line", "line": {"color": THRESHOLD, "width": 3}} | ends]


TRAININGS_PX = 320
MATRICES_PX = 470


def trainings_histogram(
    channels: pd.DataFrame, thresholds: pd.Series, chosen: str, ends: tuple[float, float], score: str, log: bool = False
) -> go.Figure:
    """The same scores after several trainings, one below the other on one axis.

    Args:
        channels: `training`, `score` and `kept`, a row per channel.
        thresholds: by training, in the order drawn; NaN where each layer has its own.
        chosen: the training of the recipe.
        ends, score, log: as in `score_histogram`.
    """
    count = len(thresholds)
    traces, labels, shapes, axes = [], [], [], {}
    for i, (training, threshold) in enumerate(thresholds.items()):
        own = channels[channels["training"] == training]
        number = "" if i == 0 else str(i + 1)
        traces += score_bars(own, ends, log, {"yaxis": f"y{number}", "xaxis": "x"})
        limit = None if np.isnan(threshold) else float(threshold)
        shapes += threshold_lines(limit, log, f"y{number}")
        high = 1 - i / count
        name = f"<b>{training}</b>" if training == chosen else training
        shown = "≈ 0" if limit is not None and limit < ends[1] / 1000 and not log else f"{limit or 0:#.2g}"
        text = name if limit is None else f"{name}, threshold {shown}"
        labels.append(label(text, x=0, xref="paper", xanchor="left", y=high, yref="paper", yanchor="top"))
        axes[f"yaxis{number}"] = axis(
            "channels" if i == count // 2 else "",
            domain=[high - 0.92 / count, high - 0.32 / count],
            rangemode="tozero",
            automargin=False,
            nticks=3,
            anchor="x",
        )
    below = score_axis(score, ends, log) | {"anchor": "y" if count == 1 else f"y{count}"}
    first = axes.pop("yaxis")
    margin = SIDES | {"t": 6, "b": 50}
    drawn = {"barmode": "stack", "bargap": 0, "shapes": shapes, "height": TRAININGS_PX, "margin": margin}
    return figure(traces, below, first, labels, **drawn, **axes)


def matrices(panels: dict[str, np.ndarray], shape: tuple[int, int]) -> go.Figure:
    """A layer's weights as they are kept in several forms, drawn side by side to one scale.

    Args:
        panels: by title, |weight| with outputs down and inputs across; NaN where a weight is a hole.
        shape: (outputs, inputs) of the layer before anything was cut; its outline is drawn around each.
    """
    outputs, inputs = shape
    top = max(float(np.nanmax(np.where(np.isnan(m), 0, m))) for m in panels.values()) or 1.0
    faint, full = (f"rgba(47,111,237,{alpha})" for alpha in (0.18, 1))
    gap = 0.05
    wide = (1 - gap * (len(panels) - 1)) / len(panels)
    traces, labels, axes, shapes = [], [], {}, []
    for i, (title, matrix) in enumerate(panels.items()):
        number = "" if i == 0 else str(i + 1)
        # Eight bits are more than an eye tells apart, and a quarter of what travels to the browser.
        levels = np.round(np.clip(np.nan_to_num(matrix) / top, 0, 1) ** 0.5 * 254 + 1)
        levels[np.isnan(matrix)] = 0
        traces.append(
            {
                "type": "heatmap",
                "z": levels.astype(np.uint8),
                "xaxis": f"x{number}",
                "yaxis": f"y{number}",
                "zmin": 0,
                "zmax": 255,
                "colorscale": [[0, "rgba(0,0,0,0)"], [0.0039, "rgba(0,0,0,0)"], [0.0039, faint], [1, full]],
                "showscale": False,
                "hovertemplate": f"{title}<br>output %{{y}}, input %{{x}}<extra></extra>",
            }
        )
        left = i * (wide + gap)
        axes[f"xaxis{number}"] = axis(
            "weights of each filter (number)",
            range=[-0.5, inputs - 0.5],
            domain=[left, left + wide],
            anchor=f"y{number}",
            showgrid=False,
            zeroline=False,
        )
        axes[f"yaxis{number}"] = axis(
            "output channels (number)" if i == 0 else "",
            range=[outputs - 0.5, -0.5],
            anchor=f"x{number}",
            showgrid=False,
            zeroline=False,
            showticklabels=i == 0,
        )
        corners = {"x0": -0.5, "x1": inputs - 0.5, "y0": -0.5, "y1": outputs - 0.5}
        outline = {"color": ORIGINAL, "width": 1, "dash": "dot"}
        shapes.append({"type": "rect", "xref": f"x{number}", "yref": f"y{number}", "line": outline} | corners)
        above = {"y": 1, "yref": "paper", "yanchor": "bottom", "xref": "paper", "xanchor": "left"}
        labels.append(label(f"<b>{title}</b>", x=left, **above))
    first = axes.pop("xaxis"), axes.pop("yaxis")
    return figure(
        traces, *first, labels, shapes=shapes, height=MATRICES_PX, margin={"l": 8, "r": 8, "t": 30, "b": 8}, **axes
    )
