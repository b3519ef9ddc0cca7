"""The finer choices of quantization as a page shows them: a row of selectors and a row of switches."""

from collections.abc import Callable, Sequence

import streamlit as st

from compress_core.explain_quantization import (
    activations_title,
    clipping_choices,
    clipping_title,
    rounding_title,
    scheme_title,
)
from compress_core.quantization.quantize import ACTIVATION_BITS
from compress_core.quantization.rounding import ROUNDINGS, roundings
from compress_core.quantization.schemes import SCHEMES, schemes
from ui.address import State, choose

SELECTORS: Sequence[tuple[str, str, Sequence[object], Callable]] = (
    ("scheme", "Levels of the weights", schemes(), scheme_title),
    ("rounding", "Rounding", roundings(), rounding_title),
    ("clipping", "How far the levels reach", clipping_choices(), clipping_title),
    ("activation_bits", "Activations", ACTIVATION_BITS[::-1], activations_title),
)
SWITCHES = (
    ("fold", "Fold BatchNorm", "on", "off", "BatchNorm becomes part of the convolution before it, then it is rounded."),
    ("equalize", "Equalize layers", "on", "off", "Neighbouring layers share the spread of their channels' ranges."),
    ("correct_bias", "Correct biases", "on", "off", "Each output's mean is set right on images without labels."),
    (
        "coding",
        "Huffman coding",
        "huffman",
        "plain",
        "Frequent codes get short words in the file. Nothing else changes.",
    ),
)


def idle(state: State, name: str) -> bool:
    """Whether a choice makes no difference beside the others."""
    recipe = state.recipe
    if name == "clipping":
        return not SCHEMES[recipe.scheme].clips
    return name == "correct_bias" and "images" in ROUNDINGS[recipe.rounding].needs


def selectors(state: State) -> None:
    """The row of selectors; their keys stay the same, so that the keyboard does too."""
    for column, (name, label, options, title) in zip(st.columns(len(SELECTORS), gap="small"), SELECTORS, strict=True):
        key = f"page-{name}"
        st.session_state[key] = getattr(state.recipe, name)
        column.selectbox(
            label,
            list(options),
            format_func=title,
            key=key,
            on_change=_taken(state, name, key),
            disabled=idle(state, name),
        )


def switches(state: State) -> None:
    """The switches, into the row that is open."""
    for name, label, on, off, text in SWITCHES:
        key = f"page-{name}"
        st.session_state[key] = getattr(state.recipe, name) == on
        st.toggle(label, key=key, help=text, on_change=_turned(state, name, key, on, off), disabled=idle(state, name))


def _taken(state: State, name: str, key: str) -> Callable[[], None]:
    return lambda: choose(state, **{name: st.session_state[key]})


def _turned(state: State, name: str, key: str, on: str, off: str) -> Callable[[], None]:
    return lambda: choose(state, **{name: on if st.session_state[key] else off})
