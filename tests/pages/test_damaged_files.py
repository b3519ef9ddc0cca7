"""Checkpoints that cannot be read: a sentence, what is nearest instead, and nothing that was chosen is lost."""

import re

import pytest

from tests.helpers.pages import open_page, truncate

PAGES = {
    "app.py": {"arch": "studentnet"},
    "pages/Pruning.py": {"arch": "studentnet"},
    "pages/Quantization.py": {"arch": "studentnet"},
    "pages/Channel_shuffle.py": {"arch": "shufflenet_v2", "show": "unit"},
}


@pytest.mark.parametrize("page", PAGES)
def test_a_truncated_checkpoint_is_a_sentence_and_the_nearest_width(page, folder):
    truncate(folder, PAGES[page]["arch"], "0.50")
    app = open_page(page, width="0.5", prune="0.3", **PAGES[page])
    assert f"'{PAGES[page]['arch']}-0.50-digits-plain.safetensors' cannot be read" in app.warnings
    assert re.search(r"Taken instead: width 0\.[27]5\.", app.warnings) and app.charts and app.said
    assert not app.exception and app.knob("Width multiplier").value == 0.5  # what was chosen is not lost


@pytest.mark.parametrize("page", ["app.py", "pages/Quantization.py"])
def test_a_truncated_original_is_a_sentence_and_the_rest_works(page, folder):
    truncate(folder, "studentnet", "1.00")
    app = open_page(page, arch="studentnet", width="0.25", prune="0.3")
    assert not app.exception and "Taken instead: width 0.75." in app.warnings
    assert "StudentNet at width 0.25, 30" in app.said and len(app.charts) >= 2


@pytest.mark.parametrize("page", PAGES)
def test_no_readable_checkpoint_at_all_is_a_sentence(page, folder):
    truncate(folder, PAGES[page]["arch"])
    app = open_page(page, **PAGES[page])
    assert not app.exception and "cannot be read" in app.warnings
    assert not app.charts


def test_a_training_that_cannot_be_read_is_left_out_with_a_sentence(folder):
    (folder / "studentnet-1.00-digits-sparse-0.15.safetensors").write_bytes(b"no weights")
    app = open_page("pages/Pruning.py", arch="studentnet", prune="0.3")
    assert not app.exception and "sparse-0.15" in app.warnings
    assert re.findall(r"λ = [\d.]+", app.charts[1].alt) == ["λ = 0", "λ = 0.1"]
