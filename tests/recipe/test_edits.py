"""Changes by hand as text: what is written is what is read."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from compress_core.recipe.edits import parse, with_edit, write

CHANNELS = st.dictionaries(st.integers(0, 999), st.booleans(), min_size=1, max_size=6)


@given(edits=st.dictionaries(st.integers(0, 99), CHANNELS, max_size=4))
@settings(max_examples=100, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_what_is_written_is_read(edits):
    assert parse(write(edits)) == edits
    assert write(parse(write(edits))) == write(edits)


def test_the_text_is_canonical():
    assert write(parse("5k2.3c4k17.3k1")) == "3k1c4k17.5k2"
    assert write(parse("")) == ""


def test_a_channel_is_kept_cut_and_left_to_its_score_again():
    text = with_edit("", 3, 17, True)
    assert text == "3k17"
    text = with_edit(text, 3, 4, False)
    assert text == "3c4k17"
    assert with_edit(with_edit(text, 3, 17, None), 3, 4, None) == ""


@pytest.mark.parametrize("text", ["3", "k3", "3k", "3k17.", ".3k17", "3k-1", "3K17", "3k17c", "3k17 ", "٣k1", "a" * 9])
def test_anything_else_is_a_sentence(text):
    with pytest.raises(ValueError, match="look like 3k17c4"):
        parse(text)
