"""Recipe ↔ address. The only file that reads or writes the address.

The chosen recipe lives in the session, not in widgets. An address that differs from the one seen last *speaks*: it
becomes the recipe, what is wrong with it is said, and the widgets are made anew (another generation of keys) so that
they show it. An address that says nothing of the recipe says `FIRST`. A touched widget makes the new
recipe and writes the whole address. So a cold link, a reload, Back and Forward all go one way, and Back is undo.
"""

import base64
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from compress_core.pipeline import build_options
from compress_core.recipe import Problem, Recipe, RecipeError
from compress_core.recipe.fields import shorten
from compress_core.training.checkpoints import trained_widths
from ui.choices import Choice

FIRST = Recipe(dataset="cifar10")
"""The first screen: photographs. (A recipe that names no dataset is of digits, as it always was.)"""
PINS = ("a", "b", "c")
"""What pinned recipes are called in an address; on a page A, B and C."""
TALK = ("present", "story", "step")
"""What of an address is about a talk: that there is one, which story it tells, and how far it is."""
SHORT = "r"
"""What stands before the short form of an address."""
MOST_VISITED = 60
LONGEST = 20_000  # signs; a short form may not be a bomb
_KEY = "address"
_OTHER_CHANNELS = {"dataset", "arch", "width", "criterion"}


@dataclass
class State:
    """What one visitor has chosen."""

    recipe: Recipe = field(default_factory=lambda: FIRST)
    title: str = ""
    """Of the page shown."""
    view: dict[str, str] = field(default_factory=dict)
    """Choices of a page that are not part of the recipe, such as the layer shown."""
    pins: dict[str, Recipe] = field(default_factory=dict)
    """Recipes to compare with, by their letter."""
    talk: dict[str, str] = field(default_factory=dict)
    """What the address says of a talk; empty outside of one."""
    problems: list[Problem] = field(default_factory=list)
    seen: tuple[tuple[str, str], ...] = ()
    generation: int = 0
    before: Recipe = field(default_factory=lambda: FIRST)
    """The recipe before the last turn of a knob."""
    renewed: dict[str, int] = field(default_factory=dict)
    """How often a knob's widget was made anew because something else on the page moved it."""
    visited: list[Recipe] = field(default_factory=list)
    """Every recipe of this visit once, the last one last."""
    left: dict[str, dict[str, str]] = field(default_factory=dict)
    """By the title of a page, the choices of its own as this visitor has left them."""
    unfolded: set[str] = field(default_factory=set)
    """What is open in the sidebar."""


Views = Mapping[str, Callable[[Recipe], Sequence[str]] | Choice]
"""A page's own choices by name: the values that one may take for a recipe, or a knob that always has a value."""


def read(views: Views, title: str) -> State:
    """The visitor's state, after the address had its say.

    Args:
        title: of the page.
    """
    state: State = st.session_state.setdefault(_KEY, State())
    state.title = title
    pairs = tuple((name, text) for name in sorted(st.query_params) for text in st.query_params.get_all(name))
    if pairs != state.seen:
        state.seen = pairs
        state.generation += 1
        state.view, state.problems = {}, []
        pairs = _written_out(state, pairs)
        state.pins = {letter: _parse_pin(state, letter, text) for letter, text in pairs if letter in PINS}
        state.talk = {name: text for name, text in pairs if name in TALK}
        own = [pair for pair in pairs if pair[0] not in views and pair[0] not in PINS + TALK]
        try:
            state.recipe = Recipe.from_query(own) if own else FIRST
        except RecipeError as error:
            state.problems += error.problems
            state.recipe = error.nearest
        state.before = state.recipe
        for name in views:
            _parse_view(state, name, views[name], [text for given, text in pairs if given == name])
    others = [recipe for recipe in state.visited if recipe != state.recipe]
    state.visited = [*others[-MOST_VISITED:], state.recipe]
    # Others depend on the recipe, which may be another one when they come back.
    state.left[title] = {name: text for name, text in state.view.items() if isinstance(views.get(name), Choice)}
    return state


def short_form(params: Mapping[str, str]) -> str:
    """An address behind its question mark, as short as it can be: a QR code carries no more than some hundred signs."""
    long = urlencode(params)
    packed = base64.urlsafe_b64encode(zlib.compress(long.encode(), 9, wbits=-15)).decode().rstrip("=")
    return min(long, f"{SHORT}={packed}", key=len)


def _written_out(state: State, pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The pairs of an address, those of its short form in place of it."""
    written: list[tuple[str, str]] = []
    for name, text in pairs:
        if name != SHORT:
            written.append((name, text))
            continue
        try:
            packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            unpack = zlib.decompressobj(wbits=-15)
            long = unpack.decompress(packed, LONGEST).decode()
            if not unpack.eof:
                raise ValueError("it is cut off, or too long")
        except (ValueError, zlib.error):
            state.problems.append(Problem(SHORT, f"The short address '{shorten(text)}' cannot be read.", ""))
        else:
            written += parse_qsl(long, keep_blank_values=True)
    return tuple(written)


def _parse_pin(state: State, letter: str, text: str) -> Recipe:
    try:
        return Recipe.from_query(text)
    except RecipeError as error:
        state.problems += [Problem(p.field, f"Pinned as {letter.upper()}: {p.what}", p.taken) for p in error.problems]
        return error.nearest


def _parse_view(
    state: State, name: str, view: Callable[[Recipe], Sequence[str]] | Choice, given: Sequence[str]
) -> None:
    if len(given) > 1:
        title = view.title if isinstance(view, Choice) else f"{name} shown"
        what = f"The {title} stands in the address more than once; one is allowed."
        state.problems.append(Problem(name, what, "the first"))
    if isinstance(view, Choice):
        if given:
            value, what = view.parse(given[0])
            state.view[name] = str(value)
            if what:
                state.problems.append(Problem(name, what, str(value)))
        return
    allowed = view(state.recipe)
    if given and given[0] in allowed:
        state.view[name] = given[0]
    elif given:
        what = f"The page cannot show {name} '{shorten(given[0])}'. Allowed: {', '.join(allowed)}."
        state.problems.append(Problem(name, what, f"every {name}"))


def value_of(state: State, choices: Mapping[str, Choice], name: str) -> str | int | float:
    """What a page's own knob is set to: what the address says, or else its default."""
    choice = choices[name]
    return choice.parse(state.view[name])[0] if name in state.view else choice.default


def to_params(recipe: Recipe) -> dict[str, str]:
    """The address of a recipe on any page; `arch` always stands in it, so that a written address is never empty."""
    return {"arch": recipe.arch} | recipe.chosen()


def link(state: State) -> dict[str, str]:
    """The address of what was chosen on any page: the recipe, and those that are pinned."""
    return to_params(state.recipe) | {letter: urlencode(to_params(pin)) for letter, pin in sorted(state.pins.items())}


def pin(state: State) -> None:
    """Pin the recipe to the first free letter; called by an `on_click`."""
    free = [letter for letter in PINS if letter not in state.pins]
    if free:  # a browser may still report a button that is no longer offered
        state.pins[free[0]] = state.recipe
        _write(state)


def unpin(state: State, letter: str) -> None:
    """Let a pinned recipe go; called by an `on_click`."""
    state.pins.pop(letter, None)
    _write(state)


def begin_talk(state: State) -> None:
    """Show this page in talk mode; called by an `on_click`."""
    state.talk = {"present": "1"}
    _write(state)


def end_talk(state: State) -> None:
    """Leave talk mode, and stay here; called by an `on_click`."""
    state.talk = {}
    _write(state)


def widget_key(state: State, name: str) -> str:
    """The key of the widget that shows a choice in this generation."""
    anew = state.renewed.get(name)
    return f"{name}-{state.generation}.{anew}" if anew else f"{name}-{state.generation}"


def on_recipe(state: State, name: str) -> Callable[[], None]:
    """The `on_change` of a widget that sets a field of the recipe."""
    key = widget_key(state, name)

    def changed() -> None:
        if key == widget_key(state, name):  # a browser may still report a widget that was made anew since
            _change(state, {name: st.session_state[key]})

    return changed


def change_recipe(state: State, **changes: object) -> None:
    """Set fields of the recipe from what is not their own widget; called by an `on_change`. Their widgets follow."""
    for name in changes:
        state.renewed[name] = state.renewed.get(name, 0) + 1
    _change(state, changes)


def take_recipe(state: State, recipe: Recipe) -> None:
    """Choose a whole recipe; called by an `on_change`. All widgets follow."""
    state.before, state.recipe = state.recipe, recipe
    state.generation += 1
    _write(state)


def _change(state: State, changes: Mapping[str, object]) -> None:
    state.before = state.recipe
    if changes.keys() & _OTHER_CHANNELS:  # what was changed by hand was said of other channels
        changes = {"edits": "", **changes}
    if "arch" in changes:  # and so were bits, of other layers
        changes = {"layer_bits": "", "groups": None, **changes}
    state.recipe = state.recipe.with_(**changes)
    if {"dataset", "arch"} & changes.keys():
        state.recipe = _trained(state.recipe)
    _write(state)


def _trained(recipe: Recipe) -> Recipe:
    """The recipe, plainly trained and in the usual groups where its own training was not done of this network."""
    if trained_widths(recipe.arch, recipe.dataset, recipe.weights, **build_options(recipe)):
        return recipe
    return recipe.with_(weights=Recipe.weights, groups=None)


def on_view(state: State, name: str, of: str = "") -> Callable[[], None]:
    """The `on_change` of a widget that sets a page's own choice; an empty one leaves the address.

    `of` is what its key has behind `widget_key`, where what it may be set to depends on something else.
    """
    key = widget_key(state, name)

    def changed() -> None:
        if key != widget_key(state, name):  # a browser may still report a widget that was made anew since
            return
        value = st.session_state[f"{key}{of}"]
        state.view.pop(name, None)
        if value not in ("", None):
            state.view[name] = str(value)
        _write(state)

    return changed


def change_view(state: State, **views: str) -> None:
    """Set a page's own choices from what is not their own widget; called by an `on_change`. Their widgets follow."""
    for name, value in views.items():
        state.renewed[name] = state.renewed.get(name, 0) + 1
        state.view[name] = value
    _write(state)


def _write(state: State) -> None:
    params = link(state) | state.view | state.talk
    state.problems = []
    written = tuple(sorted(params.items()))
    if written != state.seen:  # the same one again would be a step of its own to go back
        state.seen = written
        st.query_params.from_dict(params)
