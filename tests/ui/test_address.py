"""What widgets write into the address, and when they have nothing to write."""

from types import SimpleNamespace

import pytest

from compress_core import Recipe
from ui.address import State, on_recipe, on_view, take_recipe, widget_key


@pytest.fixture
def browser(monkeypatch):
    """What the browser reports of its widgets, and the addresses that were written, each a step to go back."""
    written = []
    browser = SimpleNamespace(session_state={}, query_params=SimpleNamespace(from_dict=written.append), written=written)
    monkeypatch.setattr("ui.address.st", browser)
    return browser


def test_a_widget_writes_what_it_is_set_to(browser):
    state = State()
    browser.session_state |= {widget_key(state, "prune"): 0.5, widget_key(state, "axis"): "whole"}
    on_recipe(state, "prune")()
    on_view(state, "axis")()
    assert browser.written[-1] == {"arch": "studentnet", "dataset": "cifar10", "prune": "0.5", "axis": "whole"}
    assert len(browser.written) == 2


def test_a_widget_that_was_made_anew_since_is_not_heard(browser):
    """A browser that was slow to draw the new ones reports the old ones once more, as if they had been touched."""
    state = State()
    old = [on_recipe(state, "prune"), on_view(state, "axis")]
    browser.session_state |= {widget_key(state, "prune"): 0.0, widget_key(state, "axis"): "near"}
    take_recipe(state, Recipe(prune=0.5))
    for changed in old:
        changed()
    assert browser.written == [{"arch": "studentnet", "prune": "0.5"}] and state.recipe == Recipe(prune=0.5)


def test_what_is_chosen_already_is_no_step_to_go_back(browser):
    state = State()
    for _ in range(2):
        take_recipe(state, Recipe(prune=0.5))
    assert len(browser.written) == 1
