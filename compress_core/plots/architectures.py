"""Figures of architectures: a block, where the costs sit, and costs against width."""

import math

import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import MARGIN, axis, figure, label
from compress_core.plots.tokens import KIND, PLOT_FONT_PX, style
from compress_core.registry import ARCHITECTURES

COSTS = {"params": "parameters", "macs": "MACs per image", "memory_access": "elements read and written"}
_LINE = {"color": KIND["other"], "width": 1.5}
BOX_WIDTH, BOX_HEIGHT, LANE = 0.8, 1.0, 1.5
OVER = 0.95  # how far below its row a shortcut runs


def block_figure(boxes: pd.DataFrame, arrows: pd.DataFrame) -> go.Figure:
    """A block as boxes from left to right.

    Args:
        boxes: `box`, `title`, `detail`, `kind`, `column`, `lane`.
        arrows: `start`, `end`, `channels`.
    """
    shapes, texts = [], []
    at = {row.box: (row.column, -LANE * row.lane) for row in boxes.itertuples()}
    for row in boxes.itertuples():
        x, y = at[row.box]
        color = KIND.get(row.kind, KIND["other"])
        ends = {"x0": x - BOX_WIDTH / 2, "x1": x + BOX_WIDTH / 2, "y0": y - BOX_HEIGHT / 2, "y1": y + BOX_HEIGHT / 2}
        line = {"color": color, "width": 2, "dash": "dot" if row.kind == "end" else "solid"}
        shapes.append({"type": "rect", "line": line, "layer": "below"} | ends)
        texts.append(label(f"<b>{row.title}</b><br>{row.detail}", x=x, y=y))
    for row in arrows.itertuples():
        (x0, y0), (x1, y1) = at[row.start], at[row.end]
        right, left, bottom = x0 + BOX_WIDTH / 2, x1 - BOX_WIDTH / 2, y1 - BOX_HEIGHT / 2
        name = {"text": f"{row.channels}", "xanchor": "center"}
        if x1 - x0 <= 1:
            texts += [_tip(right, y0, left, y1), name | {"x": (right + left) / 2, "y": (y0 + y1) / 2, "yshift": 14}]
            continue
        # Over more than one column: below the boxes between, and up into the box.
        over = y0 - OVER if y0 == y1 else y0
        start = f"M {x0},{y0 - BOX_HEIGHT / 2} L {x0},{over}" if y0 == y1 else f"M {right},{y0}"
        shapes.append({"type": "path", "path": f"{start} L {x1},{over} L {x1},{bottom}", "line": _LINE})
        texts += [_tip(x1, over, x1, bottom), name | {"x": (right + x1) / 2, "y": over, "yshift": 11}]
    columns, below = (
        boxes["column"].max(),
        max(LANE * boxes["lane"].max() + 0.5, OVER if _has_shortcut(boxes, arrows) else 0.5),
    )
    hidden = {"visible": False, "fixedrange": True}
    return figure(
        [],
        hidden | {"range": [-0.5, columns + 0.5]},
        hidden | {"range": [-below - 0.05, 0.55]},
        texts,
        shapes=shapes,
        height=round(40 + 76 * (below + 0.5)),
        margin=MARGIN | {"t": 8},
        dragmode=False,
    )


def _has_shortcut(boxes: pd.DataFrame, arrows: pd.DataFrame) -> bool:
    place = boxes.set_index("box")
    start, end = place.loc[arrows["start"]].reset_index(), place.loc[arrows["end"]].reset_index()
    return bool(((start["lane"] == end["lane"]) & (end["column"] - start["column"] > 1)).any())


def _tip(x0: float, y0: float, x1: float, y1: float) -> dict:
    return {
        "text": "",
        "showarrow": True,
        **{"x": x1, "y": y1, "ax": x0, "ay": y0, "xref": "x", "yref": "y", "axref": "x", "ayref": "y"},
        **{"arrowhead": 2, "arrowwidth": 1.5, "arrowcolor": KIND["other"]},
    }


def cost_by_kind(layers: pd.DataFrame) -> go.Figure:
    """The share of each kind of layer in parameters and MACs, a bar for each network and cost.

    Args:
        layers: `network` (title), `kind`, `params`, `macs`; a row per layer.
    """
    networks = list(dict.fromkeys(layers["network"]))
    bars = [(network, cost) for network in networks[::-1] for cost in ("macs", "params")]
    names = [f"{network}<br>{'MACs' if cost == 'macs' else 'parameters'}" for network, cost in bars]
    totals = [layers.loc[layers["network"] == network, cost].sum() for network, cost in bars]
    traces = []
    for kind, color in KIND.items():
        if kind == "other" or kind not in set(layers["kind"]):
            continue
        of_kind = layers[layers["kind"] == kind]
        shares = [
            100 * of_kind.loc[of_kind["network"] == network, cost].sum() / total
            for (network, cost), total in zip(bars, totals, strict=True)
        ]
        if max(shares) < 0.05:
            continue
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": kind,
                "x": shares,
                "y": names,
                "marker": {"color": color, "opacity": 0.5},
                "text": [_share(kind, share) for share in shares],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "textangle": 0,
                "textfont": {"size": PLOT_FONT_PX},
                "constraintext": "none",
                "hovertemplate": f"{kind}: %{{x:.1f}} %<extra></extra>",
            }
        )
    return figure(
        traces,
        axis("share (%)", range=[0, 100]),
        axis("", ticks=""),
        [],
        barmode="stack",
        height=90 + 55 * len(bars),
        margin=MARGIN | {"t": 8},
    )


def cost_by_layer(layers: pd.DataFrame, cost: str) -> go.Figure:
    """What each layer of one network costs, in the order in which they run.

    Args:
        layers: `layer`, `kind`, `output_shape` and the cost, a row per layer.
    """
    rows = layers[layers[cost] > 0].reset_index(drop=True)
    traces = []
    for kind, color in KIND.items():
        own = rows[rows["kind"] == kind]
        if own.empty:
            continue
        traces.append(
            {
                "type": "bar",
                "name": kind,
                "x": own.index + 1,
                "y": own[cost],
                "marker": {"color": color},
                "customdata": own[["layer", "output_shape"]].astype(str),
                "hovertemplate": f"%{{customdata[0]}}, {kind}<br>%{{y:,}} {COSTS[cost]}<br>"
                "out %{customdata[1]}<extra></extra>",
            }
        )
    return figure(traces, axis("layer, in the order in which they run"), axis(COSTS[cost]), [], height=280)


def cost_against_width(costs: pd.DataFrame, chosen: pd.DataFrame, cost: str) -> go.Figure:
    """Parameters or MACs against the width multiplier, a line for each architecture.

    Args:
        costs: `arch`, `title`, `width` and the cost.
        chosen: the same columns, the points to mark.
    """
    traces, ends = [], []
    for arch, line in costs.groupby("arch", sort=False):
        color, symbol = style(ARCHITECTURES[arch])
        hover = f"{line['title'].iloc[0]}, width %{{x}}<br>%{{y:,}} {COSTS[cost]}<extra></extra>"
        shared = {"type": "scatter", "x": line["width"], "y": line[cost], "hovertemplate": hover}
        traces.append(shared | {"mode": "lines", "name": arch, "line": {"color": color, "width": 2.5}})
        point = chosen[chosen["arch"] == arch]
        mark = {"color": color, "symbol": symbol, "size": 14}
        traces.append(
            shared | {"mode": "markers", "name": "chosen", "x": point["width"], "y": point[cost], "marker": mark}
        )
        ends.append((line[cost].iloc[-1], label(line["title"].iloc[0], color, x=line["width"].iloc[-1])))
    ends.sort(key=lambda end: end[0], reverse=True)
    at_end = {"xanchor": "right"}
    labels = [  # the highest above its line, the others below theirs
        text | at_end | {"y": math.log10(value), "yshift": 16 if i == 0 else -16}
        for i, (value, text) in enumerate(ends)
    ]
    return figure(
        traces,
        axis("width multiplier α", range=[0.05, 2.05]),
        axis(f"{COSTS[cost]} (log scale)", type="log", dtick=1, exponentformat="SI"),
        labels,
        height=300,
    )


def costs_side_by_side(rows: pd.DataFrame, cost: str, budget: float) -> go.Figure:
    """What each architecture costs at the widest that keeps to a budget, as a part of that budget.

    Args:
        rows: `arch`, `title`, `width`, `params`, `macs`; a row per architecture.
    """
    other = "macs" if cost == "params" else "params"
    colors = [style(ARCHITECTURES[arch])[0] for arch in rows["arch"]]
    traces = []
    for shown, opacity in ((cost, 0.35), (other, 0.7)):
        scale = budget if shown == cost else rows[shown].max()
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": COSTS[shown],
                "y": [f"{row.title} {row.width:g}" for row in rows.itertuples()][::-1],
                "x": (100 * rows[shown] / scale)[::-1],
                "marker": {"color": colors[::-1], "opacity": opacity},
                "text": [_short(value, shown) for value in rows[shown]][::-1],
                "textposition": ["inside" if part > 0.5 else "outside" for part in rows[shown] / scale][::-1],
                "textfont": {"size": PLOT_FONT_PX},
                "constraintext": "none",
                "hovertemplate": "%{y}: %{text}<extra></extra>",
            }
        )
    return figure(
        traces,
        axis(f"part of the budget (pale), of the most {COSTS[other]} (full), %", range=[0, 108]),
        axis("", ticks=""),
        [],
        barmode="group",
        height=70 + 55 * len(rows),
        margin=MARGIN | {"t": 8},
    )


def _share(kind: str, share: float) -> str:
    """As much of a label as there is room for."""
    if share > 18:
        return f"{kind} {share:.0f} %"
    return f"{share:.0f}" if share > 4 else ""


def _short(value: float, cost: str) -> str:
    unit = "parameters" if cost == "params" else "MACs"
    return f"{value / 1e6:.3g} M {unit}" if value >= 1e6 else f"{value / 1e3:.3g} k {unit}"
