"""Talk mode: a page on a large screen, without a sidebar, large and in high contrast; and the steps of a story."""

from html import escape

import streamlit as st

from compress_core.recipe import Problem
from ui.address import State, begin_talk, end_talk
from ui.component import component
from ui.engine import engine
from ui.stories import Story, StoryError, find

AHEAD = 2
"""Steps whose networks are built while one is shown."""
_keys = component("talk")
_STYLE = """<style>
html { font-size: clamp(18px, 1.35vw, 44px) !important; }
[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"], [data-testid="stHeader"] { display: none !important; }
.stMainBlockContainer { padding: 1.2rem 3vw 4.2rem !important; }
.cc-read, .cc-detail, .cc-label, .cc-column p { opacity: 1 !important; }
@media (min-width: 900px) {
  :is(.st-key-cards, .st-key-steps) { zoom: 1.6; }
  .st-key-ladder { zoom: 1.2; }
  .st-key-cards .cc-cards { grid-template-columns: repeat(3, minmax(0, 1fr)); }
}
.st-key-ladder :is(.stButton, .stNumberInput) { display: none; }
.cc-say { font-size: 2rem; line-height: 1.25; font-weight: 700; margin: 0 0 .3rem; }
.st-key-cc-talk { position: fixed; right: 2vw; bottom: .6rem; width: auto !important; z-index: 10; }
</style>"""


def keys() -> None:
    """Listen to the keys of a talk; once a page."""
    _keys(key="talk_keys", height=1)


def begin_button(state: State) -> None:
    """The way into a talk."""
    st.button(
        "Talk",
        key="talk-begin",
        help="This page large, without the sidebar (F); Escape leaves.",
        on_click=begin_talk,
        args=(state,),
    )


def draw(state: State) -> None:
    """What stands on every page in talk mode: the step's sentence, and the ways forward, back and out."""
    story, number = _shown(state)
    step = story.steps[number - 1] if story else None
    focus = st.session_state["focus"] = step.focus if step else ""
    st.html(_STYLE + (_only(focus) if focus else ""))
    if step:
        st.html(f'<h1 class="cc-say">{escape(step.say)}</h1>')
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="cc-talk"):
        if story:
            back = st.button("Back", key="talk-back", disabled=number == 1)
            st.html(f'<span role="status">{number} / {len(story.steps)}</span>', width="content")
            ahead = st.button("Next", key="talk-next", disabled=number == len(story.steps), type="primary")
            if back or ahead:
                show(story, number + (1 if ahead else -1))
        st.button("Leave", key="talk-leave", on_click=end_talk, args=(state,))
        keys()
    if story:
        engine().look_ahead([step.recipe for step in story.steps[number : number + AHEAD]])


def _only(focus: str) -> str:
    """The style that leaves of a page its sentences and one figure."""
    shown = f".st-key-{focus}, .cc-sentence, .cc-say, .st-key-cc-talk, .stAlert"
    inside = f".st-key-{focus}, .st-key-{focus} *, .st-key-cc-talk *"
    blocks = ".stElementContainer, .stColumn, .stVerticalBlock, .stHorizontalBlock"
    return (
        f"<style>.stMainBlockContainer :is({blocks}):not(:has({shown}), {inside}, .st-key-cc-talk)"
        f"{{ display: none !important; }} .stColumn:has({shown}) {{ min-width: 100% !important; }}"
        "</style>"
    )


def show(story: Story, number: int) -> None:
    """Go to a step of a story."""
    st.switch_page(story.steps[number - 1].page.path, query_params=step_address(story, number))


def step_address(story: Story, number: int) -> dict[str, str]:
    """The address of a step on its page."""
    told = {"story": story.name, "step": str(number), "present": "1"}
    return dict(story.steps[number - 1].params) | told


def _shown(state: State) -> tuple[Story | None, int]:
    """The story of the address, and the number of its step; no story where there is none to tell."""
    if "story" not in state.talk:
        return None, 0
    try:
        story = find(state.talk["story"])
    except StoryError as error:
        state.talk.pop("story")
        state.problems += [Problem("story", what, "") for what in error.problems]
        return None, 0
    steps = {str(number): number for number in range(1, len(story.steps) + 1)}
    if state.talk.get("step") not in steps:  # the link of the story itself
        show(story, 1)
    return story, steps[state.talk["step"]]
