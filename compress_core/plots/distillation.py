"""Figures of distillation: softened answers, their entropy, training curves, classes, and reliability."""

from collections.abc import Sequence
from itertools import accumulate

import pandas as pd
import plotly.graph_objects as go

from compress_core.plots.layout import axis, figure, label
from compress_core.plots.tokens import COMPRESSED, CONTRAST, ORIGINAL

NETWORKS = {"teacher": (ORIGINAL, "square"), "alone": (CONTRAST[0], "circle"), "taught": (CONTRAST[1], "diamond")}
"""A colour and a shape for a teacher, for what learned from the labels alone, and for its taught twin."""
TITLES = {"teacher": "teacher", "alone": "labels alone", "taught": "taught"}
TALL_PX = 300
FEWEST = 10
"""Images of a bin that is drawn: of fewer, the share that is right says nothing."""
SIGNS_ABOVE = 36
"""How many stand in a row above a figure, if it is narrow."""
_MARGIN = {"l": 8, "r": 12, "t": 26, "b": 8}


def answer_bars(answers: pd.DataFrame, temperature: float, truth: int, classes: Sequence[str]) -> go.Figure:
    """The teacher's answer to one image at a temperature, a bar a class; the true class in blue.

    Args:
        answers: as `studies.distillation.softened` gives them.
    """
    own = answers[answers["temperature"] == temperature]
    shares = (100 * own["probability"]).tolist()
    bars = {
        "type": "bar",
        "x": list(classes),
        "y": shares,
        "text": [f"{share:.0f}" if share >= 1 else f"{share:.1g}" for share in shares],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [COMPRESSED if number == truth else ORIGINAL for number in own["label"]]},
        "hovertemplate": "%{x}: %{y:.2g} %<extra></extra>",
    }
    return figure(
        [bars],
        axis("class", type="category", fixedrange=True),
        axis("probability (%)", range=[0, 112], tickvals=[0, 25, 50, 75, 100], fixedrange=True),
        [
            label(
                "the true class", COMPRESSED, xref="paper", yref="paper", x=1, y=1.02, xanchor="right", yanchor="bottom"
            )
        ],
        height=TALL_PX,
        margin=_MARGIN,
    )


def entropy_curve(answers: pd.DataFrame, temperature: float, most: float) -> go.Figure:
    """The entropy of the teacher's answer over the temperature, with the chosen one marked.

    Args:
        most: the entropy of knowing nothing, in bits.
    """
    curve = answers.drop_duplicates("temperature")
    here = curve[curve["temperature"] == temperature]
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": curve["temperature"],
        "y": curve["entropy"],
        "line": {"color": ORIGINAL, "width": 3},
        "hovertemplate": "T = %{x}: %{y:.2f} bits<extra></extra>",
    }
    point = line | {"x": here["temperature"], "y": here["entropy"], "mode": "markers"}
    point |= {"marker": {"color": COMPRESSED, "size": 14}}
    return figure(
        [line, point],
        axis("temperature T (no unit)", type="log", tickvals=[1, 2, 4, 10, 20, 40], fixedrange=True),
        axis("entropy (bits)", range=[0, 1.08 * most], fixedrange=True),
        [label(f"knowing nothing: {most:.2f} bits", xref="paper", x=0, y=most, yanchor="bottom", xanchor="left")],
        shapes=[
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": most,
                "y1": most,
                "line": {"color": ORIGINAL, "dash": "dot"},
            }
        ],
        height=TALL_PX,
        margin=_MARGIN,
    )


def training_curves(curves: pd.DataFrame, epochs: int, teacher: float | None) -> go.Figure:
    """Validation accuracy over epochs, of both students.

    Args:
        curves: `student`, `epoch`, `accuracy` (0…1), as far as they are.
        teacher: its accuracy, 0…1; None where there is none.
    """
    traces = []
    for which in ("alone", "taught"):
        own = curves[curves["student"] == which]
        says = f"{TITLES[which]}, epoch %{{x}}: %{{y:.1f}} %<extra></extra>"
        traces.append(_network(which, own["epoch"], 100 * own["accuracy"], "lines+markers", says))
    lines = []
    if teacher is not None:
        level = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 100 * teacher, "y1": 100 * teacher}
        lines.append(level | {"line": {"color": ORIGINAL, "width": 2, "dash": "dash"}})
    return figure(
        traces,
        axis("epoch", range=[0, epochs + 0.5], fixedrange=True),
        axis("right on the validation images (%)", range=[0, 106], fixedrange=True),
        _names(["teacher", "alone", "taught"] if lines else ["alone"]),
        shapes=lines,
        height=TALL_PX,
        margin=_MARGIN,
    )


def accuracy_by_class(by_class: pd.DataFrame, classes: Sequence[str]) -> go.Figure:
    """Accuracy of each class, a mark a network.

    Args:
        by_class: `network` (`teacher`, `alone`, `taught`), `label`, `accuracy` (0…1).
    """
    traces = []
    for which, own in by_class.groupby("network", sort=False):
        says = f"{TITLES[which]}, %{{x}}: %{{y:.1f}} %<extra></extra>"
        names = [classes[number] for number in own["label"]]
        traces.append(_network(which, names, 100 * own["accuracy"], "markers", says))
    low = 100 * float(by_class["accuracy"].min())
    return figure(
        traces,
        axis("class", type="category", fixedrange=True),
        axis("right (%)", range=[max(0, 5 * (low // 5) - 5), 102], fixedrange=True),
        _names(by_class["network"].unique()),
        height=TALL_PX,
        margin=_MARGIN,
    )


def reliability_curves(bins: pd.DataFrame) -> go.Figure:
    """How often each network is right over how sure it is; on the diagonal one may believe it.

    Args:
        bins: `network`, `confidence`, `accuracy` (0…1), `images`.
    """
    traces = []
    for which, own in bins[bins["images"] >= FEWEST].groupby("network", sort=False):
        says = f"{TITLES[which]}: %{{x:.0f}} % sure, %{{y:.0f}} % right, %{{customdata:,}} images<extra></extra>"
        curve = _network(which, 100 * own["confidence"], 100 * own["accuracy"], "lines+markers", says)
        traces.append(curve | {"customdata": own["images"]})
    diagonal = {"type": "line", "x0": 0, "x1": 100, "y0": 0, "y1": 100, "layer": "below"}
    return figure(
        traces,
        axis("how sure (%)", range=[0, 102], fixedrange=True),
        axis("right (%)", range=[0, 104], fixedrange=True),
        _names(bins["network"].unique()),
        shapes=[diagonal | {"line": {"color": ORIGINAL, "width": 1, "dash": "dot"}}],
        height=TALL_PX,
        margin=_MARGIN,
    )


def _network(which: str, x: Sequence, y: Sequence, mode: str, says: str) -> dict:
    color, symbol = NETWORKS[which]
    return {
        "type": "scatter",
        "mode": mode,
        "x": list(x),
        "y": list(y),
        "line": {"color": color, "width": 3},
        "marker": {"color": color, "symbol": symbol, "size": 9},
        "hovertemplate": says,
    }


def _names(drawn: Sequence[str]) -> list[dict]:
    """Above a figure, in a row, the names of the networks in their colours."""
    above = {"xref": "paper", "yref": "paper", "y": 1.02, "xanchor": "left", "yanchor": "bottom"}
    before = accumulate((len(TITLES[which]) + 4 for which in drawn), initial=0)
    return [
        label(TITLES[which], NETWORKS[which][0], x=signs / SIGNS_ABOVE, **above)
        for which, signs in zip(drawn, before, strict=False)
    ]
