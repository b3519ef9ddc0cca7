"""What all figures share. Text, grid and background colours are left to the page's theme."""

import plotly.graph_objects as go

from compress_core.plots.tokens import FIGURE_HEIGHT_PX, PLOT_FONT_PX


def lay_out(figure: go.Figure) -> go.Figure:
    """Set fonts, margins and interaction, and return the figure.

    `uirevision` keeps a person's zoom when new data arrives.
    """
    figure.update_layout(
        height=FIGURE_HEIGHT_PX,
        margin={"l": 8, "r": 8, "t": 30, "b": 8},
        font_size=PLOT_FONT_PX,
        uirevision="kept",
        bargap=0.06,
        hoverlabel_font_size=PLOT_FONT_PX,
        modebar_remove=["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
    )
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(tickfont_size=PLOT_FONT_PX, title_font_size=PLOT_FONT_PX, automargin=True)
    figure.update_annotations(font_size=PLOT_FONT_PX)
    return figure
