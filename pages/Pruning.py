"""Channel pruning, taken apart: what is cut, why it is exact, what each criterion, healing and form is worth."""

import pandas as pd
import streamlit as st

from compress_core import explain_pruning as explain
from compress_core import plots
from compress_core.errors import CheckpointError
from compress_core.explain import layer_title
from compress_core.pipeline import prunable_layers
from compress_core.recipe import Recipe
from compress_core.study_pruning import thresholds
from compress_core.training.shipped import WEIGHTS
from ui import about_pruning as about
from ui import components, page
from ui.address import State, choose, on_view, value_of, widget_key
from ui.bars import badge
from ui.choice import Choice
from ui.engine import Engine, Shown, engine
from ui.knobs import likely_next
from ui.threshold import threshold_slider
from ui.tiles import Toggle, tiles

ALL_LAYERS = ""
VIEWS = {"criteria": "Every criterion", "healing": "Every healing", "versus": "Weights against channels"}
CHOICES = {"view": Choice("view", tuple(VIEWS), "criteria")}
_STILL = {"displayModeBar": False}
SCORE = "scaling factor |γ| (no unit)"


def main() -> None:
    state = page.start("Pruning", views={"layer": lambda recipe: prunable_layers(recipe.arch)} | CHOICES)
    shared = engine()
    try:
        shown = shared.shown(state.recipe.with_(bits=32))  # rounding comes after everything on this page
    except CheckpointError as error:
        page.say([str(error)])
        return
    if shown.notices:
        page.say(shown.notices)
    with st.container(gap="xsmall"):
        top = st.container(gap="xsmall")
        left, right = st.columns([3, 2], gap="medium")
        middle = st.container(gap="xsmall")
        below = st.container(gap="xsmall")
    # What costs nothing is drawn first: the browser draws scores and tiles while the network is healed and measured.
    with left.container(gap=None):
        _scores(state, shown.recipe, shared)
    with middle:
        _tiles(state, shown.recipe, shared)
    with top:
        _summary(shown, shared)
    with right.container(gap=None):
        _trainings(state, shown.recipe, shared)
    shared.expect(likely_next(state.before, state.recipe))
    with below:
        _view(state, shown, shared)


def _summary(shown: Shown, shared: Engine) -> None:
    study = shared.study(shown)
    components.sentence(explain.summary(study))
    with components.row():
        proof = shared.exactness(shown.recipe)
        badge(explain.read_exactness(proof.difference, proof.images, study.cut_share), idle=study.cut_share == 0)
        components.help_on("this proof", about.EXACT)


def _scores(state: State, recipe: Recipe, shared: Engine) -> None:
    cut = shared.cut(recipe)
    layers = list(cut.layers["layer"])
    layer = state.view.get("layer", ALL_LAYERS)
    layer = layer if layer in layers else ALL_LAYERS
    options = [ALL_LAYERS, *layers]
    with components.row():
        components.heading("Scores and their threshold")
        st.selectbox(
            "Layer shown",
            options,
            index=options.index(layer),
            format_func=lambda name: layer_title(name) if name else "All layers",
            key=widget_key(state, "layer"),
            on_change=on_view(state, "layer"),
            label_visibility="collapsed",
            width=190,
        )
        components.help_on("the scores", about.SCORES)
    own = cut.channels[cut.channels["layer"] == layer] if layer else cut.channels
    of_layers = cut.layers[cut.layers["layer"] == layer] if layer else cut.layers
    values = of_layers["threshold"].dropna().unique()
    threshold = float(values[0]) if len(values) == 1 else None
    table = thresholds(cut.channels["score"])
    text = explain.read_scores(cut, layer or None, recipe.scope)
    figure = plots.threshold_histogram(own, threshold, float(table["stop"].iloc[-1]), SCORE)
    st.plotly_chart(figure, key="scores", alt=text, config=_STILL)
    with st.container(key="cc-threshold", height=62, border=False):
        if recipe.scope == "global":
            threshold_slider(state, table, threshold, "Threshold")
        else:
            components.reading("Each layer has a threshold of its own here: pick a layer to see it.", lines=1)
    components.reading(text)


def _trainings(state: State, recipe: Recipe, shared: Engine) -> None:
    cuts = {}
    for weights in WEIGHTS:
        try:
            cuts[explain.training_title(weights)] = shared.cut(recipe.with_(weights=weights))
        except CheckpointError as error:
            page.say([str(error)])
    key = "lambda"
    st.session_state[key] = recipe.weights
    with components.row():
        components.heading("After each training")
        st.segmented_control(
            "Trained",
            list(WEIGHTS),
            required=True,
            format_func=explain.training_title,
            key=key,
            on_change=lambda: choose(state, weights=st.session_state[key]),
            label_visibility="collapsed",
        )
        components.help_on("the trainings", about.TRAININGS)
    channels = pd.concat([cut.channels.assign(training=name) for name, cut in cuts.items()])
    limits = pd.Series({name: explain.one_threshold(cut) for name, cut in cuts.items()}, dtype=float)
    text = explain.read_trainings(cuts, explain.training_title(recipe.weights))
    figure = plots.trainings_histogram(channels, limits, explain.training_title(recipe.weights), SCORE)
    st.plotly_chart(figure, key="trainings", alt=text, config=_STILL)
    components.reading(text)


def _tiles(state: State, recipe: Recipe, shared: Engine) -> None:
    fates = shared.fates(recipe)
    with components.row():
        components.heading("Every channel")
        with st.popover("As a table", type="tertiary", icon=":material/table_rows:"):
            st.dataframe(explain.layers_table(fates), hide_index=True)
        components.help_on("the tiles", about.TILES)
    tiles(shared.wiring(recipe), fates, "|γ|", "tiles", lambda toggle: _toggle(state, toggle))
    components.reading(explain.read_fates(fates), lines=1)


def _toggle(state: State, toggle: Toggle) -> None:
    st.session_state["last"] = toggle


def _view(state: State, shown: Shown, shared: Engine) -> None:
    st.segmented_control(
        "View",
        list(VIEWS),
        default=value_of(state, CHOICES, "view"),
        required=True,
        format_func=VIEWS.get,
        key=widget_key(state, "view"),
        on_change=on_view(state, "view"),
        label_visibility="collapsed",
    )


main()
