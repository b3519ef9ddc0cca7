"""Pinned recipes: kept beside what one turns to next, on every page."""

import itertools
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import streamlit as st

from compress_core import text
from compress_core.analysis.latency import Latency
from compress_core.errors import CheckpointError
from compress_core.measure import Measurement
from compress_core.recipe import Recipe
from compress_core.studies.home import study_comparison, study_latency
from ui import compare
from ui.address import PINS, State, pin, take_recipe, unpin
from ui.engine import Piece, Shown, engine
from ui.refine import counts_of


class Numbers(NamedTuple):
    """What is measured of a network; None where it is still on its way."""

    measured: Measurement | None
    latency: Latency | None


def pin_button(state: State) -> None:
    """The way to pin the recipe."""
    known = [letter.upper() for letter, recipe in state.pins.items() if recipe == state.recipe]
    taken = len(state.pins) == len(PINS)
    says = "Keep this recipe beside the next ones: its numbers stand on Compress and on Compare."
    if known:
        says = f"This recipe is pinned as {known[0]}."
    elif taken:
        says = f"All of {', '.join(PINS).upper()} are taken. Let one go to pin another."
    st.button("Pin", key="pin", help=says, disabled=bool(known) or taken, on_click=pin, args=(state,))


def pinned(state: State) -> None:
    """What is pinned, each behind its letter."""
    with st.container(horizontal=True, gap="xsmall", key="cc-pins"):
        for letter, recipe in sorted(state.pins.items()):
            name, title = text.compare.recipe_name(recipe), letter.upper()
            with st.popover(title, key=f"pinned {letter}", help=name):
                st.markdown(f"**{title}** {name}")
                st.button(f"Take {title}", key=f"take {letter}", on_click=take_recipe, args=(state, recipe))
                st.button(f"Let {title} go", key=f"unpin {letter}", on_click=unpin, args=(state, letter))


def shown_pins(state: State) -> tuple[dict[str, Shown], list[str]]:
    """What is shown of each pinned recipe by its letter, and sentences about those whose weights cannot be read."""
    found, lost = {}, []
    for letter, recipe in sorted(state.pins.items()):
        try:
            found[letter.upper()] = engine().shown(recipe)
        except CheckpointError as error:
            lost.append(f"{letter.upper()}: {error}")
    return found, lost


def counts_between(shown: Shown) -> list[Piece]:
    """What is counted of a recipe and its original, piece by piece, without the steps that lie between them."""
    counted = counts_of(study_comparison, shown.recipe)
    return [Piece(study_comparison, one.recipe, (shown.original, *one.args, False)) for one in counted]


def timing(shown: Shown) -> Piece:
    """What times a recipe beside its original."""
    return Piece(study_latency, shown.recipe, (shown.original, 1), timed=True)


def pieces_of(columns: Iterable[Shown]) -> list[Piece]:
    """What the numbers of networks are made of: what is counted on the first images, the times, then the others."""
    counted = list(itertools.zip_longest(*(counts_between(of) for of in columns)))
    times = [timing(of) for of in columns]
    first, others = itertools.chain(*counted[:1]), itertools.chain(*counted[1:])
    return [*first, *times, *(piece for piece in others if piece is not None)]


def known_numbers(shown: Shown) -> Numbers:
    """What is known of a recipe by now."""
    known = [found.compressed for piece in counts_between(shown) if (found := engine().known(piece))]
    return Numbers(known[-1] if known else None, engine().known(timing(shown)))


def draw_numbers(columns: Mapping[str, tuple[Recipe, Numbers]]) -> None:
    """Networks beside each other in numbers, a column each, the original's first."""
    beside = columns["original"][0]
    table = {
        name: (text.compare.recipe_name(recipe, beside), text.compare.numbers_of(*numbers))
        for name, (recipe, numbers) in columns.items()
    }
    compare.numbers_table(text.compare.NUMBERS, table)
