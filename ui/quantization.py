"""What the page Quantization measures in the background, piece by piece, and how it spends bytes by it."""

from collections.abc import Sequence

import streamlit as st

from compress_core.recipe import Recipe, layer_bits
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
from ui.engine import Engine, Piece

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


def pieces_of(recipe: Recipe, spending: bool) -> list[Piece]:
    """What the page measures in the background, in this order: what it shows, and then what it may be asked for.

    Args:
        spending: whether a budget waits to be spent, for which every layer is judged at every bit width first.
    """
    points = curve_pieces(recipe)
    own = [piece for piece in points if piece.recipe.scheme == recipe.scheme]
    judged = sensitivities(recipe, CHOICES) if spending else []
    return list(dict.fromkeys([*layer_pieces(recipe), *judged, *own, *sensitivities(recipe, PREPARED), *points]))


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
