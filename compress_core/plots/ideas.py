"""Figures of the ideas behind compact architectures."""

import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import MARGIN, axis, domains, figure, label, number
from compress_core.plots.tokens import CONTRAST

USUAL, BETTER = CONTRAST
VALUE_FONT = {"size": 17}
HEIGHT_PX = 440
_FADED = 0.22
_ROOM_FOR_TEXT = 1.7
"""How far an axis goes on behind its longest bar, for what stands there."""


def form_bars(bars: pd.DataFrame, height: int = HEIGHT_PX) -> go.Figure:
    """The forms of one idea one below the other, a panel for each quantity, each from zero in its own unit.

    Args:
        bars: `quantity` (with its unit), `form`, `value`, `text` (lines), `highlighted` (bool: its colour);
            `low` and `high` around a value that was measured, NaN where it was counted.
        height: px.
    """
    quantities, forms = list(bars["quantity"].unique()), list(bars["form"].unique())
    places = list(range(len(forms)))[::-1]
    traces, labels, axes = [], [], {}
    for i, (quantity, domain) in enumerate(zip(quantities, domains(len(quantities), 0.2)[::-1], strict=True)):
        panel = bars[bars["quantity"] == quantity]
        on = {"xaxis": f"x{number(i)}", "yaxis": f"y{number(i)}"}
        spread = {"array": panel["high"] - panel["value"], "arrayminus": panel["value"] - panel["low"]}
        traces.append(
            on
            | {
                "type": "bar",
                "orientation": "h",
                "x": panel["value"],
                "y": places,
                "width": 0.62,
                "marker": {
                    "color": [BETTER if highlighted else USUAL for highlighted in panel["highlighted"]],
                    "line": {"width": 0},
                },
                "error_x": {"type": "data", "symmetric": False, "thickness": 2, "width": 8} | spread,
                "customdata": panel[["form", "text"]],
                "hovertemplate": "%{customdata[0]}: %{customdata[1]}<extra></extra>",
            }
        )
        ends = panel["high"].fillna(panel["value"])
        for end, place, text in zip(ends, places, panel["text"], strict=True):
            at = {"x": end, "y": place, "xref": on["xaxis"], "yref": on["yaxis"], "xanchor": "left", "xshift": 8}
            labels.append(label(text.replace("\n", "<br>"), align="left", font=VALUE_FONT, **at))
        reach = [0, float(ends.max()) * _ROOM_FOR_TEXT]
        axes[f"xaxis{number(i)}"] = axis(quantity, range=reach, nticks=5, tickformat=",", anchor=on["yaxis"])
        axes[f"yaxis{number(i)}"] = {
            "tickvals": places,
            "ticktext": [form.replace("\n", "<br>") for form in forms],
            "tickfont": VALUE_FONT,
            "range": [-0.6, len(forms) - 0.4],
            "domain": domain,
            "anchor": on["xaxis"],
            "automargin": True,
            "showgrid": False,
            "zeroline": False,
        }
    first = axes.pop("xaxis"), axes.pop("yaxis")
    return figure(traces, *first, labels, height=height, margin=MARGIN | {"t": 10}, **axes)


def spirals(points: pd.DataFrame, dims: int) -> go.Figure:
    """The manifold before and after ReLU, with the points that lost a coordinate in the other colour.

    Args:
        points: `x`, `y`, `x_back`, `y_back`, `active`, a row per point.
        dims: of the layer, for the title.
    """
    lost = points["active"] < 2
    reach = 1.12 * float(points[["x", "y", "x_back", "y_back"]].abs().to_numpy().max())
    traces = []
    for x, y, panel in (("x", "y", 0), ("x_back", "y_back", 1)):
        for name, chosen, color, symbol in (("both kept", ~lost, BETTER, "circle"), ("lost", lost, USUAL, "diamond")):
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": name,
                    "x": points.loc[chosen, x],
                    "y": points.loc[chosen, y],
                    "xaxis": f"x{number(panel)}",
                    "yaxis": f"y{number(panel)}",
                    "marker": {"color": color, "symbol": symbol, "size": 6},
                    "hovertemplate": "(%{x:.2f}, %{y:.2f})<extra></extra>",
                }
            )
    sides = domains(2, 0.04)
    above = {"xref": "paper", "xanchor": "center", "y": 1.0, "yref": "paper", "yanchor": "bottom", "font": VALUE_FONT}
    labels = [
        label(f"<b>{text}</b>", x=sum(domain) / 2, **above)
        for text, domain in zip(("in the plane", f"ReLU in {dims} dimensions, read back"), sides, strict=True)
    ]
    square = {"range": [-reach, reach], "constrain": "domain", "constraintoward": "top", "nticks": 5, "zeroline": False}
    across = [
        axis(f"{name} coordinate 1 (no unit)", domain=domain, **square)
        for name, domain in zip(("before:", "after:"), sides, strict=True)
    ]
    up = [axis("coordinate 2 (no unit)", scaleanchor=f"x{number(i)}", **square) for i in range(2)]
    second = {
        "xaxis2": across[1] | {"anchor": "y2"},
        "yaxis2": up[1] | {"anchor": "x2", "title": None, "showticklabels": False},
    }
    return figure(traces, across[0], up[0], labels, height=HEIGHT_PX, margin=MARGIN | {"t": 36}, **second)


def error_over_dims(curve: pd.DataFrame, dims: int, error: float, text: str) -> go.Figure:
    """How much of the spiral a read-out misses over the dimensions, with the chosen layer marked.

    Args:
        curve: `dims`, `low`, `median`, `high` and `lost`, as parts of one.
        dims: of the chosen layer.
        error: of the chosen layer, and the same as `text`.
    """
    x = curve["dims"]
    percent = curve[["low", "median", "high", "lost"]] * 100
    line = {"type": "scatter", "mode": "lines", "x": x}
    band = {"hoverinfo": "skip", "line": {"width": 0}}
    top = min(100.0, max(80.0, 1.12 * float(percent["high"].max()), 112 * error))
    at = min(100 * error, top)
    traces = [
        line | band | {"y": percent["low"]},
        line | band | {"y": percent["high"], "fill": "tonexty", "fillcolor": _faded(BETTER)},
        line
        | {
            "y": percent["lost"],
            "line": {"color": USUAL, "width": 3, "dash": "dash"},
            "hovertemplate": "n = %{x}: %{y:.2g} % of the points lose a coordinate<extra></extra>",
        },
        line
        | {
            "y": percent["median"],
            "line": {"color": BETTER, "width": 3},
            "hovertemplate": "n = %{x}: error %{y:.2g} %, median<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": [dims],
            "y": [at],
            "marker": {"color": BETTER, "size": 16, "symbol": "circle", "line": {"color": "#FFFFFF", "width": 2}},
            "hovertemplate": f"n = {dims}: error {text}<extra></extra>",
        },
    ]
    right = {"x": 1, "xref": "paper", "xanchor": "right", "yref": "paper", "yanchor": "top"}
    labels = [
        label("error, median and middle 80 %", BETTER, y=1.0, **right),
        label("lose a coordinate, (n+1)/2ⁿ", USUAL, y=0.93, **right),
        label(f"<b>n = {dims}: {text}</b>", x=dims, y=at, xanchor="left", xshift=12, yshift=14, font=VALUE_FONT),
    ]
    return figure(
        traces,
        axis("dimensions n (count)", range=[1.2, float(x.max()) + 0.8], tickvals=[2, 5, 10, 15, 20, 25, 30]),
        axis("error, and points (%)", range=[-0.02 * top, top * 1.02]),
        labels,
        height=HEIGHT_PX,
        margin=MARGIN | {"t": 36},
    )


def block_widths(blocks: pd.DataFrame) -> go.Figure:
    """Residual blocks drawn as wide as their maps have channels, from left to right, with the shortcut above.

    Args:
        blocks: a row a block: `name`, `channels` (of the input and of each layer's output), `layers`, `highlighted`.
    """
    widest = max(max(channels) for channels in blocks["channels"])
    traces, labels, shapes = [], [], []
    step = 1.9  # from one block's middle to the next, in widths of the widest map
    for i, block in enumerate(blocks.itertuples()):
        middle = -step * widest * i
        color = BETTER if block.highlighted else USUAL
        half = [channels / 2 for channels in block.channels]
        xs = list(range(len(half)))
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [*xs, *xs[::-1]],
                "y": [middle + h for h in half] + [middle - h for h in half[::-1]],
                "fill": "toself",
                "fillcolor": _faded(color),
                "line": {"color": color, "width": 1},
                "hoverinfo": "skip",
            }
        )
        for x, h, channels in zip(xs, half, block.channels, strict=True):
            ends = {"x0": x, "x1": x, "y0": middle - h, "y1": middle + h}
            shapes.append({"type": "line", "line": {"color": color, "width": 7}} | ends)
            outside = {"xanchor": "right", "xshift": -10} if x == 0 else {"xanchor": "left", "xshift": 10}
            inside = x not in (0, xs[-1])
            place = {"xshift": 0, "y": middle - h, "yshift": -14} if inside else outside | {"y": middle}
            labels.append(label(f"<b>{channels:,}</b>", x=x, font=VALUE_FONT, **place))
        for x, name in enumerate(block.layers):
            labels.append(label(name, x=x + 0.5, y=middle - widest / 2, yshift=-34))
        arch = middle + 0.66 * widest
        path = f"M 0,{middle + half[0]} L 0,{arch} L {xs[-1]},{arch} L {xs[-1]},{middle + half[-1]}"
        shapes.append({"type": "path", "path": path, "line": {"color": color, "width": 3, "dash": "dot"}})
        text = f"<b>{block.name}</b>: the shortcut joins {block.channels[0]:,} channels"
        labels.append(label(text, color, x=xs[-1] / 2, y=arch, yshift=14))
    reach = [-(step * (len(blocks) - 1) + 0.78) * widest, 0.95 * widest]
    hidden = {"showgrid": False, "zeroline": False, "showticklabels": False}
    return figure(
        traces,
        axis("layer after layer (in order)", range=[-0.45, 3.45], **hidden),
        axis("channels (height to scale)", range=reach, **hidden),
        labels,
        shapes=shapes,
        height=HEIGHT_PX,
        margin=MARGIN | {"t": 4},
    )


def squeeze_curves(sweep: pd.DataFrame, chosen: pd.Series, shares: list[float]) -> go.Figure:
    """Parameters and MACs over the squeeze ratio, a line a share of 3×3 filters, the chosen network marked.

    Args:
        sweep: `squeeze_ratio`, `share`, `params`, `macs`.
        chosen: the same of one network.
        shares: drawn faintly beside the chosen one.
    """
    traces, labels, axes = [], [], {}
    drawn = sorted({*shares, chosen["share"]})
    for i, (name, title, unit) in enumerate((("params", "parameters (M)", 1e6), ("macs", "MACs per image (G)", 1e9))):
        on = {"xaxis": f"x{number(i)}", "yaxis": f"y{number(i)}"}
        for share in drawn:
            line = sweep[sweep["share"] == share]
            mine = share == chosen["share"]
            traces.append(
                on
                | {
                    "type": "scatter",
                    "mode": "lines",
                    "x": line["squeeze_ratio"],
                    "y": line[name] / unit,
                    "line": {"color": BETTER if mine else USUAL, "width": 4 if mine else 2},
                    "hovertemplate": f"SR %{{x}}, {share:.3g} of 3×3: %{{y:.2f}}<extra></extra>",
                }
            )
            last = line.iloc[-1]
            near = abs(share - chosen["share"]) < 0.12 and not mine  # two labels would touch
            if not near:
                text = f"<b>{100 * share:.3g} %</b>" if mine else f"{100 * share:.3g} %"
                place = {"x": last["squeeze_ratio"], "y": last[name] / unit, "xref": f"x{number(i)}"}
                labels.append(label(text, xanchor="left", xshift=8, yref=f"y{number(i)}", **place))
        traces.append(
            on
            | {
                "type": "scatter",
                "mode": "markers",
                "x": [chosen["squeeze_ratio"]],
                "y": [chosen[name] / unit],
                "marker": {"color": BETTER, "size": 16, "line": {"color": "#FFFFFF", "width": 2}},
                "hovertemplate": f"chosen: %{{y:.2f}} {unit:.0e}<extra></extra>",
            }
        )
        top = 1.08 * float(sweep.loc[sweep["share"].isin(drawn), name].max()) / unit
        axes[f"xaxis{number(i)}"] = axis(
            "squeeze ratio SR (no unit)", domain=domains(2, 0.14)[i], range=[0.05, 1.22], anchor=on["yaxis"]
        ) | {"tickvals": [0.125, 0.25, 0.5, 0.75, 1], "ticktext": ["⅛", "¼", "½", "¾", "1"]}
        axes[f"yaxis{number(i)}"] = axis(title, range=[0, top], anchor=on["xaxis"])
    return figure(
        traces, axes.pop("xaxis"), axes.pop("yaxis"), labels, height=HEIGHT_PX, margin=MARGIN | {"t": 10}, **axes
    )


def _faded(color: str) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{_FADED})"
