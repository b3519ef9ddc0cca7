"""The page of stories, and talk mode: steps forward and back, and what stands there when one leaves."""

import pytest

from tests.helpers.pages import open_page
from tests.ui.test_stories import STORY
from ui.stories import pack, shipped
from ui.talk import step_address

STEPS = [(story, number) for story in shipped() for number in range(1, len(story.steps) + 1)]
FIRST = {story.name for story in shipped()[:1]}


def name(step) -> str:
    return f"{step[0].name}-{step[1]}"


@pytest.mark.parametrize(
    "step", [s if s[0].name in FIRST else pytest.param(s, marks=pytest.mark.slow) for s in STEPS], ids=name
)
def test_every_step_of_every_story_stands_and_complains_of_nothing(step):
    story, number = step
    told = story.steps[number - 1]
    app = open_page(told.page.path, **step_address(story, number)).fine()
    assert told.say.split("'")[0] in app.part("cc-say") and f"{number} / {len(story.steps)}" in app.html
    assert not app.sidebar.selectbox and app.widget("Leave")
    assert app.widget("Back").disabled == (number == 1) and app.widget("Next").disabled == (number == len(story.steps))


def test_all_stories_are_offered():
    app = open_page("pages/Stories.py").fine()
    for story in shipped():
        assert story.title in app.html and any(f"{len(story.steps)} steps" in b.label for b in app.button)


def test_f_begins_a_talk_and_escape_leaves_it_where_it_stands():
    app = open_page("app.py", width="0.25", prune="0.3", bits="4").fine()
    said = app.said.split(":")[0]
    app.knob("Talk").click().run().fine()
    assert app.address["present"] == "1" and not app.sidebar.selectbox
    assert app.said.split(":")[0] == said  # behind it a time may have come
    app.widget("Leave").click().run().fine()
    assert "present" not in app.address and app.knob("Bit width").value == 4


def test_ones_own_story_is_told_from_its_link():
    app = open_page("app.py", story=pack(STORY), step="1", arch="studentnet", bits="2").fine()
    assert "Two bits a weight." in app.part("cc-say") and "1 / 2" in app.html


@pytest.mark.parametrize("story", ["nowhere", "~damaged", "~"])
def test_a_story_that_is_none_is_a_sentence(story):
    app = open_page("app.py", story=story, step="1", width="0.25")
    app.complains("story")
    assert "StudentNet" in app.said
