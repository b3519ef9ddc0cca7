"""The sidebar: the pages, the knobs, and the finer choices folded away under them."""

from collections.abc import Sequence

import streamlit as st

from compress_core.errors import CheckpointError
from compress_core.pipeline import width_origin
from compress_core.recipe import Recipe
from compress_core.zoo import architecture, architectures
from ui.address import State, on_recipe, to_params, widget_key
from ui.finer_choices import DATASET, PRUNING, QUANTIZATION, FinerChoice
from ui.knobs import PRUNE_STEP, RATIOS, STOPS, WIDTHS
from ui.menu import PAGES


def draw(state: State) -> None:
    """The sidebar of every page."""
    with st.sidebar, st.container(gap="small"):
        with st.container(key="cc-brand"):
            st.markdown("#### Network compression, live")
        if len(PAGES) > 1:
            with st.container(key="cc-pages"):
                for page in PAGES:
                    st.page_link(page.path, label=page.label, icon=page.icon, query_params=to_params(state.recipe))
        _selectors(state, [DATASET])
        _knobs(state)
        with st.expander("Finer choices: pruning"):
            _selectors(state, PRUNING)
        with st.expander("Finer choices: quantization"):
            _selectors(state, QUANTIZATION)


def _knobs(state: State) -> None:
    recipe = state.recipe
    names = architectures()
    st.selectbox(
        "Architecture",
        names,
        index=names.index(recipe.arch),
        format_func=lambda name: architecture(name).title,
        key=widget_key(state, "arch"),
        on_change=on_recipe(state, "arch"),
    )
    st.select_slider(
        "Width multiplier",
        WIDTHS,
        value=recipe.width,
        format_func=lambda width: f"{width:.2f}",
        key=widget_key(state, "width"),
        on_change=on_recipe(state, "width"),
        help="α: how wide the layers are, against the full network. A width that was not trained is cut from the "
        "next larger trained one, and healed.",
    )
    st.caption(_origin(recipe))
    st.slider(
        "Pruning ratio",
        RATIOS[0],
        RATIOS[-1],
        value=recipe.prune,
        step=PRUNE_STEP,
        format="percent",
        key=widget_key(state, "prune"),
        on_change=on_recipe(state, "prune"),
        help="The part of the channels that is cut out, those that matter least first: by second order, by |γ|, or by "
        "what is chosen in *Finer choices*.",
    )
    st.select_slider(
        "Bit width",
        STOPS["bits"],
        value=recipe.bits,
        format_func=lambda bits: "32 (off)" if bits == 32 else str(bits),
        key=widget_key(state, "bits"),
        on_change=on_recipe(state, "bits"),
        help="Bits for each weight. 32 leaves the weights as they were trained.",
    )


def _origin(recipe: Recipe) -> str:
    try:
        return f"This width is {width_origin(recipe)}"
    except CheckpointError:
        return "No weights for this width"


def _selectors(state: State, choices: Sequence[FinerChoice]) -> None:
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
                disabled=choice.idle(state.recipe),
            )
