"""Figures of channels and their scores."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import lay_out
from compress_core.plots.tokens import COMPRESSED, ORIGINAL

BINS = 40


def score_histogram(channels: pd.DataFrame, threshold: float | None = None) -> go.Figure:
    """How the channels' scaling factors are distributed, who stays and who goes.

    Args:
        channels: `score` and `kept`, a row per channel.
        threshold: drawn as a line where there is one for all rows.
    """
    top = max(1.0, float(channels["score"].max()) * 1.02)
    edges = np.linspace(0, top, BINS + 1)
    centres, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    kept = channels["kept"].to_numpy(bool)
    figure = go.Figure()
    for name, chosen, color in (("stay", kept, COMPRESSED), ("cut", ~kept, ORIGINAL)):
        counts, _ = np.histogram(channels["score"].to_numpy()[chosen], edges)
        figure.add_bar(
            x=centres,
            y=counts,
            width=width * 0.92,
            name=name,
            marker_color=color,
            marker_line_width=0,
            hovertemplate=f"%{{y}} channels {name}<br>|γ| about %{{x:.2f}}<extra></extra>",
        )
        if chosen.any():
            figure.add_annotation(
                x=0.01 if name == "cut" else 0.99,
                y=1.09,
                xref="paper",
                yref="paper",
                xanchor="left" if name == "cut" else "right",
                showarrow=False,
                text=f"<b>{int(chosen.sum()):,}</b> {name}",
                font_color=color,
            )
    if threshold is not None and np.isfinite(threshold):
        figure.add_vline(x=threshold, line_width=2, line_dash="dash", line_color=COMPRESSED)
        figure.add_annotation(
            x=threshold,
            y=1.09,
            yref="paper",
            showarrow=False,
            text=f"threshold {threshold:.2f}",
        )
    figure.update_layout(barmode="stack", showlegend=False)
    figure.update_xaxes(title="scaling factor |γ| (no unit)", range=[0, top])
    figure.update_yaxes(title="channels", rangemode="tozero")
    return lay_out(figure)
