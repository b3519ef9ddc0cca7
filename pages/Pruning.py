"""Channel pruning: what is cut, why it is exact, and what each criterion, healing and form is worth."""

import pandas as pd
import streamlit as st

from compress_core import plots, studies, text
from compress_core.errors import CheckpointError
from compress_core.pipeline import prunable_layers
from compress_core.recipe import Recipe
from compress_core.registry import CRITERIA, HEALINGS
from compress_core.text.numbers import percent
from ui import about, edits, knobs, page, threshold, widgets
from ui.address import State, change_recipe
from ui.bars import Bar, GrowingBars, badge, comparison_table
from ui.choices import Choice
from ui.engine import Engine, Piece, Shown, engine
from ui.finer_choices import trainings
from ui.refine import counts_of, latest, refine
from ui.tiles import tiles

ALL_LAYERS = ""
VIEWS = {
    "criteria": ":material/play_arrow: Every criterion",
    "healing": ":material/play_arrow: Every healing",
    "versus": ":material/play_arrow: Weights against channels",
}
POLL_S = 0.5
SCORES_PX = 266
CLOSED = "closed"
PENALIZED = "bn_scale"  # what trainings differ in
CHOICES = {"view": Choice("view", (CLOSED, *VIEWS), CLOSED)}
VIEWS_OF_ADDRESS = {
    "layer": lambda recipe: prunable_layers(recipe.arch),
    "matrix": lambda recipe: prunable_layers(recipe.arch),
} | CHOICES


def main() -> None:
    state = page.start("Pruning", views=VIEWS_OF_ADDRESS, reads=("arch", "width", "prune"))
    shared = engine()
    shown = page.show(state.recipe.weights_only())  # rounding comes after everything on this page
    if shown is None:
        return
    recipe = shown.recipe
    if unknown := text.pruning.describe_unknown(recipe, shared.ask(studies.pruning.study_channels, recipe)):
        page.warn(unknown)
    with st.container(gap="xsmall"):
        sentence, proof = st.empty(), widgets.row()
        left, right = st.columns([4, 3], gap="medium")
        middle = st.container(gap="xsmall")
        below = st.container(gap="xsmall")
    if shared.known(_first(recipe)) is None:
        page.measuring(sentence, recipe)
    # What costs nothing is drawn first: the browser draws scores and tiles while the network is healed and measured.
    with left.container(gap=None):
        _scores(state, recipe, shared)
    with middle:
        last_change = _tiles(state, recipe, shared)
    _numbers(state, shown, shared, sentence, last_change)
    with proof:
        _proof(recipe, shared)
    with right.container(gap=None):
        _trainings(state, recipe, shared)
    _look_ahead(state, recipe, shared)
    with below:
        _view(state, shown, shared)


def _look_ahead(state: State, recipe: Recipe, shared: Engine) -> None:
    """Prepare the next stop of whichever knob was turned."""
    before = state.before.weights_only()
    guesses = knobs.likely_next(before, recipe)
    if recipe.prune not in knobs.RATIOS:  # the threshold was moved
        scores, log = shared.ask(studies.pruning.study_scores, recipe), CRITERIA[recipe.criterion].log_axis
        guesses = threshold.likely_next(studies.pruning.thresholds(scores.channels["score"], log), before, recipe)

    def rest(shown: Shown) -> None:
        shared.ask(studies.pruning.study_scores, shown.recipe)
        shared.ask(studies.pruning.study_exactness, shown.recipe)
        shared.ask(studies.pruning.study_channels, shown.recipe)
        for weights in trainings(shown.recipe):
            shared.ask(studies.pruning.study_scaling_factors, shown.recipe.with_(weights=weights, criterion=PENALIZED))

    shared.look_ahead(guesses, (lambda shown: shared.compute(_first(shown.recipe)), rest))


def _first(recipe: Recipe) -> Piece:
    """What is counted of a recipe first."""
    return counts_of(studies.pruning.study_pruned, recipe)[0]


def _numbers(state: State, shown: Shown, shared: Engine, sentence, last_change) -> None:
    """The sentence, and what the last change by hand has brought: of the first test images, then of them all."""
    edits_before = edits.before_last(state)
    beside = [shown.original] if edits_before is None else [shown.original, shown.recipe.with_(edits=edits_before)]
    networks = [shown.recipe, *beside]
    pieces = counts_of(studies.pruning.study_pruned, *networks)

    def draw() -> None:
        after, before, *was = latest(pieces, len(networks))
        hint = "" if before.recipe != after.recipe else " Raise the pruning ratio to cut channels."
        with sentence:
            widgets.sentence(text.pruning.summary(before, after) + hint)
        said = text.pruning.describe_channels_table(shared.ask(studies.pruning.study_channels, shown.recipe))
        changed = f" {text.pruning.describe_change(was[0], after)}" if was else ""
        with last_change:
            widgets.reading(said + changed, lines=1)

    refine(state, pieces, draw)


def _proof(recipe: Recipe, shared: Engine) -> None:
    found = shared.ask(studies.pruning.study_exactness, recipe)
    share = shared.compute(_first(recipe)).cut_share
    badge(text.pruning.describe_exactness(found.difference, found.images, share), idle=share == 0)
    widgets.help_on("this proof", about.pruning.EXACT)


def _scores(state: State, recipe: Recipe, shared: Engine) -> None:
    scores = shared.ask(studies.pruning.study_scores, recipe)
    layers = list(scores.layers["layer"])
    layer = state.view.get("layer", ALL_LAYERS)
    layer = layer if layer in layers else ALL_LAYERS

    options = [ALL_LAYERS, *layers]
    own = text.pruning.of_layer(scores, layer or None)
    limit = text.pruning.one_threshold(own)
    log = CRITERIA[recipe.criterion].log_axis
    table = studies.pruning.thresholds(scores.channels["score"], log)
    axis = text.pruning.score_axis(recipe.criterion)
    ends = studies.pruning.score_range(scores.channels["score"], log)
    said = text.pruning.describe_scores(scores, layer or None, recipe.scope, recipe.canonical().balance)
    widgets.figure(
        f"{text.pruning.score_title(recipe.criterion)}, and the threshold",
        plots.pruning.score_histogram(own.channels, limit, ends, axis, log, named=False, height=SCORES_PX),
        said,
        about.pruning.SCORES,
        lambda: widgets.select(state, "layer", "Layer shown", options, layer, text.names.layer_choice, 190),
        key="scores",
        lines=0,
    )
    with st.container(key="cc-threshold", height=62, border=False):
        if recipe.scope == "global":
            threshold.slider(state, table, limit, "Threshold")
        else:
            widgets.reading(text.pruning.own_thresholds(layer or None), lines=1)
    widgets.reading(said)


def _trainings(state: State, recipe: Recipe, shared: Engine) -> None:
    found = {}
    for weights in trainings(recipe):
        try:
            own = shared.ask(studies.pruning.study_scaling_factors, recipe.with_(weights=weights, criterion=PENALIZED))
            found[text.pruning.training_title(weights)] = own
        except CheckpointError as error:
            page.warn([str(error)])
    key = "lambda"
    st.session_state[key] = recipe.weights

    def pick_training() -> None:
        st.segmented_control(
            "Training",
            trainings(recipe),
            required=True,
            format_func=text.pruning.training_title,
            key=key,
            on_change=lambda: change_recipe(state, weights=st.session_state[key]),
            label_visibility="collapsed",
        )

    channels = pd.concat([scores.channels.assign(training=name) for name, scores in found.items()])
    limits = pd.Series({name: text.pruning.one_threshold(scores) for name, scores in found.items()}, dtype=float)
    ends = studies.pruning.score_range(channels["score"])
    chosen, axis = text.pruning.training_title(recipe.weights), text.pruning.score_axis(PENALIZED)
    widgets.figure(
        "γ by training",
        plots.pruning.trainings_histogram(channels, limits, chosen, ends, axis, log=False),
        text.pruning.describe_trainings(found),
        about.pruning.TRAININGS,
        pick_training,
        key="trainings",
    )


def _tiles(state: State, recipe: Recipe, shared: Engine):
    """The tiles; returns the place for what the last change by hand has brought."""
    table = shared.ask(studies.pruning.study_channels, recipe)
    with widgets.row():
        widgets.heading("Every channel")
        edits.buttons(state)
        with st.popover("As a table", type="tertiary", icon=":material/table_rows:"):
            st.dataframe(text.pruning.layers_table(table), hide_index=True, width="content")
        widgets.help_on("the tiles", about.pruning.TILES)
    last_change = st.container()
    symbol = text.pruning.score_symbol(recipe.criterion)
    coupling = shared.ask(studies.pruning.study_coupling, recipe)
    tiles(coupling, table, symbol, "tiles", lambda wanted: edits.toggle(state, wanted, shared))
    return last_change


def _view(state: State, shown: Shown, shared: Engine) -> None:
    with widgets.row():
        widgets.heading("Measure at this ratio")
        view = widgets.segments(state, CHOICES, "view", VIEWS, CLOSED)
    if view == CLOSED:
        return
    if not shared.compute(_first(shown.recipe)).cut_share:
        widgets.reading("Nothing is cut yet, so there is nothing to compare. Raise the pruning ratio.", lines=1)
        return
    {"criteria": _criteria, "healing": _healings, "versus": _weight_versus_channel}[view](state, shown, shared)


def _drawn(view: str, recipe: Recipe) -> bool:
    """Whether this visit has seen the view of this recipe just before, so that its bars need not grow again."""
    before = st.session_state.get("drawn last")
    st.session_state["drawn last"] = view, recipe
    return before == (view, recipe)


def _marked(title: str, chosen: bool) -> str:
    return f"{title} ●" if chosen else title


def _criteria(state: State, shown: Shown, shared: Engine) -> None:
    recipe = shown.recipe
    original = shared.ask(studies.accuracy.study_accuracy, shown.original)
    widgets.head(text.pruning.criteria_heading(recipe, original.samples), about.pruning.criteria())
    place, below = st.container(), st.container()
    titles = {name: _marked(entry.title, name == recipe.criterion) for name, entry in CRITERIA.items()}
    rows = {name: Bar(title, "", None, None, ()) for name, title in titles.items()}
    drawn = _drawn("criteria", recipe)
    found: dict[str, tuple[float, float]] = {}
    for name in GrowingBars(place, rows, original.value, "Accuracy of each criterion", "cut → healed", drawn):
        after_cut = shared.ask(studies.accuracy.study_accuracy, recipe.with_(criterion=name, heal="none")).value
        healed = shared.ask(studies.accuracy.study_accuracy, recipe.with_(criterion=name)).value
        found[name] = after_cut, healed
        rows[name] = Bar(titles[name], "", after_cut, healed, (percent(after_cut), percent(healed)))
    with below:
        widgets.reading(text.pruning.describe_criteria(found, recipe))


def _healing(recipe: Recipe, name: str, shared: Engine) -> studies.pruning.HealingResult | None:
    """What a healing brings, and how long it takes; None while one that takes seconds is computed."""
    healed = recipe.with_(heal=name)
    return (
        shared.ask_later(studies.pruning.study_healing, healed)
        if HEALINGS[name].slow
        else shared.ask(studies.pruning.study_healing, healed, timed=True)
    )


def _healings(state: State, shown: Shown, shared: Engine) -> None:
    recipe = shown.recipe
    original = shared.ask(studies.accuracy.study_accuracy, shown.original)
    title = f"The same cut, healed: accuracy on {original.samples:,} test images"
    widgets.head(title, about.pruning.healings())
    training = [
        name for name in HEALINGS if HEALINGS[name].slow and _healing(recipe, name, shared) is None
    ]  # starts it
    drawn = st.fragment(_healing_bars, run_every=POLL_S if training else None)
    drawn(recipe, original.value, shared, bool(training))


def _healing_bars(recipe: Recipe, original: float, shared: Engine, training: bool) -> None:
    """The bars of the healings; they come back to ask while one is `training`."""
    place, below = st.container(), st.container()
    titles = {name: _marked(HEALINGS.title(name), name == recipe.heal) for name in HEALINGS}
    rows = {name: Bar(title, "", None, None, (), pair=False) for name, title in titles.items()}
    drawn = _drawn("healing", recipe)
    found: dict[str, studies.pruning.HealingResult] = {}
    for name in GrowingBars(place, rows, original, "Accuracy after each healing", "", drawn):
        result = _healing(recipe, name, shared)
        if result is None:
            rows[name] = Bar(titles[name], "training …", None, None, (), pair=False)
            continue
        found[name] = result
        took = text.pruning.seconds(result.seconds) if HEALINGS[name].heal else "nothing done"
        accuracy = result.accuracy.value
        rows[name] = Bar(titles[name], took, None, accuracy, (percent(accuracy),), pair=False)
    complete = len(found) == len(HEALINGS)
    if complete and training:
        st.rerun()  # the whole page, without coming back to ask
    with below:
        widgets.reading(text.pruning.describe_healings(found) if complete else "Training goes on in the background.")


def _weight_versus_channel(state: State, shown: Shown, shared: Engine) -> None:
    both = shared.ask(studies.pruning.study_weight_versus_channel, shown.recipe, timed=True)
    layers = list(both.matrices["original"])
    layer = state.view.get("matrix")
    layer = layer if layer in layers else text.pruning.default_layer(both)

    def pick_layer() -> None:
        widgets.select(state, "matrix", "Layer drawn", layers, layer, text.names.layer_name, 230)

    title = "Holes against a smaller matrix, the same number of parameters"
    widgets.head(title, about.pruning.VERSUS, pick_layer)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        holes, smaller = both.matrices["holes"][layer], both.matrices["smaller"][layer]
        panels = {"Weights cut: holes": holes, "Channels cut: a smaller matrix": smaller}
        drawn = plots.pruning.matrices(panels, both.matrices["original"][layer].shape)
        widgets.figure("", drawn, text.pruning.describe_matrices(both, layer), key="matrices")
    with right.container(key="versus"):
        comparison_table(*text.pruning.versus_table(both))
        widgets.reading(text.pruning.describe_versus(both), lines=3)


main()
