"""The channel tiles: every prunable layer as a row of channels, drawn and highlighted in the browser (`tiles.js`)."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from compress_core.explain_pruning import layer_name, read_couplings, read_fates, tidy
from compress_core.plots.tokens import COMPRESSED, ORIGINAL
from compress_core.study_pruning import Fates, Wiring

_HERE = Path(__file__).parent
_HINT = (
    "Blue channels stay, grey ones are cut. Point at one to see which layers share it; click to give it back or take "
    "it away. With the keyboard: arrows and Enter."
)
_tiles = st.components.v2.component(
    "channel_tiles",
    html=(_HERE / "tiles.html").read_text(),
    css=(_HERE / "tiles.css").read_text(),
    js=(_HERE / "tiles.js").read_text(),
)


class Toggle(NamedTuple):
    """A click: this channel of this group is wanted to stay, or not."""

    group: int
    channel: int
    keep: bool


def tiles(wiring: Wiring, fates: Fates, score: str, key: str, on_toggle: Callable[[Toggle], None]) -> None:
    """Draw the tiles.

    Args:
        score: the name of what the channels are ranked by.
    """

    def toggled() -> None:
        given = st.session_state[key].toggled
        on_toggle(Toggle(int(given["group"]), int(given["channel"]), bool(given["keep"])))

    _tiles(key=key, data=_data(wiring, fates, score), on_toggled_change=toggled)


def _data(wiring: Wiring, fates: Fates, score: str) -> dict:
    channels = fates.channels
    by_hand = channels["edit"].map({True: "k", False: "c"})
    states = by_hand.where(channels["edit"].notna(), channels["kept"].map({True: "1", False: "0"}))
    words: dict[int, list[str]] = {}
    for group, text in read_couplings(wiring):
        words.setdefault(group, []).append(text)
    groups = {
        str(group): {
            "states": "".join(states.loc[rows.index]),
            "kinds": rows["kind"].tolist() if rows["kind"].any() else [],
            "words": words[group],
            "scores": [tidy(value) for value in channels["score"].loc[rows.index]],
        }
        for group, rows in wiring.channels.groupby("group")
    }
    rows = [
        {
            "title": layer_name(layer.layer),
            "group": layer.group,
            "places": len(places) if places == tuple(range(len(places))) else list(places),
            "kept": own.after,
            "held": own.held > 0,
        }
        for layer, own in zip(wiring.layers.itertuples(), fates.layers.itertuples(), strict=True)
        for places in [layer.places]
    ]
    colors = {"kept": COMPRESSED, "cut": ORIGINAL}
    return {"rows": rows, "groups": groups, "colors": colors, "label": f"Channel tiles. {read_fates(fates)}"} | {
        "hint": _HINT,
        "score": score,
    }
