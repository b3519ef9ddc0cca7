"""The buttons inside a figure for the keyboard (`figure_keys.js`)."""

from ui.component import component

_keys = component("figure_keys")


def figure_keys() -> None:
    """Let Tab reach the buttons of this page's figures, and Enter press them; once a page."""
    _keys(key="figure_keys", height=1)
