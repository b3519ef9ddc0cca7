"""Figures of the channel shuffle: the animation, the permutation, its connectivity, and what it is worth."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import MARGIN, axis, domains, figure, label
from compress_core.plots.tokens import CONTRAST, GROUP, KIND, PLOT_FONT_PX

USUAL, BETTER = CONTRAST
"""Colours of the network without the shuffle, and of the one with it."""
FRAME_MS, MOVE_MS = 1400, 900
HEIGHT_PX = 330
_BOLD = {"size": PLOT_FONT_PX + 1}
_HIDDEN = dict.fromkeys(("showgrid", "zeroline", "showticklabels", "automargin"), False) | {
    "ticks": "",
    "fixedrange": True,
}
_STRIP_COLUMNS = 18  # a shorter strip has maps of the same size
_GREYS = [[0, "#000000"], [1, "#FFFFFF"]]
_LINE = "rgba(128,128,128,0.55)"


def group_color(group: int) -> str:
    """The colour of a group, counted from 0."""
    return GROUP[group % len(GROUP)]


def shuffle_animation(states: pd.DataFrame, captions: list[str], height: int = HEIGHT_PX) -> go.Figure:
    """The channels of a shuffle, moved in the browser from step to step.

    Args:
        states: `step`, `channel`, `group`, `row`, `column`.
        captions: of the steps, for the buttons.
    """
    steps = list(dict.fromkeys(states["step"]))
    count = int(states["channel"].max()) + 1
    rows = int(states["row"].max()) + 1
    size = min(34, round(1000 / count), round((height - 90) / (rows + 1)))
    frames = [
        {
            "name": step,
            "data": [_tiles(states[states["step"] == step], count, rows, size), _caption(caption, count, rows)],
        }
        for step, caption in zip(steps, captions, strict=True)
    ]
    move = {"duration": MOVE_MS, "easing": "cubic-in-out"}

    def to(names: list[str], frame_ms: int = MOVE_MS) -> list:
        shown = {"duration": frame_ms, "redraw": False}
        return [names, {"mode": "immediate", "frame": shown, "transition": move}]

    buttons = [
        {"label": "▶ Play", "method": "animate", "args": to(steps, FRAME_MS)},
        {"label": "↺ Reset", "method": "animate", "args": to(steps[:1])},
        *({"label": f"{i} {step}", "method": "animate", "args": to([step])} for i, step in enumerate(steps[1:], 1)),
    ]
    menu = {
        "type": "buttons",
        "direction": "right",
        "showactive": False,
        "buttons": buttons,
        "x": 0,
        "xanchor": "left",
        "y": 1.0,
        "yanchor": "bottom",
        "pad": {"b": 10, "l": 1},
        "bordercolor": KIND["other"],
        "bgcolor": "rgba(0,0,0,0)",
        "font": {"size": PLOT_FONT_PX},
    }
    made = figure(
        frames[0]["data"],
        axis("", range=[-0.7, count - 0.3], **_HIDDEN),
        axis("", range=[-rows - 0.1, 1.2], **_HIDDEN),
        [],
        height=height,
        margin=MARGIN | {"t": 54},
        updatemenus=[menu],
        dragmode=False,
    )
    made.frames = frames
    return made


def _tiles(state: pd.DataFrame, count: int, rows: int, size: int) -> dict:
    """The channels of one state; whatever is narrower than all of them stands in the middle."""
    flat = state["row"].max() == 0
    pitch = 1.0 if flat else max(1.0, min(2.0, count / 14))
    middle = (count - 1) / 2 - pitch * state["column"].max() / 2
    lines = int(state["row"].max()) + 1
    top = -(rows - lines) / 2
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": middle + pitch * state["column"].to_numpy(),
        "y": top - state["row"].to_numpy(),
        "ids": [str(channel) for channel in state["channel"]],
        "text": [f"<b>{channel}</b>" for channel in state["channel"]],
        "textfont": {"color": "#FFFFFF", "size": PLOT_FONT_PX},
        "marker": {
            "symbol": "square",
            "size": size,
            "color": [group_color(group) for group in state["group"]],
            "line": {"width": 0},
        },
        "customdata": state["group"] + 1,
        "hovertemplate": "channel %{text}, group %{customdata}<extra></extra>",
        "cliponaxis": False,
    }


def _caption(text: str, count: int, rows: int) -> dict:
    """What a step does, below the channels. A mark and no annotation: those stay as they are while marks move."""
    return {
        "type": "scatter",
        "mode": "text",
        "x": [(count - 1) / 2],
        "y": [-rows + 0.2],
        "text": [text],
        "textfont": _BOLD,
        "hoverinfo": "skip",
        "cliponaxis": False,
    }


def permutation_grid(index: list[int], groups: list[int], height: int = HEIGHT_PX) -> go.Figure:
    """A permutation as a matrix: a square where a place (row) holds a channel (column), in its group's colour.

    Args:
        index: which channel each place holds.
        groups: of each channel.
    """
    count = len(index)
    own = [groups[channel] for channel in index]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": list(index),
        "y": list(range(count)),
        "marker": {"symbol": "square", "size": max(4, min(14, 260 // count)), "color": [group_color(g) for g in own]},
        "customdata": [group + 1 for group in own],
        "hovertemplate": "place %{y} holds channel %{x}, of group %{customdata}<extra></extra>",
    }
    reach = [-0.6, count - 0.4]
    return figure(
        [dots],
        axis("channel before (number)", range=reach, constrain="domain", nticks=7, zeroline=False),
        axis("place after (number)", range=reach[::-1], scaleanchor="x", constrain="domain", nticks=7, zeroline=False),
        [],
        height=height,
        margin=MARGIN | {"t": 8},
    )


def reach_matrices(panels: list[tuple[str, pd.DataFrame, list[int]]], height: int = HEIGHT_PX) -> go.Figure:
    """Connectivity, a matrix a panel: a cell where an input (column) reaches an output (row), in its group's colour.

    Args:
        panels: a title, a table of bools with a row an output and a column an input, and the group of each input.
    """
    traces, axes, labels = [], {}, []
    for i, (title, reach, groups) in enumerate(panels):
        number = "" if i == 0 else str(i + 1)
        cells = np.where(reach.to_numpy(bool), np.asarray(groups)[None, :] % len(GROUP), len(GROUP)).astype(np.uint8)
        traces.append(
            {
                "type": "heatmap",
                "z": cells,
                "zmin": 0,
                "zmax": len(GROUP),
                "colorscale": _group_scale(),
                "showscale": False,
                "xaxis": f"x{number}",
                "yaxis": f"y{number}",
                "xgap": 1 if max(cells.shape) <= 48 else 0,
                "ygap": 1 if max(cells.shape) <= 48 else 0,
                "hovertemplate": "input %{x}, output %{y}<extra></extra>",
            }
        )
        domain = domains(len(panels), 0.13)[i]
        shared = {"constrain": "domain", "nticks": 7, "zeroline": False, "showgrid": False}
        axes[f"xaxis{number}"] = axis("input channel (number)", domain=domain, anchor=f"y{number}", **shared)
        axes[f"yaxis{number}"] = axis(
            "" if i else "output channel (number)",
            anchor=f"x{number}",
            autorange="reversed",
            constraintoward="top",
            **({"scaleanchor": f"x{number}"} if 0.5 <= len(cells) / cells.shape[1] <= 2 else {}),
            **shared,
        )
        middle = sum(domain) / 2
        labels.append(label(title, x=middle, xref="paper", xanchor="center", y=1.0, yref="paper", yanchor="bottom"))
    first = axes.pop("xaxis"), axes.pop("yaxis")
    return figure(traces, *first, labels, height=height, margin=MARGIN | {"t": 30}, **axes)


def _group_scale() -> list[list]:
    """Each group's colour, and a faint grey for what is not reached."""
    colors = [*GROUP, "rgba(128,128,128,0.13)"]
    steps = [(i / len(colors), (i + 1) / len(colors)) for i in range(len(colors))]
    return [[end, color] for (low, high), color in zip(steps, colors, strict=True) for end in (low, high)]


def share_over_layers(shares: pd.DataFrame, chosen: int, height: int = HEIGHT_PX) -> go.Figure:
    """The share of the inputs that reach an output over the number of layers, without the shuffle and with it.

    Args:
        shares: `layers`, `without`, `with`, as parts of one.
        chosen: the number of layers, marked.
    """
    traces, labels = [], []
    for name, color, symbol in (("without", USUAL, "diamond"), ("with", BETTER, "circle")):
        sizes = [16 if layers == chosen else 8 for layers in shares["layers"]]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": shares["layers"],
                "y": 100 * shares[name],
                "line": {"color": color, "width": 3, "dash": "dash" if name == "without" else "solid"},
                "marker": {"color": color, "size": sizes, "symbol": symbol},
                "hovertemplate": f"%{{x}} layers {name} shuffle: %{{y:.3g}} %<extra></extra>",
            }
        )
        last = 100 * float(shares[name].iloc[-1])
        shift = -16 if name == "without" or last > 95 else 16
        place = {"x": 1, "xref": "paper", "xanchor": "right", "y": last, "yshift": shift}
        labels.append(label(f"{name} shuffle", color, **place))
    return figure(
        traces,
        axis("grouped layers k (count)", dtick=1, range=[0.6, float(shares["layers"].max()) + 0.4]),
        axis("inputs that reach an output (%)", range=[0, 108]),
        labels,
        height=height,
        margin=MARGIN | {"t": 12},
    )


def permutation_lines(panels: list[tuple[str, list[int], list[int]]], height: int = HEIGHT_PX) -> go.Figure:
    """A shuffle as lines from the places before it to those after it, in the colours of the groups, a panel each.

    Args:
        panels: a title, which channel each place holds, and the group of each channel.
    """
    traces, axes, labels = [], {}, []
    for i, (title, index, groups) in enumerate(panels):
        number = "" if i == 0 else str(i + 1)
        count = len(index)
        for group in sorted(set(groups)):
            x, y = [], []
            for place, channel in enumerate(index):
                if groups[channel] == group:
                    x += [0, 1, None]
                    y += [channel, place, None]
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": x,
                    "y": y,
                    "xaxis": f"x{number}",
                    "yaxis": f"y{number}",
                    "line": {"color": group_color(group), "width": 1 if count > 80 else 2},
                    "hoverinfo": "skip",
                }
            )
        domain = domains(len(panels), 0.08)[i]
        ends = {"tickvals": [0, 1], "ticktext": ["before", "after"], "zeroline": False, "showgrid": False}
        axes[f"xaxis{number}"] = axis("the shuffle", domain=domain, anchor=f"y{number}", range=[-0.04, 1.04], **ends)
        axes[f"yaxis{number}"] = axis(
            "channel's place (number)" if i == 0 else "",
            anchor=f"x{number}",
            range=[count - 0.5, -0.5],
            nticks=6,
            zeroline=False,
            showgrid=False,
        )
        middle = sum(domain) / 2
        labels.append(label(title, x=middle, xref="paper", xanchor="center", y=1.0, yref="paper", yanchor="bottom"))
    first = axes.pop("xaxis"), axes.pop("yaxis")
    return figure(traces, *first, labels, height=height, margin=MARGIN | {"t": 30}, dragmode=False, **axes)


def feature_strip(maps: pd.DataFrame, titles: list[str], height: int = HEIGHT_PX) -> go.Figure:
    """Maps in a row before a shuffle and in a row after it, framed in the colours of their groups.

    Args:
        maps: `row` (0 is the upper), `column`, `channel`, `group` and `pixels`, an (H, W) array of 0 … 1 each.
        titles: of the rows.
    """
    columns, rows = int(maps["column"].max()) + 1, int(maps["row"].max()) + 1
    side = maps["pixels"].iloc[0].shape[0]
    pitch, gap = 1.25 * side, 0.45 * side  # a gap above each row, for the numbers
    traces, shapes, labels = [], [], []
    for one in maps.itertuples():
        x, y = one.column * pitch, one.row * (pitch + gap) + gap
        traces.append(
            {
                "type": "heatmap",
                "z": one.pixels,
                "x0": x + 0.5,
                "y0": y + 0.5,
                "colorscale": _GREYS,
                "zmin": 0,
                "zmax": 1,
                "showscale": False,
                "hoverinfo": "skip",
            }
        )
        ends = {"x0": x, "x1": x + side, "y0": y, "y1": y + side}
        shapes.append({"type": "rect", "line": {"color": group_color(one.group), "width": 4}} | ends)
        labels.append(label(str(one.channel), x=x + side / 2, y=y, yanchor="bottom", yshift=2))
    middles = [row * (pitch + gap) + gap + side / 2 for row in range(rows)]
    return figure(
        traces,
        axis("", range=[-0.05 * side, max(columns, _STRIP_COLUMNS) * pitch], **_HIDDEN),
        axis("", range=[rows * (pitch + gap), 0], scaleanchor="x", constrain="domain", constraintoward="top")
        | _HIDDEN
        | {"showticklabels": True, "tickvals": middles, "ticktext": list(titles), "automargin": True},
        labels,
        shapes=shapes,
        height=height,
        margin=MARGIN | {"t": 4},
        dragmode=False,
    )


def worth(table: pd.DataFrame, titles: list[str], height: int = HEIGHT_PX) -> go.Figure:
    """Errors without the shuffle and with it, a panel a source and a row a network.

    Args:
        table: `panel`, `network`, `without`, `with`, in % of the images; with `without_low`, `without_high`,
            `with_low`, `with_high` where an interval is known.
        titles: of the panels' axes.
    """
    traces, axes, labels = [], {}, []
    for i, (panel, rows) in enumerate(table.groupby("panel", sort=False)):
        number = "" if i == 0 else str(i + 1)
        names = list(rows["network"])
        ys = list(range(len(names)))[::-1]
        on = {"type": "scatter", "xaxis": f"x{number}", "yaxis": f"y{number}"}
        x, y = [], []
        for place, without, with_ in zip(ys, rows["without"], rows["with"], strict=True):
            x += [without, with_, None]
            y += [place, place, None]
        traces.append(on | {"mode": "lines", "x": x, "y": y, "line": {"color": _LINE, "width": 3}, "hoverinfo": "skip"})
        for name, color, symbol, shift in (("without", USUAL, "diamond", 0.13), ("with", BETTER, "circle", -0.13)):
            known = rows[f"{name}_high"].notna().all()
            spread = {
                "type": "data",
                "symmetric": False,
                "array": rows[f"{name}_high"] - rows[name],
                "arrayminus": rows[name] - rows[f"{name}_low"],
                "color": color,
                "thickness": 1.5,
            }
            traces.append(
                on
                | {
                    "mode": "markers",
                    "x": rows[name],
                    "y": [place + (shift if known else 0) for place in ys],
                    "marker": {"color": color, "size": 13, "symbol": symbol},
                    "customdata": names,
                    "hovertemplate": f"%{{customdata}}, {name} shuffle: %{{x:.1f}} %<extra></extra>",
                }
                | ({"error_x": spread} if known else {})
            )
        domain = domains(len(titles), 0.12)[i]
        axes[f"xaxis{number}"] = axis(titles[i], domain=domain, anchor=f"y{number}", rangemode="tozero", nticks=6)
        axes[f"yaxis{number}"] = {
            "tickvals": ys,
            "ticktext": names,
            "tickfont": {"size": PLOT_FONT_PX},
            "anchor": f"x{number}",
            "range": [-0.6, len(names) - 0.4],
            "automargin": True,
            "showgrid": False,
            "zeroline": False,
        }
        middle = sum(domain) / 2
        text = "   ".join(
            label(f"{name} shuffle", color)["text"] for name, color in zip(("without", "with"), CONTRAST, strict=True)
        )
        labels.append(
            label(
                f"<b>{panel}</b>   {text}",
                x=middle,
                xref="paper",
                xanchor="center",
                y=1.0,
                yref="paper",
                yanchor="bottom",
            )
        )
    first = axes.pop("xaxis"), axes.pop("yaxis")
    return figure(traces, *first, labels, height=height, margin=MARGIN | {"t": 34}, **axes)
