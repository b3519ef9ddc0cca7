"""The channel tiles: every prunable layer as a row of channels, drawn and highlighted in the browser (`tiles.js`)."""

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from compress_core.plots.tokens import COMPRESSED, ORIGINAL
from compress_core.studies.pruning import ChannelTable, CouplingTable
from compress_core.text.pruning import describe_channels_table, describe_couplings, layer_name, tidy
from ui.component import component

_HINT = (
    "Blue channels stay, grey ones are cut. Point at one to see which layers share it; click to give it back or take "
    "it away. With the keyboard: arrows and Enter. With a finger: tap once to see, twice to change."
)
_tiles = component("tiles")


class Toggle(NamedTuple):
    """A click: this channel of this group is wanted to stay, or not."""

    group: int
    channel: int
    keep: bool


def tiles(
    coupling: CouplingTable, table: ChannelTable, score: str, key: str, on_toggle: Callable[[Toggle], None]
) -> None:
    """Draw the tiles.

    Args:
        score: the name of what the channels are ranked by.
    """

    def toggled() -> None:
        given = st.session_state[key].toggled
        on_toggle(Toggle(int(given["group"]), int(given["channel"]), bool(given["keep"])))

    _tiles(key=key, data=_data(coupling, table, score), on_toggled_change=toggled)


def _data(coupling: CouplingTable, table: ChannelTable, score: str) -> dict:
    channels = table.channels
    by_hand = channels["edit"].map({True: "k", False: "c"})
    states = by_hand.where(channels["edit"].notna(), channels["kept"].map({True: "1", False: "0"}))
    words: dict[int, list[str]] = {}
    for group, text in describe_couplings(coupling):
        words.setdefault(group, []).append(text)
    groups = {
        str(group): {
            "states": "".join(states.loc[rows.index]),
            "kinds": rows["kind"].tolist() if rows["kind"].any() else [],
            "words": words[group],
            "scores": [tidy(value) for value in channels["score"].loc[rows.index]],
        }
        for group, rows in coupling.channels.groupby("group")
    }
    rows = [
        {
            "title": layer_name(layer.layer),
            "group": layer.group,
            "places": len(places) if places == tuple(range(len(places))) else list(places),
            "kept": own.after,
            "held": own.kept_by_floor > 0,
        }
        for layer, own in zip(coupling.layers.itertuples(), table.layers.itertuples(), strict=True)
        for places in [layer.places]
    ]
    colors = {"kept": COMPRESSED, "cut": ORIGINAL}
    return {
        "rows": rows,
        "groups": groups,
        "colors": colors,
        "label": f"Channel tiles. {describe_channels_table(table)}",
    } | {"hint": _HINT, "score": score}
