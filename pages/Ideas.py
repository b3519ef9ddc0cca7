"""The ideas behind compact architectures: for each a figure to play with and a formula."""

import pandas as pd
import streamlit as st

from compress_core import explain_ideas as explain
from compress_core import plots
from compress_core.analysis.ideas import fire, grouped, manifold, residual, separable
from compress_core.analysis.ideas.timing import Timing, time_forms
from ui import about_ideas, components, lab, page
from ui.address import State
from ui.choice import Choice
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
    state = page.start("Ideas", views=KNOBS)
    with st.container(gap="xsmall"):
        st.space("xxsmall")  # Streamlit's header hides what is flush with the top
        idea = lab.tabs(state, KNOBS, "idea", IDEAS)
        {
            "separable": _separable,
            "manifold": _manifold,
            "residual": _residual,
            "fire": _fire,
            "groups": _groups,
        }[idea](state)


def _separable(state: State) -> None:
    formula = lab.head(
        "A full convolution, or a depthwise and a pointwise one",
        "Filter each channel by itself, then mix the channels: the same reach for a fraction of the work.",
        about_ideas.SEPARABLE,
    )
    kernel, c_in, c_out, side = _knobs(
        state, kernel="Kernel k × k", inputs="Input channels M", outputs="Output channels N", map="Map F × F"
    )
    costs = separable.costs(kernel, c_in, c_out, side)
    formula.markdown(explain.formula_separable(kernel, c_out))
    said = st.container()
    left, right = st.columns(2, gap="medium")
    with left:
        bars = explain.macs_bars(costs, separable.SEPARABLE)
        lab.figure("Multiply–accumulates", plots.form_bars(bars, BARS_PX), "The work of both forms, counted")
    measured = _timed("separable", separable.modules(kernel, c_in, c_out), (c_in, side, side))
    text = explain.read_separable(kernel, c_in, c_out, costs, measured)
    with right:
        bars = explain.time_bars(measured, separable.SEPARABLE)
        lab.figure("Time on this machine", plots.form_bars(bars, BARS_PX), text)
        components.reading(explain.measured_how(measured), lines=1)
    with said:
        components.sentence(text)


def _manifold(state: State) -> None:
    formula = lab.head(
        "The manifold that ReLU destroys",
        "A flat spiral goes into n dimensions, through ReLU, and back. With few dimensions it does not come back.",
        about_ideas.MANIFOLD,
    )
    dims, seed, readout = _knobs(state, dims="Dimensions n", seed="Random matrix T, seed", readout="Read back by")
    points = manifold.collapse(dims, seed, readout)
    formula.markdown(explain.formula_manifold(points, readout))
    text = explain.read_manifold(points, dims)
    components.sentence(text)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        lab.figure("The spiral before and after", plots.spirals(points, dims), text)
    with right:
        curve = _curve(readout)
        error = manifold.error(points)
        figure = plots.error_over_dims(curve, dims, error, explain.rough_percent(error))
        lab.figure(f"Over {manifold.CURVE_SEEDS} random matrices", figure, "The error over the number of dimensions")


def _residual(state: State) -> None:
    formula = lab.head(
        "The residual block, turned inside out",
        "ResNet squeezes between wide ends; MobileNetV2 expands between thin ones, and its shortcut joins those.",
        about_ideas.RESIDUAL,
    )
    thin, expansion, side = _knobs(state, thin="Thin channels C", expansion="Expansion t", map="Map F × F")
    plain, clever = residual.hourglass(thin, expansion, side), residual.spindle(thin, expansion, side)
    formula.markdown(explain.formula_residual(plain, clever))
    text = explain.read_residual(plain, clever)
    components.sentence(text)
    left, right = st.columns(2, gap="medium")
    with left:
        rows = [(block.name, block.channels, block.layers, block is clever) for block in (plain, clever)]
        blocks = pd.DataFrame(rows, columns=["name", "channels", "layers", "clever"])
        lab.figure("Channels from layer to layer", plots.block_widths(blocks), text)
    with right:
        figure = plots.form_bars(explain.residual_bars(plain, clever))
        lab.figure("What they cost", figure, "Parameters, MACs and memory of both blocks")


def _fire(state: State) -> None:
    formula = lab.head(
        "The fire module, and the price of late downsampling",
        "Squeeze to few channels before the expensive 3×3 filters, and halve the maps late.",
        about_ideas.FIRE,
    )
    squeeze, share = _knobs(state, squeeze="Squeeze ratio SR", share="Share of 3×3 filters")
    formula.markdown(explain.formula_fire(squeeze, share))
    costs = {name: fire.network_cost(squeeze, share, pooled) for name, pooled in fire.POOLINGS.items()}
    text = explain.read_fire(squeeze, share, costs)
    components.sentence(text)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chosen = pd.Series({"squeeze_ratio": squeeze, "share": share, **vars(costs[fire.PAPER])})
        figure = plots.squeeze_curves(fire.sweep(), chosen, SHARES_BESIDE)
        lab.figure("SqueezeNet over SR, a line for each share of 3×3 filters", figure, text)
    with right:
        figure = plots.form_bars(explain.pooling_bars(costs))
        lab.figure("Where the maps are halved", figure, "MACs of four places of the poolings")


def _groups(state: State) -> None:
    formula = lab.head(
        "Groups in a pointwise convolution",
        "Each output reads only its own group's channels: the cost falls with g, and the saving can buy width.",
        about_ideas.GROUPED,
    )
    groups, channels, side = _knobs(state, group_count="Groups g", channels="Channels c, in and out", map="Map F × F")
    table = grouped.group_counts(channels, side)
    formula.markdown(explain.formula_grouped(groups, channels, side, table))
    said = st.container()
    left, middle, right = st.columns(3, gap="medium")
    mine = grouped.form(groups)
    with left:
        costs = grouped.costs(channels, side)
        lab.figure("Multiply–accumulates", plots.form_bars(explain.macs_bars(costs, mine)), "MACs by group count")
    with right:
        figure = plots.form_bars(explain.width_bars(table, groups))
        lab.figure("Width for the same cost", figure, "Channels by group count")
    measured = _timed("groups", grouped.modules(channels), (channels, side, side))
    text = explain.read_grouped(groups, table, measured)
    with middle:
        lab.figure("Time on this machine", plots.form_bars(explain.time_bars(measured, mine)), text)
        components.reading(explain.measured_how(measured), lines=1)
    with said:
        components.sentence(text)


def _knobs(state: State, **labels: str) -> list:
    return lab.sliders(state, KNOBS, lambda value: TITLES.get(value, str(value)), **labels)


def _timed(what: str, forms: dict, input_shape: tuple[int, int, int]) -> Timing:
    key = (input_shape, *map(str, forms.values()))
    return engine().timed(what, key, lambda: time_forms(forms, input_shape))


@st.cache_data(show_spinner=False)
def _curve(readout: str) -> pd.DataFrame:
    return manifold.error_curve(readout)


main()
