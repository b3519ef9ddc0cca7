"""The datasets: what is at hand, how more of CIFAR-10 is fetched, and how one's own images become one."""

import tempfile
from pathlib import Path

import streamlit as st

from compress_core import plots, studies, text
from compress_core.data import dataset
from compress_core.data.cifar10 import ARCHIVE_BYTES, Cifar10
from compress_core.errors import DataError
from compress_core.training.checkpoints import trained_widths
from ui import about, page, widgets
from ui.address import State, change_recipe
from ui.engine import engine

POLL_S = 0.5
FETCHING = "fetch cifar10"


def main() -> None:
    state = page.start("Datasets", reads=())
    with st.container(gap="xsmall"):
        st.space("xxsmall")  # Streamlit's header hides what is flush with the top
        _dataset(state)
        _own(state)


def _dataset(state: State) -> None:
    data = dataset(state.recipe.dataset)
    counts = studies.datasets.count_images(data.name)
    widgets.sentence(text.datasets.describe_dataset(data.title, counts, data.input_shape))
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(gap=None):
        widgets.figure(
            "Images of each class",
            plots.datasets.images_by_class(counts, data.classes),
            text.datasets.describe_balance(counts, data.classes),
            about.datasets.PARTS,
            key="balance",
            lines=1,
        )
    with right, st.container(gap="small"):
        widgets.heading("One of each, from the test")
        images, labels = data.test()
        shown = studies.datasets.examples(data.name)
        widgets.album(data.pictures(images[shown]), [data.classes[int(labels[number])] for number in shown])
        st.markdown(f"{data.source.rstrip('.')}.")
        if not trained_widths(state.recipe.arch, data.name):
            widgets.reading(text.datasets.describe_untrained(data.name))
        if data.name == Cifar10.name:
            _rest()


def _rest() -> None:
    """What of CIFAR-10 is at hand, and the way to the rest."""
    background, whole = engine().background, studies.datasets.is_whole(Cifar10.name)
    job = background.job(FETCHING)
    if job is not None:
        st.button("Stop", icon=":material/stop:", key="stop", on_click=job.stop.set, width=230)
    elif not whole:
        st.button(
            f"Fetch the rest ({ARCHIVE_BYTES / 1e6:.0f} MB)",
            icon=":material/download:",
            key="fetch",
            on_click=lambda: background.fetch(FETCHING, studies.datasets.fetch_whole),
            width=230,
        )
    st.fragment(_fetching, run_every=POLL_S if job is not None else None)(whole, job is not None)


def _fetching(whole: bool, waits: bool) -> None:
    """How far the fetching is, or what is at hand."""
    background = engine().background
    job = background.job(FETCHING)
    if job is None and waits:
        st.rerun()  # the whole page, with what has come
    if job is not None:
        done = job.latest or 0.0
        widgets.progress_line(text.datasets.describe_fetch(done), done)
    else:
        said = text.datasets.describe_at_hand(whole, ARCHIVE_BYTES / 1e6)
        widgets.reading(background.failure(FETCHING) or said, lines=3)


def _own(state: State) -> None:
    widgets.head("Images of your own", about.datasets.OWN)
    with st.form("own", border=False), widgets.row():
        called = st.text_input("Called", placeholder="flowers", max_chars=30, width=230)
        given = st.file_uploader("A zip with a folder of images a class", type="zip")
        wanted = st.form_submit_button("Add them", icon=":material/add_photo_alternate:")
    if wanted and given is None:
        page.warn(["There is no zip yet. Choose one, then add it."])
    elif wanted:
        _add(state, given, called or Path(given.name).stem)
    elif added := st.session_state.pop("added", ""):
        st.success(page.escape(added))


def _add(state: State, given, called: str) -> None:
    bar = st.progress(0.0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.zip"
        path.write_bytes(given.getbuffer())
        try:
            name, images = studies.datasets.add_own(path, called, lambda done, total: bar.progress(done / total))
        except DataError as error:
            bar.empty()
            page.warn([str(error).replace(path.name, given.name)])
            return
    st.session_state["added"] = text.datasets.describe_added(dataset(name).title, images.balance(), images.left_out)
    change_recipe(state, dataset=name)
    st.rerun()


main()
