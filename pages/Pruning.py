"""Channel pruning, taken apart: what is cut, why it is exact, what each criterion, healing and form is worth."""

import pandas as pd
import streamlit as st

from compress_core import explain_pruning as explain
from compress_core import plots
from compress_core.errors import CheckpointError
from compress_core.explain import score_axis, score_title
from compress_core.numbers import percent
from compress_core.pipeline import prunable_layers
from compress_core.pruning.healing import HEALINGS
from compress_core.pruning.importance import CRITERIA, criteria
from compress_core.recipe import Recipe
from compress_core.study_pruning import SPAN_DECADES, Rung, thresholds
from compress_core.training.shipped import WEIGHTS
from ui import about_pruning as about
from ui import components, edits, knobs, page, threshold
from ui.address import State, choose, on_view, value_of, widget_key
from ui.bars import Bar, Growing, badge, versus
from ui.choice import Choice
from ui.engine import Engine, Shown, engine
from ui.sidebar import HEAL_TITLES
from ui.tiles import tiles

ALL_LAYERS = ""
VIEWS = {"criteria": "Every criterion", "healing": "Every healing", "versus": "Weights against channels"}
POLL_S = 0.5
SCORES_PX = 258
CLOSED = "closed"
CHOICES = {"view": Choice("view", (CLOSED, *VIEWS), CLOSED)}
VIEWS_OF_ADDRESS = {
    "layer": lambda recipe: prunable_layers(recipe.arch),
    "matrix": lambda recipe: prunable_layers(recipe.arch),
} | CHOICES
_STILL = {"displayModeBar": False}


def main() -> None:
    state = page.start("Pruning", views=VIEWS_OF_ADDRESS)
    shared = engine()
    try:
        shown = shared.shown(state.recipe.weights_only())  # rounding comes after everything on this page
    except CheckpointError as error:
        page.say([str(error)])
        return
    strangers = explain.read_strangers(shown.recipe, shared.fates(shown.recipe))
    if shown.notices or strangers:
        page.say([*shown.notices, *strangers])
    with st.container(gap="xsmall"):
        top = st.container(gap="xsmall")
        left, right = st.columns([3, 2], gap="medium")
        middle = st.container(gap="xsmall")
        below = st.container(gap="xsmall")
    # What costs nothing is drawn first: the browser draws scores and tiles while the network is healed and measured.
    with left.container(gap=None):
        _scores(state, shown.recipe, shared)
    with middle:
        said = _tiles(state, shown.recipe, shared)
    with top:
        _summary(shown, shared)
    with said:
        _last_change(state, shown, shared)
    with right.container(gap=None):
        _trainings(state, shown.recipe, shared)
    _expect(state, shown.recipe, shared)
    with below:
        _view(state, shown, shared)


def _expect(state: State, recipe: Recipe, shared: Engine) -> None:
    """Prepare the next stop of whichever knob was turned."""
    before = state.before.weights_only()
    guesses = knobs.likely_next(before, recipe)
    if recipe.prune not in knobs.RATIOS:  # the threshold was moved
        guesses = threshold.likely_next(
            thresholds(shared.cut(recipe).channels["score"], recipe.criterion in SPAN_DECADES), before, recipe
        )

    def rest(shown: Shown) -> None:
        shared.exactness(shown.recipe)
        shared.fates(shown.recipe)
        for weights in WEIGHTS:
            shared.cut(shown.recipe.with_(weights=weights))

    shared.expect(guesses, (lambda shown: shared.standing(shown.recipe), rest))


def _summary(shown: Shown, shared: Engine) -> None:
    now = shared.standing(shown.recipe)
    components.sentence(explain.summary(shared.standing(shown.original), now))
    with components.row():
        proof = shared.exactness(shown.recipe)
        badge(explain.read_exactness(proof.difference, proof.images, now.cut_share), idle=now.cut_share == 0)
        components.help_on("this proof", about.EXACT)


def _scores(state: State, recipe: Recipe, shared: Engine) -> None:
    cut = shared.cut(recipe)
    layers = list(cut.layers["layer"])
    layer = state.view.get("layer", ALL_LAYERS)
    layer = layer if layer in layers else ALL_LAYERS
    options = [ALL_LAYERS, *layers]
    with components.row():
        components.heading(f"{score_title(recipe.criterion)}, and the threshold")
        st.selectbox(
            "Layer shown",
            options,
            index=options.index(layer),
            format_func=lambda name: explain.layer_name(name) if name else "All layers",
            key=widget_key(state, "layer"),
            on_change=on_view(state, "layer"),
            label_visibility="collapsed",
            width=190,
        )
        components.help_on("the scores", about.SCORES)
    own = cut.channels[cut.channels["layer"] == layer] if layer else cut.channels
    of_layers = cut.layers[cut.layers["layer"] == layer] if layer else cut.layers
    values = of_layers["threshold"].dropna().unique()
    limit = float(values[0]) if len(values) == 1 else None
    log = recipe.criterion in SPAN_DECADES
    table = thresholds(cut.channels["score"], log)
    ends = float(table["stop"].iloc[0]), float(table["stop"].iloc[-1])
    text = explain.read_scores(cut, layer or None, recipe.scope, recipe.canonical().balance == "on")
    figure = plots.score_histogram(own, limit, ends, score_axis(recipe.criterion), log, named=False, height=SCORES_PX)
    st.plotly_chart(figure, key="scores", alt=text, config=_STILL)
    with st.container(key="cc-threshold", height=62, border=False):
        if recipe.scope == "global":
            threshold.slider(state, table, limit, "Threshold")
        else:
            components.reading(explain.own_thresholds(layer or None), lines=1)
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
    text = explain.read_trainings(cuts, recipe.criterion)
    log = recipe.criterion in SPAN_DECADES
    stops = thresholds(channels["score"], log)["stop"]
    figure = plots.trainings_histogram(
        channels,
        limits,
        explain.training_title(recipe.weights),
        (float(stops.iloc[0]), float(stops.iloc[-1])),
        score_axis(recipe.criterion),
        log,
    )
    st.plotly_chart(figure, key="trainings", alt=text, config=_STILL)
    components.reading(text)


def _tiles(state: State, recipe: Recipe, shared: Engine):
    """The tiles; returns the place for what the last change by hand has brought."""
    fates = shared.fates(recipe)
    with components.row():
        components.heading("Every channel")
        edits.buttons(state)
        with st.popover("As a table", type="tertiary", icon=":material/table_rows:"):
            st.dataframe(explain.layers_table(fates), hide_index=True)
        components.help_on("the tiles", about.TILES)
    said = st.container()
    score = explain.score_name(recipe.criterion)
    tiles(shared.wiring(recipe), fates, score, "tiles", lambda wanted: edits.toggle(state, wanted, shared))
    return said


def _last_change(state: State, shown: Shown, shared: Engine) -> None:
    before = edits.before_last(state)
    text = explain.read_fates(shared.fates(shown.recipe))
    if before is not None:
        was = shared.standing(shown.recipe.with_(edits=before).canonical())
        text += f" {explain.read_change(was, shared.standing(shown.recipe))}"
    components.reading(text, lines=1)


def _view(state: State, shown: Shown, shared: Engine) -> None:
    view = value_of(state, CHOICES, "view")
    with components.row():
        components.heading("Measure at this ratio")
        st.segmented_control(
            "View",
            list(VIEWS),
            default=None if view == CLOSED else view,
            format_func=VIEWS.get,
            key=widget_key(state, "view"),
            on_change=on_view(state, "view"),
            label_visibility="collapsed",
        )
    if view == CLOSED:
        return
    if not shared.standing(shown.recipe).cut_share:
        components.reading("Nothing is cut yet, so there is nothing to compare. Raise the pruning ratio.", lines=1)
        return
    {"criteria": _criteria, "healing": _healings, "versus": _versus}[view](state, shown, shared)


def _drawn(view: str, recipe: Recipe) -> bool:
    """Whether this visit has seen the view of this recipe just before, so that its bars need not grow again."""
    before = st.session_state.get("drawn last")
    st.session_state["drawn last"] = view, recipe
    return before == (view, recipe)


def _marked(title: str, chosen: bool) -> str:
    return f"{title} ●" if chosen else title


def _criteria(state: State, shown: Shown, shared: Engine) -> None:
    recipe = shown.recipe
    original = shared.standing(shown.original).outcome
    with components.row():
        components.heading(explain.criteria_heading(recipe, original.samples))
        components.help_on("the criteria", about.CRITERIA)
    place, said = st.container(), st.container()
    titles = {name: _marked(CRITERIA[name].title, name == recipe.criterion) for name in criteria()}
    rows = {name: Bar(title, "", None, None, ()) for name, title in titles.items()}
    drawn = _drawn("criteria", recipe)
    found: dict[str, tuple[float, float]] = {}
    for name in Growing(place, rows, original.accuracy, "Accuracy of each criterion", "cut → healed", drawn):
        after_cut = shared.outcome(recipe.with_(criterion=name, heal="none")).accuracy
        healed = shared.outcome(recipe.with_(criterion=name)).accuracy
        found[name] = after_cut, healed
        rows[name] = Bar(titles[name], "", after_cut, healed, (percent(after_cut), percent(healed)))
    with said:
        components.reading(explain.read_criteria(found, recipe))


def _healings(state: State, shown: Shown, shared: Engine) -> None:
    recipe = shown.recipe
    original = shared.standing(shown.original).outcome
    with components.row():
        components.heading(f"The same cut, healed: accuracy on {original.samples:,} test images")
        components.help_on("the healings", about.HEALINGS)
    training = shared.rung(recipe.with_(heal="finetune")) is None  # starts it
    st.fragment(_ladder, run_every=POLL_S if training else None)(recipe, original.accuracy, shared, training)


def _ladder(recipe: Recipe, original: float, shared: Engine, training: bool) -> None:
    """The bars of the healings; they come back to ask while the last one is `training`."""
    place, said = st.container(), st.container()
    titles = {name: _marked(HEAL_TITLES[name], name == recipe.heal) for name in HEALINGS}
    rows = {name: Bar(title, "", None, None, (), pair=False) for name, title in titles.items()}
    drawn = _drawn("healing", recipe)
    found: dict[str, Rung] = {}
    for name in Growing(place, rows, original, "Accuracy after each healing", "", drawn):
        rung = shared.rung(recipe.with_(heal=name))
        if rung is None:
            rows[name] = Bar(titles[name], "training …", None, None, (), pair=False)
            continue
        found[name] = rung
        took = "nothing done" if name == "none" else explain.seconds(rung.seconds)
        accuracy = rung.outcome.accuracy
        rows[name] = Bar(titles[name], took, None, accuracy, (percent(accuracy),), pair=False)
    complete = len(found) == len(HEALINGS)
    if complete and training:
        st.rerun()  # the whole page, without coming back to ask
    with said:
        components.reading(explain.read_healings(found) if complete else "Training goes on beside the page.")


def _versus(state: State, shown: Shown, shared: Engine) -> None:
    both = shared.versus(shown.recipe)
    layers = list(both.matrices["original"])
    layer = state.view.get("matrix")
    layer = layer if layer in layers else explain.telling_layer(both)
    with components.row():
        components.heading("Holes against a smaller matrix, the same number of parameters")
        st.selectbox(
            "Layer drawn",
            layers,
            index=layers.index(layer),
            format_func=explain.layer_name,
            key=widget_key(state, "matrix"),
            on_change=on_view(state, "matrix"),
            label_visibility="collapsed",
            width=230,
        )
        components.help_on("the two forms", about.VERSUS)
    text = explain.read_versus(both)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        holes, smaller = both.matrices["holes"][layer], both.matrices["smaller"][layer]
        panels = {"Weights cut: holes": holes, "Channels cut: a smaller matrix": smaller}
        drawn = plots.matrices(panels, both.matrices["original"][layer].shape)
        st.plotly_chart(drawn, key="matrices", alt=explain.read_matrices(both, layer), config=_STILL)
        components.reading(explain.read_matrices(both, layer))
    with right:
        versus(*explain.versus_table(both))
        components.reading(text, lines=3)


main()
