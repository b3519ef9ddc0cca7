"""Our own parts of a page that run in the browser: a name's `.js`, with its `.html` and `.css` where it has any."""

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_NOTHING = "<span></span>"


def component(name: str):
    """What mounts the part of that name."""
    html, css = (_HERE / f"{name}.html", _HERE / f"{name}.css")
    return st.components.v2.component(
        name,
        html=html.read_text() if html.exists() else _NOTHING,
        css=css.read_text() if css.exists() else None,
        js=(_HERE / f"{name}.js").read_text(),
    )
