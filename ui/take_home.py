"""What a recipe's network can be taken away as: files in several forms, each with a snippet, and a report."""

import streamlit as st

from compress_core.export import FORMATS, export, file_name, snippet
from compress_core.quantization.integer import missing
from compress_core.report import report
from ui.address import State
from ui.engine import engine

REPORT = "report"
TITLES = {name: form.title for name, form in FORMATS.items()} | {REPORT: "Report"}
ABOUT_REPORT = (
    "One page of HTML with the numbers, figures, machine and versions. It needs nothing else, and prints well."
)


def take_home(state: State) -> None:
    """A popover with all of it; a file is made when it is asked for."""
    popover = st.popover("Save", on_change="rerun", key="save", help="The network as a file, and a report of it")
    if popover.open:
        with popover:
            _forms(state)


def _forms(state: State) -> None:
    recipe = state.recipe
    form = st.segmented_control(
        "Form",
        list(TITLES),
        default="packed",
        required=True,
        format_func=TITLES.get,
        key="form",
        label_visibility="collapsed",
    )
    if form == REPORT:
        st.markdown(ABOUT_REPORT)
        name = file_name(recipe, "packed").replace(FORMATS["packed"].ending, ".html")
        st.download_button(
            "Download the report",
            data=lambda: engine().ask(report, recipe, kept=False),
            file_name=name,
            on_click="ignore",
            icon=":material/download:",
        )
        return
    if "onnxruntime" in FORMATS[form].needs and (lacks := missing()):
        st.info(f"{lacks}.")
        return
    st.markdown(FORMATS[form].about)
    st.download_button(
        "Download the file",
        data=lambda: engine().ask(export, recipe, form, kept=False),
        file_name=file_name(recipe, form),
        on_click="ignore",
        icon=":material/download:",
    )
    st.code(snippet(recipe, form), language="python")
