"""The drawing board: strokes of a finger, a mouse or the keyboard, sent while one draws (`drawing.js`)."""

from collections.abc import Callable, Sequence

import streamlit as st

from compress_core.data.drawing import Stroke
from ui.component import component

_HINT = (
    "Draw a digit with finger or mouse. With the keyboard: arrows move the pen, Space puts it down and lifts it, "
    "Backspace takes the last stroke back."
)
_board = component("drawing")


def drawing_board(key: str, strokes: Sequence[Stroke], on_change: Callable[[object], None]) -> None:
    """Draw the board.

    Args:
        strokes: what stands on it where the page is opened anew; while one draws, the browser knows better.
        on_change: called with what is drawn by now.
    """
    # Each answer is a sign that the next strokes may be sent.
    answers = st.session_state[f"{key}-answers"] = st.session_state.get(f"{key}-answers", 0) + 1
    data = {"strokes": [list(map(list, stroke)) for stroke in strokes], "answers": answers, "hint": _HINT}
    _board(key=key, data=data, on_drawn_change=lambda: on_change(st.session_state[key].drawn))
