"""What pages compute ahead: the next stops of the knob that was turned, with all that is asked of them there."""

import pytest

from tests.helpers.pages import open_page
from ui.background import Background
from ui.engine import engine

STUDIES = {
    "app.py": {"study_scaling_factors", "study_first_answer"},
    "pages/Pruning.py": {"study_scores", "study_pruned", "study_exactness", "study_channels"},
    "pages/Quantization.py": {"study_layers", "study_packed", "study_sensitivity"},
}


@pytest.mark.parametrize("page", STUDIES)
def test_the_next_stop_of_a_knob_needs_no_study_of_its_own(page, monkeypatch):
    guesses = []
    monkeypatch.setattr(Background, "look_ahead", lambda _, given: guesses.extend(given))
    label, stops = ("Bit width", (6, 5, 4)) if page == "pages/Quantization.py" else ("Pruning ratio", (0.1, 0.15, 0.2))
    app = open_page(page, arch="studentnet", width="0.25", prune="0.05", bits="7")  # nobody else asks for it
    assert not guesses  # nothing was turned yet
    app.knob(label).set_value(stops[0]).run()
    for step in [step for guess in guesses for step in guess]:
        step()
    runs = engine().results.runs
    for stop in stops[1:]:
        before = {study: runs[study] for study in STUDIES[page]}
        app.knob(label).set_value(stop).run()
        assert before and {study: runs[study] for study in before} == before
        app.fine()
