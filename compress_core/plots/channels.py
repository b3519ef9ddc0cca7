"""Figures of channels and their scores."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import MARGIN, axis, figure, label
from compress_core.plots.tokens import COMPRESSED, ORIGINAL, THRESHOLD_LINE

BINS = 40


def score_histogram(channels: pd.DataFrame, threshold: float | None = None) -> go.Figure:
    """How the channels' scaling factors are distributed, who stays and who goes.

    Args:
        channels: `score` and `kept`, a row per channel.
        threshold: drawn as a line where there is one for all rows.
    """
    scores, kept = channels["score"].to_numpy(), channels["kept"].to_numpy(bool)
    top = max(1.0, float(scores.max()) * 1.02)
    edges = np.linspace(0, top, BINS + 1)
    centres, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    above = {"yref": "paper", "yanchor": "bottom"}
    traces, labels = [], []
    for name, chosen, color, side in (("stay", kept, COMPRESSED, "right"), ("cut", ~kept, ORIGINAL, "left")):
        traces.append(
            {
                "type": "bar",
                "x": centres,
                "y": np.histogram(scores[chosen], edges)[0],
                "width": width * 0.92,
                "name": name,
                "marker": {"color": color, "line": {"width": 0}},
                "hovertemplate": f"%{{y}} channels {name}<br>|γ| about %{{x:.2f}}<extra></extra>",
            }
        )
        if chosen.any():
            place = {"x": float(side == "right"), "xref": "paper", "xanchor": side}
            labels.append(label(f"<b>{int(chosen.sum()):,}</b> {name}", color, y=1.08, **above, **place))
    lines = []
    if threshold is not None and np.isfinite(threshold):
        ends = {"x0": threshold, "x1": threshold, "y0": 0, "y1": 1, "yref": "paper"}
        lines = [{"type": "line", "line": {"color": color, "width": px}} | ends for color, px in THRESHOLD_LINE]
        anchor = "right" if threshold > 0.8 * top else "left" if threshold < 0.2 * top else "center"
        labels.append(label(f"threshold {threshold:.2f}", x=threshold, xanchor=anchor, y=1.0, **above))
    return figure(
        traces,
        axis("scaling factor |γ| (no unit)", range=[0, top]),
        axis("channels", rangemode="tozero"),
        labels,
        barmode="stack",
        shapes=lines,
        margin=MARGIN | {"t": 50},  # two rows of labels: the counts, and below them the threshold's
    )
