"""The home page: turn five knobs, see the original and the compressed network side by side."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import streamlit as st

from compress_core import plots, studies, text
from compress_core.analysis.latency import Latency
from compress_core.data import dataset
from compress_core.pipeline import prunable_layers
from compress_core.recipe import Recipe
from compress_core.registry import CRITERIA
from compress_core.text.numbers import size
from ui import about, page, widgets
from ui.address import State, change_recipe
from ui.engine import Engine, Piece, Shown, engine
from ui.knobs import likely_next
from ui.refine import refine

SHOWN_IMAGES = 18
TIMED_AGAIN = 2  # at most, where a busy machine has spoilt it
TRIED_KEPT = 200
ALL_LAYERS = ""
SLIMMING = "bn_scale"
ZOOMABLE = {"displaylogo": False}


def main() -> None:
    state = page.start("Network compression, live", views={"layer": lambda recipe: prunable_layers(recipe.arch)})
    shared = engine()
    shown = page.show(state.recipe)
    if shown is None:
        return
    with st.container(gap="xsmall"):
        top = st.container(gap="xsmall")
        left, right = st.columns(2, gap="medium")
        bottom = st.container(gap="xsmall")
    with left.container(gap=None):  # the scores are drawn while the network is healed
        _scaling_factors(shared.scaling_factors(shown), shown.recipe.criterion, state)
    pieces, tried = _pieces(shown), _tried()
    with top:
        numbers, steps = st.container(gap="xsmall"), st.container(gap="xsmall")
    tradeoff = right.container(gap=None)
    with bottom:
        images = st.container(gap="xsmall")

    def draw() -> None:
        comparison, latency = _latest(shown, pieces)
        with numbers:
            _numbers(comparison, latency)
        with steps:
            _steps(comparison)
        with tradeoff:
            _tradeoff(comparison, tried)
        with images:
            _images(comparison)

    refine(state, pieces, draw)
    with bottom:
        _take_away(_latest(shown, pieces).comparison, shared)
    shared.look_ahead(likely_next(state.before, state.recipe))


class Latest(NamedTuple):
    """What is known of a recipe by now."""

    comparison: studies.home.Comparison
    latency: Latency | None


def _pieces(shown: Shown) -> list[Piece]:
    """What nobody waits for: the steps between, the time, and the other test images."""
    count = len(dataset(shown.recipe.dataset).pieces())
    looks = [Piece(studies.home.study_comparison, shown.recipe, (shown.original, n)) for n in range(1, count + 1)]
    times = [
        Piece(studies.home.study_latency, shown.recipe, (shown.original, attempt), timed=True)
        for attempt in range(1, TIMED_AGAIN + 2)
    ]
    return [looks[0], times[0], *looks[1:], *times[1:]]


def _latest(shown: Shown, pieces: Sequence[Piece]) -> Latest:
    known = [(piece.timed, found) for piece in pieces if (found := engine().known(piece))]
    looks, times = ([found for timed, found in known if timed == wanted] for wanted in (False, True))
    return Latest(looks[-1] if looks else engine().first_answer(shown), times[-1] if times else None)


def _numbers(comparison: studies.home.Comparison, latency: Latency | None) -> None:
    widgets.sentence(_summary(comparison, latency))
    widgets.cards([widgets.Card(*card) for card in text.home.cards(comparison, latency)])


def _summary(comparison: studies.home.Comparison, latency: Latency | None) -> str:
    hint = " Turn a knob to compress it." if comparison.compressed.recipe == comparison.original.recipe else ""
    return text.home.summary(comparison, latency) + hint


def _steps(comparison: studies.home.Comparison) -> None:
    widgets.steps(text.home.steps_table(comparison))
    with widgets.row():
        widgets.reading(text.home.describe_steps(comparison), lines=1)
        widgets.help_on("these steps", about.home.HEALING)


def _scaling_factors(scores: studies.pruning.ChannelScores, criterion: str, state: State) -> None:
    layer = state.view.get("layer", ALL_LAYERS)
    options = [ALL_LAYERS, *scores.layers["layer"]]

    def pick() -> None:
        _pick_criterion(state)
        widgets.select(state, "layer", "Layer shown", options, layer, text.names.layer_choice, 140)

    own = text.pruning.of_layer(scores, layer or None)
    ends = studies.pruning.score_range(scores.channels["score"])
    widgets.figure(
        "γ, cut by",
        plots.pruning.score_histogram(own.channels, text.pruning.one_threshold(own), ends),
        text.pruning.describe_scaling_factors(scores, layer or None, criterion),
        about.home.GAMMA + about.home.scores(),
        pick,
        key="channels",
        config=ZOOMABLE,
    )


def _pick_criterion(state: State) -> None:
    key, chosen = "criterion", state.recipe.criterion
    st.session_state[key] = chosen
    titles = {Recipe.criterion: CRITERIA.title(Recipe.criterion), SLIMMING: "Slimming: |γ|"}
    titles.setdefault(chosen, CRITERIA.title(chosen))
    st.segmented_control(
        "Importance criterion",
        list(titles),
        required=True,
        format_func=titles.get,
        key=key,
        on_change=lambda: change_recipe(state, criterion=st.session_state[key]),
        label_visibility="collapsed",
    )


def _tradeoff(comparison: studies.home.Comparison, tried: dict[str, dict]) -> None:
    recipe = comparison.compressed.recipe
    grid = _grid(recipe.arch, recipe.dataset)
    points, before = text.home.tradeoff_points(comparison), _before(comparison, tried)
    widgets.figure(
        "Accuracy against file size",
        plots.tradeoff.accuracy_against_size(points, grid, before, recipe.arch),
        text.home.describe_tradeoff(comparison, grid),
        about.home.TRADEOFF,
        key="tradeoff",
        config=ZOOMABLE,
    )


@st.cache_data(show_spinner=False)
def _grid(arch: str, dataset: str) -> pd.DataFrame:
    """The table measured beforehand, with a name for each recipe."""
    table = studies.tradeoff.load_grid(arch, dataset)
    rows = table[["width", "prune", "bits"]].to_dict("records")
    return table.assign(name=[text.names.short_name(Recipe(dataset=dataset, arch=arch, **row)) for row in rows])


def _tried() -> dict[str, dict]:
    """The recipes of this visit, newest last."""
    return st.session_state.setdefault("tried", {})


def _before(comparison: studies.home.Comparison, tried: dict[str, dict]) -> pd.DataFrame:
    """The recipes before the current one, of the same architecture and dataset; from now on it is among them."""
    own = comparison.compressed
    query, on = own.recipe.to_query(), (own.recipe.dataset, own.recipe.arch)
    tried.pop(query, None)
    same = [row for row in tried.values() if row["on"] == on]
    before = pd.DataFrame(same, columns=["file_bytes", "accuracy", "name"])
    name = text.names.short_name(own.recipe)
    tried[query] = {"on": on, "file_bytes": own.file_bytes, "accuracy": own.accuracy, "name": name}
    while len(tried) > TRIED_KEPT:
        tried.pop(next(iter(tried)))
    return before


def _images(comparison: studies.home.Comparison) -> None:
    widgets.head("Test images with both answers, disagreements first", about.home.STRIP)
    data = dataset(comparison.compressed.recipe.dataset)
    # Of the first piece only: the images stay the same while more are counted.
    shown = comparison.images[comparison.images["image"].isin(data.places(1).tolist())].head(SHOWN_IMAGES)
    pictures = data.pictures(data.test()[0][shown["image"].tolist()])
    widgets.strip(shown, pictures, data.classes)
    widgets.reading(text.home.describe_images(comparison))


def _take_away(comparison: studies.home.Comparison, shared: Engine) -> None:
    own = comparison.compressed
    recipe: Recipe = own.recipe
    left, middle, _ = st.columns([2, 2, 3])
    left.download_button(
        f"Download this network ({size(own.file_bytes)})",
        data=lambda: shared.ask(studies.home.study_file, recipe, kept=False),
        file_name=f"{recipe.arch}-{recipe.to_query().replace('&', '-').replace('=', '') or 'original'}.safetensors",
        on_click="ignore",
        icon=":material/download:",
    )
    sizes = middle.popover("Three sizes", on_change="rerun", key="sizes", icon=":material/straighten:")
    if sizes.open:
        columns = {"bytes": st.column_config.NumberColumn(format="localized")}
        with sizes:
            for table in text.home.size_tables(own, shared.ask(studies.home.study_gzipped, recipe)):
                st.dataframe(table, hide_index=True, column_config=columns)
            st.markdown(about.home.SIZES)


main()
