"""The slider of the threshold: another handle on the pruning ratio, in the unit of the scores."""

import pandas as pd
import streamlit as st

from compress_core.recipe import Recipe
from compress_core.studies.pruning import stop_for
from ui.address import State, change_recipe

_KEY = "threshold"


def slider(state: State, table: pd.DataFrame, threshold: float | None, label: str) -> None:
    """A slider over `thresholds(scores)` that sets the recipe's pruning ratio to the share below it.

    It keeps its place while it says the recipe's ratio, and goes to where the ratio is when another knob moved it. Its
    key stays the same, so that the keyboard does too.

    Args:
        threshold: that the recipe's ratio has led to, if any.
    """
    shares, stops = table["share"].tolist(), table["stop"].tolist()
    decimals = max(len(f"{stop:g}".partition(".")[2]) for stop in stops)
    shown = st.session_state.get(_KEY)
    if shown is None or shown >= len(shares) or shares[shown] != state.recipe.prune:
        st.session_state[_KEY] = stop_for(table, state.recipe.prune, threshold)

    def moved() -> None:
        share = shares[st.session_state[_KEY]]
        if share != state.recipe.prune:
            change_recipe(state, prune=share)

    st.select_slider(
        label,
        range(len(stops)),
        format_func=lambda stop: f"{stops[stop]:.{decimals}f}" if decimals < 5 else f"{stops[stop]:.3g}",
        key=_KEY,
        on_change=moved,
        label_visibility="collapsed",
    )


def likely_next(table: pd.DataFrame, before: Recipe, now: Recipe) -> list[Recipe]:
    """The next stop of the threshold in the direction that the ratio has just moved."""
    shares = table["share"][table["share"] > now.prune if now.prune > before.prune else table["share"] < now.prune]
    if before.prune == now.prune or shares.empty:
        return []
    return [now.with_(prune=float(shares.min() if now.prune > before.prune else shares.max()))]
