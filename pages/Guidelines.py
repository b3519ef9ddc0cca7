"""The guidelines for fast networks: each measured on this machine, as a lens on the zoo, and FLOPs against speed."""

import pandas as pd
import streamlit as st

from compress_core import explain_guidelines as explain
from compress_core import plots
from compress_core.analysis.guidelines import compare, forms, lens, zoo
from compress_core.analysis.guidelines.measure import Question, Run, example, measure
from compress_core.numbers import count
from compress_core.zoo import architecture, architectures
from ui import about_guidelines as about
from ui import components, lab, page
from ui.address import State, on_view, value_of, widget_key
from ui.choice import Choice
from ui.engine import engine

POLL_S = 0.5
VIEWS = {
    "g1": "G1 Equal widths",
    "g2": "G2 Groups",
    "g3": "G3 Fragments",
    "g4": "G4 Element-wise",
    "lens": "Lens",
    "speed": "FLOPs and speed",
}
SCENES = {"digits": "Digits, 1 image", "digits64": "Digits, 64 images", "imagenet": "ImageNet's size, 1 image"}
PRESETS = {"imagenet": "ImageNet, 224×224", "small": "Small images, 32×32"}
HELD = {"macs": "Equal MACs", "accuracy": "Equal accuracy"}
FORMS = {name: tuple(explain.names(name)) for name in ("g1", "g2", "g3", "g4")}
YARDSTICK = architecture("shufflenet_v2").title
CHOICES = {
    "view": Choice("view", tuple(VIEWS), "g1"),
    "g1": Choice("ratio", FORMS["g1"], FORMS["g1"][-1]),
    "g2": Choice("group count", FORMS["g2"], FORMS["g2"][-1]),
    "g3": Choice("number of fragments", FORMS["g3"], FORMS["g3"][-1]),
    "g4": Choice("form", FORMS["g4"], FORMS["g4"][-1]),
    "scale": Choice("number of times the channels", forms.SCALES, 1),
    "map": Choice("map size", forms.SIDES, 56),
    "preset": Choice("preset", tuple(PRESETS), "imagenet"),
    "scene": Choice("scene", tuple(SCENES), "digits"),
    "held": Choice("quantity held equal", tuple(HELD), "macs"),
    "macs": Choice(
        "number of MACs", tuple(sorted({macs for levels in zoo.MACS.values() for macs in levels})), 1_000_000
    ),
    "accuracy": Choice("accuracy", (93, 95, 96, 97, 97.5, 98), 97),
}
KNOB_LABELS = {"g1": "c₁ : c₂", "g2": "Groups g", "g3": "Convolutions a block", "g4": "With"}
ABOUT = {"g1": about.G1, "g2": about.G2, "g3": about.G3, "g4": about.G4}


def main() -> None:
    state = page.start("Guidelines", views=CHOICES)
    with st.container(gap="xsmall"):
        st.space("xxsmall")  # Streamlit's header hides what is flush with the top
        view = lab.tabs(state, CHOICES, "view", VIEWS)
        if view == "lens":
            _lens(state)
        elif view == "speed":
            _speed(state)
        else:
            _guideline(state, view)


def _guideline(state: State, name: str) -> None:
    formula = lab.head(explain.TITLES[name], explain.LEADS[name], ABOUT[name])
    labels = {name: KNOB_LABELS[name], "scale": "Channels ×", "map": "Map h × w"}
    chosen, scale, side = lab.sliders(state, CHOICES, **labels)
    said = st.container()
    run = _run((name, scale, side))
    table = compare.beside_paper(name, scale, side, run)
    formula.markdown(explain.formula(name, table, chosen, side))
    text = explain.read_form(table, chosen, explain.place(run))
    with said:
        components.sentence(text)
    first = table["form"].iloc[0] if name != "g3" else "one convolution"
    figure = plots.form_rows(
        explain.form_rows(table, chosen), "memory access (M elements)", explain.SOURCES[run.example], first
    )
    st.plotly_chart(figure, key=name, alt=text, config=_STILL)
    components.reading(
        f"{explain.verdict(table, explain.place(run))} {explain.read_equal(name, scale, table)}", lines=2
    )
    st.dataframe(explain.shown_table(name, table), hide_index=True, height=38 + 35 * len(table))


def _lens(state: State) -> None:
    recipe, preset = state.recipe, value_of(state, CHOICES, "preset")
    title = architecture(recipe.arch).title
    lab.head(
        f"{title} of width {recipe.width:g} through the lens",
        "Operation by operation, in the order in which they run: what breaks a guideline, and where MACs mislead.",
        about.LENS,
        has_formula=False,
    )
    _segments(state, "preset", PRESETS)
    layers = _look(recipe.arch, recipe.width, preset)
    text = explain.read_lens(title, lens.breaches(layers), len(layers))
    components.sentence(text)
    run = _run(("layers", recipe.arch, recipe.width, preset))
    shares = explain.with_shares(layers, run)
    st.plotly_chart(plots.layers_under_lens(shares), key="lens", alt=text, config=_STILL)
    components.reading(explain.read_shares(shares), lines=2)
    components.heading(f"The whole zoo at width {recipe.width:g}: operations that break each guideline")
    looks = {architecture(name).title: _look(name, recipe.width, preset) for name in architectures()}
    found = {name: (len(own), lens.breaches(own)) for name, own in looks.items()}
    st.dataframe(explain.lens_table(found), hide_index=True, height=38 + 35 * len(found))


def _speed(state: State) -> None:
    scene = value_of(state, CHOICES, "scene")
    preset = zoo.SCENES[scene].preset
    lab.head(
        "FLOPs are not speed",
        "Every architecture at several widths, all timed in turn: MACs against time.",
        about.SPEED,
        has_formula=False,
    )
    with components.row():
        _segments(state, "scene", SCENES)
        held = _segments(state, "held", HELD) if preset == "small" else "macs"
        level = _level(state, held, preset)
    top = st.container()
    run = _run(("zoo", scene))
    times = compare.zoo_times(_networks(scene), run)
    if held == "macs":
        chosen = compare.at_equal_macs(times, level)
        heading = f"The nearest of each to {count(level)} MACs"
    else:
        chosen = compare.at_equal_accuracy(times, level / 100)
        heading = f"The fastest of each with {level:g} % or more of {int(times['samples'].max()):,} test images right"
    if preset == "imagenet":
        chosen = compare.with_table_8(chosen, level // 1_000_000)
    text = explain.read_networks(chosen, held)
    with top:
        components.sentence(text)
    left, right = st.columns([5, 6], gap="medium")
    images = f"{zoo.SCENES[scene].batch} image{'s' if zoo.SCENES[scene].batch > 1 else ''}"
    with left, st.container(gap=None):
        components.heading(f"{len(times)} networks")
        figure = plots.macs_against_time(times, chosen, images, level if held == "macs" else 0)
        order = explain.read_order(times)
        st.plotly_chart(figure, key="speed", alt=order, config=_STILL)
        components.reading(order, lines=2)
    with right, st.container(gap=None):
        components.heading(heading)
        rows = explain.network_rows(chosen, YARDSTICK)
        counted, against = ("", YARDSTICK) if preset == "imagenet" else ("MACs an image (M)", "")
        figure = plots.form_rows(rows, counted, explain.SOURCES[run.example], against, 440)
        st.plotly_chart(figure, key="chosen", alt=text, config=_STILL)
        said = explain.read_left_out(chosen, held)
        if preset == "imagenet":
            said = f"{explain.read_beside_table_8(rows, explain.place(run))} {said}"
        components.reading(said, lines=2)


_STILL = {"displayModeBar": False}


def _level(state: State, held: str, preset: str) -> float:
    """The MACs, or the accuracy in %, at which networks are held against each other."""
    levels = zoo.MACS[preset] if held == "macs" else CHOICES["accuracy"].values
    wanted = value_of(state, CHOICES, held)
    level = min(levels, key=lambda one: abs(one - wanted))
    of = f"-{preset}"  # its stops are other ones elsewhere
    return st.select_slider(
        "MACs an image" if held == "macs" else "At least right",
        levels,
        value=level,
        format_func=count if held == "macs" else "{:g} %".format,
        key=f"{widget_key(state, held)}{of}",
        on_change=on_view(state, held, of),
        width=300,
    )


def _segments(state: State, name: str, options: dict[str, str]) -> str:
    return lab.tabs(state, CHOICES, name, options)


# What is measured beside the page


def _run(question: Question) -> Run | None:
    """The last measurement, or the stored one; and a line to measure it (again)."""
    shared = engine()
    run = shared.beside.measured(question) or example(question)
    under_way = shared.beside.measuring(question)
    key = " ".join(map(str, question))
    with components.row():
        if under_way is not None:
            st.button("Stop", icon=":material/stop:", key=f"stop {key}", on_click=under_way.stop.set, width=230)
        else:
            again = run is not None and not run.example
            st.button(
                "Measure again" if again else "Measure on this machine",
                icon=":material/timer:",
                key=f"measure {key}",
                on_click=lambda: shared.beside.measure(question, lambda watch: measure(question, watch)),
                width=230,
            )
        st.fragment(_status, run_every=POLL_S if under_way is not None else None)(question, run, under_way is not None)
    return run


def _status(question: Question, run: Run | None, waits: bool) -> None:
    """Where the times come from; while they are measured, how far that is."""
    under_way = engine().beside.measuring(question)
    if under_way is None:
        if waits:
            st.rerun()  # the whole page, with what was found
        components.under_way(explain.source(run))
        return
    components.under_way(explain.read_progress(under_way.share), under_way.share)


@st.cache_data(show_spinner=False, max_entries=200)
def _look(arch: str, width: float, preset: str) -> pd.DataFrame:
    return lens.look(arch, width, preset)


@st.cache_data(show_spinner=False)
def _networks(scene: str) -> pd.DataFrame:
    return zoo.networks(scene)


main()
