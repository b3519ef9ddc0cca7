"""The finer choices behind the five knobs: in the sidebar, and those of quantization on their page as well."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import streamlit as st

from compress_core import text
from compress_core.pipeline import build_options
from compress_core.recipe import ACTIVATION_BITS, MULTIPLES, Recipe
from compress_core.registry import (
    CLIPPINGS,
    CODINGS,
    CRITERIA,
    DATASETS,
    HEALINGS,
    ROUNDINGS,
    SCHEMES,
    SCOPES,
    TRAININGS,
)
from compress_core.training.checkpoints import trained_values, trained_widths
from compress_core.zoo import architecture
from ui.address import State, change_recipe


class FinerChoice(NamedTuple):
    """A field of the recipe with a selector of its own."""

    name: str
    label: str
    options: Callable[[Recipe], Sequence[object]]
    title: Callable[[object], str] = str
    help: str | None = None
    on: object = True
    """Of a switch, the option that it turns on."""

    def offered(self, recipe: Recipe) -> bool:
        """Whether there is anything to choose for this recipe."""
        return len(self.options(recipe)) > 1

    def idle(self, recipe: Recipe) -> bool:
        """Whether it makes no difference beside the others."""
        if self.name == "clipping":
            return not SCHEMES[recipe.scheme].clips
        return self.name == "correct_bias" and "images" in ROUNDINGS[recipe.rounding].needs


def _names(registry: dict) -> Callable[[Recipe], list[str]]:
    return lambda _: list(registry)


def _groups(recipe: Recipe) -> list[int | None]:
    """The numbers of groups that are trained; None stands for the default."""
    default, *_ = architecture(recipe.arch).options.get("groups", (None,))
    return [None if n == default else n for n in trained_values(recipe.arch, recipe.dataset, "groups")]


def trainings(recipe: Recipe) -> list[str]:
    """The trainings that there are of this network, and the recipe's own."""
    options = build_options(recipe)
    return [
        name
        for name in TRAININGS
        if name == recipe.weights or trained_widths(recipe.arch, recipe.dataset, name, **options)
    ]


def datasets(recipe: Recipe) -> list[str]:
    """The datasets on which this architecture is trained, and the recipe's own."""
    return [name for name in DATASETS if name == recipe.dataset or trained_widths(recipe.arch, name)]


def _balances(recipe: Recipe) -> tuple[bool, ...]:
    return (False, True) if "groups" in architecture(recipe.arch).options else (False,)


def _off_or_on(_: Recipe) -> tuple[bool, bool]:
    return False, True


def _yes_or_no(value: object) -> str:
    return "Yes" if value in (True, "huffman") else "No"


DATASET = FinerChoice("dataset", "Dataset", datasets, lambda name: DATASETS[name].title)
PRUNING = (
    FinerChoice("groups", "Groups", _groups, lambda groups: str(groups or "as usual")),
    FinerChoice("weights", "Training", trainings, TRAININGS.title),
    FinerChoice("criterion", "Importance criterion", _names(CRITERIA), CRITERIA.title),
    FinerChoice("scope", "Scope", _names(SCOPES), SCOPES.title),
    FinerChoice(
        "multiple_of",
        "Channels stay in multiples of",
        lambda _: MULTIPLES,
        lambda many: "1 (any number stays)" if many == 1 else str(many),
    ),
    FinerChoice("balance", "Equal channels per group", _balances, _yes_or_no),
    FinerChoice("heal", "Recovery after pruning", _names(HEALINGS), HEALINGS.title),
)
SELECTORS = (
    FinerChoice("scheme", "Quantization scheme", _names(SCHEMES), SCHEMES.title),
    FinerChoice("rounding", "Rounding", _names(ROUNDINGS), text.quantization.rounding_title),
    FinerChoice(
        "clipping", "Clipping range", lambda _: (Recipe.clipping, *CLIPPINGS), text.quantization.clipping_title
    ),
    FinerChoice("activation_bits", "Activations", lambda _: ACTIVATION_BITS[::-1], text.quantization.activations_title),
)
_FOLD = "BatchNorm becomes part of the convolution before it, then it is rounded."
_EQUALIZE = "Neighbouring layers share the spread of their channels' ranges."
_CORRECT = "Each output's mean is set right on images without labels. Error compensation always does."
_HUFFMAN = "Frequent codes get short words in the file. Nothing else changes."
SWITCHES = (
    FinerChoice("fold", "Fold BatchNorm", _off_or_on, _yes_or_no, _FOLD),
    FinerChoice("equalize", "Equalize layers", _off_or_on, _yes_or_no, _EQUALIZE),
    FinerChoice("correct_bias", "Correct biases", _off_or_on, _yes_or_no, _CORRECT),
    FinerChoice("coding", "Huffman coding", _names(CODINGS), _yes_or_no, _HUFFMAN, on="huffman"),
)
QUANTIZATION = SELECTORS + SWITCHES


def selectors(state: State) -> None:
    """The row of selectors on the page; their keys stay the same, so that the keyboard does too."""
    for column, choice in zip(st.columns(len(SELECTORS), gap="small"), SELECTORS, strict=True):
        key = f"page-{choice.name}"
        st.session_state[key] = getattr(state.recipe, choice.name)
        column.selectbox(
            choice.label,
            list(choice.options(state.recipe)),
            format_func=choice.title,
            key=key,
            on_change=_changed(state, choice, key),
            disabled=choice.idle(state.recipe),
        )


def switches(state: State) -> None:
    """The switches, into the row that is open."""
    for choice in SWITCHES:
        key = f"page-{choice.name}"
        st.session_state[key] = getattr(state.recipe, choice.name) == choice.on
        st.toggle(
            choice.label,
            key=key,
            help=choice.help,
            on_change=_turned(state, choice, key),
            disabled=choice.idle(state.recipe),
        )


def _changed(state: State, choice: FinerChoice, key: str) -> Callable[[], None]:
    return lambda: change_recipe(state, **{choice.name: st.session_state[key]})


def _turned(state: State, choice: FinerChoice, key: str) -> Callable[[], None]:
    off = next(option for option in choice.options(state.recipe) if option != choice.on)
    return lambda: change_recipe(state, **{choice.name: choice.on if st.session_state[key] else off})
