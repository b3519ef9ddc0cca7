"""The channel shuffle made visible: as it moves, which inputs reach which outputs, in the network, and its worth."""

import pandas as pd
import streamlit as st

from compress_core import plots, studies, text
from compress_core.data import dataset
from compress_core.recipe import Recipe
from compress_core.studies.shuffle import group_of_each
from compress_core.studies.shuffle_worth import load_worth
from compress_core.zoo import architecture
from ui import about, page, widgets
from ui.address import State, change_recipe, on_view, value_of, widget_key
from ui.choices import Choice
from ui.engine import engine
from ui.figure_keys import figure_keys

VIEWS = {"shuffle": "The shuffle", "hearing": "Connectivity", "unit": "In the network", "maps": "Real maps"} | {
    "worth": "What it is worth"
}
MAX_LAYERS = 6
TEST_IMAGES = 200  # of the test images, those that can be looked at
DIRECTIONS = {"forward": "Shuffle", "inverse": "Inverse"}

KNOBS = {
    "show": Choice("view", tuple(VIEWS), "shuffle"),
    "g": Choice("number of groups", (1, 2, 3, 4, 6, 8), 3),
    "n": Choice("number of channels per group", (1, 2, 3, 4, 5, 6), 4),
    "extra": Choice("number of channels left over", tuple(range(8)), 0),
    "k": Choice("number of layers", tuple(range(1, MAX_LAYERS + 1)), 2),
    "way": Choice("direction", tuple(DIRECTIONS), "forward"),
    "image": Choice("test image", tuple(range(TEST_IMAGES)), 0),
}
# The knobs that change anything in a view.
READS = {"unit": ("arch", "width", "prune"), "maps": ("arch", "width", "prune", "bits")}
MOVES_PX, HALF_PX, TALL_PX, STRIP_PX = 300, 250, 430, 220


def main() -> None:
    state = page.start(
        "Channel shuffle", KNOBS | {"unit": _units}, lambda state: READS.get(value_of(state, KNOBS, "show"), ())
    )
    with st.container(gap="xsmall"):
        st.space("xxsmall")  # Streamlit's header hides what is flush with the top
        show = widgets.segments(state, KNOBS, "show", VIEWS)
        views = {"shuffle": _shuffle, "hearing": _connectivity, "unit": _unit, "maps": _maps, "worth": _worth}
        views[show](state)


def _shuffle(state: State) -> None:
    widgets.head("The channel shuffle", about.shuffle.SHUFFLE)
    left, middle, right = st.columns(3, gap="medium")
    groups = _slider(left, state, "g", "Groups g")
    per_group = _slider(middle, state, "n", "Channels per group n")
    allowed = KNOBS["extra"].values[: max(groups, 2)]
    extra = _slider(right, state, "extra", "Channels left over", allowed) if groups > 1 else 0
    sizes = [per_group + (group < extra) for group in range(groups)]
    index, own = studies.shuffle.shuffle_order(sizes), group_of_each(tuple(sizes))
    said = text.shuffle.describe_shuffle(groups, per_group, extra)
    widgets.sentence(said)
    figure_keys()
    moves = plots.shuffle.shuffle_animation(
        studies.shuffle.shuffle_steps(sizes), text.shuffle.captions(groups, per_group, extra), MOVES_PX
    )
    widgets.figure("", moves, said, key="moves", lines=0, wide=True)
    left, right = st.columns(2, gap="medium")
    way = value_of(state, KNOBS, "way")
    shown = index if way == "forward" else studies.shuffle.inverse(index)
    whose = own if way == "forward" else [own[channel] for channel in index.tolist()]
    read = text.shuffle.describe_permutation(index.tolist(), groups, per_group, extra)
    with left.container(gap=None):
        widgets.figure(
            "The permutation as a matrix",
            plots.shuffle.permutation_grid(shown.tolist(), whose, HALF_PX),
            read,
            controls=lambda: widgets.segments(state, KNOBS, "way", DIRECTIONS),
            key="permutation",
            lines=0,
        )
    with right.container(gap="small"):
        widgets.heading("As a formula")
        if extra:
            widgets.reading("No formula: the table has holes. The order is found by dealing, and kept as an index.")
        else:
            st.markdown(f"Channel $c$ goes to {text.shuffle.formula_shuffle(groups, per_group)}")
            st.markdown(f"Place $p$ holds {text.shuffle.formula_inverse(groups, per_group)}")
        widgets.reading(read)


def _connectivity(state: State) -> None:
    widgets.head("Connectivity of grouped layers", about.shuffle.CONNECTIVITY)
    left, middle, right = st.columns(3, gap="medium")
    groups = _slider(left, state, "g", "Groups g")
    per_group = _slider(middle, state, "n", "Channels per group n")
    layers = _slider(right, state, "k", "Grouped layers k")
    shares = engine().table(studies.shuffle.connectivity_shares, groups, per_group, MAX_LAYERS)
    said = text.shuffle.describe_connectivity(groups, per_group, layers, shares)
    widgets.sentence(said)
    left, right = st.columns([3, 2], gap="medium")
    own = group_of_each((per_group,) * groups)
    with left.container(gap=None):
        panels = [
            (title, pd.DataFrame(studies.shuffle.stack_connectivity(groups, per_group, layers, shuffle).numpy()), own)
            for title, shuffle in (("without shuffle", False), ("with shuffle", True))
        ]
        title = "Which input channels reach which outputs"
        widgets.figure(title, plots.shuffle.reach_matrices(panels, TALL_PX), said, key="reach", lines=0, wide=True)
    with right.container(gap=None):
        title = "The share that reaches an output, layer by layer"
        widgets.figure(title, plots.shuffle.share_over_layers(shares, layers, TALL_PX), said, key="shares", lines=0)


def _unit(state: State) -> None:
    recipe, name = _network_head(state, "A unit of the network", about.shuffle.UNIT)
    if not name:
        return
    both = engine().ask(studies.shuffle.study_unit, recipe.weights_only(), name)
    said = text.shuffle.describe_unit(both, text.shuffle.unit_title(name))
    widgets.sentence(said + ("" if both.cut_share else " Raise the pruning ratio to see what becomes of it."))
    units = [("before pruning", both.before)] + ([("after pruning", both.after)] if both.cut_share else [])
    left, right = st.columns(2, gap="medium")
    with left.container(gap=None):
        panels = [(title, pd.DataFrame(u.reach.numpy()), group_of_each(u.input_groups)) for title, u in units]
        title = "Which inputs of the unit reach which outputs"
        widgets.figure(title, plots.shuffle.reach_matrices(panels, TALL_PX), said, key="unit-reach", lines=0, wide=True)
    with right.container(gap=None):
        panels = [(title, u.shuffle.tolist(), group_of_each(u.shuffle_groups)) for title, u in units]
        title = "What its shuffle does"
        widgets.figure(title, plots.shuffle.permutation_lines(panels, TALL_PX), said, key="deals", lines=0, wide=True)


def _maps(state: State) -> None:
    recipe, name = _network_head(state, "Real maps around a shuffle", about.shuffle.MAPS, image=True)
    if not name:
        return
    both = engine().ask(studies.shuffle.study_unit, recipe.weights_only(), name)
    strips = engine().ask(studies.shuffle.study_maps, recipe, name, value_of(state, KNOBS, "image"), kept=False)
    said = text.shuffle.describe_maps(both, text.shuffle.unit_title(name))
    widgets.sentence(said)
    for which in ("original", "compressed") if both.cut_share else ("original",):
        figure = plots.shuffle.feature_strip(strips[which], ("before the<br>shuffle", "after the<br>shuffle"), STRIP_PX)
        title = "Before pruning" if which == "original" else "After pruning"
        widgets.figure(title, figure, said, key=f"maps-{which}", lines=0, wide=True)


def _worth(state: State) -> None:
    widgets.head("What the shuffle is worth", about.shuffle.WORTH)
    runs = load_worth()
    table = text.shuffle.worth_table(runs)
    said = text.shuffle.describe_worth(table, runs)
    widgets.sentence(said)
    titles = (f"error on {int(runs['samples'].iloc[0]):,} test images (%)", "top-1 error (%)")
    widgets.figure("", plots.shuffle.worth(table, titles, TALL_PX), said, key="worth", lines=0, wide=True)


def _network_head(state: State, title: str, explanation: str, image: bool = False) -> tuple[Recipe, str]:
    """The title and the choice of a unit; no unit where the network has none, with a way to one that has."""
    arch, units = state.recipe.arch, studies.shuffle.shuffle_units(state.recipe.arch)
    if not units:
        widgets.head(title, explanation)
        widgets.sentence(f"{architecture(arch).title} shuffles no channels.")
        with widgets.row():
            for other in studies.shuffle.shuffling():
                show = f"Show {architecture(other).title}"
                st.button(show, key=f"show-{other}", on_click=lambda other=other: change_recipe(state, arch=other))
        return state.recipe, ""
    shown = page.show(state.recipe)
    if shown is None:
        return state.recipe, ""
    name = state.view.get("unit")
    name = name if name in units else next(unit for unit in units if not unit.endswith(".0"))  # one that halves nothing

    def pick() -> None:
        widgets.select(state, "unit", "Unit", units, name, text.shuffle.unit_title, 200, of=arch)
        if image:
            _pick_image(state)

    widgets.head(title, explanation, pick)
    return shown.recipe, name


def _pick_image(state: State) -> None:
    labels, classes = dataset(state.recipe.dataset).test()[1], dataset(state.recipe.dataset).classes

    def title(number: int) -> str:
        return f"Image {number}, {classes[int(labels[number])]}"

    images = KNOBS["image"].values[: len(labels)]
    widgets.select(state, "image", "Test image", images, value_of(state, KNOBS, "image"), title, 180)


def _slider(place, state: State, name: str, label: str, values: tuple | None = None) -> int:
    """A slider in a column; returns what it is set to."""
    values = values or KNOBS[name].values
    value = min(value_of(state, KNOBS, name), values[-1])
    place.select_slider(
        label,
        values,
        value=value,
        key=f"{widget_key(state, name)}{len(values)}",
        on_change=on_view(state, name, str(len(values))),
    )
    return value


def _units(recipe: Recipe) -> tuple[str, ...]:
    """The units that an address may name; any, where the network has none to show."""
    return studies.shuffle.shuffle_units(recipe.arch) or tuple(
        unit for arch in studies.shuffle.shuffling() for unit in studies.shuffle.shuffle_units(arch)
    )


main()
