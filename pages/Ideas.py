"""The ideas behind compact architectures: for each a figure to play with and a formula."""

import pandas as pd
import streamlit as st
from plotly.graph_objects import Figure

from compress_core import plots, text
from compress_core.analysis.latency import Timings
from compress_core.studies.ideas import fire, grouped, manifold, residual, separable
from compress_core.studies.ideas.timing import time_forms
from ui import about, page, widgets
from ui.address import State
from ui.choices import Choice
from ui.engine import engine

CHANNELS = (8, 16, 32, 64, 128, 256)
IDEAS = {
    "separable": "Separable convolution",
    "manifold": "ReLU and the manifold",
    "residual": "Inverted residual",
    "fire": "Fire module",
    "groups": "Grouped pointwise",
}
KNOBS = {
    "idea": Choice("idea", tuple(IDEAS), "separable"),
    "map": Choice("map size", (7, 14, 28), 14),
    "kernel": Choice("kernel size", (1, 3, 5, 7), 3),
    "inputs": Choice("number of input channels", CHANNELS, 64),
    "outputs": Choice("number of output channels", CHANNELS, 128),
    "dims": Choice("number of dimensions", tuple(range(2, manifold.MAX_DIMS + 1)), 3),
    "seed": Choice("seed", tuple(range(20)), 0),
    "readout": Choice("read-out", manifold.READOUTS, manifold.FIT),
    "thin": Choice("number of thin channels", (8, 16, 24, 32, 64, 96, 160), 24),
    "expansion": Choice("expansion", (2, 3, 4, 5, 6, 8, 10), 6),
    "squeeze": Choice("squeeze ratio", fire.SQUEEZE_RATIOS, 0.125),
    "share": Choice("share of 3×3 filters", fire.SHARES_3X3, 0.5),
    "channels": Choice("number of channels", (24, 48, 96, 144, 240, 384, 480), 240),
    "group_count": Choice("group count", grouped.GROUPS, 3),
}
TITLES = {manifold.FIT: "best linear read-out", manifold.PINV: "pseudo-inverse T⁺"}
BARS_PX = 380
SHARES_BESIDE = [0.01, 0.25, 0.5, 0.75, 0.99]


def main() -> None:
    state = page.start("Ideas", views=KNOBS, reads=())
    with st.container(gap="xsmall"):
        st.space("xxsmall")  # Streamlit's header hides what is flush with the top
        idea = widgets.segments(state, KNOBS, "idea", IDEAS)
        draw = {"separable": _separable, "manifold": _manifold, "residual": _residual, "fire": _fire, "groups": _groups}
        draw[idea](state)


def _separable(state: State) -> None:
    formula = widgets.formula_head(
        "A full convolution, or a depthwise and a pointwise one",
        "Filter each channel by itself, then mix the channels: the same reach for a fraction of the work.",
        about.ideas.SEPARABLE,
    )
    kernel, c_in, c_out, side = _knobs(
        state, kernel="Kernel k × k", inputs="Input channels M", outputs="Output channels N", map="Map F × F"
    )
    costs = separable.costs(kernel, c_in, c_out, side)
    formula.markdown(text.ideas.formula_separable(kernel, c_out))
    summary = st.container()
    left, right = st.columns(2, gap="medium")
    with left:
        bars = text.ideas.macs_bars(costs, separable.SEPARABLE)
        _figure("Multiply–accumulates", plots.ideas.form_bars(bars, BARS_PX), "The work of both forms, counted")
    measured = _timed("separable", separable.modules(kernel, c_in, c_out), (c_in, side, side))
    said = text.ideas.describe_separable(kernel, c_in, c_out, costs, measured)
    with right:
        bars = text.ideas.time_bars(measured, separable.SEPARABLE)
        _figure("Time on this machine", plots.ideas.form_bars(bars, BARS_PX), said)
        widgets.reading(text.ideas.measured_how(measured), lines=1)
    with summary:
        widgets.sentence(said)


def _manifold(state: State) -> None:
    formula = widgets.formula_head(
        "The manifold that ReLU destroys",
        "A flat spiral goes into n dimensions, through ReLU, and back. With few dimensions it does not come back.",
        about.ideas.MANIFOLD,
    )
    dims, seed, readout = _knobs(state, dims="Dimensions n", seed="Random matrix T, seed", readout="Read back by")
    points = manifold.collapse(dims, seed, readout)
    formula.markdown(text.ideas.formula_manifold(points, readout))
    said = text.ideas.describe_manifold(points, dims)
    widgets.sentence(said)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        _figure("The spiral before and after", plots.ideas.spirals(points, dims), said, wide=True)
    with right:
        curve = engine().table(manifold.error_curve, readout)
        error = manifold.error(points)
        figure = plots.ideas.error_over_dims(curve, dims, error, text.ideas.rough_percent(error))
        _figure(f"Over {manifold.CURVE_SEEDS} random matrices", figure, "The error over the number of dimensions")


def _residual(state: State) -> None:
    formula = widgets.formula_head(
        "The residual block, turned inside out",
        "ResNet squeezes between wide ends; MobileNetV2 expands between thin ones, and its shortcut joins those.",
        about.ideas.RESIDUAL,
    )
    thin, expansion, side = _knobs(state, thin="Thin channels C", expansion="Expansion t", map="Map F × F")
    usual, inverted = residual.bottleneck(thin, expansion, side), residual.inverted_bottleneck(thin, expansion, side)
    formula.markdown(text.ideas.formula_residual(usual, inverted))
    said = text.ideas.describe_residual(usual, inverted)
    widgets.sentence(said)
    left, right = st.columns(2, gap="medium")
    with left:
        rows = [(block.name, block.channels, block.layers, block is inverted) for block in (usual, inverted)]
        blocks = pd.DataFrame(rows, columns=["name", "channels", "layers", "highlighted"])
        _figure("Channels from layer to layer", plots.ideas.block_widths(blocks), said, wide=True)
    with right:
        figure = plots.ideas.form_bars(text.ideas.residual_bars(usual, inverted))
        _figure("What they cost", figure, "Parameters, MACs and memory of both blocks")


def _fire(state: State) -> None:
    formula = widgets.formula_head(
        "The fire module, and the price of late downsampling",
        "Squeeze to few channels before 3×3 filters, and halve the maps late. Above: the first fire's weights.",
        about.ideas.FIRE,
    )
    squeeze, share = _knobs(state, squeeze="Squeeze ratio SR", share="Share of 3×3 filters")
    formula.markdown(text.ideas.formula_fire(squeeze, share))
    costs = {name: fire.network_cost(squeeze, share, pooled) for name, pooled in fire.POOLINGS.items()}
    said = text.ideas.describe_fire(squeeze, share, costs)
    widgets.sentence(said)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chosen = pd.Series({"squeeze_ratio": squeeze, "share": share, **vars(costs[fire.PAPER])})
        figure = plots.ideas.squeeze_curves(fire.sweep(), chosen, SHARES_BESIDE)
        _figure("SqueezeNet over SR, a line for each share of 3×3 filters", figure, said, wide=True)
    with right:
        figure = plots.ideas.form_bars(text.ideas.pooling_bars(costs))
        _figure("Where the maps are halved", figure, "MACs of four places of the poolings")


def _groups(state: State) -> None:
    formula = widgets.formula_head(
        "Groups in a pointwise convolution",
        "Each output reads only its own group's channels: the cost falls with g, and the saving can buy width.",
        about.ideas.GROUPED,
    )
    groups, channels, side = _knobs(state, group_count="Groups g", channels="Channels c, in and out", map="Map F × F")
    table = grouped.group_counts(channels, side)
    formula.markdown(text.ideas.formula_grouped(groups, channels, side, table))
    summary = st.container()
    left, middle, right = st.columns(3, gap="medium")
    mine = grouped.form(groups)
    with left:
        costs = grouped.costs(channels, side)
        _figure("Multiply–accumulates", plots.ideas.form_bars(text.ideas.macs_bars(costs, mine)), "MACs by group count")
    with right:
        figure = plots.ideas.form_bars(text.ideas.width_bars(table, groups))
        _figure("Width for the same cost", figure, "Channels by group count")
    measured = _timed("groups", grouped.modules(channels), (channels, side, side))
    said = text.ideas.describe_grouped(groups, table, measured)
    with middle:
        _figure("Time on this machine", plots.ideas.form_bars(text.ideas.time_bars(measured, mine)), said)
        widgets.reading(text.ideas.measured_how(measured), lines=1)
    with summary:
        widgets.sentence(said)


def _knobs(state: State, **labels: str) -> list:
    return widgets.sliders(state, KNOBS, lambda value: TITLES.get(value, str(value)), **labels)


def _timed(what: str, forms: dict, input_shape: tuple[int, int, int]) -> Timings:
    key = (input_shape, *map(str, forms.values()))
    return engine().compute_once(f"timed {what}", key, lambda: time_forms(forms, input_shape), timed=True)


def _figure(title: str, drawn: Figure, said: str, wide: bool = False) -> None:
    with st.container(gap=None):
        widgets.figure(title, drawn, said, lines=0, wide=wide)


main()
