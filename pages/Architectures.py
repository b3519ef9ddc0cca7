"""The architectures: their blocks, where their costs sit, and what a width or a budget buys."""

import pandas as pd
import streamlit as st

from compress_core import plots, studies, text
from compress_core.data import dataset
from compress_core.studies.architectures import IMAGENET
from compress_core.text.numbers import count
from compress_core.zoo import architecture, architectures
from ui import about, page, widgets
from ui.address import State, on_view, value_of, widget_key
from ui.choices import Choice
from ui.engine import engine
from ui.images import CHOICE, KNOB, images_of, pick_images

NOBODY = "none"
VIEWS = {"inside": "Inside", "width": "Width and paper", "budget": "Same budget"}
COSTS = {"macs": "MACs", "params": "Parameters"}
BUDGETS_IMAGENET = {
    "macs": (40_000_000, 75_000_000, 150_000_000, 300_000_000, 600_000_000, 1_200_000_000),
    "params": (500_000, 1_000_000, 1_500_000, 2_500_000, 4_000_000, 7_000_000),
}
BUDGETS_SMALL = {
    "macs": (250_000, 500_000, 1_000_000, 2_000_000, 3_000_000, 5_000_000, 8_000_000),
    "params": (25_000, 50_000, 100_000, 200_000, 350_000, 600_000),
}
BUDGETS = sorted({*sum(BUDGETS_IMAGENET.values(), ()), *sum(BUDGETS_SMALL.values(), ())})
ROWS, TABLE_PX = 7, 285  # of the paper's table that are seen at once
CHOICES = {
    "view": Choice("view", tuple(VIEWS), "inside"),
    KNOB: CHOICE,
    "beside": Choice("network beside", (NOBODY, *architectures(yardsticks=True)), NOBODY),
    "cost": Choice("cost", tuple(COSTS), "macs"),
    "budget": Choice("budget", tuple(BUDGETS), 150_000_000),
    "block": Choice("block", tuple(range(1, 31)), 3),
}


def main() -> None:
    state = page.start("Architectures", views=CHOICES, reads=("arch", "width"))
    with st.container(gap="xsmall"):
        st.space("xxsmall")  # Streamlit's header hides what is flush with the top
        with widgets.row():
            view = widgets.segments(state, CHOICES, "view", VIEWS)
            pick_images(state, CHOICES)
            _pick_beside(state)
        {"inside": _inside, "width": _width, "budget": _budget}[view](state)


def _networks(state: State) -> list[str]:
    """The architecture chosen, and the one beside it if there is one."""
    beside = value_of(state, CHOICES, "beside")
    return [state.recipe.arch, *([beside] if beside not in (NOBODY, state.recipe.arch) else [])]


def _pick_cost(state: State) -> None:
    widgets.segments(state, CHOICES, "cost", COSTS)


def _inside(state: State) -> None:
    recipe, images, cost = state.recipe, images_of(state, CHOICES), value_of(state, CHOICES, "cost")
    names = _networks(state)
    table = engine().table
    counted = {architecture(n).title: table(studies.architectures.count_layers, n, recipe.width, images) for n in names}
    layers = pd.concat([own.assign(network=title) for title, own in counted.items()])
    said = text.architectures.describe_kinds(layers)
    widgets.sentence(said)
    for name in names:
        _block(state, name, first=name == names[0])
    left, right = st.columns(2, gap="medium")
    with left, st.container(gap=None):
        title = "Where parameters and MACs sit, by kind of layer"
        widgets.figure(
            title, plots.architectures.cost_by_kind(layers), said, about.architectures.KINDS, key="kinds", lines=0
        )
    with right, st.container(gap=None):
        title = architecture(names[0]).title
        own = layers[layers["network"] == title]
        widgets.figure(
            "By layer",
            plots.architectures.cost_by_layer(own, cost),
            f"{title}: {text.architectures.describe_layers(own, cost)}",
            controls=lambda: _pick_cost(state),
            key="layers",
            lines=1,
        )


def _block(state: State, name: str, first: bool) -> None:
    recipe, images = state.recipe, images_of(state, CHOICES)
    blocks = engine().table(studies.architectures.list_blocks, name, recipe.width, images)
    if not blocks:
        widgets.reading(f"{architecture(name).title} has no blocks to draw.", lines=1)
        return
    number = min(value_of(state, CHOICES, "block"), len(blocks))
    diagram = engine().table(studies.architectures.draw_block, name, recipe.width, images, blocks[number - 1])
    widgets.figure(
        f"{architecture(name).title}, block {number} of {len(blocks)}, width {recipe.width:g}",
        plots.architectures.block_figure(diagram.boxes, diagram.arrows),
        text.architectures.describe_block(diagram),
        about.architectures.block(architecture(name)),
        (lambda: _block_slider(state, number, len(blocks))) if first and len(blocks) > 1 else None,
        key=f"block-{name}",
        lines=1,
        wide=True,
    )


def _width(state: State) -> None:
    recipe, images, cost = state.recipe, images_of(state, CHOICES), value_of(state, CHOICES, "cost")
    names = _networks(state)
    table = engine().table(studies.architectures.load_costs, images, *architectures(yardsticks=True))
    own = pd.concat([table[table["arch"] == name] for name in names])
    said = text.architectures.describe_widths(own, recipe.width, cost)
    widgets.sentence(said)
    widgets.figure(
        "Cost against width multiplier",
        plots.architectures.cost_against_width(own, own[own["width"] == recipe.width], cost),
        said,
        about.architectures.WIDTH,
        lambda: _pick_cost(state),
        key="widths",
        lines=0,
    )
    for name in names:
        rows = engine().table(studies.architectures.beside_counts, name)
        widgets.head(f"What the paper reports of {architecture(name).title}, and what is counted here")
        if rows.empty:
            widgets.reading(f"{architecture(name).paper}, reports no table of this network.", lines=1)
        else:
            st.dataframe(rows, hide_index=True, height="content" if len(rows) <= ROWS else TABLE_PX)


def _budget(state: State) -> None:
    images, cost = images_of(state, CHOICES), value_of(state, CHOICES, "cost")
    levels = (BUDGETS_IMAGENET if images == IMAGENET else BUDGETS_SMALL)[cost]
    wanted = value_of(state, CHOICES, "budget") if "budget" in state.view else levels[(len(levels) - 1) // 2]
    budget = min(levels, key=lambda level: abs(level - wanted))
    table = engine().table(studies.architectures.load_costs, images, *architectures(yardsticks=True))
    rows = studies.architectures.within_budget(table, cost, budget)
    rows = rows[rows["arch"].isin(architectures())]
    said = text.architectures.describe_budget(rows, cost, budget)
    widgets.sentence(said + (" Raise the budget." if len(rows) < 2 else ""))
    with widgets.row():
        _pick_cost(state)
        st.select_slider(
            "Budget",
            levels,
            value=budget,
            format_func=lambda level: f"{count(level)} {text.architectures.COST_WORDS[cost]}",
            key=widget_key(state, "budget"),
            on_change=on_view(state, "budget"),
            width=420,
        )
        widgets.help_on("the same budget", about.architectures.BUDGET)
    left, right = st.columns([5, 4], gap="medium")
    with left, st.container(gap=None):
        title = "The widest network of each architecture that keeps to the budget"
        widgets.figure(title, plots.architectures.costs_side_by_side(rows, cost, budget), said, key="budget", lines=0)
    with right, st.container(gap=None):
        if images == IMAGENET:
            widgets.head("Best published network within the budget, ImageNet")
            best = engine().table(studies.architectures.best_within, cost, budget)
        else:
            widgets.head(f"Best trained network within the budget, {dataset(images).title}")
            found = studies.architectures.best_trained(images, cost, budget)
            best = text.architectures.best_trained_table(found)
        if best.empty:
            widgets.reading("None of the six has one that is this small.", lines=1)
        else:
            st.dataframe(best, hide_index=True, height="content")
            widgets.reading(text.architectures.describe_best(best), lines=2)


def _pick_beside(state: State) -> None:
    def title(name: str) -> str:
        return f"Compare with: {'none' if name == NOBODY else architecture(name).title}"

    others = [NOBODY, *(name for name in architectures(yardsticks=True) if name != state.recipe.arch)]
    chosen = value_of(state, CHOICES, "beside")
    chosen = chosen if chosen in others else NOBODY
    widgets.select(state, "beside", "Compare with", others, chosen, title, 260, of=f"-{state.recipe.arch}")


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


main()
