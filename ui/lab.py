"""What the pages with something to play with on them share: a head with a formula, knobs in a row, a named figure."""

from collections.abc import Callable, Mapping

import streamlit as st

from ui import components
from ui.address import State, on_view, value_of, widget_key
from ui.choice import Choice


def tabs(state: State, choices: Mapping[str, Choice], name: str, titles: Mapping[str, str]) -> str:
    """One of several views of a page, chosen at its top."""
    return st.segmented_control(
        choices[name].title.capitalize(),
        list(titles),
        default=value_of(state, choices, name),
        required=True,
        format_func=titles.get,
        key=widget_key(state, name),
        on_change=on_view(state, name),
        label_visibility="collapsed",
    )


def head(title: str, lead: str, text: str, has_formula: bool = True):
    """What it is about, its explanation, a sentence on it, and the place of its formula."""
    with components.row():
        components.heading(title)
        formula = st.empty() if has_formula else None
        components.help_on(title, text)
    components.reading(lead, lines=1)
    return formula


def sliders(
    state: State, choices: Mapping[str, Choice], title: Callable[[object], str] = str, **labels: str
) -> list[str | int | float]:
    """A slider for each of these knobs, in a row; returns what they are set to.

    Args:
        title: what a value is called.
        labels: of the knobs, by name.
    """
    for name, column in zip(labels, st.columns(len(labels), gap="medium"), strict=True):
        column.select_slider(
            labels[name],
            choices[name].values,
            value=value_of(state, choices, name),
            format_func=title,
            key=widget_key(state, name),
            on_change=on_view(state, name),
        )
    return [value_of(state, choices, name) for name in labels]


def figure(title: str, figure, alt: str) -> None:
    """A figure under its name."""
    with st.container(gap=None):
        components.heading(title)
        st.plotly_chart(figure, key=title, alt=alt, config={"displayModeBar": False})
