"""Figures of the guidelines: forms beside each other, a network under the lens, and MACs against time."""

import itertools
import math

import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import MARGIN, axis, figure, label, number
from compress_core.plots.tokens import COUNTED, GUIDELINE, KIND, PLOT_FONT_PX, SOURCE, style
from compress_core.registry import ARCHITECTURES

HERE = SOURCE["here"][0]
ROW_PX, _AROUND_PX = 72, 92
_NAME_PX = 116
"""Room for the name of an architecture."""
_ROOM_FOR_TEXT = 2.0
"""How far an axis goes on behind its longest bar, for what stands there."""
_OFFSETS = {"here": 0.3, "gpu": 0.0, "arm": -0.3}
"""Where in a row the marks of a source stand."""
_BROKEN = ("widths", "groups", "pieces", "element-wise")
_KINDS = {"activation": "other", "addition": "batchnorm", "join": "linear"}
"""Operations that are no layers wear the colour of a kind that a prepared network has not, or of all others."""


def form_rows(rows: pd.DataFrame, counted: str, source: str, against: str = "", height: int | None = None) -> go.Figure:
    """Forms one below the other: what was counted, the time, and the speed against the first form's, side by side.

    Args:
        rows: `form` (lines), `chosen` (bool), `counted` and `counted_text`, `least` (a line on its bar; 0 for none),
            `ms`, `low`, `high` and `ms_text`; with `against` also `here`, `here_low`, `here_high`, `on_gpu`, `on_arm`
            (NaN where nothing is known) and `gpu_text`, `arm_text` for the hover.
        counted: the title of the first axis, with its unit; '' leaves that panel out.
        source: what the times are called that are not the paper's.
        against: what speeds are parts of; '' leaves that panel out.
        height: px; of which few rows take only a part.
    """
    places = list(range(len(rows)))[::-1]
    slots = max(len(rows), (height - _AROUND_PX) // ROW_PX) if height else len(rows)
    names = [f"<b>▸ {text}</b>" if mine else text for text, mine in zip(rows["form"], rows["chosen"], strict=True)]
    panels = [panel for panel, shown in (("counted", counted), ("time", True), ("speed", against)) if shown]
    on = {panel: number(i) for i, panel in enumerate(panels)}
    axes, traces, labels, shapes = {}, [], [], []
    for panel, domain in zip(panels, _DOMAINS[len(panels)], strict=True):
        x, place = f"x{on[panel]}", {"domain": domain, "anchor": "y"}
        if panel == "counted":
            traces.append(_bars(rows["counted"], places, x, COUNTED, rows["counted_text"]))
            labels += _behind(rows["counted"], places, x, rows["counted_text"])
            shapes += [
                {"type": "line", "xref": x, "x0": least, "x1": least, "y0": y - 0.42, "y1": y + 0.42, "line": _LEAST}
                for least, y in zip(rows["least"], places, strict=True)
                if least
            ]
            axes[f"xaxis{on[panel]}"] = _from_zero(counted, rows["counted"].max(), place)
        elif panel == "time":
            spread = {"array": rows["high"] - rows["ms"], "arrayminus": rows["ms"] - rows["low"]}
            whiskers = {"type": "data", "symmetric": False, "thickness": 2, "width": 8} | spread
            traces.append(_bars(rows["ms"], places, x, HERE, rows["ms_text"]) | {"error_x": whiskers})
            labels += _behind(rows["high"], places, x, rows["ms_text"])
            axes[f"xaxis{on[panel]}"] = _from_zero("time (ms)", rows["high"].max(), place)
        else:
            marks, texts, top = _speeds(rows, places, source, x, bool(height) and height < _AROUND_PX + ROW_PX * slots)
            traces += marks
            labels += texts
            shapes.append(
                {"type": "line", "xref": x, "x0": 1, "x1": 1, "yref": "paper", "y0": 0, "y1": 1, "line": _ONE}
            )
            title = f"speed against {against} (times)"
            axes[f"xaxis{on[panel]}"] = axis(
                title, range=[0, top * (1.32 if top > 1.02 else 1.14)], nticks=6, zeroline=False, **place
            )
    return figure(
        traces,
        axes.pop("xaxis"),
        {
            "tickvals": places,
            "ticktext": [name.replace("\n", "<br>") for name in names],
            "tickfont": {"size": PLOT_FONT_PX},
            "range": [len(rows) - slots - 0.6, len(rows) - 0.4],
            "automargin": True,
            "showgrid": False,
            "zeroline": False,
        },
        labels,
        shapes=shapes,
        height=height or _AROUND_PX + ROW_PX * len(rows),
        margin=MARGIN | {"t": 30 if against else 10, "r": 24},
        **axes,
    )


_DOMAINS = {2: [[0.0, 0.47], [0.53, 1.0]], 3: [[0.0, 0.29], [0.35, 0.64], [0.70, 1.0]]}


_LEAST = {"color": "#8A8A8A", "width": 3, "dash": "dot"}
_ONE = {"color": "#8A8A8A", "width": 1.5, "dash": "dash"}


def _bars(values: pd.Series, places: list[int], xaxis: str, color: str, texts: pd.Series) -> dict:
    return {
        "type": "bar",
        "orientation": "h",
        "x": values,
        "y": places,
        "xaxis": xaxis,
        "width": 0.5,
        "marker": {"color": color, "line": {"width": 0}},
        "customdata": texts.str.replace("\n", ", "),
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _behind(ends: pd.Series, places: list[int], xaxis: str, texts: pd.Series) -> list[dict]:
    at = {"xref": xaxis, "xanchor": "left", "xshift": 8, "align": "left"}
    return [
        label(text.replace("\n", "<br>"), x=end, y=y, **at) for end, y, text in zip(ends, places, texts, strict=True)
    ]


def _from_zero(title: str, most: float, place: dict) -> dict:
    reach = [0, float(most) * _ROOM_FOR_TEXT]
    return axis(title, range=reach, nticks=4, tickformat="~g", **place)


def _speeds(
    rows: pd.DataFrame, places: list[int], own: str, xaxis: str, tight: bool
) -> tuple[list[dict], list[dict], float]:
    """Marks for each source, their labels, and the largest of all. Where rows are `tight` every second label stands on
    the other side."""
    traces, labels = [], []
    names = {"here": own, "gpu": "paper's GPU", "arm": "paper's ARM"}
    for i, (source, (color, symbol)) in enumerate(SOURCE.items()):
        column = "here" if source == "here" else f"on_{source}"
        known = rows[column].notna()
        values, ys = rows.loc[known, column], [places[i] + _OFFSETS[source] for i, k in enumerate(known) if k]
        trace = {
            "type": "scatter",
            "mode": "markers",
            "x": values,
            "y": ys,
            "xaxis": xaxis,
            "marker": {"color": color, "symbol": symbol, "size": 11},
            "customdata": rows.loc[known, "ms_text" if source == "here" else f"{source}_text"],
            "hovertemplate": f"{names[source]}: %{{x:.2f}}, %{{customdata}}<extra></extra>",
        }
        if source == "here":
            spread = {"array": rows["here_high"] - rows["here"], "arrayminus": rows["here"] - rows["here_low"]}
            trace["error_x"] = {"type": "data", "symmetric": False, "thickness": 2, "width": 6} | spread
        traces.append(trace)
        for value, y, place in zip(values, ys, values.index, strict=True):
            slow = value < 1  # its label keeps clear of the line at 1
            end = rows.loc[place, "here_low" if slow else "here_high"] if source == "here" else value
            before = slow != (tight and source == "gpu")
            side = {"xanchor": "right", "xshift": -9} if before else {"xanchor": "left", "xshift": 9}
            labels.append(label(f"{value:.2f}", x=end, y=y, xref=xaxis, **side))
    words = "   ".join(_sign(*SOURCE[name], text) for name, text in names.items())
    labels.append(label(words, x=1, xref="paper", y=1, yref="paper", xanchor="right", yanchor="bottom"))
    top = float(rows[["here_high", "on_gpu", "on_arm"]].max().max())
    return traces, labels, max(top, 1.0)


_SIGNS = {"circle": "●", "square": "■", "diamond": "◆"}


def _sign(color: str, symbol: str, text: str) -> str:
    return f'<span style="color:{color}">{_SIGNS[symbol]}</span> {text}'


def layers_under_lens(layers: pd.DataFrame) -> go.Figure:
    """Operation after operation the share of MACs above that of the time, and below which guidelines it breaks.

    Args:
        layers: a row an operation: `title`, `kind`, `macs_share` and `time_share` (%), `low` and `high` of the latter,
            NaN where no time is known, and `G1` … `G4`, '' where it keeps them.
    """
    x = list(range(1, len(layers) + 1))
    colors = [KIND[_KINDS.get(kind, kind)] for kind in layers["kind"]]
    traces = []
    for name, yaxis in (("macs_share", "y"), ("time_share", "y2")):
        traces.append(
            {
                "type": "bar",
                "x": x,
                "y": layers[name],
                "yaxis": yaxis,
                "marker": {"color": colors, "line": {"width": 0}},
                "customdata": layers[["title", "kind"]],
                "hovertemplate": "%{customdata[0]}, %{customdata[1]}: %{y:.1f} %<extra></extra>",
            }
        )
    spread = {"array": layers["high"] - layers["time_share"], "arrayminus": layers["time_share"] - layers["low"]}
    traces[1]["error_y"] = {"type": "data", "symmetric": False, "thickness": 1, "width": 0, "color": "#8A8A8A"} | spread
    places = dict(zip(GUIDELINE, range(len(GUIDELINE))[::-1], strict=True))
    for name, symbol in GUIDELINE.items():
        broken = [i for i, text in enumerate(layers[name]) if text]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [x[i] for i in broken],
                "y": [places[name]] * len(broken),
                "yaxis": "y3",
                "marker": {"color": HERE, "symbol": symbol, "size": 9},
                "customdata": [(layers["title"].iloc[i], layers[name].iloc[i]) for i in broken],
                "hovertemplate": f"{name}, %{{customdata[0]}}: %{{customdata[1]}}<extra></extra>",
            }
        )
    top = float(layers[["macs_share", "time_share", "high"]].max().max()) * 1.05
    shares = {"range": [0, top], "nticks": 4, "anchor": "x"}
    marks = {
        "tickvals": list(places.values()),
        "ticktext": [f"{name} {word}" for name, word in zip(places, _BROKEN, strict=True)],
        "range": [-0.7, len(places) - 0.3],
        "tickfont": {"size": PLOT_FONT_PX},
        "domain": [0.0, 0.24],
        "zeroline": False,
        "anchor": "x",
        "automargin": True,
    }
    middle = {"x": 0.5, "xref": "paper", "y": top / 2, "yref": "y2"}
    unknown = [label("not measured", **middle)] if layers["time_share"].isna().any() else []
    kinds = [kind for kind in [*KIND, "activation", "addition", "join"] if (layers["kind"] == kind).any()]
    words = " ".join(f'<span style="color:{KIND[_KINDS.get(kind, kind)]}">■</span> {kind}' for kind in kinds)
    above = {"x": 0, "xref": "paper", "y": 1.0, "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    return figure(
        traces,
        axis("operation, in the order in which they run (number)", range=[0.2, len(layers) + 0.8], anchor="y3"),
        axis("MACs (%)", domain=[0.66, 1.0], **shares),
        [label(words, **above), *unknown],
        yaxis2=axis("time (%)", domain=[0.29, 0.61], **shares),
        yaxis3=marks,
        height=430,
        bargap=0.15,
        margin=MARGIN | {"t": 30},
    )


def macs_against_time(times: pd.DataFrame, chosen: pd.DataFrame, images: str, held: float = 0.0) -> go.Figure:
    """Every network of the zoo: MACs against time, both on log axes, a line an architecture, those chosen filled.

    Args:
        times: `arch`, `title`, `width`, `macs`, `ms`, `low`, `high`; sorted by width.
        chosen: the rows that are held against each other.
        images: of how many the time is, as in '1 image'.
        held: MACs at which they are, for a line; 0 for none.
    """
    traces, labels = [], []
    marked = set(zip(chosen["arch"], chosen["width"], strict=True))
    for arch, own in times.groupby("arch", sort=False):
        color, symbol = style(ARCHITECTURES[arch])
        mine = [(arch, width) in marked for width in own["width"]]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": arch,
                "x": own["macs"] / 1e6,
                "y": own["ms"],
                "line": {"color": color, "width": 2},
                "marker": {
                    "color": color,
                    "symbol": [symbol if one else f"{symbol}-open" for one in mine],
                    "size": [15 if one else 9 for one in mine],
                    "line": {"color": color, "width": 2},
                },
                "error_y": {"type": "data", "symmetric": False, "thickness": 1.5, "width": 4, "color": color}
                | {"array": own["high"] - own["ms"], "arrayminus": own["ms"] - own["low"]},
                "customdata": own[["title", "width"]],
                "hovertemplate": "%{customdata[0]} %{customdata[1]:g}: %{x:.3g} M MACs, %{y:.3g} ms<extra></extra>",
            }
        )
    across, up = _log_range(times["macs"] / 1e6, 0.06), _log_range(pd.concat([times["low"], times["high"]]), 0.06)
    ends = times.groupby("arch", sort=False).tail(1)
    for (arch, macs, title), y in zip(ends[["arch", "macs", "title"]].to_numpy(), _apart(ends["ms"], up), strict=True):
        at = {"x": math.log10(macs / 1e6), "y": y, "xanchor": "left", "xshift": 12}
        labels.append(label(title, style(ARCHITECTURES[arch])[0], **at))
    shapes = []
    if held:
        line = {"type": "line", "x0": held / 1e6, "x1": held / 1e6, "yref": "paper", "y0": 0, "y1": 1, "line": _ONE}
        shapes.append(line)
    return figure(
        traces,
        axis("MACs per image (M)", type="log", range=across, **_ticks(across)),
        axis(f"time of {images} (ms)", type="log", range=up, **_ticks(up)),
        labels,
        shapes=shapes,
        height=440,
        margin=MARGIN | {"t": 10, "r": _NAME_PX},
    )


def _log(values: pd.Series) -> pd.Series:
    return values.map(math.log10)


def _log_range(values: pd.Series, room: float) -> list[float]:
    logs = _log(values)
    return [float(logs.min()) - 0.08, float(logs.max()) + room + 0.04]


def _ticks(reach: list[float]) -> dict:
    """1, 2, 5, 10 … within a log axis."""
    found = [digit * 10.0**power for power in range(-3, 6) for digit in (1, 2, 5)]
    shown = [value for value in found if 10 ** reach[0] <= value <= 10 ** reach[1]]
    return {"tickvals": shown, "ticktext": [f"{value:,g}" for value in shown]}


def _apart(values: pd.Series, reach: list[float]) -> list[float]:
    """Where labels stand on a log axis, so that none covers another."""
    least = 0.055 * (reach[1] - reach[0])
    placed = _log(values)
    order = placed.sort_values().index
    for below, above in itertools.pairwise(order):
        placed[above] = max(placed[above], placed[below] + least)
    placed[order[-1]] = min(placed[order[-1]], reach[1])
    for above, below in itertools.pairwise(order[::-1]):
        placed[below] = min(placed[below], placed[above] - least)
    return placed.tolist()
