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
    with popover:
        st.code(address, wrap_lines=True)
        try:
            drawn = segno.make(address, error="l", micro=False).png_data_uri(border=2, scale=6)
        except segno.DataOverflowError:
            st.markdown("This address is too long for a QR code. Fewer pins or changes by hand make it shorter.")
        else:
            st.html(f'<img alt="QR code of this address" src="{drawn}">')
