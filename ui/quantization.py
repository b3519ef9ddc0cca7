"""What the page Quantization measures in the background, piece by piece, and the parts of it that grow meanwhile."""

from collections.abc import Callable, Sequence

import streamlit as st

from compress_core.recipe import Recipe, layer_bits
from compress_core.registry import ROUNDINGS
from compress_core.studies.accuracy import study_accuracy
from compress_core.studies.quantization import (
    CHOICES,
    PROBE_BITS,
    curve,
    sensitivity_recipe,
    study_plan,
    study_sensitivity,
)
from ui import page, widgets
from ui.address import State, change_recipe
from ui.engine import Engine, Piece, engine

POLL_S, PATIENT_POLL_S = 1.0, 3.0
PREPARED = range(1, 9)  # bits at which layers are probed before anyone asks


def layer_pieces(recipe: Recipe) -> list[Piece]:
    """What the bars of the layers need: each bit width that some layer has."""
    own = {bits for bits in layer_bits.parse(recipe.layer_bits).values() if bits < 32}
    bits = own | ({recipe.bits} if recipe.bits < 32 else set() if own else {PROBE_BITS})
    return sensitivities(recipe, sorted(bits))


def sensitivities(recipe: Recipe, bits: Sequence[int]) -> list[Piece]:
    """What rounding each layer alone does, at each of these bit widths."""
    return [Piece(study_sensitivity, one) for one in dict.fromkeys(sensitivity_recipe(recipe, own) for own in bits)]


def curve_pieces(recipe: Recipe) -> list[Piece]:
    """What accuracy over bits needs."""
    return [Piece(study_accuracy, one) for one in curve(recipe).values()]


def run_queue(state: State, recipe: Recipe, shared: Engine) -> bool:
    """Measure in the background what the page lacks, until the recipe changes in what that depends on."""

    def part(of: Recipe) -> Recipe:
        return of.with_(bits=8, layer_bits="", scheme=Recipe.scheme, coding=Recipe.coding)

    mine = part(state.recipe)

    def next_piece() -> Piece | None:
        if part(state.recipe) != mine:
            return None
        moved = {name: getattr(state.recipe, name) for name in ("bits", "layer_bits", "scheme")}
        wanted = recipe.with_(**moved)
        points = curve_pieces(wanted)
        own = [piece for piece in points if piece.recipe.scheme == wanted.scheme]
        queue = [*layer_pieces(wanted), *own, *sensitivities(wanted, PREPARED), *points]
        return next((piece for piece in queue if shared.known(piece) is None), None)

    return shared.run_queue((id(state), mine), next_piece)


def lacks(pieces: Sequence[Piece], shared: Engine) -> bool:
    """Whether one of them is not measured yet."""
    return any(shared.known(piece) is None for piece in pieces)


def live(draw: Callable, recipe: Recipe, going_on: bool, gap: str | None) -> Callable:
    """A part of the page that comes back to ask while what it draws is still measured.

    It stays such a part when all is there: the browser would take it for another one, and draw it anew.
    """

    def again(state: State, recipe: Recipe, *args: object) -> None:
        if st.session_state["drawn for"] != (state.recipe, state.view):  # its own widgets move the whole page
            st.rerun()
        run_queue(state, recipe, engine())
        with st.container(gap=gap):  # a fragment's own has another one
            draw(state, recipe, *args)

    # What looks at images takes a third of a second each; a page that comes back for every one of them is never still.
    patient = "images" in ROUNDINGS[recipe.rounding].needs
    return st.fragment(again, run_every=(PATIENT_POLL_S if patient else POLL_S) if going_on else None)


def grew(what: str, recipe: Recipe, complete: bool) -> None:
    """Run the whole page once when a part of it that grew is complete, so that it need not come back to ask."""
    key = f"{what} grew"
    if complete and st.session_state.get(key) == recipe:
        st.session_state[key] = None
        st.rerun()
    st.session_state[key] = None if complete else recipe


def spend_if_known(state: State, recipe: Recipe, shared: Engine) -> bool:
    """Where a budget waits to be spent and every layer is probed, spend it; whether bits were changed."""
    waiting = st.session_state.get("spending")
    if waiting is None:
        return False
    wanted, budget = waiting
    if wanted.canonical() != recipe.canonical():  # home asks with what matters alone
        st.session_state["spending"] = None
        return False
    found = {bits: shared.known(piece) for bits in CHOICES for piece in sensitivities(recipe, [bits])}
    if any(errors is None for errors in found.values()):
        widgets.reading("Every layer is rounded by itself to every bit width, in the background …", lines=1)
        return False
    st.session_state["spending"] = None
    try:
        with shared.gate:
            bits = study_plan(recipe, shared.networks, budget, found)
    except ValueError as error:
        page.warn([str(error)])
        return False
    change_recipe(state, layer_bits=bits, **({"bits": 8} if recipe.bits == 32 else {}))
    return True
