"""The channel shuffle made visible: as it moves, who hears whom, in the network itself, and what it is worth."""

import pandas as pd
import streamlit as st

from compress_core import explain_shuffle as explain
from compress_core import plots
from compress_core.analysis.shuffle import dealt, inverse, stack_hearing, states
from compress_core.data import dataset
from compress_core.errors import CheckpointError
from compress_core.recipe import Recipe
from compress_core.study_shuffle import groups_of, shuffle_units, shuffling
from compress_core.training.shuffle_worth import load_worth
from compress_core.zoo import architecture
from ui import about_shuffle as about
from ui import components, lab, page
from ui.address import State, choose, on_view, value_of, widget_key
from ui.choice import Choice
from ui.engine import engine
from ui.figure_keys import figure_keys

VIEWS = {"shuffle": "The shuffle", "hearing": "Who hears whom", "unit": "In the network", "maps": "Real maps"} | {
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
_STILL = {"displayModeBar": False}
MOVES_PX, HALF_PX, TALL_PX, STRIP_PX = 300, 250, 430, 220


def main() -> None:
    state = page.start("Channel shuffle", views=KNOBS | {"unit": _units})
    with st.container(gap="xsmall"):
        st.space("xxsmall")  # Streamlit's header hides what is flush with the top
        show = lab.tabs(state, KNOBS, "show", VIEWS)
        {"shuffle": _shuffle, "hearing": _hearing, "unit": _unit, "maps": _maps, "worth": _worth}[show](state)


def _shuffle(state: State) -> None:
    _head("The channel shuffle", about.SHUFFLE)
    left, middle, right = st.columns(3, gap="medium")
    groups = _slider(left, state, "g", "Groups g")
    per_group = _slider(middle, state, "n", "Channels per group n")
    allowed = KNOBS["extra"].values[: max(groups, 2)]
    extra = _slider(right, state, "extra", "Channels left over", allowed) if groups > 1 else 0
    sizes = [per_group + (group < extra) for group in range(groups)]
    index, own = dealt(sizes), groups_of(tuple(sizes))
    text = explain.read_shuffle(groups, per_group, extra)
    components.sentence(text)
    figure_keys()
    moves = plots.shuffle_animation(states(sizes), explain.captions(groups, per_group, extra), MOVES_PX)
    st.plotly_chart(moves, key="moves", alt=text, config=_STILL)
    left, right = st.columns(2, gap="medium")
    with left.container(gap=None):
        with components.row():
            components.heading("The permutation as a matrix")
            way = lab.tabs(state, KNOBS, "way", DIRECTIONS)
        shown = index if way == "forward" else inverse(index)
        whose = own if way == "forward" else [own[channel] for channel in index.tolist()]
        read = explain.read_permutation(index, groups, per_group, extra)
        figure = plots.permutation_grid(shown.tolist(), whose, HALF_PX)
        st.plotly_chart(figure, key="permutation", alt=read, config=_STILL)
    with right.container(gap="small"):
        components.heading("As a formula")
        if extra:
            components.reading("No formula: the table has holes. The order is found by dealing, and kept as an index.")
        else:
            st.markdown(f"Channel $c$ goes to {explain.formula_shuffle(groups, per_group)}")
            st.markdown(f"Place $p$ holds {explain.formula_inverse(groups, per_group)}")
        components.reading(read)


def _hearing(state: State) -> None:
    _head("Who hears whom", about.HEARING)
    left, middle, right = st.columns(3, gap="medium")
    groups = _slider(left, state, "g", "Groups g")
    per_group = _slider(middle, state, "n", "Channels per group n")
    layers = _slider(right, state, "k", "Grouped layers k")
    shares = _shares(groups, per_group)
    text = explain.read_hearing(groups, per_group, layers, shares)
    components.sentence(text)
    left, right = st.columns([3, 2], gap="medium")
    own = groups_of((per_group,) * groups)
    with left.container(gap=None):
        components.heading("Which input channels reach which outputs")
        panels = [
            (title, pd.DataFrame(stack_hearing(groups, per_group, layers, shuffle).numpy()), own)
            for title, shuffle in (("without shuffle", False), ("with shuffle", True))
        ]
        st.plotly_chart(plots.reach_matrices(panels, TALL_PX), key="reach", alt=text, config=_STILL)
    with right.container(gap=None):
        components.heading("The share that is heard, layer by layer")
        st.plotly_chart(plots.share_over_layers(shares, layers, TALL_PX), key="shares", alt=text, config=_STILL)


def _unit(state: State) -> None:
    name = _network_head(state, "A unit of the network", about.UNIT)
    if not name:
        return
    study = engine().unit(engine().shown(state.recipe).recipe, name)
    text = explain.read_unit(study, explain.unit_title(name))
    components.sentence(text)
    units = [("before pruning", study.before)] + ([("after pruning", study.after)] if study.cut_share else [])
    left, right = st.columns(2, gap="medium")
    with left.container(gap=None):
        components.heading("Which inputs of the unit reach which outputs")
        panels = [(title, pd.DataFrame(u.reach.numpy()), groups_of(u.input_groups)) for title, u in units]
        st.plotly_chart(plots.reach_matrices(panels, TALL_PX), key="unit-reach", alt=text, config=_STILL)
    with right.container(gap=None):
        components.heading("What its shuffle does")
        panels = [(title, u.shuffle.tolist(), groups_of(u.shuffle_groups)) for title, u in units]
        st.plotly_chart(plots.deals(panels, TALL_PX), key="deals", alt=text, config=_STILL)


def _maps(state: State) -> None:
    name = _network_head(state, "Real maps around a shuffle", about.MAPS, image=True)
    if not name:
        return
    recipe = engine().shown(state.recipe).recipe
    study, number = engine().unit(recipe, name), value_of(state, KNOBS, "image")
    strips = engine().maps(recipe, name, number)
    text = explain.read_maps(study, explain.unit_title(name))
    components.sentence(text)
    for which in ("original", "compressed") if study.cut_share else ("original",):
        components.heading("Before pruning" if which == "original" else "After pruning")
        figure = plots.feature_strip(strips[which], ("before the<br>shuffle", "after the<br>shuffle"), STRIP_PX)
        st.plotly_chart(figure, key=f"maps-{which}", alt=text, config=_STILL)


def _worth(state: State) -> None:
    _head("What the shuffle is worth", about.WORTH)
    runs = load_worth()
    table = explain.worth_table(runs)
    text = explain.read_worth(table, runs)
    components.sentence(text)
    titles = (f"error on {int(runs['samples'].iloc[0]):,} test images (%)", "top-1 error (%)")
    st.plotly_chart(plots.worth(table, titles, TALL_PX), key="worth", alt=text, config=_STILL)


def _head(title: str, text: str) -> None:
    with components.row():
        components.heading(title)
        components.help_on(title, text)


def _network_head(state: State, title: str, text: str, image: bool = False) -> str:
    """The title and the choice of a unit; empty where the network has none, with a way to one that has."""
    arch, units = state.recipe.arch, shuffle_units(state.recipe.arch)
    if not units:
        _head(title, text)
        components.sentence(f"{architecture(arch).title} shuffles no channels.")
        with components.row():
            for other in shuffling():
                show = f"Show {architecture(other).title}"
                st.button(show, key=f"show-{other}", on_click=lambda other=other: choose(state, arch=other))
        return ""
    try:
        shown = engine().shown(state.recipe)
    except CheckpointError as error:
        page.say([str(error)])
        return ""
    if shown.notices:
        page.say(shown.notices)
    name = state.view.get("unit")
    name = name if name in units else next(unit for unit in units if not unit.endswith(".0"))  # one that halves nothing
    with components.row():
        components.heading(title)
        st.selectbox(
            "Unit",
            units,
            index=units.index(name),
            format_func=explain.unit_title,
            key=f"{widget_key(state, 'unit')}{arch}",
            on_change=on_view(state, "unit", arch),
            label_visibility="collapsed",
            width=200,
        )
        if image:
            _image_picker(state)
        components.help_on(title, text)
    return name


def _image_picker(state: State) -> None:
    labels, classes = dataset(state.recipe.dataset).test()[1], dataset(state.recipe.dataset).classes
    st.selectbox(
        "Test image",
        KNOBS["image"].values,
        index=value_of(state, KNOBS, "image"),
        format_func=lambda number: f"Image {number}, {classes[int(labels[number])]}",
        key=widget_key(state, "image"),
        on_change=on_view(state, "image"),
        label_visibility="collapsed",
        width=180,
    )


def _slider(place, state: State, name: str, label: str, values: tuple | None = None) -> int:
    """A knob in a column; what it is set to."""
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


@st.cache_data(show_spinner=False, max_entries=64)
def _shares(groups: int, per_group: int) -> pd.DataFrame:
    """What part of the inputs an output hears on average, by the number of layers."""
    rows = [
        (k, *(stack_hearing(groups, per_group, k, shuffle).double().mean().item() for shuffle in (False, True)))
        for k in range(1, MAX_LAYERS + 1)
    ]
    return pd.DataFrame(rows, columns=["layers", "without", "with"])


def _units(recipe: Recipe) -> tuple[str, ...]:
    """The units that an address may name; any, where the network has none to show."""
    return shuffle_units(recipe.arch) or tuple(unit for arch in shuffling() for unit in shuffle_units(arch))


main()
