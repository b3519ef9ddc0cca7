"""Channels given back or taken away by hand. Each change is a step of the address as well, so Back undoes it too."""

import streamlit as st

from compress_core.recipe.edits import with_edit
from compress_core.studies.pruning import study_channels
from ui.address import State, change_recipe
from ui.engine import Engine
from ui.tiles import Toggle

_KEY = "steps by hand"


def _steps(state: State) -> list[tuple[str, str]]:
    """The changes of this visit that still stand, each as the edits before and after it."""
    steps: list[tuple[str, str]] = st.session_state.setdefault(_KEY, [])
    while steps and steps[-1][1] != state.recipe.edits:  # Back, a link or another network has undone it
        steps.pop()
    return steps


def _step(state: State, edits: str) -> None:
    _steps(state).append((state.recipe.edits, edits))
    change_recipe(state, edits=edits)


def toggle(state: State, wanted: Toggle, shared: Engine) -> None:
    """Keep or cut a channel. Where the criterion alone does what is wanted, its change by hand is taken back."""
    without = with_edit(state.recipe.edits, wanted.group, wanted.channel, None)
    channels = shared.ask(study_channels, shared.shown(state.recipe.with_(edits=without)).recipe).channels
    own = channels[(channels["group"] == wanted.group) & (channels["channel"] == wanted.channel)]
    does_already = len(own) == 1 and bool(own["kept"].item()) == wanted.keep
    by_hand = with_edit(state.recipe.edits, wanted.group, wanted.channel, wanted.keep)
    _step(state, without if does_already and without != state.recipe.edits else by_hand)


def before_last(state: State) -> str | None:
    """The edits before the last change of this visit, if there is one that stands."""
    steps = _steps(state)
    return steps[-1][0] if steps else None


def buttons(state: State) -> None:
    """Undo and reset, where there is something to."""

    def undo() -> None:
        change_recipe(state, edits=_steps(state).pop()[0])

    def reset() -> None:
        _step(state, "")

    if _steps(state):
        st.button("Undo", icon=":material/undo:", type="tertiary", on_click=undo, key="edits-undo")
    if state.recipe.edits:
        st.button("Reset", icon=":material/restart_alt:", type="tertiary", on_click=reset, key="edits-reset")
