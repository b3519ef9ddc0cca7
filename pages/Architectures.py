"""The architectures: their blocks, where their costs sit, and what a width or a budget buys."""

import pandas as pd
import streamlit as st

from compress_core import explain_architectures as explain
from compress_core import plots
from compress_core.analysis import costs, reported
from compress_core.analysis.diagram import Diagram, block_diagram, block_names
from compress_core.numbers import count
from compress_core.recipe import Recipe
from compress_core.training.shipped import trained_accuracies
from compress_core.zoo import architecture, architectures
from ui import about_architectures as about
from ui import components, lab, page
from ui.address import State, on_view, value_of, widget_key
from ui.choice import Choice

NOBODY = "none"
VIEWS = {"inside": "Inside", "width": "Width and paper", "budget": "Same budget"}
PRESETS = {"imagenet": "ImageNet, 224×224", "small": "Small images, 32×32"}
COSTS = {"macs": "MACs", "params": "Parameters"}
BUDGETS = {
    ("imagenet", "macs"): (40_000_000, 75_000_000, 150_000_000, 300_000_000, 600_000_000, 1_200_000_000),
    ("imagenet", "params"): (500_000, 1_000_000, 1_500_000, 2_500_000, 4_000_000, 7_000_000),
    ("small", "macs"): (250_000, 500_000, 1_000_000, 2_000_000, 3_000_000, 5_000_000),
    ("small", "params"): (25_000, 50_000, 100_000, 200_000, 350_000, 600_000),
}
CHOICES = {
    "view": Choice("view", tuple(VIEWS), "inside"),
    "preset": Choice("preset", tuple(PRESETS), "imagenet"),
    "beside": Choice("network beside", (NOBODY, *architectures(yardsticks=True)), NOBODY),
    "cost": Choice("cost", tuple(COSTS), "macs"),
    "budget": Choice("budget", tuple(sorted({b for levels in BUDGETS.values() for b in levels})), 150_000_000),
    "block": Choice("block", tuple(range(1, 31)), 3),
}


def main() -> None:
    state = page.start("Architectures", views=CHOICES)
    with st.container(gap="xsmall"):
        st.space("xxsmall")  # Streamlit's header hides what is flush with the top
        with components.row():
            _segments(state, "view", VIEWS)
            _segments(state, "preset", PRESETS)
            _beside(state)
        view = value_of(state, CHOICES, "view")
        {"inside": _inside, "width": _width, "budget": _budget}[view](state)


def _networks(state: State) -> list[str]:
    """The architecture chosen, and the one beside it if there is one."""
    beside = value_of(state, CHOICES, "beside")
    return [state.recipe.arch, *([beside] if beside not in (NOBODY, state.recipe.arch) else [])]


def _inside(state: State) -> None:
    recipe, preset = state.recipe, value_of(state, CHOICES, "preset")
    names = _networks(state)
    layers = pd.concat([_layers(name, recipe.width, preset).assign(network=architecture(name).title) for name in names])
    components.sentence(explain.read_kinds(layers))
    for name in names:
        blocks = _blocks(name, recipe.width, preset)
        number = min(value_of(state, CHOICES, "block"), len(blocks))
        diagram = _diagram(name, recipe.width, preset, blocks[number - 1])
        with components.row():
            title = f"{architecture(name).title}, block {number} of {len(blocks)}, width {recipe.width:g}"
            components.heading(title)
            components.help_on("this block", about.block(architecture(name)))
            if name == names[0]:
                _block_slider(state, number, len(blocks))
        text = explain.read_block(diagram)
        st.plotly_chart(plots.block_figure(diagram.boxes, diagram.arrows), key=f"block-{name}", alt=text, config=_STILL)
        components.reading(text, lines=1)
    left, right = st.columns(2, gap="medium")
    with left, st.container(gap=None):
        with components.row():
            components.heading("Where parameters and MACs sit, by kind of layer")
            components.help_on("the kinds of layers", about.KINDS)
        st.plotly_chart(plots.cost_by_kind(layers), key="kinds", alt=explain.read_kinds(layers), config=_STILL)
    with right, st.container(gap=None):
        with components.row():
            components.heading("By layer")
            _segments(state, "cost", COSTS)
        own = layers[layers["network"] == architecture(names[0]).title]
        text = explain.read_layers(own, value_of(state, CHOICES, "cost"))
        st.plotly_chart(
            plots.cost_by_layer(own, value_of(state, CHOICES, "cost")), key="layers", alt=text, config=_STILL
        )
        components.reading(f"{architecture(names[0]).title}: {text}", lines=1)


def _width(state: State) -> None:
    recipe, preset, cost = state.recipe, value_of(state, CHOICES, "preset"), value_of(state, CHOICES, "cost")
    names = _networks(state)
    table = _costs()
    own = pd.concat([table[(table["preset"] == preset) & (table["arch"] == name)] for name in names])
    text = explain.read_widths(own, recipe.width, cost)
    components.sentence(text)
    with components.row():
        components.heading("Cost against width multiplier")
        _segments(state, "cost", COSTS)
        components.help_on("the width multiplier", about.WIDTH)
    chosen = own[own["width"] == recipe.width]
    st.plotly_chart(plots.cost_against_width(own, chosen, cost), key="widths", alt=text, config=_STILL)
    for name in names:
        rows = _reported(name)
        with components.row():
            components.heading(f"What the paper reports of {architecture(name).title}, and what is counted here")
        if rows.empty:
            components.reading(f"{architecture(name).paper}, reports no table of this network.", lines=1)
        else:
            st.dataframe(rows, hide_index=True, height=min(38 + 35 * len(rows), 285))


def _budget(state: State) -> None:
    preset, cost = value_of(state, CHOICES, "preset"), value_of(state, CHOICES, "cost")
    levels = BUDGETS[preset, cost]
    budget = min(levels, key=lambda level: abs(level - value_of(state, CHOICES, "budget")))
    rows = costs.within_budget(_costs(), preset, cost, budget)
    rows = rows[rows["arch"].isin(architectures())]
    text = explain.read_budget(rows, cost, budget)
    components.sentence(text)
    with components.row():
        _segments(state, "cost", COSTS)
        st.select_slider(
            "Budget",
            levels,
            value=budget,
            format_func=lambda level: f"{count(level)} {explain.COST_WORDS[cost]}",
            key=widget_key(state, "budget"),
            on_change=on_view(state, "budget"),
            width=420,
        )
        components.help_on("the same budget", about.BUDGET)
    left, right = st.columns([5, 4], gap="medium")
    with left, st.container(gap=None):
        components.heading("The widest network of each architecture that keeps to the budget")
        st.plotly_chart(plots.costs_side_by_side(rows, cost, budget), key="budget", alt=text, config=_STILL)
    with right, st.container(gap=None):
        if preset == "small":
            components.heading("Best trained network within the budget, digits")
            best = _best_trained(cost, budget)
        else:
            components.heading("Best published network within the budget, ImageNet")
            best = _best_reported(cost, budget)
        if best.empty:
            components.reading("None of the six has one that is this small.", lines=1)
        else:
            st.dataframe(best, hide_index=True)
            components.reading(explain.read_best(best), lines=2)


_STILL = {"displayModeBar": False}


def _segments(state: State, name: str, options: dict[str, str]) -> None:
    lab.tabs(state, CHOICES, name, options)


def _beside(state: State) -> None:
    options = [NOBODY, *(name for name in architectures(yardsticks=True) if name != state.recipe.arch)]
    chosen = value_of(state, CHOICES, "beside")
    st.selectbox(
        "Beside it",
        options,
        index=options.index(chosen) if chosen in options else 0,
        format_func=lambda name: "Alone" if name == NOBODY else f"Beside {architecture(name).title}",
        key=f"{widget_key(state, 'beside')}-{state.recipe.arch}",
        on_change=on_view(state, "beside", f"-{state.recipe.arch}"),
        label_visibility="collapsed",
        width=210,
    )


def _block_slider(state: State, number: int, blocks: int) -> None:
    st.slider(
        "Block",
        1,
        blocks,
        value=number,
        key=f"{widget_key(state, 'block')}-{blocks}",
        on_change=on_view(state, "block", f"-{blocks}"),
        label_visibility="collapsed",
        width=280,
    )


@st.cache_data(show_spinner=False)
def _costs() -> pd.DataFrame:
    table = costs.load_costs()
    return table.assign(title=table["arch"].map(lambda name: architecture(name).title))


@st.cache_data(show_spinner=False, max_entries=200)
def _layers(arch: str, width: float, preset: str) -> pd.DataFrame:
    return costs.count_layers(arch, width, preset)


@st.cache_data(show_spinner=False, max_entries=200)
def _blocks(arch: str, width: float, preset: str) -> list[str]:
    return block_names(costs.skeleton(arch, width, preset)[0])


@st.cache_data(show_spinner=False, max_entries=500)
def _diagram(arch: str, width: float, preset: str, block: str) -> Diagram:
    model, image = costs.skeleton(arch, width, preset)
    return block_diagram(model, block, image)


@st.cache_data(show_spinner=False)
def _reported(arch: str) -> pd.DataFrame:
    return reported.beside_counts(arch)


@st.cache_data(show_spinner=False)
def _best_reported(cost: str, budget: float) -> pd.DataFrame:
    return reported.best_within(cost, budget)


def _best_trained(cost: str, budget: float) -> pd.DataFrame:
    table = _costs()
    small = table[(table["preset"] == "small") & (table[cost] <= budget)]
    own = trained_accuracies(Recipe.dataset).merge(small, on=["arch", "width"])
    best = own.sort_values("accuracy", ascending=False).drop_duplicates("arch")
    return pd.DataFrame(
        {
            "Network": best["title"] + " " + best["width"].map("{:g}".format),
            f"Accuracy (%), n = {own['samples'].max():,}": (100 * best["accuracy"]).map("{:.1f}".format),
            "Parameters": best["params"].map(count),
            "MACs": best["macs"].map(count),
        }
    )


main()
