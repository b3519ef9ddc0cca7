"""The sidebar: the pages, the knobs, and the finer choices folded away under them. On a phone, where it hides the page,
the knobs stand in a row above the sentence."""

from collections.abc import Collection, Sequence

import streamlit as st

from compress_core.errors import CheckpointError
from compress_core.pipeline import width_origin
from compress_core.recipe import Recipe
from compress_core.text.numbers import whole_percent
from compress_core.zoo import architecture, architectures
from ui.address import State, link, on_recipe, widget_key
from ui.finer_choices import DATASET, PRUNING, QUANTIZATION, FinerChoice
from ui.knobs import PRUNE_STEP, RATIOS, STOPS, WIDTHS
from ui.menu import APP, PAGES
from ui.pins import pin_button, pinned
from ui.share import share
from ui.take_home import take_home
from ui.talk import begin_button, keys

KNOBS = ("arch", "width", "prune", "bits")
"""Those below the dataset, which is chosen on every page."""
FINER = {"prune": ("Finer choices: pruning", PRUNING), "bits": ("Finer choices: quantization", QUANTIZATION)}
"""What is folded away, by the knob that it belongs to."""


def draw(state: State, reads: Collection[str]) -> None:
    """The sidebar of every page.

    Args:
        reads: the knobs that change anything on the page.
    """
    if _on_a_phone():
        _compact(state, reads)
        return
    with st.sidebar, st.container(gap="small"):
        with st.container(key="cc-brand"):
            st.markdown(f"#### {APP}")
        if len(PAGES) > 1:
            _links(state)
        _selectors(state, [DATASET])
        for knob, draw_knob in _KNOBS.items():
            draw_knob(state, knob not in reads)
        for knob, (title, choices) in FINER.items():
            with _expander(state, title):
                _selectors(state, choices, idle=knob not in reads)
        _tools(state)
        keys()


def _links(state: State) -> None:
    """Links to the pages, each as it was left."""
    with st.container(key="cc-pages"):
        for page in PAGES:
            params = link(state) | state.left.get(page.label, {})
            st.page_link(page.path, label=page.label, icon=page.icon, query_params=params)


def _tools(state: State) -> None:
    """What one does with a recipe as a whole: keep it, hand it on, show it on a stage."""
    with st.container(horizontal=True, gap="xsmall", key="cc-tools"):
        pin_button(state)
        share(state)
        take_home(state)
        begin_button(state)
    pinned(state)


def _on_a_phone() -> bool:
    """Whether the visitor's browser says that it is a phone's."""
    return "Mobi" in (st.context.headers.get("User-Agent") or "")


def _compact(state: State, reads: Collection[str]) -> None:
    """What the sidebar has, in a row: the knobs each behind its value, and the others behind one sign."""
    recipe = state.recipe
    values = {
        "arch": architecture(recipe.arch).title,
        "width": f"× {recipe.width:g}",
        "prune": f"−{whole_percent(recipe.prune)}" if recipe.prune else "no cut",
        "bits": f"{recipe.bits} bits",
    }
    with st.container(horizontal=True, gap="xsmall", key="cc-knobs"):
        # Another one on each page, so that it is closed where it has led to.
        with st.popover(":material/menu:", key=f"menu of {state.title}", help="Pages, dataset and finer choices"):
            _links(state)
            _selectors(state, [DATASET])
            for knob, (_, choices) in FINER.items():
                _selectors(state, choices, idle=knob not in reads)
            _tools(state)
        for knob, draw_knob in _KNOBS.items():
            with st.popover(values[knob], key=f"knob {knob}"):
                draw_knob(state, knob not in reads)


def _expander(state: State, title: str):
    """What is folded away, and stays open on the next page where it was opened."""
    box = st.expander(title, expanded=title in state.unfolded, key=title, on_change="rerun")
    (state.unfolded.add if box.open else state.unfolded.discard)(title)
    return box


def _architecture(state: State, idle: bool) -> None:
    names = architectures()
    st.selectbox(
        "Architecture",
        names,
        index=names.index(state.recipe.arch),
        format_func=lambda name: architecture(name).title,
        key=widget_key(state, "arch"),
        on_change=on_recipe(state, "arch"),
        disabled=idle,
    )


def _width(state: State, idle: bool) -> None:
    st.select_slider(
        "Width multiplier",
        WIDTHS,
        value=state.recipe.width,
        format_func=lambda width: f"{width:.2f}",
        key=widget_key(state, "width"),
        on_change=on_recipe(state, "width"),
        help="α: how wide the layers are, against the full network. A width that was not trained is cut from the "
        "next larger trained one, and healed.",
        disabled=idle,
    )
    st.caption(_origin(state.recipe))


def _origin(recipe: Recipe) -> str:
    try:
        return f"This width is {width_origin(recipe)}"
    except CheckpointError:
        return "No weights for this width"


def _pruning_ratio(state: State, idle: bool) -> None:
    st.slider(
        "Pruning ratio",
        RATIOS[0],
        RATIOS[-1],
        value=state.recipe.prune,
        step=PRUNE_STEP,
        format="percent",
        key=widget_key(state, "prune"),
        on_change=on_recipe(state, "prune"),
        help="The part of the channels that is cut out, those that matter least first: by second order, by |γ|, or by "
        "what is chosen in *Finer choices*.",
        disabled=idle,
    )


def _bit_width(state: State, idle: bool) -> None:
    st.select_slider(
        "Bit width",
        STOPS["bits"],
        value=state.recipe.bits,
        format_func=lambda bits: "32 (off)" if bits == 32 else str(bits),
        key=widget_key(state, "bits"),
        on_change=on_recipe(state, "bits"),
        help="Bits for each weight. 32 leaves the weights as they were trained.",
        disabled=idle,
    )


_KNOBS = {"arch": _architecture, "width": _width, "prune": _pruning_ratio, "bits": _bit_width}


def _selectors(state: State, choices: Sequence[FinerChoice], idle: bool = False) -> None:
    for choice in choices:
        if choice.offered(state.recipe):
            options = list(choice.options(state.recipe))
            st.selectbox(
                choice.label,
                options,
                index=options.index(getattr(state.recipe, choice.name)),
                format_func=choice.title,
                key=widget_key(state, choice.name),
                on_change=on_recipe(state, choice.name),
                disabled=idle or choice.idle(state.recipe),
            )
