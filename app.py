"""The home page: turn four knobs, see the original and the compressed network side by side."""

import pandas as pd
import streamlit as st

from compress_core.analysis.latency import Latency
from compress_core.data import dataset
from compress_core.errors import CheckpointError
from compress_core.explain import (
    layer_title,
    read_channels,
    read_images,
    read_steps,
    read_tradeoff,
    score_axis,
    score_title,
    short_name,
    summary,
)
from compress_core.numbers import count, duration, percent, points, size, times, timing
from compress_core.pipeline import prunable_layers
from compress_core.plots import accuracy_against_size, score_histogram
from compress_core.recipe import Recipe
from compress_core.study import Cut, Study
from compress_core.study_pruning import score_ends
from compress_core.tradeoff.grid import load_grid
from ui import about, components, page
from ui.address import State, on_view, widget_key
from ui.components import Card
from ui.engine import Engine, engine
from ui.knobs import likely_next

SHOWN_IMAGES = 18
TRIED_KEPT = 200
ALL_LAYERS = ""
SIZE_PARTS = {
    "weights": "weights",
    "scales": "scales and zero points",
    "kept_16": "kept in 16 bits",
    "kept_32": "kept in 32 bits",
    "header": "header",
}


def main() -> None:
    state = page.start("Network compression, live", views={"layer": lambda recipe: prunable_layers(recipe.arch)})
    shared = engine()
    try:
        shown = shared.shown(state.recipe)
    except CheckpointError as error:
        page.say([str(error)])
        return
    if shown.notices:
        page.say(shown.notices)
    with st.container(gap="xsmall"):
        top = st.container(gap="xsmall")
        left, right = st.columns(2, gap="medium")
        bottom = st.container(gap="xsmall")
    # What is known first is drawn first: the browser draws the scores while the network is healed and measured, and
    # the rest while it is timed.
    with left.container(gap=None):
        _channels(shared.cut(shown.recipe), shown.recipe.criterion, state)
    study = shared.study(shown)
    with right.container(gap=None):
        _tradeoff(study)
    with bottom:
        _images(study)
        _take_away(study, shared)
    latency = shared.latency(shown)
    with top:
        components.sentence(summary(study, latency))
        components.cards(_cards(study, latency))
        _steps(study)
    shared.expect(likely_next(state.before, state.recipe))


def _cards(study: Study, speed: Latency) -> list[Card]:
    before, after = study.original, study.compressed
    same = before.recipe == after.recipe

    def smaller(label: str, old: float, new: float, text) -> Card:
        return Card(label, text(new), f"original {text(old)}", times(old / new, "smaller", "larger"), same)

    def time(batch: str, ms: float, speedup: float) -> Card:
        label = f"{batch}, {speed.threads} thread{'s' if speed.threads > 1 else ''}"
        return Card(label, duration(ms), f"original {duration(ms * speedup)}", timing(speedup), same)

    return [
        Card(
            f"Accuracy, n = {after.samples:,}",
            percent(after.accuracy),
            f"original {percent(before.accuracy)}",
            "as trained" if same else _points(study),
            same,
        ),
        smaller("File", before.file_bytes, after.file_bytes, size),
        smaller("Parameters", before.params, after.params, count),
        smaller("MACs an image", before.macs, after.macs, count),
        time("1 image", speed.ms, speed.speedup),
        time("64 images", speed.batch_ms, speed.batch_speedup),
    ]


def _points(study: Study) -> str:
    change = study.change
    return f"{points(change.value)} ± {100 * (change.high - change.low) / 2:.1f} points"


def _steps(study: Study) -> None:
    components.steps(study.steps)
    with components.row():
        components.reading(read_steps(study), lines=1)
        components.help_on("these steps", about.HEALING)


def _channels(cut: Cut, criterion: str, state: State) -> None:
    layer = state.view.get("layer", ALL_LAYERS)
    options = [ALL_LAYERS, *cut.layers["layer"]]
    with components.row():
        components.heading(score_title(criterion))
        st.selectbox(
            "Layer shown",
            options,
            index=options.index(layer),
            format_func=lambda name: layer_title(name) if name else "All layers",
            key=widget_key(state, "layer"),
            on_change=on_view(state, "layer"),
            label_visibility="collapsed",
            width=160,
        )
        components.help_on("the scores", about.GAMMA if criterion == Recipe.criterion else about.RANKINGS)
    channels = cut.channels[cut.channels["layer"] == layer] if layer else cut.channels
    layers = cut.layers[cut.layers["layer"] == layer] if layer else cut.layers
    thresholds = layers["threshold"].dropna().unique()
    threshold = float(thresholds[0]) if len(thresholds) == 1 else None
    text = read_channels(cut, layer or None)
    ends, log = score_ends(cut.channels["score"], criterion)
    figure = score_histogram(channels, threshold, ends, score_axis(criterion), log)
    st.plotly_chart(figure, key="channels", alt=text, config={"displaylogo": False})
    components.reading(text)


def _tradeoff(study: Study) -> None:
    with components.row():
        components.heading("Accuracy against file size")
        components.help_on("accuracy against size", about.TRADEOFF)
    recipe = study.compressed.recipe
    rows = {"original": study.original}
    if study.compressed.recipe != study.original.recipe:
        rows["this recipe"] = study.compressed
    points = pd.DataFrame(
        {
            kind: {
                "file_bytes": m.file_bytes,
                "accuracy": m.accuracy,
                "low": m.low,
                "high": m.high,
                "name": short_name(m.recipe),
            }
            for kind, m in rows.items()
        }
    ).T
    grid = _grid(recipe.arch, recipe.dataset)
    text = read_tradeoff(study, grid)
    figure = accuracy_against_size(points, grid, _tried(study), recipe.arch)
    st.plotly_chart(figure, key="tradeoff", alt=text, config={"displaylogo": False})
    components.reading(text)


@st.cache_data(show_spinner=False)
def _grid(arch: str, dataset: str) -> pd.DataFrame:
    """The table measured beforehand, with a name for each recipe."""
    table = load_grid(arch, dataset)
    rows = table[["width", "prune", "bits"]].to_dict("records")
    return table.assign(name=[short_name(Recipe(dataset=dataset, arch=arch, **row)) for row in rows])


def _tried(study: Study) -> pd.DataFrame:
    """The recipes of this visit before the current one, newest last."""
    tried: dict[str, dict] = st.session_state.setdefault("tried", {})
    own = study.compressed
    query = own.recipe.to_query()
    tried.pop(query, None)
    before = pd.DataFrame(list(tried.values()), columns=["file_bytes", "accuracy", "name"])
    tried[query] = {"file_bytes": own.file_bytes, "accuracy": own.accuracy, "name": short_name(own.recipe)}
    while len(tried) > TRIED_KEPT:
        tried.pop(next(iter(tried)))
    return before


def _images(study: Study) -> None:
    with components.row():
        components.heading("Test images with both answers, disagreements first")
        components.help_on("these images", about.STRIP)
    data = dataset(study.compressed.recipe.dataset)
    shown = study.images.head(SHOWN_IMAGES)
    pictures = data.pictures(data.test()[0][shown["image"].tolist()])
    components.strip(shown, pictures, data.classes)
    components.reading(read_images(study))


def _take_away(study: Study, shared: Engine) -> None:
    own = study.compressed
    recipe: Recipe = own.recipe
    left, middle, _ = st.columns([2, 2, 3])
    left.download_button(
        f"Download this network ({size(own.file_bytes)})",
        data=lambda: shared.file(recipe),
        file_name=f"{recipe.arch}-{recipe.to_query().replace('&', '-').replace('=', '') or 'original'}.safetensors",
        on_click="ignore",
        icon=":material/download:",
    )
    sizes = middle.popover("Three sizes", on_change="rerun", key="sizes", icon=":material/straighten:")
    if sizes.open:
        with sizes:
            three = {
                "as saved": own.file_bytes,
                "gzipped": shared.gzipped(recipe),
                "arithmetic minimum": own.minimum_bytes,
            }
            parts = {SIZE_PARTS[part]: length for part, length in own.breakdown.items() if length}
            for title, rows in (("size", three), ("part of the file", parts)):
                table = pd.DataFrame(rows.items(), columns=[title, "bytes"])
                st.dataframe(
                    table, hide_index=True, column_config={"bytes": st.column_config.NumberColumn(format="localized")}
                )
            st.markdown(about.SIZES)


main()
