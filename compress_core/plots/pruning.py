"""Figures of channel pruning: three trainings, and holes against a smaller matrix."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.channels import SIDES, across, line, stacks
from compress_core.plots.layout import axis, figure, label
from compress_core.plots.tokens import ORIGINAL

TRAININGS_PX = 320
MATRICES_PX = 470


def trainings_histogram(
    channels: pd.DataFrame,
    thresholds: pd.Series,
    chosen: str,
    ends: tuple[float, float],
    score: str,
    log: bool = False,
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
        traces += stacks(own, ends, log, {"yaxis": f"y{number}", "xaxis": "x"})
        limit = None if np.isnan(threshold) else float(threshold)
        shapes += line(limit, log, f"y{number}")
        high = 1 - i / count
        name = f"<b>{training}</b>" if training == chosen else training
        text = name if limit is None else f"{name}, threshold {limit:#.2g}"
        labels.append(label(text, x=0, xref="paper", xanchor="left", y=high, yref="paper", yanchor="top"))
        axes[f"yaxis{number}"] = axis(
            "channels" if i == count // 2 else "",
            domain=[high - 0.92 / count, high - 0.32 / count],
            rangemode="tozero",
            automargin=False,
            nticks=3,
            anchor="x",
        )
    below = across(score, ends, log) | {"anchor": "y" if count == 1 else f"y{count}"}
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
