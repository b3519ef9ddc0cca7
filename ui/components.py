"""Pieces of pages in plain HTML: cards, steps and the strip of images. They take text and numbers, no models."""

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from compress_core.numbers import percent
from compress_core.plots.tokens import COMPRESSED, COMPRESSED_TEXT, ORIGINAL, ORIGINAL_TEXT


def _both(tokens: dict[str, str]) -> str:
    return f"light-dark({tokens['light']}, {tokens['dark']})"


_LINE = "light-dark(#DCE2EA, #2B3544)"

_STYLE = f"""<style>
.stMainBlockContainer {{ padding: 3.6rem 3rem 2rem; }}
.cc-sentence {{ font-size: 1.3rem; line-height: 1.4; font-weight: 600; margin: 0; min-height: 2.8em; }}
.cc-cards {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: .6rem; }}
.cc-card {{ border: 1px solid {_LINE}; border-radius: 8px; padding: .55rem .7rem; min-width: 0; }}
.cc-label {{ font-size: .9rem; opacity: .8; white-space: nowrap; }}
.cc-value {{ font-size: 1.7rem; font-weight: 700; line-height: 1.2; color: {_both(COMPRESSED_TEXT)};
  white-space: nowrap; }}
.cc-card.cc-same .cc-value {{ color: {_both(ORIGINAL_TEXT)}; }}
.cc-was {{ font-size: .9rem; color: {_both(ORIGINAL_TEXT)}; }}
.cc-note {{ font-size: .9rem; font-weight: 600; }}
.cc-steps {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: .75rem; }}
.cc-step {{ min-width: 0; }}
.cc-step.cc-idle {{ opacity: .65; }}
.cc-step-head {{ display: flex; justify-content: space-between; font-size: .9rem; gap: .4rem; }}
.cc-step-head b {{ font-size: 1.05rem; white-space: nowrap; }}
.cc-bar {{ height: 10px; border-radius: 5px; background: {_LINE}; overflow: hidden; margin: .15rem 0; }}
.cc-bar > div {{ height: 100%; background: {COMPRESSED}; }}
.cc-step:first-child .cc-bar > div {{ background: {ORIGINAL}; }}
.cc-detail {{ font-size: .875rem; opacity: .8; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }}
.cc-strip {{ display: flex; flex-wrap: wrap; gap: .6rem; height: 121px; overflow: hidden; }}
.cc-tile {{ width: 76px; font-size: 14px; line-height: 22px; text-align: center; }}
.cc-tile img {{ width: 76px; height: 76px; image-rendering: pixelated; border-radius: 6px; display: block; }}
.cc-tile .cc-o {{ color: {_both(ORIGINAL_TEXT)}; font-weight: 600; }}
.cc-tile .cc-c {{ color: {_both(COMPRESSED_TEXT)}; font-weight: 700; }}
.cc-h {{ font-size: 1.05rem; font-weight: 600; margin: 0; }}
.js-plotly-plot :is(.infolayer, .cartesianlayer) text {{ fill: light-dark(#31333F, #FAFAFA) !important; }}
.js-plotly-plot .xerror {{ stroke: light-dark(#31333F, #FAFAFA) !important; }}
.cc-under-way {{ min-height: 2.1em; }}
.cc-under-way > div {{ height: 6px; border-radius: 3px; background: {_LINE}; overflow: hidden; max-width: 420px; }}
.cc-under-way > div > div {{ height: 100%; background: currentColor; transition: width .4s linear; }}
.js-plotly-plot .menulayer text {{ fill: light-dark(#31333F, #FAFAFA) !important; }}
.js-plotly-plot .menulayer rect {{ fill: transparent !important; }}
.js-plotly-plot g.updatemenu-button:focus-visible {{ outline: 2px solid {_both(COMPRESSED_TEXT)}; }}
.st-key-moves .js-plotly-plot .cartesianlayer .textpoint text {{ fill: #FFFFFF !important; }}
.cc-read {{ font-size: .95rem; line-height: 1.4; opacity: .9; margin: 0; }}
</style>"""


def style() -> None:
    """The style sheet of all components; once a page."""
    st.html(_STYLE)


def sentence(text: str) -> None:
    """The sentence at the top of a page."""
    st.html(f'<p class="cc-sentence" role="status">{escape(text)}</p>')


def heading(text: str) -> None:
    """The name of a figure."""
    st.html(f'<h3 class="cc-h">{escape(text)}</h3>')


def reading(text: str, lines: int = 2) -> None:
    """The reading of a figure; it keeps the height of its lines, so that nothing below it jumps."""
    st.html(f'<p class="cc-read" style="min-height:{1.4 * lines:.1f}em">{escape(text)}</p>')


def under_way(text: str, share: float | None = None) -> None:
    """A line about something that is measured, with a bar below it while that goes on; it keeps its height."""
    bar = ""
    if share is not None:
        percent_done = f"{100 * share:.0f}"
        bar = (
            f'<div role="progressbar" aria-label="{escape(text)}" aria-valuenow="{percent_done}">'
            f'<div style="width:{percent_done}%"></div></div>'
        )
    st.html(f'<div class="cc-read cc-under-way"><span>{escape(text)}</span>{bar}</div>')


def row():
    """A row whose elements stand on one line."""
    return st.container(horizontal=True, vertical_alignment="center", gap="small")


def help_on(subject: str, text: str) -> None:
    """The explanation of a figure, one click away."""
    st.popover(":material/info:", type="tertiary", help=f"About {subject}").markdown(text)


class Card(NamedTuple):
    """One figure of the compressed network beside the original's."""

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
    st.html(f'<div class="cc-cards">{tiles}</div>')


def steps(frame: pd.DataFrame) -> None:
    """Accuracy after each step from the original to the recipe (`step`, `detail`, `accuracy`, `done`)."""
    cells = "".join(
        f'<div class="cc-step{"" if row.done else " cc-idle"}">'
        f'<div class="cc-step-head"><span>{escape(row.step)}</span>'
        f"<b>{percent(row.accuracy) if row.done else '·'}</b></div>"
        f'<div class="cc-bar"><div style="width:{100 * row.accuracy if row.done else 0:.1f}%"></div></div>'
        f'<div class="cc-detail">{escape(row.detail)}</div></div>'
        for row in frame.itertuples()
    )
    st.html(f'<div class="cc-steps">{cells}</div>')


def strip(images: pd.DataFrame, pictures: np.ndarray, classes: Sequence[str]) -> None:
    """Test images with both answers. `images` as in `Study.images`; `pictures` (n, H, W, C) uint8, a row each."""
    tiles = "".join(_tile(row, picture, classes) for row, picture in zip(images.itertuples(), pictures, strict=True))
    st.html(f'<div class="cc-strip">{tiles}</div>')


def _tile(row, picture: np.ndarray, classes: Sequence[str]) -> str:
    truth, before, after = (escape(classes[k]) for k in (row.label, row.original, row.compressed))

    def marked(answer: int, name: str) -> str:
        return f"{'✓' if answer == row.label else '✗'} {name}"

    alt = f"A test image of {truth}; the original says {before}, the compressed says {after}"
    return (
        f'<div class="cc-tile"><img alt="{alt}" title="{alt} ({row.compressed_confidence:.0%} sure)" '
        f'src="data:image/png;base64,{_png(picture)}"><div>is {truth}</div>'
        f'<span class="cc-o">{marked(row.original, before)}</span> → '
        f'<span class="cc-c">{marked(row.compressed, after)}</span></div>'
    )


def _png(picture: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture.squeeze()).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
