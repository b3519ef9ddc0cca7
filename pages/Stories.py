"""Stories for talks: those that come with the app, and one's own."""

import streamlit as st

from ui import about, page, widgets
from ui.stories import FOLDER, Story, StoryError, read, shipped
from ui.talk import show

EXAMPLE = FOLDER / "3-two-bits.toml"


def main() -> None:
    page.start("Stories", reads=())
    with st.container(gap="small"):
        st.space("xxsmall")  # Streamlit's header hides what is flush with the top
        widgets.head("Stories to tell on a stage", about.stories.TALK)
        widgets.sentence("Next alone carries a story: a click, an arrow key, or a presenter's remote.")
        for row in zip(*[iter(shipped())] * 2, strict=False):
            for column, story in zip(st.columns(2, gap="medium"), row, strict=True):
                with column:
                    _offer(story)
        _own()


def _offer(story: Story) -> None:
    with st.container(border=True, gap="xsmall", height="stretch"):
        widgets.heading(story.title)
        widgets.reading(story.about)
        tells = st.button(f"Tell it, {len(story.steps)} steps", icon=":material/play_arrow:", key=f"tell {story.name}")
    if tells:
        show(story, 1)


def _own() -> None:
    widgets.head("A story of your own", about.stories.OWN)
    file = st.file_uploader("A TOML file", type="toml")
    st.download_button("An example to begin with", EXAMPLE.read_bytes(), EXAMPLE.name, on_click="ignore")
    if file is None:
        return
    try:
        story = read(file.getvalue())
    except StoryError as error:
        page.warn(error.problems)
        return
    _offer(story)


main()
