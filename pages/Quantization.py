"""Quantization, taken apart: weights and their levels, what each layer bears, every scheme, every byte, integers."""

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from compress_core import explain_quantization as explain
from compress_core import layer_bits, plots
from compress_core.errors import CheckpointError, CompressError
from compress_core.numbers import size
from compress_core.pipeline import quantizable_layers
from compress_core.quantization.integer import missing
from compress_core.quantization.rounding import ROUNDINGS
from compress_core.recipe import Recipe
from compress_core.study_quantization import CHOICES, IMAGES, TELLING_BITS, Packed, alone, curve, is_rounded
from ui import about_quantization as about
from ui import components, knobs, page, switches
from ui.address import State, choose, look, on_view, value_of, widget_key
from ui.bars import versus
from ui.choice import Choice
from ui.engine import Engine, Piece, engine

POLL_S, PATIENT_POLL_S = 1.0, 3.0
CLOSED, RUNTIMES = "closed", "runtimes"
ALL = "all"
ORDERS = {"widest": "Widest first", "numbered": "As numbered"}
CHOICES_OF_PAGE = {
    "channel": Choice("channel", (ALL, *range(4096)), ALL),
    "order": Choice("order", tuple(ORDERS), "widest"),
    "view": Choice("view", (CLOSED, RUNTIMES), CLOSED),
}
VIEWS = {"layer": lambda recipe: quantizable_layers(recipe.arch)} | CHOICES_OF_PAGE
OF_QUANTIZATION = ("scheme", "clipping", "rounding", "fold", "equalize", "correct_bias", "coding")
PREPARED = range(1, 9)  # bits at which layers are rounded alone beside the page, before anyone asks
_STILL = {"displayModeBar": False}


def main() -> None:
    state = page.start("Quantization", views=VIEWS)
    shared = engine()
    st.session_state["drawn for"] = state.recipe, dict(state.view)
    try:
        shown = shared.shown(state.recipe)
    except CheckpointError as error:
        page.say([str(error)])
        return
    # At 32 bits the switches play no part, but layers and schemes can be judged by them all the same.
    recipe = shown.recipe.with_(**{name: getattr(state.recipe, name) for name in OF_QUANTIZATION})
    notes = [*shown.notices, *explain.read_strangers(recipe)]
    if notes:
        page.say(notes)
    with st.container(gap="xsmall"):
        top = st.container(gap="xsmall")
        _switches(state)
        left, right = st.columns(2, gap="medium")
        middle = st.container(gap="xsmall")
        lower_left, lower_right = st.columns([2, 3], gap="medium")
        below = st.container(gap="xsmall")
    layers = shared.layers(recipe)
    layer = _layer(state, layers)
    with left.container(gap=None):
        _weights(state, recipe, layer, shared)
    now, original = shared.packed(recipe), shared.packed(shown.original)
    with top:
        components.sentence(explain.summary(now, shared.packed(recipe.weights_only()), original))
    going_on = _gather(state, recipe, shared)
    with right.container(gap=None):
        _live(_curve, recipe, going_on and _lacks(_curve_pieces(recipe), shared), None)(state, recipe, now, shared)
    with lower_left.container(gap=None):
        _bytes(now, original)
    with lower_right.container(gap=None):
        _ranges(state, recipe, layer, shared)
    with middle:
        wanted = _layer_pieces(recipe)
        spending = st.session_state.get("spending") is not None
        lacks = _lacks(wanted, shared) or spending
        _live(_layers, recipe, going_on and lacks, "xsmall")(state, recipe, layer, now, shared)
    with below:
        _view(state, recipe, shared)
    _expect(state, recipe, shared)


def _live(draw: Callable, recipe: Recipe, going_on: bool, gap: str | None) -> Callable:
    """A part of the page that comes back to ask while what it draws is still measured.

    It stays such a part when all is there: the browser would take it for another one, and draw it anew.
    """

    def again(state: State, recipe: Recipe, *args: object) -> None:
        if st.session_state["drawn for"] != (state.recipe, state.view):  # its own widgets move the whole page
            st.rerun()
        _gather(state, recipe, engine())
        with st.container(gap=gap):  # a fragment's own has another one
            draw(state, recipe, *args)

    # What looks at images takes a third of a second each; a page that comes back for every one of them is never still.
    patient = "images" in ROUNDINGS[recipe.rounding].needs
    return st.fragment(again, run_every=(PATIENT_POLL_S if patient else POLL_S) if going_on else None)


def _layer(state: State, layers: pd.DataFrame) -> str:
    """The layer shown; one of another network is forgotten."""
    layer = state.view.get("layer")
    return layer if layer in set(layers["layer"]) else explain.telling_layer(layers)


def _expect(state: State, recipe: Recipe, shared: Engine) -> None:
    """Prepare the next stop of whichever knob was turned."""
    likely = knobs.likely_next(state.before, state.recipe)
    # Last what comes first: what a page cannot be drawn without.
    shared.expect(likely, [lambda shown: [shared.piece(piece) for piece in _layer_pieces(shown.recipe)]])
    shared.expect(likely, [lambda shown: shared.packed(shown.recipe), lambda shown: shared.layers(shown.recipe)])


# What is measured beside the page


def _layer_pieces(recipe: Recipe) -> list[Piece]:
    """What the bars of the layers need: each bit width that some layer has."""
    own = {bits for bits in layer_bits.parse(recipe.layer_bits).values() if bits < 32}
    bits = own | ({recipe.bits} if recipe.bits < 32 else set() if own else {TELLING_BITS})
    return _sensitivities(recipe, sorted(bits))


def _sensitivities(recipe: Recipe, bits: Sequence[int]) -> list[Piece]:
    return [Piece("sensitivity", one) for one in dict.fromkeys(alone(recipe, own) for own in bits)]


def _curve_pieces(recipe: Recipe) -> list[Piece]:
    return [Piece("outcome", one) for one in curve(recipe).values()]


def _gather(state: State, recipe: Recipe, shared: Engine) -> bool:
    """Measure beside the page what it lacks, until the recipe changes in what that depends on."""

    def part(of: Recipe) -> Recipe:
        return of.with_(bits=8, layer_bits="", scheme=Recipe.scheme, coding=Recipe.coding)

    mine = part(state.recipe)

    def next_piece() -> Piece | None:
        if part(state.recipe) != mine:
            return None
        moved = {name: getattr(state.recipe, name) for name in ("bits", "layer_bits", "scheme")}
        wanted = recipe.with_(**moved)
        points = _curve_pieces(wanted)
        own = [piece for piece in points if piece.recipe.scheme == wanted.scheme]
        queue = [*_layer_pieces(wanted), *own, *_sensitivities(wanted, PREPARED), *points]
        return next((piece for piece in queue if shared.known(piece) is None), None)

    return shared.gather((id(state), mine), next_piece)


def _lacks(pieces: Sequence[Piece], shared: Engine) -> bool:
    return any(shared.known(piece) is None for piece in pieces)


# The figures, from top to bottom


def _switches(state: State) -> None:
    switches.selectors(state)
    with components.row():
        switches.switches(state)
        components.help_on("rounding and these switches", about.SWITCHES)


def _weights(state: State, recipe: Recipe, layer: str, shared: Engine) -> None:
    own, names = shared.weights(recipe, layer), explain.layer_names(recipe.arch)
    channel = value_of(state, CHOICES_OF_PAGE, "channel")
    channel = channel if channel != ALL and channel < own.channels else ALL
    channels = [ALL, *range(own.channels)]
    with components.row():
        components.heading("Weights")
        _layer_box(state, recipe, layer, "Layer shown", "layer")
        st.selectbox(
            "Channel shown",
            channels,
            index=channels.index(channel),
            format_func=lambda number: "All channels" if number == ALL else f"Channel {number}",
            key=f"{widget_key(state, 'channel')}{layer}",
            on_change=on_view(state, "channel", layer),
            label_visibility="collapsed",
            width=130,
        )
        components.help_on("weights and levels", about.WEIGHTS)
    one = None if channel == ALL else int(channel)
    rows = own.weights if one is None else own.weights[own.weights["channel"] == one]
    text = explain.read_weights(own, names[layer], one)
    whose = explain.widest_channel(own) if one is None and not own.shared else one
    levels = own.levels_of(0 if whose is None else whose)
    after = "after" if own.rounded else ""
    of = f"levels of channel {whose}, the widest" if one is None and not own.shared else ""
    figure = plots.weights_and_levels(rows, levels, after, of)
    st.plotly_chart(figure, key="weights", alt=text, config=_STILL)
    components.reading(text)


def _layer_box(state: State, recipe: Recipe, layer: str, label: str, key: str) -> None:
    names, layers = explain.layer_names(recipe.arch), list(quantizable_layers(recipe.arch))
    key = f"box of {key}"
    st.session_state[key] = layer
    st.selectbox(
        label,
        layers,
        format_func=lambda name: names.get(name, name),
        key=key,
        on_change=lambda: look(state, layer=st.session_state[key]),
        label_visibility="collapsed",
        width=200,
    )


def _curve(state: State, recipe: Recipe, now: Packed, shared: Engine) -> None:
    wanted = curve(recipe)
    found = {place: shared.known(Piece("outcome", one)) for place, one in wanted.items()}
    rows = [(*place, outcome.accuracy) for place, outcome in found.items() if outcome is not None]
    points = pd.DataFrame(rows, columns=["scheme", "bits", "accuracy"])
    complete = len(rows) == len(found)
    if complete and st.session_state.get("curve grew") == recipe:
        st.session_state["curve grew"] = None
        st.rerun()  # the whole page, without coming back to ask
    st.session_state["curve grew"] = None if complete else recipe
    with components.row():
        components.heading(f"Accuracy against bits, n = {now.outcome.samples:,}")
        components.help_on("accuracy against bits", about.CURVE)
    before = shared.packed(recipe.weights_only()).outcome.accuracy
    drawn = dict.fromkeys(scheme for scheme, _ in wanted)
    titles = {scheme: explain.scheme_title(scheme) for scheme in drawn}
    place = (now.mean_bits, now.outcome.accuracy) if is_rounded(recipe) else None
    text = explain.read_curve(points, recipe.scheme, before, complete)
    figure = plots.accuracy_over_bits(points, recipe.scheme, titles, place, before)
    st.plotly_chart(figure, key="curve", alt=text, config=_STILL)
    components.reading(text)


def _layers(state: State, recipe: Recipe, layer: str, now: Packed, shared: Engine) -> None:
    if _spend_if_known(state, recipe, shared):
        st.rerun()
    telling = None if is_rounded(recipe) else TELLING_BITS
    layers, names = shared.layers(alone(recipe, telling) if telling else recipe), explain.layer_names(recipe.arch)
    own = layer_bits.parse(recipe.layer_bits)
    number = int(layers.loc[layers["layer"] == layer, "number"].item())
    with components.row():
        components.heading(f"Layer by layer, n = {IMAGES}")
        _layer_box(state, recipe, layer, "Layer whose bits are set", "bits")
        _bit_picker(state, recipe, number, own.get(number))
        _budget(state, recipe, now, shared)
        components.help_on("layers", about.LAYERS)
    known = {p.recipe.bits: shared.known(p) for p in _layer_pieces(recipe)}
    errors = [
        (known.get(alone(recipe, bits).bits) or {}).get(name, float("nan")) if bits < 32 else 0.0
        for name, bits in zip(layers["layer"], layers["bits"], strict=True)
    ]
    titles = layers["layer"].map(names)
    table = layers.assign(
        title=titles,
        block=titles.map(explain.block_name),
        error=errors,
        text=[f"{bits}" if by_hand and bits < 32 else "" for bits, by_hand in layers[["bits", "by_hand"]].to_numpy()],
    )
    complete = not table["error"].isna().any()
    if complete and st.session_state.get("layers grew") == recipe:
        st.session_state["layers grew"] = None
        st.rerun()
    st.session_state["layers grew"] = None if complete else recipe
    text = explain.read_layers(table, names, telling, recipe.rounding)

    def clicked() -> None:
        points = st.session_state["layer-bars"].selection.points
        if points:
            look(state, layer=table["layer"].iloc[int(points[0]["x"])])

    st.plotly_chart(
        plots.layer_bars(table, layer, "logits' error (%)"),
        key="layer-bars",
        alt=text,
        config=_STILL,
        on_select=clicked,
        selection_mode="points",
    )
    components.reading(text, lines=1)


def _bit_picker(state: State, recipe: Recipe, number: int, own: int | None) -> None:
    options = explain.bit_choices(own)
    key = f"bits of {number}"
    st.session_state[key] = own or 0

    def picked() -> None:
        choose(state, layer_bits=layer_bits.changed(state.recipe.layer_bits, number, st.session_state[key] or None))

    st.segmented_control(
        "Bits of this layer",
        options,
        required=True,
        format_func=lambda bits: explain.bits_title(bits, recipe),
        key=key,
        on_change=picked,
        label_visibility="collapsed",
    )


def _budget(state: State, recipe: Recipe, now: Packed, shared: Engine) -> None:
    if explain.can_spend(recipe):
        return
    with st.popover("Spend bytes", type="tertiary", icon=":material/savings:"), st.form("budget", border=False):
        st.number_input("The file may take (KB)", 1, 100_000, max(1, now.file_bytes // 1000), key="kilobytes")
        st.form_submit_button(
            "Find each layer's bits",
            on_click=lambda: st.session_state.update(spending=(recipe, 1000 * st.session_state["kilobytes"])),
        )
        st.caption(explain.read_budget(now))
    if recipe.layer_bits:
        st.button(
            "Reset",
            icon=":material/restart_alt:",
            type="tertiary",
            key="bits-reset",
            on_click=lambda: choose(state, layer_bits=""),
        )


def _spend_if_known(state: State, recipe: Recipe, shared: Engine) -> bool:
    """Where a budget waits to be spent and every layer is measured, spend it; whether bits were changed."""
    waiting = st.session_state.get("spending")
    if waiting is None:
        return False
    wanted, budget = waiting
    if wanted != recipe:
        st.session_state["spending"] = None
        return False
    found = {bits: shared.known(piece) for bits in CHOICES for piece in _sensitivities(recipe, [bits])}
    if any(errors is None for errors in found.values()):
        components.reading("Every layer is rounded alone to every bit width, beside the page …", lines=1)
        return False
    st.session_state["spending"] = None
    try:
        text = shared.plan(recipe, budget, found)
    except ValueError as error:
        page.say([str(error)])
        return False
    choose(state, layer_bits=text, **({"bits": 8} if recipe.bits == 32 else {}))
    return True


def _bytes(now: Packed, original: Packed) -> None:
    with components.row():
        components.heading("Where the bytes are")
        components.help_on("the bytes", about.BYTES)
    versus(*explain.bytes_table(now, original))
    components.reading(explain.read_bytes(now, original))


def _ranges(state: State, recipe: Recipe, layer: str, shared: Engine) -> None:
    bits = recipe.bits if recipe.bits < 32 else TELLING_BITS
    ranges = shared.ranges(recipe.with_(bits=bits), layer)
    order = value_of(state, CHOICES_OF_PAGE, "order")
    with components.row():
        components.heading("The range of each output channel")
        st.segmented_control(
            "Order",
            list(ORDERS),
            default=order,
            required=True,
            format_func=ORDERS.get,
            key=widget_key(state, "order"),
            on_change=on_view(state, "order"),
            label_visibility="collapsed",
        )
        components.help_on("ranges", about.RANGES)
    text = explain.read_ranges(ranges, explain.layer_names(recipe.arch)[layer], bits)
    figure = plots.channel_ranges(ranges, 2**bits, order == "widest")
    st.plotly_chart(figure, key="ranges", alt=text, config=_STILL)
    components.reading(text)


def _view(state: State, recipe: Recipe, shared: Engine) -> None:
    view = value_of(state, CHOICES_OF_PAGE, "view")
    with components.row():
        components.heading("On this machine")
        st.segmented_control(
            "View",
            [RUNTIMES],
            default=None if view == CLOSED else view,
            format_func=lambda _: "Float and int8, three runtimes",
            key=widget_key(state, "view"),
            on_change=on_view(state, "view"),
            label_visibility="collapsed",
        )
        components.help_on("the runtimes", about.RUNTIMES)
    if view == CLOSED:
        return
    if lacks := missing():
        components.reading(lacks, lines=1)
        return
    try:
        waits = shared.runtimes(recipe) is None  # starts it
    except CompressError as error:
        components.reading(str(error), lines=1)
        return
    _live(_runtimes, recipe, waits, "xsmall")(state, recipe, shared, waits)


def _runtimes(_: State, recipe: Recipe, shared: Engine, waits: bool) -> None:
    try:
        found = shared.runtimes(recipe)
    except CompressError:
        st.rerun()  # the page says it
    if found is None:
        components.reading("The network is written as ONNX, in float and in integers, and timed beside the page …", 1)
        return
    if waits:
        st.rerun()
    versus(*explain.runtimes_table(found))
    components.reading(explain.read_runtimes(found))
    if slower := explain.read_off_grid(found, recipe):
        components.reading(slower, lines=1)
    with components.row():
        for data, name, title in ((found.onnx, "float", "ONNX, float"), (found.int8, "int8", "ONNX, int8")):
            st.download_button(
                f"Download {title} ({size(len(data))})",
                data=data,
                file_name=f"{recipe.arch}-{name}.onnx",
                on_click="ignore",
                icon=":material/download:",
                key=f"download-{name}",
            )


main()
