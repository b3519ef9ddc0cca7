"""Knowledge distillation: what a teacher knows beyond the labels, what it gave its students, and training one live."""

import math

import streamlit as st

from compress_core import plots, studies, text
from compress_core.data import dataset
from compress_core.errors import CheckpointError
from compress_core.recipe import Recipe
from compress_core.registry import LOSSES
from compress_core.studies.distillation import (
    TEMPERATURES,
    UNSURE,
    DistillationRun,
    RunResult,
    has_teacher,
    own_path,
    study_students,
    study_teacher,
    study_teacher_accuracy,
    study_unsure,
    train_run,
)
from ui import about, page, widgets
from ui.address import State, change_recipe, value_of
from ui.choices import Choice
from ui.engine import engine
from ui.refine import counts_of, latest, refine

POLL_S = 1.0
VIEWS = {"dark": "Temperature", "students": "With and without", "train": "Train one now"}
LOGITS = {"raw": "Logits", "standardized": "Standardized"}
TAUGHT_BY = {name: loss.title for name, loss in LOSSES.items() if loss.needs_teacher}
KNOBS = {
    "view": Choice("view", tuple(VIEWS), "dark"),
    "image": Choice("image", tuple(range(1, UNSURE + 1)), 1),
    "t": Choice("temperature", TEMPERATURES, 4),
    "logits": Choice("form of the logits", tuple(LOGITS), "raw"),
    "loss": Choice("teacher's loss", tuple(TAUGHT_BY), "kd"),
    "alpha": Choice("weight α", (0.1, 0.3, 0.5, 0.7, 0.9, 1.0), 0.9),
    "epochs": Choice("number of epochs", (5, 10, 20, 40), 20),
}


def main() -> None:
    state = page.start("Distillation", views=KNOBS, reads=("arch", "width"))
    with st.container(gap="xsmall"):
        st.space("xxsmall")  # Streamlit's header hides what is flush with the top
        view, data = widgets.segments(state, KNOBS, "view", VIEWS), dataset(state.recipe.dataset)
        if view != "train" and not has_teacher(state.recipe):
            widgets.sentence(text.distillation.no_teacher(data.title))
            return
        try:
            {"dark": _temperature, "students": _students, "train": _train}[view](state)
        except CheckpointError as error:
            page.warn([str(error)])


def _temperature(state: State) -> None:
    shared, data = engine(), dataset(state.recipe.dataset)
    images, labels = data.test()
    widgets.head("What the teacher says to one image", about.distillation.TEMPERATURE)
    top = st.container()
    with widgets.row():
        standardize = widgets.segments(state, KNOBS, "logits", LOGITS) == "standardized"
    temperature, rank = widgets.sliders(state, KNOBS, t="Temperature T", image="Image, the least sure first")
    number = shared.ask(study_unsure, state.recipe)[rank - 1]
    truth = int(labels[number])
    answers = shared.ask(study_teacher, state.recipe, number, standardize)
    said = text.distillation.describe_answer(answers, temperature, truth, data.classes)
    with top:
        widgets.sentence(said)
    picture, left, right = st.columns([1, 4, 3], gap="medium")
    with picture:
        widgets.picture(data.pictures(images[number : number + 1])[0], f"A test image: {data.classes[truth]}")
    with left:
        widgets.figure(
            "", plots.distillation.answer_bars(answers, temperature, truth, data.classes), said, key="bars", lines=0
        )
    with right:
        drawn = plots.distillation.entropy_curve(answers, temperature, math.log2(len(data.classes)))
        reading = text.distillation.describe_entropy(answers, temperature, standardize)
        widgets.figure("", drawn, reading, key="entropy")


def _students(state: State) -> None:
    widgets.head("The same network, with and without a teacher", about.distillation.STUDENTS)
    pieces = counts_of(study_students, state.recipe.with_(prune=0.0, edits="").weights_only())
    latest(pieces)  # what cannot be read is said here
    refine(state, pieces, lambda: _comparison(state, *latest(pieces)))


def _comparison(state: State, study: studies.distillation.StudentComparison) -> None:
    classes = dataset(state.recipe.dataset).classes
    widgets.sentence(text.distillation.describe_students(study, state.recipe.arch, state.recipe.width))
    left, right = st.columns(2, gap="medium")
    with left, st.container(gap=None):
        drawn = plots.distillation.accuracy_by_class(studies.distillation.by_class(study), classes)
        widgets.figure("Class by class", drawn, text.distillation.describe_agreement(study), key="classes", wide=True)
    with right, st.container(gap=None):
        drawn = plots.distillation.reliability_curves(studies.distillation.reliability_table(study))
        said = text.distillation.describe_reliability(study)
        widgets.figure("How far to believe them", drawn, said, key="reliability", wide=True)


def _train(state: State) -> None:
    recipe, taught = state.recipe, has_teacher(state.recipe)
    title = "One student, trained twice from the same start" if taught else "A network, trained on these images"
    widgets.head(title, about.distillation.training())
    if taught:
        with widgets.row():
            widgets.segments(state, KNOBS, "loss", TAUGHT_BY)
    knobs = {"t": "Temperature T", "alpha": "Teacher's weight α"} if taught else {}
    widgets.sliders(state, KNOBS, **knobs, epochs="Epochs")
    loss, temperature, alpha, epochs = (value_of(state, KNOBS, name) for name in ("loss", "t", "alpha", "epochs"))
    run = DistillationRun(recipe.dataset, recipe.arch, recipe.width, loss, float(temperature), alpha, epochs)
    background = engine().background
    job, result = background.job(run), background.measured(run)
    with widgets.row():
        if job is not None:
            st.button("Stop", icon=":material/stop:", key="stop", on_click=job.stop.set, width=160)
        else:
            st.button(
                "Train again" if result else "Train both" if taught else "Train it",
                icon=":material/school:",
                key="train",
                on_click=lambda: background.train(run, lambda: train_run(run)),
                width=160,
            )
    st.fragment(_curves, run_every=POLL_S if job is not None else None)(run, job is not None)
    if job is None and isinstance(result, RunResult):
        _take(state, run, result)
        if result.comparison:
            _comparison(state, result.comparison)


def _curves(run: DistillationRun, waits: bool) -> None:
    """The curves as far as they are; they grow while the run goes on."""
    background, taught = engine().background, has_teacher(Recipe(dataset=run.dataset))
    job, result, failure = background.job(run), background.measured(run), background.failure(run)
    if job is None and waits:
        st.rerun()  # the whole page, with what came out
    curves = studies.distillation.NO_CURVES
    if job is None:
        widgets.progress_line(failure or text.distillation.describe_run(run, taught))
        curves = result.curves if result else curves
    elif job.latest is None:
        widgets.progress_line(text.distillation.describe_wait(background.waits_behind(run)), 0.0)
    else:
        widgets.progress_line(text.distillation.describe_progress(job.latest, run.epochs), job.latest.done)
        curves = job.latest.curves
    teacher = engine().ask(study_teacher_accuracy, Recipe(dataset=run.dataset)) if taught else None
    drawn = plots.distillation.training_curves(curves, run.epochs, teacher)
    widgets.figure("", drawn, text.distillation.describe_curves(curves), key="curves")


def _take(state: State, run: DistillationRun, result: RunResult) -> None:
    """Take a student into the recipe, or away as a file."""
    with widgets.row():
        titles = {"taught": "the taught one", "alone": "its twin"} if result.comparison else {"alone": "it"}
        for which, title in titles.items():
            st.button(
                f"Compress {title}",
                key=f"take {which}",
                on_click=lambda which=which: change_recipe(state, weights=result.weights[which]),
            )
            path = own_path(run, which)
            st.download_button(f"Download {title}", path.read_bytes(), path.name, key=f"download {which}")


main()
