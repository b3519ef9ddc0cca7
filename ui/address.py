"""Recipe ↔ address. The only file that reads or writes the address.

The chosen recipe lives in the session, not in widgets. An address that is not empty and differs from the one seen
last *speaks*: it becomes the recipe, what is wrong with it is said, and the widgets are made anew (another
generation of keys) so that they show it. A touched widget makes the new recipe and writes the whole address. So a
cold link, a reload, Back and Forward all go one way, and Back is undo.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import streamlit as st

from compress_core.recipe import Problem, Recipe, RecipeError, shorten

_KEY = "address"


@dataclass
class State:
    """What one visitor has chosen."""

    recipe: Recipe = field(default_factory=Recipe)
    view: dict[str, str] = field(default_factory=dict)
    """Choices of a page that are not part of the recipe, such as the layer shown."""
    problems: list[Problem] = field(default_factory=list)
    seen: tuple[tuple[str, str], ...] = ()
    generation: int = 0
    before: Recipe = field(default_factory=Recipe)
    """The recipe before the last turn of a knob."""


Views = Mapping[str, Callable[[Recipe], Sequence[str]]]
"""A page's own choices by name, with the values that each may take for a recipe."""


def read(views: Views) -> State:
    """The visitor's state, after the address had its say."""
    state: State = st.session_state.setdefault(_KEY, State())
    pairs = tuple((name, text) for name in sorted(st.query_params) for text in st.query_params.get_all(name))
    if pairs and pairs != state.seen:
        state.seen = pairs
        state.generation += 1
        state.view, state.problems = {}, []
        try:
            state.recipe = Recipe.from_query([pair for pair in pairs if pair[0] not in views])
        except RecipeError as error:
            state.problems += error.problems
            state.recipe = error.nearest
        state.before = state.recipe
        for name, text in (pair for pair in pairs if pair[0] in views):
            allowed = views[name](state.recipe)
            if text in allowed:
                state.view[name] = text
            else:
                what = f"The page cannot show {name} '{shorten(text)}'. Allowed: {', '.join(allowed)}."
                state.problems.append(Problem(name, what, ""))
    return state


def to_params(state: State) -> dict[str, str]:
    """The address of a state. `arch` always stands in it, so that an empty address means 'as it was'."""
    return {"arch": state.recipe.arch} | state.recipe.chosen() | state.view


def widget_key(state: State, name: str) -> str:
    """The key of the widget that shows a choice in this generation."""
    return f"{name}-{state.generation}"


def on_recipe(state: State, name: str, read_value: Callable[[object], object] = lambda value: value) -> Callable:
    """The `on_change` of a widget that sets a field of the recipe."""

    def changed() -> None:
        value = read_value(st.session_state[widget_key(state, name)])
        state.before = state.recipe
        state.recipe = state.recipe.with_(**{name: value})
        _write(state)

    return changed


def on_view(state: State, name: str) -> Callable:
    """The `on_change` of a widget that sets a page's own choice; an empty one leaves the address."""

    def changed() -> None:
        value = st.session_state[widget_key(state, name)]
        state.view.pop(name, None)
        if value:
            state.view[name] = value
        _write(state)

    return changed


def _write(state: State) -> None:
    params = to_params(state)
    state.seen = tuple(sorted(params.items()))
    state.problems = []
    st.query_params.from_dict(params)
