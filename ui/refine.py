"""Numbers that sharpen while one looks: the pieces of an answer that nobody waits for, and their place on the page."""

from collections.abc import Callable, Sequence

import streamlit as st

from compress_core.data import dataset
from compress_core.recipe import Recipe
from ui.address import State
from ui.engine import Piece, Study, engine

POLL_S = 1.0
CROWD = 5  # of more visitors each comes back less often: to draw takes time, too, and there is little news


def counts_of(study: Study, *recipes: Recipe) -> list[Piece]:
    """What a study counts of these recipes on one piece of the test images after the other."""
    pieces = range(1, len(dataset(recipes[0].dataset).pieces()) + 1)
    return [Piece(study, recipe.canonical(), (count,)) for count in pieces for recipe in recipes]


def latest(pieces: Sequence[Piece], recipes: int = 1) -> list:
    """What `counts_of` so many recipes gives of each of them, of as many images as all are counted on by now."""
    counted = [pieces[start : start + recipes] for start in range(0, len(pieces), recipes)]
    whole = [own for own in counted if all(engine().known(piece) is not None for piece in own)]
    return [engine().compute(piece) for piece in (whole or counted[:1])[-1]]


def refine(state: State, pieces: Sequence[Piece], draw: Callable[[], object], poll_s: float = POLL_S) -> None:
    """Compute these pieces while nobody waits, and draw again, in place, when more of them are there.

    Nothing runs the whole page for it. Whoever turns a knob wants other pieces; what is left of these is dropped.

    Args:
        draw: fills containers that stand outside of it with what is known by now.
        poll_s: how often it looks whether there is more, where few are here.
    """
    goes_on = _goes_on(state, tuple(pieces))
    often = poll_s * max(1.0, engine().gate.crowd / CROWD)
    chosen = state.recipe, dict(state.view)
    st.fragment(_again, run_every=often if goes_on else None)(state, chosen, tuple(pieces), draw, goes_on)


def _again(state: State, chosen: tuple, pieces: tuple[Piece, ...], draw: Callable[[], object], went_on: bool) -> None:
    if chosen != (state.recipe, state.view):  # one of its own widgets has moved the whole page
        st.rerun()
    draw()
    if not _goes_on(state, pieces) and went_on:
        st.rerun()  # the same page, which then no longer comes back to ask


def _goes_on(state: State, pieces: tuple[Piece, ...]) -> bool:
    """Have what is not computed yet computed while nobody waits; whether there is any that can be."""

    def next_piece() -> Piece | None:
        return next((piece for piece in pieces if engine().known(piece) is None), None)

    return next_piece() is not None and engine().run_queue(pieces, next_piece, id(state))
