"""Figures of networks beside each other: classes, confusions, feature maps, filters, and where they look."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import axis, domains, figure, label, number
from compress_core.plots.tokens import COMPRESSED, CONTRAST, ORIGINAL

NETWORKS = {"original": (ORIGINAL, "square", -0.14), "compressed": (COMPRESSED, "diamond", 0.14)}
"""A colour, a shape, and how far beside the middle of a class it stands."""
TITLES = {"original": "original", "compressed": "this recipe"}
TALL_PX, MAPS_PX, LOOKS_PX = 330, 440, 320
CELL_FONT = {"size": 13}
FINEST = 16
"""Pixels of a tile's side, at least."""
COLUMNS = 16
LOUDEST = 0.995
"""The part of the weights that colours tell apart; the few larger ones would leave all others pale."""
MOST_INPUTS = 3
"""Of a kernel that is drawn as a tile."""
DIM = 0.22
"""The light that is left where a network does not look."""
_MARGIN = {"l": 8, "r": 12, "t": 28, "b": 8}
_ABOVE = {"xref": "paper", "yref": "paper", "y": 1.0, "yanchor": "bottom"}
_DARK = "#242B36"
SHADES = {"original": [_DARK, ORIGINAL, "#E3E9F2"], "compressed": ["#1B2644", COMPRESSED, "#DCE8FF"]}
HIDDEN = {"visible": False, "fixedrange": True}


def accuracy_by_class(table: pd.DataFrame, classes: Sequence[str]) -> go.Figure:
    """Accuracy of each class in both networks, with 95 % intervals.

    Args:
        table: `network`, `label`, `accuracy`, `low`, `high` (0 … 1), `samples`.
    """
    traces = []
    for network, own in table.groupby("network", sort=False):
        color, symbol, beside = NETWORKS[network]
        bars = {"type": "data", "symmetric": False, "width": 4, "color": color}
        bars |= {"array": 100 * (own["high"] - own["accuracy"]), "arrayminus": 100 * (own["accuracy"] - own["low"])}
        says = f"{TITLES[network]}, %{{text}}: %{{y:.1f}} % of %{{customdata:,}}<extra></extra>"
        trace = {"type": "scatter", "mode": "markers", "x": own["label"] + beside, "y": 100 * own["accuracy"]}
        trace |= {
            "marker": {"color": color, "symbol": symbol, "size": 11},
            "error_y": bars,
            "customdata": own["samples"],
        }
        traces.append(trace | {"text": [classes[place] for place in own["label"]], "hovertemplate": says})
    ticks = {"tickvals": list(range(len(classes))), "ticktext": list(classes), "fixedrange": True, "zeroline": False}
    low = 5 * math.floor(20 * float(table["low"].min()) - 0.2)
    return figure(
        traces,
        axis("class", range=[-0.6, len(classes) - 0.4], showgrid=False, **ticks),
        axis("right (%)", range=[max(0, low), 102], fixedrange=True),
        _pair(),
        height=TALL_PX,
        margin=_MARGIN,
    )


def confusions(before: np.ndarray, after: np.ndarray, classes: Sequence[str]) -> go.Figure:
    """What each network answers to the images of each class, and the difference.

    Args:
        before: (classes, classes), a row a true class, a column an answer, 0 … 1.
        after: the same of the compressed network.
    """
    change = 100 * (after - before)
    most = max(float(np.abs(change).max()), 1.0)
    panels = [
        ("original", ORIGINAL, 100 * before, [[0, "rgba(107,122,144,0)"], [1, ORIGINAL]], (0, 100)),
        ("this recipe", COMPRESSED, 100 * after, [[0, "rgba(47,111,237,0)"], [1, COMPRESSED]], (0, 100)),
        ("difference in points", None, change, _diverging(), (-most, most)),
    ]
    traces, labels, axes = [], [], {}
    for i, ((title, color, values, scale, ends), across) in enumerate(zip(panels, domains(3, 0.03), strict=True)):
        signed = i == 2
        texts = [[_cell(value, signed) for value in row] for row in values]
        traces.append(
            {
                "type": "heatmap",
                "z": values,
                "text": texts,
                "texttemplate": "%{text}",
                "textfont": CELL_FONT,
                "x": list(classes),
                "y": list(classes),
                "xaxis": f"x{number(i)}",
                "yaxis": f"y{number(i)}",
                "colorscale": scale,
                "zmin": ends[0],
                "zmax": ends[1],
                "showscale": False,
                "xgap": 1,
                "ygap": 1,
                "hovertemplate": f"{title}: %{{y}} taken for %{{x}}: %{{z:.1f}}{'' if signed else ' %'}<extra></extra>",
            }
        )
        labels.append(label(f"<b>{title}</b>", color, x=across[0], xanchor="left", **_ABOVE))
        shared = {"showgrid": False, "fixedrange": True, "type": "category"}
        axes[f"xaxis{number(i)}"] = axis("answer", domain=across, anchor=f"y{number(i)}", tickangle=-60, **shared)
        axes[f"yaxis{number(i)}"] = axis(
            "" if i else "class", anchor=f"x{number(i)}", autorange="reversed", showticklabels=not i, **shared
        )
    first = axes.pop("xaxis"), axes.pop("yaxis")
    return figure(traces, *first, labels, height=TALL_PX + 110, margin=_MARGIN, **axes)


def _cell(value: float, signed: bool) -> str:
    if not round(value):
        return ""
    return (f"{value:+.0f}" if signed else f"{value:.0f}").replace("-", "−")


def _diverging() -> list[list]:
    ochre, purple = ("rgba({}, {}, {}, {{}})".format(*bytes.fromhex(color[1:])) for color in CONTRAST)
    return [[0, purple.format(1)], [0.5, purple.format(0)], [0.5, ochre.format(0)], [1, ochre.format(1)]]


def layer_maps(original: np.ndarray, compressed: np.ndarray) -> go.Figure:
    """A layer's feature maps, the original's in grey, and in blue below each what the compressed network has there.

    Args:
        original: (channels, h, w), 0 … 1.
        compressed: the same, NaN in channels that are cut, which are crossed out.
    """
    count = max(len(original), len(compressed))
    columns = min(COLUMNS, count)
    rows = math.ceil(count / columns)
    enlarge = max(1, math.ceil(FINEST / original.shape[1]))
    side = enlarge * original.shape[1]
    gap = max(1, side // 10)
    tall, wide = 2 * side + 3 * gap, side + gap
    traces, shapes = [], []
    for below, (name, maps) in enumerate((("original", original), ("compressed", compressed))):
        board = np.zeros((rows * tall, columns * wide), np.uint8)  # 0 where nothing is; a map's own zero is 1
        for place, one in enumerate(maps):
            top, left = place // columns * tall + below * (side + 1), place % columns * wide
            if np.isnan(one).any():
                shapes += _cross(left - 0.5, top - 0.5, side)
            else:
                large = one.repeat(enlarge, 0).repeat(enlarge, 1)
                board[top : top + side, left : left + side] = 1 + np.round(254 * large)
        first = [[0, "rgba(0,0,0,0)"], [0.5 / 255, "rgba(0,0,0,0)"]]
        dark, middle, bright = SHADES[name]
        scale = [*first, [0.5 / 255, dark], [0.5, middle], [1, bright]]
        traces.append(_picture(board, scale, (0, 255)))
    return figure(
        traces,
        HIDDEN | {"range": [-1, columns * wide], "constrain": "domain", "constraintoward": "left"},
        HIDDEN | {"range": [rows * tall, -1], "scaleanchor": "x", "constrain": "domain", "constraintoward": "top"},
        _pair(),
        shapes=shapes,
        height=MAPS_PX,
        margin=_MARGIN,
    )


def _picture(values: np.ndarray, scale: list[list], ends: tuple[float, float]) -> dict:
    low, high = ends
    shown = {"type": "heatmap", "z": values, "zmin": low, "zmax": high, "colorscale": scale}
    return shown | {"showscale": False, "hoverinfo": "skip"}


def _cross(left: float, top: float, side: int) -> list[dict]:
    ends = {"x0": left, "x1": left + side, "line": {"color": ORIGINAL, "width": 1.5}}
    down, up = {"y0": top, "y1": top + side}, {"y0": top + side, "y1": top}
    return [ends | down | {"type": "rect"}, ends | down | {"type": "line"}, ends | up | {"type": "line"}]


def _pair() -> list[dict]:
    names = (("original", ORIGINAL), ("this recipe", COMPRESSED))
    return [label(name, color, x=0.16 * place, xanchor="left", **_ABOVE) for place, (name, color) in enumerate(names)]


def filters(before: np.ndarray, after: np.ndarray) -> go.Figure:
    """A layer's filters before and after rounding, and what that changed: ochre above zero, purple below it.

    Small kernels of few inputs stand side by side; other filters are a row each, input after input.

    Args:
        before: (filters, inputs, height, width); NaN where there is no weight.
        after: the same.
    """
    change = after - before
    reach = [float(np.nanquantile(np.abs(one), LOUDEST)) or 1.0 for one in (before, change)]
    titles = ("before rounding", ORIGINAL), ("after rounding", COMPRESSED), (_change_title(*reach), None)
    traces, labels, axes = [], [], {}
    for i, ((title, color), across) in enumerate(zip(titles, domains(3, 0.03), strict=True)):
        board = _tiles((before, after, change)[i])
        most = reach[i == 2]
        traces.append(
            _picture(board, _diverging(), (-most, most)) | {"xaxis": f"x{number(i)}", "yaxis": f"y{number(i)}"}
        )
        labels.append(label(f"<b>{title}</b>", color, x=across[0], xanchor="left", **_ABOVE))
        axes[f"xaxis{number(i)}"] = HIDDEN | {"domain": across, "anchor": f"y{number(i)}"}
        axes[f"yaxis{number(i)}"] = HIDDEN | {"anchor": f"x{number(i)}", "autorange": "reversed"}
    first = axes.pop("xaxis"), axes.pop("yaxis")
    return figure(traces, *first, labels, height=TALL_PX, margin=_MARGIN, **axes)


def _change_title(weights: float, change: float) -> str:
    factor = weights / change if change else 1.0
    return "difference" if factor < 1.5 else f"difference, {factor:.0f} times as strong"


def _tiles(weights: np.ndarray) -> np.ndarray:
    count, inputs, height, width = weights.shape
    if height * width == 1 or inputs > MOST_INPUTS:
        return weights.reshape(count, -1)
    # (filters, inputs, height, width) → each filter a tile of its inputs beside each other, with room between.
    tiles = np.pad(
        weights.transpose(0, 2, 1, 3).reshape(count, height, -1), ((0, 0), (0, 1), (0, 1)), constant_values=np.nan
    )
    columns = max(1, round(math.sqrt(count * tiles.shape[1] / tiles.shape[2] * 1.4)))
    rows = math.ceil(count / columns)
    whole = np.full((rows * columns, *tiles.shape[1:]), np.nan, np.float32)
    whole[:count] = tiles
    return whole.reshape(rows, columns, *tiles.shape[1:]).swapaxes(1, 2).reshape(rows * tiles.shape[1], -1)


def looks(picture: np.ndarray, original: np.ndarray, compressed: np.ndarray, answers: tuple[str, str]) -> go.Figure:
    """An image as it is, and as lit where each network finds its answer.

    Args:
        picture: (H, W, C) uint8.
        original: (h, w), what each place speaks for the answer; nothing below zero is lit.
        compressed: the same of the other network.
        answers: of both.
    """
    whole = np.broadcast_to(picture, (*picture.shape[:2], 3))
    panels = [("the image", None, np.ones(whole.shape[:2]))]
    for title, color, own, answer in (
        ("original", ORIGINAL, original, answers[0]),
        ("this recipe", COMPRESSED, compressed, answers[1]),
    ):
        panels.append((f"<b>{title}</b>: {answer}", color, _enlarged(own, whole.shape[:2])))
    traces, labels, axes = [], [], {}
    for i, ((title, color, light), across) in enumerate(zip(panels, domains(3, 0.02), strict=True)):
        lit = (whole * (DIM + (1 - DIM) * light[..., None])).round().astype(np.uint8)
        traces.append(
            {
                "type": "image",
                "z": lit.tolist(),
                "xaxis": f"x{number(i)}",
                "yaxis": f"y{number(i)}",
                "hoverinfo": "skip",
            }
        )
        labels.append(label(title, color, x=across[0], xanchor="left", **_ABOVE))
        axes[f"xaxis{number(i)}"] = HIDDEN | {"domain": across, "anchor": f"y{number(i)}", "constrain": "domain"}
        axes[f"xaxis{number(i)}"]["constraintoward"] = "left"
        axes[f"yaxis{number(i)}"] = HIDDEN | {"anchor": f"x{number(i)}", "scaleanchor": f"x{number(i)}"}
    first = axes.pop("xaxis"), axes.pop("yaxis")
    return figure(traces, *first, labels, height=LOOKS_PX, margin=_MARGIN, **axes)


def _enlarged(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The places' positive part as a share of the largest, bilinearly as large as an image."""
    share = np.maximum(places, 0) / max(float(places.max()), 1e-12)
    for side, size in enumerate(shape):
        old = (np.arange(share.shape[side]) + 0.5) / share.shape[side]
        new = (np.arange(size) + 0.5) / size
        share = np.apply_along_axis(lambda line, old=old, new=new: np.interp(new, old, line), side, share)
    return share
