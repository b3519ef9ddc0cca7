"""Bars in plain HTML that grow where they stand, one after another, while a page still measures."""

import math
import time
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

import streamlit as st

from compress_core.plots.tokens import COMPRESSED, ORIGINAL, ORIGINAL_TEXT
from compress_core.text.numbers import percent
from ui.style import LINE, both

REDRAW_S = 0.1
_STYLE = f"""<style>
.cc-bars {{ display: grid; grid-template-columns: max-content minmax(120px, 1fr) max-content; column-gap: .9rem;
  row-gap: .5rem; align-items: center; font-size: .95rem; line-height: 1.3; }}
.cc-bars > .cc-name {{ font-weight: 600; }}
.cc-bars > .cc-name span {{ display: block; font-weight: 400; font-size: .875rem; opacity: .8; }}
.cc-tracks {{ position: relative; display: grid; gap: 3px; }}
.cc-track {{ height: 11px; border-radius: 6px; background: {LINE}; overflow: hidden; }}
.cc-track.cc-thin {{ height: 7px; }}
.cc-track > div {{ height: 100%; background: {COMPRESSED}; transition: width .35s ease-out; }}
.cc-track.cc-thin > div {{ opacity: .5; }}
.cc-track.cc-waits {{ animation: cc-wait 1.2s ease-in-out infinite alternate; }}
@keyframes cc-wait {{ from {{ opacity: 1; }} to {{ opacity: .45; }} }}
.cc-tracks > i {{ position: absolute; top: -3px; bottom: -3px; width: 2px; background: {ORIGINAL}; }}
.cc-values {{ text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; min-width: 8.5em; }}
@media (max-width: 640px) {{
  .cc-bars {{ grid-template-columns: minmax(0, 7.5rem) minmax(50px, 1fr) max-content; column-gap: .5rem;
    font-size: .85rem; }}
  .cc-values {{ min-width: 0; }}
}}
.cc-mark {{ text-align: right; white-space: nowrap; font-size: .875rem; color: {both(ORIGINAL_TEXT)}; }}
.cc-values b {{ font-weight: 700; }}
.cc-values span {{ opacity: .8; }}
.cc-comparison {{ width: 100%; border-collapse: collapse; font-size: .95rem; font-variant-numeric: tabular-nums; }}
.cc-comparison :is(th, td) {{ text-align: left; padding: .42rem .6rem .42rem 0; border-bottom: 1px solid {LINE};
  vertical-align: top; }}
.cc-comparison td {{ min-width: 92px; }}
.cc-comparison th {{ font-weight: 400; }}
.cc-comparison thead th {{ font-weight: 600; }}
.cc-comparison .cc-track {{ height: 7px; margin-top: .25rem; }}
.cc-comparison td:nth-child(2) .cc-track > div {{ background: {ORIGINAL}; }}
.cc-badge {{ display: inline-block; border: 1.5px solid {COMPRESSED}; border-radius: 999px; padding: .1rem .8rem;
  font-size: .95rem; font-weight: 600; line-height: 1.5; }}
.st-key-cc-threshold {{ padding: 12px 8px 0 52px; }} /* the slider's track as long as the figure's axis */
.cc-badge.cc-idle {{ border-color: {LINE}; font-weight: 400; opacity: .8; }}
</style>"""


class Bar(NamedTuple):
    """A share before and after something, 0 … 1; None while it is not measured yet."""

    name: str
    note: str
    before: float | None
    after: float | None
    texts: tuple[str, ...]
    """What stands at the end: the last one in bold."""
    pair: bool = True
    """Whether there is a before."""


class GrowingBars:
    """Names of bars to measure, one after another; the bars are drawn before the first, and again after each.

    Each is a row of two bars, or of one, with a line where the original stands. What is at hand already is not drawn
    one by one.
    """

    def __init__(self, place, rows: dict[str, Bar], mark: float, label: str, columns: str = "", drawn: bool = False):
        """
        Args:
            place: a container that they are drawn into.
            rows: by name; replaced by who measures them.
            mark: the original's share.
            label: what is measured.
            columns: what the texts at the end are.
            drawn: whether they stand there already: then only the end is drawn.
        """
        self._place, self._rows, self._mark, self._label, self._columns = place, rows, mark, label, columns
        self._next = math.inf if drawn else 0.0

    def __iter__(self) -> Iterator[str]:
        for name in list(self._rows):
            if time.monotonic() > self._next:
                self._draw()
                self._next = time.monotonic() + REDRAW_S
            yield name
        self._draw()

    def _draw(self) -> None:
        mark = f'<div class="cc-mark" style="width:{100 * self._mark:.1f}%">original {percent(self._mark)}</div>'
        head = f'<div></div>{mark}<div class="cc-values">{escape(self._columns)}</div>'
        cells = head + "".join(_bar(row, self._mark) for row in self._rows.values())
        # An element that is written anew takes the place of the old one, without a moment of nothing between.
        self._place = self._place.html(
            f'{_STYLE}<div class="cc-bars" role="group" aria-label="{escape(self._label)}">{cells}</div>'
        )


def _bar(row: Bar, mark: float) -> str:
    def track(value: float | None, thin: bool) -> str:
        kind = f"cc-track{' cc-thin' if thin else ''}{' cc-waits' if value is None else ''}"
        return f'<div class="{kind}"><div style="width:{100 * (value or 0):.1f}%"></div></div>'

    note = f"<span>{escape(row.note) or '&nbsp;'}</span>" if not row.pair else ""  # keeps its line while it waits
    texts = [escape(text) for text in row.texts]
    values = "".join(f"<span>{text} → </span>" for text in texts[:-1]) + f"<b>{texts[-1]}</b>" if texts else "…"
    tracks = (track(row.before, True) if row.pair else "") + track(row.after, False)
    return (
        f'<div class="cc-name">{escape(row.name)}{note}</div>'
        f'<div class="cc-tracks">{tracks}<i style="left:calc({100 * mark:.1f}% - 1px)"></i></div>'
        f'<div class="cc-values">{values}</div>'
    )


def badge(text: str, idle: bool) -> None:
    """A short statement that stands for itself."""
    st.html(
        f'{_STYLE}<span class="cc-badge{" cc-idle" if idle else ""}" role="status">{escape(text)}</span>',
        width="content",
    )


def comparison_table(
    columns: Sequence[str], rows: Sequence[tuple[str, Sequence[float], Sequence[str]]], one_scale: bool = False
) -> None:
    """A table of quantities: for each its name, and for each column the value and its text, a bar below it.

    Args:
        one_scale: whether bars are as long as each other says across rows, since all have one unit.
    """
    longest = max(value for _, values, _ in rows for value in values)
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in ("", *columns))

    def cell(value: float, most: float, text: str) -> str:
        bar = f'<div class="cc-track"><div style="width:{100 * value / (most or 1):.1f}%"></div></div>'
        return f"<td>{escape(text)}{bar}</td>"

    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(
            cell(value, longest if one_scale else max(values), text) for value, text in zip(values, texts, strict=True)
        )
        + "</tr>"
        for name, values, texts in rows
    )
    st.html(f'{_STYLE}<table class="cc-comparison"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')
