"""The buttons inside a figure for the keyboard (`figure_keys.js`)."""

from pathlib import Path

import streamlit as st

_keys = st.components.v2.component(
    "figure_keys", html="<span></span>", js=Path(__file__).with_suffix(".js").read_text()
)


def figure_keys() -> None:
    """Let Tab reach the buttons of this page's figures, and Enter press them; once a page."""
    _keys(key="figure_keys", height=1)
