"""Channel pruning, taken apart."""

import streamlit as st

from compress_core import explain_pruning as explain
from ui import components, page
from ui.engine import engine
from ui.tiles import tiles


def main() -> None:
    state = page.start("Pruning")
    shared = engine()
    wiring = shared.wiring(state.recipe)
    fates = shared.fates(state.recipe)
    components.sentence(explain.read_fates(fates))
    tiles(wiring, fates, "|γ|", "tiles", lambda toggle: st.session_state.update(last=toggle))
    st.write(st.session_state.get("last"))


main()
