"""The home page: turn five knobs, see the original and the compressed network side by side."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import streamlit as st

from compress_core import plots, studies, text
from compress_core.analysis.latency import Latency
from compress_core.data import dataset
from compress_core.measure import Measurement
from compress_core.pipeline import prunable_layers
from compress_core.recipe import Recipe
from compress_core.registry import CRITERIA
from compress_core.text.numbers import size
from ui import about, page, widgets
from ui.address import State, change_recipe, link, take_recipe, value_of
from ui.choices import Choice
from ui.engine import Engine, Piece, Shown, engine
from ui.knobs import likely_next
from ui.pins import Numbers, draw_numbers, known_numbers, pieces_of, shown_pins
from ui.refine import refine

SHOWN_IMAGES = 18
TIMED_AGAIN = 2  # at most, where a busy machine has spoilt it
TRIED_KEPT = 200
ALL_LAYERS = ""
SLIMMING = "bn_scale"
ZOOMABLE = {"displaylogo": False}
AXES = {"near": "Close up", "whole": "0 – 100 %"}
CHOICES = {"axis": Choice("axis", tuple(AXES), "near")}
VIEWS = {"layer": lambda recipe: prunable_layers(recipe.arch)} | CHOICES


def main() -> None:
    state = page.start("Compress", views=VIEWS)
    shared = engine()
    shown = page.show(state.recipe)
    if shown is None:
        return
    pieces, tried = _pieces(shown), _tried()
    pinned, lost = shown_pins(state)
    if lost:
        page.warn(lost)
    with st.container(gap="xsmall"):
        with st.container(gap="xsmall"):
            sentence, cards = st.empty(), st.container(key="cards")
            steps = st.container(gap="xsmall", key="steps")
        left, right = st.columns(2, gap="medium")
        bottom = st.container(gap="xsmall")
    if not shared.answered(shown):
        page.measuring(sentence, shown.recipe)
    with left.container(gap=None):  # the scores are drawn while the network is healed
        _scaling_factors(shared.scaling_factors(shown), shown.recipe.criterion, state)
    with bottom:
        images = st.container(gap="xsmall", key="images")

    def draw() -> None:
        comparison, latency = _latest(shown, pieces)
        with sentence:
            widgets.sentence(_summary(comparison, latency, state))
        known = {letter: (of.recipe, known_numbers(of)) for letter, of in pinned.items()}
        with cards:
            if pinned:
                draw_numbers(_both(comparison, latency) | known)
            else:
                widgets.cards([widgets.Card(*card) for card in text.home.cards(comparison, latency)])
        with steps:
            _steps(comparison)
        with st.container(gap=None):  # where it is refined, since it has widgets
            _tradeoff(comparison, tried, {letter: own.measured for letter, (_, own) in known.items()}, state)
        with images:
            _images(comparison, shared.first_answer(shown).images)

    with right.container(gap=None):
        refine(state, pieces + pieces_of(list(pinned.values())), draw)
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


def _both(comparison: studies.home.Comparison, latency: Latency | None) -> dict[str, tuple[Recipe, Numbers]]:
    """The numbers of the original and the recipe, as columns."""
    before, after = comparison.original, comparison.compressed
    columns = {"original": (before.recipe, Numbers(before, text.compare.reference_of(latency)))}
    if after.recipe != before.recipe:
        columns["compressed"] = after.recipe, Numbers(after, latency)
    return columns


def _summary(comparison: studies.home.Comparison, latency: Latency | None, state: State) -> str:
    said = text.home.summary(comparison, latency)
    as_trained = comparison.compressed.recipe == comparison.original.recipe
    return f"{said} Turn a knob to compress it." if as_trained and not state.talk else said


def _steps(comparison: studies.home.Comparison) -> None:
    widgets.steps(text.home.steps_table(comparison), dataset(comparison.compressed.recipe.dataset).chance)
    with widgets.row("cc-line-steps"):
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


def _tradeoff(
    comparison: studies.home.Comparison, tried: dict[str, dict], pinned: dict[str, Measurement | None], state: State
) -> None:
    recipe = comparison.compressed.recipe
    grid = _grid(recipe.arch, recipe.dataset)
    points, before = text.home.tradeoff_points(comparison, pinned), _before(comparison, tried)
    chance = dataset(recipe.dataset).chance
    whole = value_of(state, CHOICES, "axis") == "whole"

    def clicked() -> None:
        for point in st.session_state["tradeoff"].selection.points[:1]:
            take_recipe(state, Recipe.from_query(point["customdata"]))

    widgets.figure(
        "Accuracy against file size",
        plots.tradeoff.accuracy_against_size(points, grid, before, recipe.arch, chance, whole),
        text.home.describe_tradeoff(comparison, grid),
        about.home.TRADEOFF,
        lambda: widgets.segments(state, CHOICES, "axis", AXES),
        key="tradeoff",
        config=ZOOMABLE,
        on_select=clicked,
        selection_mode="points",
    )
    with st.container(horizontal=True, height=40, border=False, gap="small"):
        _better(comparison, grid, state)


def _better(comparison: studies.home.Comparison, grid: pd.DataFrame, state: State) -> None:
    """What could be better from here: ways to another recipe of the same size."""
    recipe = comparison.compressed.recipe
    better = studies.tradeoff.better_in(grid, comparison.compressed)
    if len(better):
        st.button(
            "Take the best of them",
            key="better",
            type="tertiary",
            icon=":material/trending_up:",
            on_click=lambda: take_recipe(state, better["recipe"].iloc[0]),
        )
    if text.home.may_spend_by_layer(recipe) and st.button(
        "Spend the same bytes layer by layer", key="by-layer", type="tertiary", icon=":material/savings:"
    ):
        st.session_state["spending"] = recipe, comparison.compressed.file_bytes
        st.switch_page("pages/Quantization.py", query_params=link(state))


@st.cache_data(show_spinner=False)
def _grid(arch: str, dataset: str) -> pd.DataFrame:
    """The table measured beforehand, with what each mark says and stands for."""
    table = studies.tradeoff.load_grid(arch, dataset)
    named = pd.DataFrame([text.home.named(recipe) for recipe in table["recipe"]], columns=["name", "query"])
    return pd.concat([table, named], axis=1)


def _tried() -> dict[str, dict]:
    """The recipes of this visit, newest last."""
    return st.session_state.setdefault("tried", {})


def _before(comparison: studies.home.Comparison, tried: dict[str, dict]) -> pd.DataFrame:
    """The recipes before the current one, of the same architecture and dataset; from now on it is among them."""
    own = comparison.compressed
    query, on = own.recipe.to_query(), (own.recipe.dataset, own.recipe.arch)
    tried.pop(query, None)
    same = [row for row in tried.values() if row["on"] == on]
    before = pd.DataFrame(same, columns=["file_bytes", "accuracy", "name", "query"])
    tried[query] = {"on": on, "file_bytes": own.file_bytes, "accuracy": own.accuracy} | text.home.named(own.recipe)
    while len(tried) > TRIED_KEPT:
        tried.pop(next(iter(tried)))
    return before


def _images(comparison: studies.home.Comparison, first: pd.DataFrame) -> None:
    """Images of the first piece only: they stay the same while more are counted."""
    widgets.head("Test images with both answers, disagreements first", about.home.STRIP)
    data = dataset(comparison.compressed.recipe.dataset)
    shown = first.head(SHOWN_IMAGES)
    pictures = data.pictures(data.test()[0][shown["image"].tolist()])
    widgets.strip(shown, pictures, data.classes)
    widgets.reading(text.home.describe_images(comparison))


def _take_away(comparison: studies.home.Comparison, shared: Engine) -> None:
    own = comparison.compressed
    recipe: Recipe = own.recipe
    left, middle, _ = st.columns([2, 1, 3])
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
