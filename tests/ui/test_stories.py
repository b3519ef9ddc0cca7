"""Stories: what is shipped can be told, what is brought is read or refused with a sentence, and travels in a link."""

import pytest

from compress_core.recipe import Recipe
from ui.stories import FOLDER, MOST_BYTES, OWN, StoryError, find, pack, parse, read, shipped

STORY = """
title = "Two bits"
about = "What rounding does."

[[steps]]
link = "/?arch=studentnet&bits=2&axis=whole"
focus = "steps"
say = "Two bits a weight."

[[steps]]
link = "https://example.org/Quantization?arch=studentnet&prune=0.5"
say = "And its levels."
"""


def test_eight_stories_are_shipped_and_have_names_of_their_own():
    stories = shipped()
    assert len(stories) >= 8 and len({story.name for story in stories}) == len(stories)
    assert all(3 <= len(story.steps) <= 8 and find(story.name) == story for story in stories)


def test_a_story_is_read_and_its_steps_are_addresses():
    first, second = read(STORY.encode()).steps
    assert first.page.slug == "" and dict(first.params) == {"arch": "studentnet", "bits": "2", "axis": "whole"}
    assert (first.focus, second.focus) == ("steps", "") and second.page.slug == "Quantization"
    assert first.recipe == Recipe(bits=2) and second.recipe == Recipe(prune=0.5)


def test_ones_own_story_is_one_link():
    story = read(STORY.encode())
    assert story.name.startswith(OWN) and len(story.name) < 400
    assert find(story.name) == story
    for damaged in (story.name[:-9], story.name + "AAAA", OWN, OWN + "%%%", pack("x" * 2 * MOST_BYTES)):
        with pytest.raises(StoryError):
            find(damaged)
    with pytest.raises(StoryError, match=r"There is no story 'nowhere'\. There are: slimming"):
        find("nowhere")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("title", "titel"), ["needs 'title'", "no 'titel'"]),
        (('"Two bits"', "7"), ["The story needs 'title', a text"]),
        (("/?arch", "/Nowhere?arch"), ["Step 1 leads to '/Nowhere'", "/Quantization"]),
        (("bits=2", "bits=99"), ["Step 1: The bit width cannot be 99"]),
        (("studentnet&bits", "x&bits"), ["Step 1: The architecture cannot be 'x'"]),
        (("And its levels.", ""), ["Step 2 needs 'say'"]),
        (('"steps"\n', '"st eps{}"\n'), ["a focus is a key"]),
        (("say =", "sya ="), ["Step 1 has no 'sya'", "Step 2 needs 'say'"]),
        (("And its levels.", "x" * 300), ["has 300 characters; at most 200"]),
        (("[[steps]]", "[[stages]]"), ["1 to 40 steps"]),
        (('about = "', "about = "), ["This is no TOML"]),
    ],
)
def test_what_is_wrong_with_a_story_is_said(change, says):
    with pytest.raises(StoryError) as refused:
        parse(STORY.replace(*change), "own")
    assert [one for one in says if one not in str(refused.value)] == []


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"x" * (MOST_BYTES + 1), b"[" * 20_000, b"steps = 3", b"steps = [1, 2]"]
)
def test_what_is_no_story_is_a_sentence(content):
    with pytest.raises(StoryError) as refused:
        read(content)
    assert str(refused.value)[0].isupper() and str(refused.value).endswith(".")


def test_the_example_is_one_of_them():
    assert (FOLDER / "3-two-bits.toml").is_file()
