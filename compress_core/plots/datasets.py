"""Figures of the datasets: how many images each class has."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import axis, figure
from compress_core.plots.tokens import CONTRAST, ORIGINAL, PLOT_FONT_PX

COLORS = {"training": ORIGINAL, "validation": CONTRAST[0], "test": CONTRAST[1]}
TALL_PX = 320


def images_by_class(counts: pd.DataFrame, classes: Sequence[str]) -> go.Figure:
    """A bar a class, in parts.

    Args:
        counts: as `studies.datasets.count_images` gives them.
    """
    bars = [
        {
            "type": "bar",
            "name": part,
            "x": [classes[label] for label in own["label"]],
            "y": own["images"],
            "marker": {"color": COLORS[part]},
            "hovertemplate": f"%{{x}}: %{{y:,}} for {part}<extra></extra>",
        }
        for part, own in counts.groupby("part", sort=False)
    ]
    return figure(
        bars,
        axis("class", type="category", fixedrange=True),
        axis("images (count)", fixedrange=True),
        [],
        barmode="stack",
        height=TALL_PX,
        showlegend=True,
        legend={
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 1,
            "xanchor": "right",
            "font": {"size": PLOT_FONT_PX},
        },
        margin={"l": 8, "r": 12, "t": 40, "b": 8},
    )
