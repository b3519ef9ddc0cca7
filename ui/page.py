"""What each page calls first."""

import re
from collections.abc import Callable, Sequence

import streamlit as st
from PIL import Image

from compress_core.errors import CheckpointError
from compress_core.plots.tokens import COMPRESSED, ORIGINAL
from compress_core.recipe import Recipe
from compress_core.text.names import under_way
from ui import address, sidebar, talk, widgets
from ui.engine import Shown, engine
from ui.menu import APP


def start(
    title: str,
    views: address.Views | None = None,
    reads: Sequence[str] | Callable[[address.State], Sequence[str]] = sidebar.KNOBS,
) -> address.State:
    """Set the page up, draw the sidebar, say what was wrong with the address, and return what was chosen.

    Args:
        title: what the menu calls the page.
        views: the page's own choices that its address may hold.
        reads: the knobs that change anything on the page; the others are shown, but do not turn.
    """
    st.set_page_config(page_title=f"{title} · {APP}", page_icon=_icon(), layout="wide")
    state = address.read(views or {}, title)
    engine().gate.arrive(id(state))
    widgets.style()
    st.session_state["focus"] = ""
    if state.talk:
        talk.draw(state)
    else:
        sidebar.draw(state, reads if isinstance(reads, Sequence) else reads(state))
    if state.problems:
        warn([f"{p.what}{f' Taken instead: {p.taken}.' if p.taken else ''}" for p in state.problems])
    return state


def show(recipe: Recipe, *others: str) -> Shown | None:
    """What is shown of a recipe, after saying what was damaged; None where nothing can be, which is said too.

    Args:
        others: further sentences for the same place.
    """
    try:
        shown = engine().shown(recipe)
    except CheckpointError as error:
        warn([str(error), *others])
        return None
    if shown.notices or others:
        warn([*shown.notices, *others])
    return shown


def measuring(place, recipe: Recipe) -> None:
    """Say what is measured where the sentence will stand: no headline stays beside a knob that says otherwise.

    Args:
        place: an `st.empty()`.
    """
    with place:
        widgets.sentence(under_way(recipe))


@st.cache_resource
def _icon() -> Image.Image:
    """The tab's icon, drawn here: a named one would be fetched from the internet. The original, and what is left."""
    icon = Image.new("RGBA", (64, 64), ORIGINAL)
    icon.paste(Image.new("RGBA", (34, 34), COMPRESSED), (15, 15))
    return icon


def warn(sentences: Sequence[str]) -> None:
    """Tell a person what was wrong and what was done about it, all in one place."""
    text = sentences[0] if len(sentences) == 1 else "\n".join(f"- {sentence}" for sentence in sentences)
    st.warning(escape(text), icon=":material/info:")


def escape(text: str) -> str:
    """Text from an address must not be read as markdown, whatever stands in it: one line, each sign as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))
