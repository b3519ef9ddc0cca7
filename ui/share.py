"""The address of what is shown, to be copied, and for the phones of a hall."""

import segno
import streamlit as st

from ui.address import State, link, short_form


def share(state: State) -> None:
    """A popover with the address and its QR code; both are made when it is opened."""
    popover = st.popover("Link", on_change="rerun", key="link", help="The address of what you see, also as a QR code")
    if not popover.open:
        return
    address = f"{(st.context.url or '').partition('?')[0]}?{short_form(link(state) | state.view)}"
    drawn = segno.make(address, error="l", micro=False).svg_inline(border=2, scale=6, light="#fff", dark="#000")
    with popover:
        st.code(address, wrap_lines=True)
        st.html(f'<div role="img" aria-label="QR code of this address">{drawn}</div>')
