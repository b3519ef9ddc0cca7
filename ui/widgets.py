"""The pieces that pages are made of: figures with their reading, selectors of the address, cards, steps and images."""

import base64
import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from PIL import Image

from compress_core.plots.layout import enlarged
from compress_core.text.numbers import percent
from ui.address import State, on_view, value_of, widget_key
from ui.choices import Choice
from ui.style import STYLE

BUTTONS = ("toImage", "zoom2d", "pan2d", "resetScale2d")
STILL = {"displaylogo": False, "modeBarButtonsToRemove": BUTTONS}
"""Of a figure that is looked at as it is: it can fill the screen, and nothing else."""


def style() -> None:
    """The style sheet of all pieces; once a page."""
    st.html(STYLE)


def sentence(text: str) -> None:
    """The sentence at the top of a page, or in place of what stands there; returns its place."""
    st.html(f'<p class="cc-sentence" role="status">{escape(text)}</p>')


def heading(text: str) -> None:
    """The name of a figure."""
    st.html(f'<h3 class="cc-h">{escape(text)}</h3>')


def reading(text: str, lines: int = 2) -> None:
    """The reading of a figure; it keeps the height of its lines, so that nothing below it jumps."""
    st.html(f'<p class="cc-read" style="min-height:{1.4 * lines:.1f}em">{escape(text)}</p>')


def progress_line(text: str, share: float | None = None) -> None:
    """A line about something that is measured, with a bar below it while that goes on; it keeps its height."""
    bar = ""
    if share is not None:
        percent_done = f"{100 * share:.0f}"
        bar = (
            f'<div role="progressbar" aria-label="{escape(text)}" aria-valuenow="{percent_done}">'
            f'<div style="width:{percent_done}%"></div></div>'
        )
    st.html(f'<div class="cc-read cc-under-way"><span>{escape(text)}</span>{bar}</div>')


def row(key: str | None = None):
    """A row whose elements stand on one line.

    Args:
        key: begins with `cc-line-` where the first element gives way, so that the others keep their places beside it.
    """
    return st.container(horizontal=True, vertical_alignment="center", gap="small", key=key)


def help_on(subject: str, text: str) -> None:
    """The explanation of a figure, one click away."""
    st.popover(":material/info:", type="tertiary", help=f"About {subject}").markdown(text)


def head(title: str, about: str = "", controls: Callable[[], object] | None = None) -> None:
    """A title, the controls beside it, and its explanation one click away."""
    # Without controls the title gives way to the sign, which stays beside it.
    key = None if controls else f"cc-line-{title}"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=key):
        heading(title)
        if controls:
            controls()
        if about:
            help_on(title.partition(",")[0], about)


def formula_head(title: str, lead: str, about: str):
    """A title with its explanation, a sentence below it, and the place of a formula between."""
    with row():
        heading(title)
        formula = st.empty()
        help_on(title, about)
    reading(lead, lines=1)
    return formula


def figure(
    title: str,
    drawn: go.Figure,
    said: str,
    about: str = "",
    controls: Callable[[], object] | None = None,
    *,
    key: str = "",
    lines: int = 2,
    wide: bool = False,
    config: Mapping[str, object] = STILL,
    **chart: object,
) -> None:
    """A figure under its title, with its controls, its explanation one click away, and its reading below.

    Args:
        title: if empty, nothing stands above the figure.
        said: the reading, which is the figure's text alternative as well.
        controls: draws what stands beside the title.
        key: of the figure; its title if left out.
        lines: that the reading keeps; with 0 it is a text alternative only.
        wide: whether it is swiped sideways where the screen is narrow, since it would be unreadable there.
        chart: further arguments of `st.plotly_chart`.
    """
    alt = said
    if st.session_state.get("focus") == (key or title):
        drawn = enlarged(drawn)
    if title:
        head(title, about, controls)
        alt = f"{title}. {said}"  # stands above it where it fills the screen
    with st.container(gap=None, key=f"cc-wide-{key or title}") if wide else contextlib.nullcontext():
        st.plotly_chart(drawn, key=key or title, alt=alt, config=dict(config), **chart)
    if lines:
        reading(said, lines)


def select(
    state: State,
    name: str,
    label: str,
    options: Sequence,
    chosen: object,
    title: Callable[[object], str],
    width: int,
    of: str = "",
) -> None:
    """A selector beside a title that sets a page's own choice.

    Args:
        of: what its options depend on, if anything.
    """
    st.selectbox(
        label,
        list(options),
        index=list(options).index(chosen),
        format_func=title,
        key=f"{widget_key(state, name)}{of}",
        on_change=on_view(state, name, of),
        label_visibility="collapsed",
        width=width,
    )


def segments(
    state: State, choices: Mapping[str, Choice], name: str, titles: Mapping[str, str], closed: str | None = None
) -> str:
    """A segmented control that sets a page's own choice; returns it.

    Args:
        closed: the choice that stands for none of the segments, if one does.
    """
    chosen = value_of(state, choices, name)
    if chosen not in titles and chosen != closed:  # it is not offered for this recipe
        chosen = next(iter(titles))
    st.segmented_control(
        choices[name].title.capitalize(),
        list(titles),
        default=None if chosen == closed else chosen,
        required=closed is None,
        format_func=titles.get,
        key=widget_key(state, name),
        on_change=on_view(state, name),
        label_visibility="collapsed",
    )
    return chosen


def sliders(
    state: State, choices: Mapping[str, Choice], title: Callable[[object], str] = str, **labels: str
) -> list[str | int | float]:
    """A slider for each of these choices, in a row; returns what they are set to.

    Args:
        title: of a value.
        labels: of the sliders, by the name of the choice.
    """
    for name, column in zip(labels, st.columns(len(labels), gap="medium"), strict=True):
        column.select_slider(
            labels[name],
            choices[name].values,
            value=value_of(state, choices, name),
            format_func=title,
            key=widget_key(state, name),
            on_change=on_view(state, name),
        )
    return [value_of(state, choices, name) for name in labels]


class Card(NamedTuple):
    """One quantity of the compressed network beside the original's."""

    label: str
    value: str
    was: str
    note: str
    same: bool


def cards(row: Sequence[Card]) -> None:
    """A row of cards: the compressed value in blue, the original's in grey, and the factor between them."""
    tiles = "".join(
        f'<div class="cc-card{" cc-same" if card.same else ""}"><div class="cc-label">{escape(card.label)}</div>'
        f'<div class="cc-value">{escape(card.value)}</div><div class="cc-was">{escape(card.was)}</div>'
        f'<div class="cc-note">{escape(card.note)}</div></div>'
        for card in row
    )
    st.html(f'<div class="cc-frame"><div class="cc-cards">{tiles}</div></div>')


def steps(frame: pd.DataFrame, chance: float) -> None:
    """Accuracy after each step from the original to the recipe (`step`, `detail`, `accuracy`, `done`); NaN where it is
    not known. A tick marks the accuracy of guessing."""
    tick = f'<i style="left:calc({100 * chance:.1f}% - 1px)" title="guessing: {100 * chance:.3g} %"></i>'
    cells = "".join(
        f'<div class="cc-step{"" if row.done else " cc-idle"}">'
        f'<div class="cc-step-head"><span>{escape(row.step)}</span>'
        f"<b>{percent(row.accuracy) if row.accuracy == row.accuracy else '…' if row.done else '·'}</b></div>"
        f'<div class="cc-bar"><div style="width:{np.nan_to_num(100 * row.accuracy):.1f}%"></div>{tick}</div>'
        f'<div class="cc-detail">{escape(row.detail)}</div></div>'
        for row in frame.itertuples()
    )
    st.html(f'<div class="cc-steps">{cells}</div>')


def strip(images: pd.DataFrame, pictures: np.ndarray, classes: Sequence[str]) -> None:
    """Test images with both answers. `images` as in `Comparison.images`; `pictures` (n, H, W, C) uint8, a row each."""
    tiles = "".join(_tile(row, picture, classes) for row, picture in zip(images.itertuples(), pictures, strict=True))
    st.html(f'<div class="cc-strip">{tiles}</div>')


def _tile(row, picture: np.ndarray, classes: Sequence[str]) -> str:
    truth, before, after = (escape(classes[k]) for k in (row.label, row.original, row.compressed))

    def marked(answer: int, name: str) -> str:
        return f"{'✓' if answer == row.label else '✗'} {name}"

    alt = f"A test image of {truth}; the original says {before}, the compressed says {after}"
    return (
        f'<div class="cc-tile"><img alt="{alt}" title="{alt} ({row.compressed_confidence:.0%} sure)" '
        f'src="data:image/png;base64,{png(picture)}"><div>{truth}</div>'
        f'<span class="cc-o">{marked(row.original, before)}</span>'
        f'<span class="cc-c">{marked(row.compressed, after)}</span></div>'
    )


def picture(pixels: np.ndarray, says: str) -> None:
    """One image (H, W, C) uint8, large, its pixels to be seen."""
    source = f"data:image/png;base64,{png(pixels)}"
    st.html(f'<img class="cc-picture" alt="{escape(says)}" title="{escape(says)}" src="{source}">')


def album(pictures: np.ndarray, titles: Sequence[str]) -> None:
    """Images (n, H, W, C) uint8 in rows, each with what it shows."""
    tiles = "".join(
        f'<div class="cc-tile"><img alt="{escape(title)}" src="data:image/png;base64,{png(picture)}">'
        f"<div>{escape(title)}</div></div>"
        for picture, title in zip(pictures, titles, strict=True)
    )
    st.html(f'<div class="cc-strip cc-album">{tiles}</div>')


def png(picture: np.ndarray) -> str:
    """An image (H, W, C) uint8 as a PNG in base64."""
    return _encode(picture.tobytes(), picture.shape)


@lru_cache(maxsize=1024)
def _encode(pixels: bytes, shape: tuple[int, ...]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.frombuffer(pixels, np.uint8).reshape(shape).squeeze()).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
