"""The home page: turn five knobs, see the original and the compressed network side by side."""

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from compress_core import plots, studies, text
from compress_core.analysis.latency import Latency
from compress_core.data import dataset
from compress_core.pipeline import original_of, prunable_layers
from compress_core.recipe import Recipe
from compress_core.registry import CRITERIA
from compress_core.text.numbers import size
from ui import about, page, widgets
from ui.address import State, change_recipe
from ui.engine import Engine, Piece, engine
from ui.knobs import likely_next

SHOWN_IMAGES = 18
POLL_S = 1.0
TRIED_KEPT = 200
ALL_LAYERS = ""
SLIMMING = "bn_scale"
ZOOMABLE = {"displaylogo": False}
Places = tuple[DeltaGenerator | None, DeltaGenerator | None]
NOWHERE: Places = (None, None)  # nothing stands there yet


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
    # What is known first is drawn first: the scores while the network is healed, its numbers on the first test images
    # while the others are looked at, and the rest while it is timed.
    with left.container(gap=None):
        _scaling_factors(shared.scaling_factors(shown), shown.recipe.criterion, state)
    numbers, steps = top.container(gap="xsmall"), top.container(gap="xsmall")
    if first := shared.first_answer(shown):
        with numbers:
            places = _sentence_and_cards(first, None)
    comparison = shared.comparison(shown)
    with steps:
        _steps(comparison)
    with right.container(gap=None):
        _tradeoff(comparison)
    with bottom:
        _images(comparison)
        _take_away(comparison, shared)
    latency = shared.latency(shown)
    with numbers:
        places = places if first else _sentence_and_cards(comparison, latency)
        waits = _sharpened(comparison, shown.original) is None
        st.fragment(_numbers, run_every=POLL_S if waits else None)(comparison, latency, shown.original, waits, places)
    shared.look_ahead(likely_next(state.before, state.recipe))


def _numbers(
    comparison: studies.home.Comparison, latency: Latency, original: Recipe, waits: bool, places: Places
) -> None:
    """What it costs and keeps; sharper once all test images have been looked at."""
    sharper = _sharpened(comparison, original)
    if sharper and waits:
        st.rerun()  # the whole page, which then asks no more
    _sentence_and_cards(sharper or comparison, latency, places)


def _sentence_and_cards(
    comparison: studies.home.Comparison, latency: Latency | None, places: Places = NOWHERE
) -> Places:
    cards = [widgets.Card(*card) for card in text.home.cards(comparison, latency)]
    return widgets.sentence(_summary(comparison, latency), places[0]), widgets.cards(cards, places[1])


def _sharpened(comparison: studies.home.Comparison, original: Recipe) -> studies.home.Comparison | None:
    """The comparison on all test images at hand; None until it is there."""
    recipe, shared = comparison.compressed.recipe, engine()
    if not studies.home.has_more_images(recipe) or original != original_of(recipe):
        return comparison
    piece = Piece(studies.home.study_whole_accuracy, recipe)
    found = shared.known(piece)
    if found is None and shared.run_queue(piece, lambda: None if shared.known(piece) else piece):
        return None
    return studies.home.sharpen(comparison, found) if found else comparison


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


def _tradeoff(comparison: studies.home.Comparison) -> None:
    recipe = comparison.compressed.recipe
    grid = _grid(recipe.arch, recipe.dataset)
    points = text.home.tradeoff_points(comparison)
    widgets.figure(
        "Accuracy against file size",
        plots.tradeoff.accuracy_against_size(points, grid, _tried(comparison), recipe.arch),
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


def _tried(comparison: studies.home.Comparison) -> pd.DataFrame:
    """The recipes of this visit before the current one, of the same architecture and dataset, newest last."""
    tried: dict[str, dict] = st.session_state.setdefault("tried", {})
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
    shown = comparison.images.head(SHOWN_IMAGES)
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
