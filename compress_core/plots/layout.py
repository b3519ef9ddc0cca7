"""What all figures share. Text, grid and background colours are left to the page's theme.

Figures are built from one specification in one go: plotly checks it all the same, in a tenth of the time that it
takes to check a figure changed step by step.
"""

import plotly.graph_objects as go

from compress_core.plots.tokens import FIGURE_HEIGHT_PX, PLOT_FONT_PX

_FONT = {"size": PLOT_FONT_PX}
MARGIN = {"l": 8, "r": 8, "t": 30, "b": 8}


def figure(traces: list[dict], xaxis: dict, yaxis: dict, annotations: list[dict], **layout: object) -> go.Figure:
    """A figure in the project's fonts, margins and ways of interaction.

    `uirevision` keeps a person's zoom when new data arrives.
    """
    shared = {
        "height": FIGURE_HEIGHT_PX,
        "margin": MARGIN,
        "font": _FONT,
        "hoverlabel": {"font": _FONT},
        "uirevision": "kept",
        "showlegend": False,
        "modebar": {"remove": ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"]},
        "annotations": [{"showarrow": False, "font": _FONT} | annotation for annotation in annotations],
        "xaxis": xaxis,
        "yaxis": yaxis,
    }
    return go.Figure({"data": traces, "layout": shared | layout})


def axis(title: str, **settings: object) -> dict:
    """An axis with its title, which names the unit."""
    return {"title": {"text": title, "font": _FONT}, "tickfont": _FONT, "automargin": True} | settings


def label(text: str, color: str | None = None, **place: object) -> dict:
    """A direct label; with a colour, a square of it stands before the text, which keeps the theme's own colour.

    No colour is dark enough for text on white and light enough for text on black at once.
    """
    sign = f'<span style="color:{color}">■</span> ' if color else ""
    return {"text": sign + text} | place


def number(i: int) -> str:
    """How plotly numbers its axes: x, x2, x3 …"""
    return "" if i == 0 else str(i + 1)


def domains(count: int, gap: float) -> list[list[float]]:
    """The parts of a figure's width, or height, that panels beside each other take."""
    width = (1 - gap * (count - 1)) / count
    return [[i * (width + gap), i * (width + gap) + width] for i in range(count)]


LARGE_PX, LARGER = 540, 1.5
"""The height of a figure that is seen from the last row, and how many times as large its texts and marks are."""


def enlarged(drawn: go.Figure) -> go.Figure:
    """A figure for a large screen: taller, its texts, marks and lines larger."""
    spec = drawn.to_plotly_json()
    layout = _larger(spec["layout"])
    layout["height"] = max(LARGE_PX, layout.get("height", 0))
    return go.Figure({"data": [_larger(trace) for trace in spec["data"]], "layout": layout})


_LENGTHS = {"size", "xshift", "yshift", "l", "r", "t", "b", "thickness"}


def _larger(spec: object, inside: str = "") -> object:
    """Every length in pixels of a part of a figure, larger; `inside` is what it stands in."""
    if isinstance(spec, list | tuple):
        return [_larger(one, inside) for one in spec]
    if not isinstance(spec, dict):
        return spec
    scaled = {}
    for name, value in spec.items():
        width = name == "width" and inside in ("line", "error_x", "error_y")
        if isinstance(value, int | float) and not isinstance(value, bool) and (name in _LENGTHS or width):
            scaled[name] = value * LARGER
        else:
            scaled[name] = _larger(value, name)
    return scaled
