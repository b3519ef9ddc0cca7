"""Numbers that sharpen while one looks: the pieces of an answer that nobody waits for, and their place on the page."""

from collections.abc import Callable, Sequence

import streamlit as st

from ui.address import State
from ui.engine import Piece, engine

POLL_S = 1.0
CROWD = 5  # of more visitors each comes back less often: to draw takes time, too, and there is little news


def refine(state: State, pieces: Sequence[Piece], draw: Callable[[], object]) -> None:
    """Compute these pieces while nobody waits, and draw again, in place, when more of them are there.

    Nothing runs the whole page for it. Whoever turns a knob wants other pieces; what is left of these is dropped.

    Args:
        draw: fills containers that stand outside of it with what is known by now.
    """
    lacks = _missing(pieces) > 0
    often = POLL_S * max(1.0, engine().gate.crowd / CROWD)
    chosen = state.recipe, dict(state.view)
    st.fragment(_go_on, run_every=often if lacks else None)(state, chosen, tuple(pieces), draw, lacks)


def _missing(pieces: Sequence[Piece]) -> int:
    """How many of them are not computed yet."""
    return sum(engine().known(piece) is None for piece in pieces)


def _go_on(state: State, chosen: tuple, pieces: tuple[Piece, ...], draw: Callable[[], object], lacked: bool) -> None:
    shared = engine()
    if chosen != (state.recipe, state.view):  # one of its own widgets has moved the whole page
        st.rerun()
    draw()
    if _missing(pieces):
        shared.run_queue(pieces, lambda: next((one for one in pieces if shared.known(one) is None), None), id(state))
    elif lacked:
        st.rerun()  # the same page, which then no longer comes back to ask
