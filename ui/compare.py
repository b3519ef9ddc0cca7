"""Networks in columns beside each other: their numbers, what they answer, and the ladder; in plain HTML."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from compress_core.plots.tokens import COMPRESSED, COMPRESSED_TEXT, ORIGINAL, PIN
from compress_core.text.compare import ANSWERS, column_title
from ui.style import LINE, both
from ui.widgets import png

COLORS = {"original": ORIGINAL, "compressed": COMPRESSED} | {letter: color for letter, (color, _) in PIN.items()}
_STYLE = f"""<style>
.cc-columns {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(136px, 1fr)); gap: .7rem; }}
.cc-column {{ border: 1px solid {LINE}; border-top: 4px solid var(--own); border-radius: 8px;
  padding: .5rem .7rem .7rem; min-width: 0; }}
.cc-column h4 {{ font-size: 1rem; font-weight: 700; margin: 0; padding: 0; }}
.cc-column p {{ font-size: .875rem; line-height: 1.35; margin: 0; opacity: .85; }}
.cc-column .cc-name {{ min-height: 2.7em; }}
.cc-column .cc-says {{ font-size: 1.6rem; font-weight: 700; line-height: 1.25; opacity: 1; white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; }}
.cc-column .cc-verdict {{ min-height: 1.35em; font-weight: 600; opacity: 1; }}
.cc-column ol {{ list-style: none; margin: .4rem 0 0; padding: 0; }}
.cc-column li {{ display: grid; grid-template-columns: minmax(2em, 5.2em) 1fr 2.9em; gap: .3em; align-items: center;
  font-size: .9rem; line-height: 1.5; margin: 0; }}
.cc-column li span {{ white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }}
.cc-column li i {{ height: 9px; border-radius: 5px; background: {LINE}; overflow: hidden; }}
.cc-column li i b {{ display: block; height: 100%; background: var(--own); }}
.cc-column li em {{ text-align: right; font-style: normal; font-variant-numeric: tabular-nums; }}
.cc-numbers {{ overflow-x: auto; }}
.cc-numbers table {{ width: 100%; border-collapse: collapse; font-size: .95rem; font-variant-numeric: tabular-nums; }}
.cc-numbers :is(th, td) {{ text-align: left; padding: .26rem .8rem .26rem 0; border-bottom: 1px solid {LINE};
  vertical-align: top; white-space: nowrap; }}
.cc-numbers thead th {{ font-weight: 600; white-space: normal; min-width: 7rem; }}
.cc-numbers thead span {{ display: block; font-weight: 400; font-size: .875rem; opacity: .85; }}
.cc-numbers thead i {{ display: inline-block; width: .7em; height: .7em; border-radius: 2px; background: var(--own); }}
.cc-numbers tbody th {{ font-weight: 400; }}
.cc-tiles {{ display: grid; grid-template-columns: repeat(8, minmax(0, 1fr)); gap: .8rem; }}
.cc-large {{ font-size: .9rem; line-height: 1.4; min-width: 0; }}
.cc-large img {{ width: 100%; image-rendering: pixelated; border-radius: 8px; display: block; margin-bottom: .15rem; }}
.cc-large span {{ display: block; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }}
.cc-ladder {{ display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); gap: .6rem; }}
@media (max-width: 900px) {{
  .cc-tiles {{ grid-template-columns: repeat(auto-fill, minmax(96px, 1fr)); }}
  .cc-ladder {{ grid-auto-flow: row; grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); }}
}}
.cc-rung {{ border: 2px solid {LINE}; border-radius: 8px; padding: .45rem .55rem; min-width: 0; }}
.cc-rung.cc-first {{ border: 4px solid {both(COMPRESSED_TEXT)}; }}
.cc-rung p {{ margin: 0; font-size: .875rem; line-height: 1.35; }}
.cc-rung .cc-says {{ font-size: 1.25rem; font-weight: 700; line-height: 1.3; overflow-wrap: anywhere;
  min-height: 2.6em; }}
.cc-rung .cc-size {{ font-weight: 600; font-size: 1rem; }}
.cc-rung .cc-name {{ min-height: 4em; opacity: .85; }}
.cc-rung.cc-fails .cc-says {{ text-decoration: line-through; text-decoration-thickness: 2px; }}
</style>"""


def answer_columns(
    readings: Mapping[str, pd.DataFrame], names: Mapping[str, str], verdicts: Mapping[str, str], classes: Sequence[str]
) -> None:
    """What each network says to one image: its answer, and the likeliest classes as bars.

    Args:
        readings: by column, as `studies.compare.study_reading` gives them.
        names: of the recipes.
        verdicts: a few words on each answer.
    """
    columns = "".join(
        f'<section class="cc-column" style="--own:{COLORS[column]}"><h4>{column_title(column)}</h4>'
        f'<p class="cc-name">{escape(names[column])}</p>'
        f'<p class="cc-says">{escape(classes[int(reading["label"].iloc[0])])}</p>'
        f'<p class="cc-verdict">{escape(verdicts[column])}</p><ol>{_answers(reading, classes)}</ol></section>'
        for column, reading in readings.items()
    )
    st.html(f'{_STYLE}<div class="cc-columns">{columns}</div>')


def _answers(reading: pd.DataFrame, classes: Sequence[str]) -> str:
    return "".join(
        f"<li><span>{escape(classes[int(row.label)])}</span>"
        f'<i><b style="width:{100 * row.probability:.1f}%"></b></i><em>{_share(row.probability)}</em></li>'
        for row in reading.head(ANSWERS).itertuples()
    )


def _share(probability: float) -> str:
    return f"{100 * probability:.0f} %" if probability >= 0.005 else "< 1 %"


def numbers_table(rows: Sequence[str], columns: Mapping[str, tuple[str, Sequence[str]]]) -> None:
    """Numbers of networks, a column each.

    Args:
        rows: what the numbers are.
        columns: by network its recipe's name, and a text for each row.
    """
    head = "".join(
        f'<th scope="col" style="--own:{COLORS[column]}"><i></i> {column_title(column)}<span>{escape(name)}</span></th>'
        for column, (name, _) in columns.items()
    )
    body = "".join(
        f'<tr><th scope="row">{escape(row)}</th>'
        + "".join(f"<td>{escape(texts[place])}</td>" for _, texts in columns.values())
        + "</tr>"
        for place, row in enumerate(rows)
    )
    st.html(
        f'{_STYLE}<div class="cc-numbers"><table><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def large_tiles(pictures: np.ndarray, texts: Sequence[tuple[str, str, str]]) -> None:
    """Images (n, H, W, C) uint8, large, each with its name and what the original and the recipe say."""
    tiles = "".join(
        f'<div class="cc-large"><img alt="Test image {escape(name)}" src="data:image/png;base64,{png(picture)}">'
        f'<span>{escape(name)}</span><span class="cc-o">{escape(before)}</span>'
        f'<span class="cc-c">{escape(after)}</span></div>'
        for picture, (name, before, after) in zip(pictures, texts, strict=True)
    )
    st.html(f'{_STYLE}<div class="cc-tiles">{tiles}</div>')


def rungs(steps: Sequence[tuple[str, str, str]], first: int | None, fails: Sequence[bool]) -> None:
    """Ever smaller networks with what each says: its size, its name and its answer.

    Args:
        first: the first that fails, which is marked.
        fails: whether each does.
    """
    cells = "".join(
        f'<div class="cc-rung{" cc-first" if place == first else ""}{" cc-fails" if wrong else ""}">'
        f'<p class="cc-size">{escape(size)}</p><p class="cc-name">{escape(name)}</p>'
        f'<p class="cc-says">{escape(says)}</p>'
        f"<p>{'the first wrong one' if place == first else '&nbsp;'}</p></div>"
        for place, ((size, name, says), wrong) in enumerate(zip(steps, fails, strict=True))
    )
    st.html(f'{_STYLE}<div class="cc-ladder">{cells}</div>')
