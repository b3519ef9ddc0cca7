"""Figures of quantization: weights and levels, accuracy over bits, layers, and the ranges of channels."""

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import axis, figure, label
from compress_core.plots.tokens import COMPRESSED, ORIGINAL, style
from compress_core.registry import SCHEMES

BINS = 72
FIGURE_PX = 240
LAYERS_PX = 256
RANGES_PX = 300
MOST_LINES = 40
"""More levels than these are not drawn one by one."""
LEVEL_LINE = {"color": COMPRESSED, "width": 1, "dash": "dot"}
FAINT, FULL = 0.62, 1.0
MOST_TICKS = 24
PANELS_APART = 0.12
BIT_TICKS = (1, 2, 3, 4, 5, 6, 8, 12, 16)
LOWEST_ERROR = 1e-6
"""Of the logits; less is drawn as this."""
_WIDE = {"l": 62, "r": 14, "b": 54}


def weights_and_levels(weights: pd.DataFrame, levels: np.ndarray, after: str, of: str = "") -> go.Figure:
    """A layer's weights before rounding, upward, and after it, downward, with the levels between.

    Args:
        weights: `before` and `after`, a row per weight.
        levels: that they may take; drawn where they are few enough. Empty where there is none to draw.
        after: what the lower half is, '' where nothing is rounded.
        of: what levels these are, where not those of all the weights.
    """
    before, rounded = weights["before"].to_numpy(float), weights["after"].to_numpy(float)
    low, high = min(before.min(), rounded.min()), max(before.max(), rounded.max())
    reach = (high - low) or max(abs(high), 1e-6)
    edges = np.linspace(low - 0.02 * reach, high + 0.02 * reach, BINS + 1)
    middles, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    up = 100 * np.histogram(before, edges)[0] / len(before)
    traces = [_bars(middles, up, width, ORIGINAL, "before", up)]
    top = up.max() * 1.06
    above = {"xref": "paper", "y": 1, "yref": "paper", "yanchor": "bottom"}
    labels = [label("<b>before</b>", ORIGINAL, x=0, xanchor="left", **above)]
    bottom, shapes = 0.0, []
    if after:
        values, counts = np.unique(rounded, return_counts=True)
        few = len(values) <= MOST_LINES
        if not few:
            counts, values = np.histogram(rounded, edges)[0], middles
        share = 100 * counts / len(rounded)
        scale = up.max() / share.max()  # both halves take the same room; the axis says what each is
        wide = width if not few else max(width * 0.55, 0.0)
        traces.append(_bars(values, -share * scale, wide, COMPRESSED, "after", share))
        bottom = -top
        labels.append(label(f"<b>{after}</b>", COMPRESSED, x=0.19, xanchor="left", **above))
        if 0 < len(levels) <= MOST_LINES:
            seen = levels[(levels >= edges[0]) & (levels <= edges[-1])]
            ends = {"type": "line", "y0": bottom, "y1": top, "layer": "below"}
            shapes = [ends | {"x0": x, "x1": x, "line": LEVEL_LINE} for x in seen.tolist()]
            labels.append(label(f"dotted: {of or 'the levels'}", x=1, xanchor="right", **above))
    return figure(
        traces,
        axis("weight (no unit)", range=[edges[0], edges[-1]], zeroline=False, automargin=False, nticks=9),
        axis("weights (%)", range=[bottom, top], **_both_sides(up.max(), after), automargin=False),
        labels,
        barmode="overlay",
        shapes=shapes,
        height=FIGURE_PX,
        margin=_WIDE | {"t": 24},
    )


def _bars(x: np.ndarray, y: np.ndarray, width: float, color: str, name: str, share: np.ndarray) -> dict:
    return {
        "type": "bar",
        "x": x,
        "y": y,
        "width": width,
        "name": name,
        "marker": {"color": color, "line": {"width": 0}},
        "customdata": share,
        "hovertemplate": f"{name}: %{{customdata:.2f}} % of the weights<br>at %{{x:.4f}}<extra></extra>",
    }


def _both_sides(top: float, after: str) -> dict:
    """Ticks of the upper half; the lower one has a scale of its own, which pointing at it tells."""
    step = 10 ** math.floor(math.log10(top))
    step = next(s * step for s in (0.5, 1, 2, 5) if top / (s * step) <= 3)
    ticks = [step * i for i in range(int(top / step) + 1)]
    return {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks], "zeroline": bool(after)}


def accuracy_over_bits(
    points: pd.DataFrame, own: str, titles: dict[str, str], now: tuple[float, float] | None, before: float
) -> go.Figure:
    """Test accuracy over bits per weight, a line per scheme, with the recipe where it stands.

    Args:
        points: measured so far: `scheme`, `bits`, `accuracy` (0 … 1).
        own: the recipe's scheme.
        titles: of the schemes drawn, in the order of their labels.
        now: bits and accuracy of the recipe; None where nothing of it is rounded.
        before: the accuracy before anything is rounded.
    """
    traces, labels = [], []
    ends = [math.log2(0.92), math.log2(18)]
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": [2 ** ends[0], 2 ** ends[1]],
            "y": [100 * before] * 2,
            "line": {"color": ORIGINAL, "width": 2, "dash": "dash"},
            "hovertemplate": "before rounding: %{y:.1f} %<extra></extra>",
        }
    )
    above = {"xref": "paper", "xanchor": "right", "x": 1, "y": 100 * before, "yanchor": "bottom"}
    labels.append(label(f"before rounding {100 * before:.1f} %", ORIGINAL, **above))
    drawn, alone = list(titles), []
    for place, scheme in enumerate(reversed(drawn)):
        color, symbol = style(SCHEMES[scheme])
        mine = scheme == own
        color = COMPRESSED if mine else color
        rows = points[points["scheme"] == scheme].sort_values("bits")
        name = titles[scheme]
        fixed = SCHEMES[scheme].fixed_bits is not None
        # What has one point alone is drawn around those of others, which can stand at the same place.
        mark = (
            {"symbol": f"{symbol}-open", "size": 15, "line": {"width": 3}} if fixed else {"symbol": symbol, "size": 8}
        )
        (alone if fixed else traces).append(
            {
                "type": "scatter",
                "mode": "markers" if fixed else "lines+markers",
                "name": name,
                "x": rows["bits"],
                "y": 100 * rows["accuracy"],
                "line": {"color": color, "width": 4 if mine else 2},
                "marker": {"color": color} | mark,
                "hovertemplate": f"{name}, %{{x}} bits: %{{y:.1f}} %<extra></extra>",
            }
        )
        at = {"x": 1, "xref": "paper", "xanchor": "right", "y": 0.012 + 0.122 * place, "yref": "paper"}
        labels.append(label(f"<b>{name}</b>" if mine else name, color, yanchor="bottom", **at))
    traces += alone
    if now is not None:
        x, y = now
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "this recipe",
                "x": [x],
                "y": [100 * y],
                "marker": {
                    "color": COMPRESSED,
                    "symbol": "diamond",
                    "size": 17,
                    "line": {"color": "#FFFFFF", "width": 2},
                },
                "hovertemplate": f"this recipe: {x:.3g} bits, %{{y:.1f}} %<extra></extra>",
            }
        )
        side = {"xanchor": "left", "xshift": 12} if x < 10 else {"xanchor": "right", "xshift": -12}
        below = {
            "x": math.log2(x),
            "y": 100 * y,
            "yanchor": "top" if y > 0.3 else "bottom",
            "yshift": -6 if y > 0.3 else 6,
        }
        labels.append(label(f"<b>{100 * y:.1f} %</b>", **below, **side))
    return figure(
        traces,
        axis(
            "bits per weight (log scale)",
            type="log",
            dtick=1,
            range=[value * math.log10(2) for value in ends],
            tickvals=list(BIT_TICKS),
            ticktext=[str(tick) for tick in BIT_TICKS],
            automargin=False,
        ),
        axis("test accuracy (%)", range=[0, 109], tickvals=list(range(0, 101, 20)), automargin=False),
        _log10(labels, "x"),
        height=FIGURE_PX,
        margin=_WIDE | {"t": 8},
    )


def _log10(labels: list[dict], letter: str) -> list[dict]:
    """Labels whose places on a log axis are powers of two, as plotly wants them: powers of ten."""
    return [
        one if one.get(f"{letter}ref") == "paper" else one | {letter: one[letter] * math.log10(2)} for one in labels
    ]


def layer_bars(layers: pd.DataFrame, chosen: str, error_title: str) -> go.Figure:
    """What each layer bears: above, what rounding it alone does to the logits; below, how well its weights are kept.

    Args:
        layers: a row per layer from input to output: `layer`, `title`, `block`, `bits`, `text` (above its bar), `sqnr`
            (dB), `error` (a part of the logits' own mean square, NaN where it is not measured).
        chosen: the layer shown elsewhere.
        error_title: of the upper axis.
    """
    places = list(range(len(layers)))
    opacity = [FULL if name == chosen else FAINT for name in layers["layer"]]
    errors = 100 * layers["error"].clip(lower=LOWEST_ERROR)
    sqnr = layers["sqnr"].replace(np.inf, np.nan)
    hover = layers[["layer", "title", "bits"]].to_numpy()
    shared = {"type": "bar", "x": places, "width": 0.78, "customdata": hover}
    marker = {"color": COMPRESSED, "opacity": opacity, "line": {"width": 0}}
    kept = {"unselected": {"marker": {"opacity": FAINT}}, "selected": {"marker": {"opacity": FULL}}}
    known = errors.dropna()
    floor = 10 ** math.floor(math.log10(known.min()) - 0.15) if len(known) else 0.01
    reach = [math.log10(floor), math.log10(max(known.max(), floor * 10)) + 0.35] if len(known) else [-2, 2]
    traces = [
        shared
        | kept
        | {
            "y": errors,
            "marker": marker,
            "text": layers["text"],
            "textposition": "outside",
            "textangle": 0,
            "cliponaxis": False,
            "constraintext": "none",
            "hovertemplate": "%{customdata[1]}, %{customdata[2]} bits<br>moves the logits by %{y:.3g} %<extra></extra>",
            "yaxis": "y",
        },
        shared
        | kept
        | {
            "y": sqnr,
            "marker": marker,
            "hovertemplate": "%{customdata[1]}, %{customdata[2]} bits<br>SQNR %{y:.1f} dB<extra></extra>",
            "yaxis": "y2",
        },
    ]
    decades = list(range(math.ceil(reach[0]), math.floor(reach[1]) + 1))
    every = max(1, math.ceil(len(decades) / 4))
    ticks, apart = [], math.ceil(len(places) / MOST_TICKS)
    for place, new in zip(places, layers["block"].ne(layers["block"].shift()), strict=True):
        if new and (not ticks or place - ticks[-1] >= apart):
            ticks.append(place)
    return figure(
        traces,
        axis(
            "layer, from input to output (block)",
            range=[-0.7, len(places) - 0.3],
            tickvals=ticks,
            ticktext=layers["block"].iloc[ticks].tolist(),
            anchor="y2",
            showgrid=False,
            tickangle=0,
            automargin=False,
        ),
        axis(
            error_title,
            type="log",
            range=reach,
            domain=[0.54, 1],
            tickvals=[10.0**d for d in decades][::every],
            ticktext=[_plain(10.0**d) for d in decades][::every],
            automargin=False,
        ),
        [],
        yaxis2=axis("SQNR (dB)", domain=[0, 0.4], nticks=4, rangemode="tozero", anchor="x", automargin=False),
        height=LAYERS_PX,
        margin={"l": 84, "r": 8, "t": 24, "b": 48},
        clickmode="event+select",
        dragmode=False,
    )


def _plain(value: float) -> str:
    return f"{value:g}" if value >= 1e-3 else f"10<sup>{round(math.log10(value))}</sup>".replace("-", "−")


def channel_ranges(ranges: pd.DataFrame, levels: int, ordered: bool) -> go.Figure:
    """From the smallest to the largest weight of every output channel, and what one grid for all would have to span.

    Args:
        ranges: a row per channel: `channel`, `low`, `high`; and `low_after`, `high_after` where layers are equalized.
        levels: of one grid over the whole layer; drawn where they are few enough.
        ordered: by how far they reach, else as they are numbered.
    """
    if ordered:
        ranges = ranges.sort_values(by="high", key=lambda high: high - ranges["low"], ascending=False)
    equal = "low_after" in ranges
    places = list(range(len(ranges)))
    panels = [("low", "high", ORIGINAL, "before" if equal else "each channel")]
    panels += [("low_after", "high_after", COMPRESSED, "equalized")] if equal else []
    traces, labels, shapes, axes = [], [], [], {}
    width = (1 - PANELS_APART * (len(panels) - 1)) / len(panels)
    for i, (low, high, color, name) in enumerate(panels):
        number, left = "" if i == 0 else str(i + 1), i * (width + PANELS_APART)
        least, most = min(float(ranges[low].min()), 0), max(float(ranges[high].max()), 0)
        traces.append(
            {
                "type": "bar",
                "x": places,
                "y": (ranges[high] - ranges[low]).clip(lower=(most - least) / 400),
                "base": ranges[low],
                "width": 0.8,
                "xaxis": f"x{number}",
                "yaxis": f"y{number}",
                "marker": {"color": color, "line": {"width": 0}},
                "customdata": ranges[["channel", low, high]].to_numpy(),
                "hovertemplate": "channel %{customdata[0]:.0f}: "
                "%{customdata[1]:.4f} … %{customdata[2]:.4f}<extra></extra>",
            }
        )
        text = f"<b>{name}</b>; one grid spans {least:.2f} … {most:.2f}".replace("-", "−")
        place = {"x": left, "xref": "paper", "xanchor": "left", "y": 1, "yref": "paper", "yanchor": "bottom"}
        labels.append(label(text, color, **place))
        lines = np.linspace(least, most, levels) if levels <= MOST_LINES else np.array([least, most])
        across = {"xref": "paper", "x0": left, "x1": left + width, "yref": f"y{number}", "type": "line"}
        shapes += [
            across | {"y0": y, "y1": y, "line": {"color": "#8D7B68", "width": 1, "dash": "dot"}} for y in lines.tolist()
        ]
        by = "widest first" if ordered else "as numbered"
        axes[f"xaxis{number}"] = axis(
            f"output channel ({by})",
            domain=[left, left + width],
            anchor=f"y{number}",
            range=[-0.7, len(places) - 0.3],
            showgrid=False,
            zeroline=False,
            automargin=False,
        )
        room = 0.04 * (most - least or 1)
        axes[f"yaxis{number}"] = axis(
            "weight (no unit)" if i == 0 else "",
            anchor=f"x{number}",
            range=[least - room, most + room],
            showgrid=False,
            nticks=6,
            automargin=False,
        )
    first = axes.pop("xaxis"), axes.pop("yaxis")
    return figure(traces, *first, labels, shapes=shapes, height=RANGES_PX, margin=_WIDE | {"t": 26}, **axes)
