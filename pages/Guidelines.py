"""The guidelines for fast networks: each measured on this machine, as a lens on the zoo, and FLOPs against speed."""

import pandas as pd
import streamlit as st

from compress_core import plots, text
from compress_core.analysis.latency import Timings
from compress_core.data import dataset
from compress_core.studies.architectures import IMAGENET
from compress_core.studies.guidelines import compare, forms, zoo
from compress_core.studies.guidelines.lens import annotate, count_violations
from compress_core.studies.guidelines.timing import Question, load_example, time_question
from compress_core.text.numbers import count
from compress_core.zoo import architecture, architectures
from ui import about, page, widgets
from ui.address import State, on_view, value_of, widget_key
from ui.choices import Choice
from ui.engine import engine
from ui.images import CHOICE, KNOB, images_of, pick_images

POLL_S = 0.5
VIEWS = {
    "g1": "G1 Equal widths",
    "g2": "G2 Groups",
    "g3": "G3 Fragments",
    "g4": "G4 Element-wise",
    "lens": "Lens",
    "speed": "FLOPs and speed",
}
SCENES = {"digits": zoo.BATCHES[0], "digits64": zoo.BATCHES[1]}  # as addresses have them, whatever the dataset
ACCURACIES = (50, 60, 65, 70, 75, 80, 82, 84, 86, 88, 90, 93, 95, 96, 97, 97.5, 98)
HELD = {"macs": "Equal MACs", "accuracy": "Equal accuracy"}
FORMS = {name: tuple(text.guidelines.names(name)) for name in ("g1", "g2", "g3", "g4")}
YARDSTICK = architecture("shufflenet_v2").title
CHOICES = {
    "view": Choice("view", tuple(VIEWS), "g1"),
    "g1": Choice("ratio", FORMS["g1"], FORMS["g1"][-1]),
    "g2": Choice("group count", FORMS["g2"], FORMS["g2"][-1]),
    "g3": Choice("number of fragments", FORMS["g3"], FORMS["g3"][-1]),
    "g4": Choice("form", FORMS["g4"], FORMS["g4"][-1]),
    "scale": Choice("number of times the channels", forms.SCALES, 1),
    "map": Choice("map size", forms.SIDES, 56),
    KNOB: CHOICE,
    "scene": Choice("scene", (*SCENES, IMAGENET), "digits"),
    "held": Choice("quantity held equal", tuple(HELD), "macs"),
    "macs": Choice("number of MACs", (*zoo.MACS_SMALL, *zoo.MACS_IMAGENET), 1_000_000),
    "accuracy": Choice("accuracy", ACCURACIES, 97),
}
# The knobs that change anything in a view.
READS = {"lens": ("arch", "width")}
KNOB_LABELS = {"g1": "c₁ : c₂", "g2": "Groups g", "g3": "Convolutions a block", "g4": "With"}
ABOUT = {"g1": about.guidelines.G1, "g2": about.guidelines.G2, "g3": about.guidelines.G3, "g4": about.guidelines.G4}


def main() -> None:
    state = page.start("Guidelines", CHOICES, lambda state: READS.get(value_of(state, CHOICES, "view"), ()))
    with st.container(gap="xsmall"):
        st.space("xxsmall")  # Streamlit's header hides what is flush with the top
        view = widgets.segments(state, CHOICES, "view", VIEWS)
        if view == "lens":
            _lens(state)
        elif view == "speed":
            _speed(state)
        else:
            _guideline(state, view)


def _guideline(state: State, name: str) -> None:
    formula = widgets.formula_head(text.guidelines.TITLES[name], text.guidelines.LEADS[name], ABOUT[name])
    labels = {name: KNOB_LABELS[name], "scale": "Channels ×", "map": "Map h × w"}
    chosen, scale, side = widgets.sliders(state, CHOICES, **labels)
    summary = st.container()
    run = _timings((name, scale, side))
    where = text.guidelines.place(run)
    table = compare.beside_paper(name, scale, side, run)
    formula.markdown(text.guidelines.formula(name, table, chosen, side))
    said = text.guidelines.describe_form(table, chosen, where)
    with summary:
        widgets.sentence(said)
    first = table["form"].iloc[0] if name != "g3" else "one convolution"
    rows, source = text.guidelines.form_rows(table, chosen), text.guidelines.SOURCES[run.example]
    drawn = plots.guidelines.form_rows(rows, "memory access (M elements)", source, first)
    widgets.figure("", drawn, said, key=name, lines=0, wide=True)
    verdict = text.guidelines.verdict(table, where)
    widgets.reading(f"{verdict} {text.guidelines.describe_equal(name, scale, table)}", lines=2)
    st.dataframe(text.guidelines.shown_table(name, table), hide_index=True, height="content")


def _lens(state: State) -> None:
    recipe, images = state.recipe, images_of(state, CHOICES)
    title = architecture(recipe.arch).title
    widgets.head(f"{title} of width {recipe.width:g} through the lens", about.guidelines.LENS)
    widgets.reading(
        "Operation by operation, in the order in which they run: what breaks a guideline, and where MACs mislead.", 1
    )
    pick_images(state, CHOICES)
    layers = engine().table(annotate, recipe.arch, recipe.width, images)
    said = text.guidelines.describe_lens(title, count_violations(layers), len(layers))
    widgets.sentence(said)
    run = _timings(("layers", recipe.arch, recipe.width, images))
    shares = text.guidelines.with_shares(layers, run)
    hint = " Measure them." if run is None else ""
    widgets.figure("", plots.guidelines.layers_under_lens(shares), said, key="lens", lines=0, wide=True)
    widgets.reading(text.guidelines.describe_shares(shares) + hint, lines=2)
    widgets.heading(f"The whole zoo at width {recipe.width:g}: operations that break each guideline")
    zoo_layers = {
        architecture(name).title: engine().table(annotate, name, recipe.width, images) for name in architectures()
    }
    found = {name: (len(own), count_violations(own)) for name, own in zoo_layers.items()}
    st.dataframe(text.guidelines.lens_table(found), hide_index=True, height="content")


def _speed(state: State) -> None:
    scene, data = value_of(state, CHOICES, "scene"), dataset(state.recipe.dataset)
    images, batch = (IMAGENET, 1) if scene == IMAGENET else (data.name, SCENES[scene])
    widgets.head("FLOPs are not speed", about.guidelines.SPEED)
    widgets.reading("Every architecture at several widths, all timed in turn: MACs against time.", lines=1)
    with widgets.row():
        titles = {name: f"{data.title}, {text.numbers.images(batch)}" for name, batch in SCENES.items()}
        widgets.segments(state, CHOICES, "scene", titles | {IMAGENET: "ImageNet's size, 1 image"})
        networks = engine().table(zoo.networks, images)
        held = "macs" if images == IMAGENET else widgets.segments(state, CHOICES, "held", HELD)
        level = _level(state, held, images, networks)
    top = st.container()
    run = _timings(("zoo", images, batch))
    if run is None:
        with top:
            widgets.sentence("These networks have not been timed yet. Measure them.")
        return
    times = compare.zoo_times(networks, run)
    if held == "macs":
        chosen = compare.at_equal_macs(times, level)
        heading = f"The nearest of each to {count(level)} MACs"
    else:
        chosen = compare.at_equal_accuracy(times, level / 100)
        heading = f"The fastest of each with {level:g} % or more of {int(times['samples'].max()):,} test images right"
    if images == IMAGENET:
        chosen = compare.with_table_8(chosen, level // 1_000_000)
    said = text.guidelines.describe_networks(chosen, held)
    with top:
        widgets.sentence(said + (" Lower the accuracy." if len(chosen) < 2 else ""))
    left, right = st.columns([5, 6], gap="medium")
    with left, st.container(gap=None):
        which = text.numbers.images(batch)
        drawn = plots.guidelines.macs_against_time(times, chosen, which, level if held == "macs" else 0)
        widgets.figure(f"{len(times)} networks", drawn, text.guidelines.describe_order(times), key="speed", wide=True)
    with right, st.container(gap=None):
        rows = text.guidelines.network_rows(chosen, YARDSTICK)
        counted, against = ("", YARDSTICK) if images == IMAGENET else ("MACs per image (M)", "")
        drawn = plots.guidelines.form_rows(rows, counted, text.guidelines.SOURCES[run.example], against, 440)
        widgets.figure(heading, drawn, said, key="chosen", lines=0, wide=True)
        below = text.guidelines.describe_left_out(chosen, held)
        if images == IMAGENET:
            paper = text.guidelines.describe_beside_table_8(rows, text.guidelines.place(run))
            below = f"{paper} {below}"
        widgets.reading(below, lines=2)


def _level(state: State, held: str, images: str, networks: pd.DataFrame) -> float:
    """The MACs, or the accuracy in %, at which networks are compared."""
    levels = zoo.macs_levels(images) if held == "macs" else _accuracies(networks["accuracy"])
    wanted = value_of(state, CHOICES, held)
    level = min(levels, key=lambda one: abs(one - wanted))
    of = f"-{images}"  # its stops are other ones elsewhere
    return st.select_slider(
        "MACs per image" if held == "macs" else "At least right",
        levels,
        value=level,
        format_func=count if held == "macs" else "{:g} %".format,
        key=f"{widget_key(state, held)}{of}",
        on_change=on_view(state, held, of),
        width=300,
    )


def _accuracies(trained: pd.Series) -> list[float]:
    """The stops at which some networks fall short and others do not."""
    return [stop for stop in ACCURACIES if trained.min() - 0.02 <= stop / 100 <= trained.max()] or [ACCURACIES[-1]]


# What is measured in the background


def _timings(question: Question) -> Timings | None:
    """The last measurement, or the stored one; and a line to measure it (again)."""
    background = engine().background
    run = background.measured(question) or load_example(question)
    job = background.job(question)
    key = " ".join(map(str, question))
    with widgets.row():
        if job is not None:
            st.button("Stop", icon=":material/stop:", key=f"stop {key}", on_click=job.stop.set, width=230)
        else:
            again = run is not None and not run.example
            st.button(
                "Measure again" if again else "Measure on this machine",
                icon=":material/timer:",
                key=f"measure {key}",
                on_click=lambda: background.start(question, lambda: time_question(question)),
                width=230,
            )
        st.fragment(_status, run_every=POLL_S if job is not None else None)(question, run, job is not None)
    return run


def _status(question: Question, run: Timings | None, waits: bool) -> None:
    """Where the times come from; while they are measured, how far that is."""
    job = engine().background.job(question)
    if job is None:
        if waits:
            st.rerun()  # the whole page, with what was found
        widgets.progress_line(text.guidelines.source(run))
        return
    widgets.progress_line(text.guidelines.describe_progress(job.latest or 0.0), job.latest or 0.0)


main()
