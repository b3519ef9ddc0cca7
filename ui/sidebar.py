"""The sidebar: the pages, the four knobs, and the finer choices folded away under them."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from compress_core.errors import CheckpointError
from compress_core.pipeline import width_origin
from compress_core.pruning.choosing import SCOPES
from compress_core.pruning.importance import CRITERIA, criteria
from compress_core.recipe import MULTIPLES, SWITCH, Recipe
from compress_core.training.shipped import WEIGHTS
from compress_core.zoo import architecture, architectures
from ui.address import State, on_recipe, to_params, widget_key
from ui.knobs import PRUNE_STEP, RATIOS, STOPS, WIDTHS
from ui.menu import PAGES
from ui.switches import SELECTORS, SWITCHES, idle

SCOPE_TITLES = {"global": "All layers together", "layer": "Each layer by itself"}
MULTIPLE_TITLES = {1: "1 (any number stays)"}
HEAL_TITLES = {
    "none": "Not at all",
    "absorb": "Absorb the constants",
    "recalibrate": "Recalibrate BatchNorm",
    "reconstruct": "Reconstruct each layer",
    "finetune": "Reconstruct and fine-tune",
}
_TURNED = {"off": "No", "on": "Yes", "plain": "No", "huffman": "Yes"}
CRITERION_TITLES = {name: CRITERIA[name].title for name in criteria()}
WEIGHT_TITLES = {"plain": "Plainly"} | {
    name: f"L1 penalty on γ, λ = {name.removeprefix('sparse-')}" for name in WEIGHTS if name != "plain"
}
OF_PRUNING = (
    ("weights", "Trained", list(WEIGHTS), WEIGHT_TITLES.get),
    ("criterion", "Channels are ranked by", criteria(), CRITERION_TITLES.get),
    ("scope", "Channels compete in", list(SCOPES), SCOPE_TITLES.get),
    (
        "multiple_of",
        "Channels stay in multiples of",
        list(MULTIPLES),
        lambda many: MULTIPLE_TITLES.get(many, str(many)),
    ),
    ("balance", "Each group keeps as many channels", list(SWITCH), _TURNED.get),
    ("heal", "After the cut, heal", list(HEAL_TITLES), HEAL_TITLES.get),
)
OF_QUANTIZATION = (
    *SELECTORS,
    *((name, label, (off, on), _TURNED.get) for name, label, on, off, _ in SWITCHES),
)


def draw(state: State) -> None:
    """The sidebar of every page."""
    with st.sidebar:
        st.markdown("#### Network compression, live")
        if len(PAGES) > 1:
            for page in PAGES:
                st.page_link(page.path, label=page.label, icon=page.icon, query_params=to_params(state.recipe))
        _knobs(state)
        with st.expander("Finer choices: pruning"):
            grouped = "groups" in architecture(state.recipe.arch).options
            _finer_choices(state, [choice for choice in OF_PRUNING if choice[0] != "balance" or grouped])
        with st.expander("Finer choices: quantization"):
            _finer_choices(state, OF_QUANTIZATION)


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
        help="α: how wide the layers are, against the full network. A width that was not trained is slimmed from "
        "the next larger trained one, by γ.",
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
        help="The part of the channels that is cut out, those that matter least first: by |γ|, or by what is chosen in "
        "*Finer choices*.",
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


def _finer_choices(state: State, choices: Sequence[tuple[str, str, Sequence[object], Callable[[Any], str]]]) -> None:
    for name, label, options, title in choices:
        st.selectbox(
            label,
            list(options),
            index=list(options).index(getattr(state.recipe, name)),
            format_func=title,
            key=widget_key(state, name),
            on_change=on_recipe(state, name),
            disabled=idle(state, name),
        )
