"""The image that networks are shown: one of the test images, or drawn, uploaded, or taken by a camera.

What was given from elsewhere is kept for the visit, so that neither another page nor a bad file loses it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import streamlit as st

from compress_core.data import dataset
from compress_core.data.drawing import check_strokes, draw
from compress_core.data.images import ENDINGS, read_picture
from compress_core.errors import DataError
from compress_core.studies.compare import Input
from ui import page, widgets
from ui.address import State, Views, on_view, value_of, widget_key
from ui.drawing import drawing_board

SOURCES = {"test": "Test image", "draw": "Draw", "upload": "Upload", "camera": "Camera"}
SOURCE, NUMBER = "source", "image"
"""What the page's own choices are called: where an image comes from, and the place of a test image."""


class Picture(NamedTuple):
    """A picture that somebody gave."""

    file: str
    """Which of the files given it is."""
    name: str
    pixels: np.ndarray
    """(H, W, 3) uint8."""


def source_of(state: State, choices: Views) -> str:
    """Where the image comes from: photographs cannot be drawn."""
    chosen = value_of(state, choices, SOURCE)
    return chosen if chosen != "draw" or dataset(state.recipe.dataset).drawn else "test"


def pick_source(state: State, choices: Views) -> None:
    """Draw the knob, into the row that is open."""
    offered = dict(SOURCES)
    if not dataset(state.recipe.dataset).drawn:
        del offered["draw"]
    widgets.segments(state, choices, SOURCE, offered)


def take_input(state: State, choices: Views, beside: Callable[[], object] = lambda: None) -> Input | None:
    """Draw the widget that gives the image, and the image as networks see it; None while there is none.

    Args:
        beside: draws what belongs to a test image.
    """
    source, data = source_of(state, choices), dataset(state.recipe.dataset)
    if source == "test":
        number = _number(state, choices)
        widgets.picture(data.pictures(data.test()[0][number : number + 1])[0], f"Test image {number}")
        beside()
        return Input(number)
    try:
        picture = _drawn() if source == "draw" else _photographed(source)
        if picture is None:
            return None
        seen = data.see(picture)
    except DataError as error:
        page.warn([str(error)])
        return None
    height, width, _ = seen.shape
    widgets.picture(seen, "The image as networks see it")
    widgets.reading(f"As networks see it: {height}×{width}.", lines=1)
    return Input(pixels=seen.tobytes())


def _number(state: State, choices: Views) -> int:
    last = len(dataset(state.recipe.dataset).test()[1]) - 1
    number = min(value_of(state, choices, NUMBER), last)
    st.number_input(
        "Test image",
        0,
        last,
        number,
        key=f"{widget_key(state, NUMBER)}{last}",
        on_change=on_view(state, NUMBER, str(last)),
    )
    return number


def _drawn() -> np.ndarray | None:
    kept = st.session_state.get("drawn", ())
    drawing_board("board", kept, _keep_drawing)
    if refused := st.session_state.pop("not drawn", ""):
        page.warn([refused])
    return draw(kept) if kept else None


def _keep_drawing(strokes: object) -> None:
    try:
        st.session_state["drawn"] = check_strokes(strokes)
    except DataError as error:
        st.session_state["not drawn"] = str(error)


def _photographed(source: str) -> np.ndarray | None:
    if source == "camera":
        file = st.camera_input("Take a picture")
    else:
        file = st.file_uploader("A picture", type=[ending.removeprefix(".") for ending in ENDINGS])
    kept: Picture | None = st.session_state.get(f"given by {source}")
    if file is not None and (kept is None or kept.file != file.file_id):
        try:
            kept = Picture(file.file_id, file.name, read_picture(file.getvalue()))
            st.session_state[f"given by {source}"] = kept
        except DataError as error:  # the one before stays
            page.warn([str(error)])
    if kept is None:
        return None
    if file is None or file.file_id != kept.file:
        widgets.reading(f"The last one: {kept.name}", lines=1)
    return kept.pixels
