"""Quantization: weights and their levels, the sensitivity of layers, every scheme, every byte, integers."""

import pandas as pd
import streamlit as st

from compress_core import plots, studies, text
from compress_core.errors import CompressError
from compress_core.pipeline import quantizable_layers
from compress_core.quantization.integer import missing
from compress_core.recipe import Recipe, layer_bits
from compress_core.registry import SCHEMES
from compress_core.text.numbers import size
from ui import about, finer_choices, knobs, page, quantization, widgets
from ui.address import State, change_recipe, change_view, value_of
from ui.bars import comparison_table
from ui.choices import Choice
from ui.engine import Engine, Piece, engine
from ui.refine import counts_of, latest, refine

POLL_S = 2.0  # a page that comes back for every point of a figure would never be still
RUNTIMES_POLL_S = 1.0
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


def main() -> None:
    state = page.start("Quantization", views=VIEWS)
    shared = engine()
    # At 32 bits the switches play no part, but layers and schemes can be compared by them all the same.
    switched = {name: getattr(state.recipe, name) for name in OF_QUANTIZATION}
    shown = page.show(state.recipe, *text.quantization.describe_unknown(state.recipe))
    if shown is None:
        return
    recipe = shown.recipe.with_(**switched)
    with st.container(gap="xsmall"):
        sentence = st.empty()
        finer_choices.selectors(state)
        with widgets.row():
            finer_choices.switches(state)
            widgets.help_on("rounding and these switches", about.quantization.switches())
        left, right = st.columns(2, gap="medium")
        middle = st.container(gap="xsmall")
        lower_left, lower_right = st.columns([2, 3], gap="medium")
        below = st.container(gap="xsmall")
    if shared.known(_first(recipe)) is None:
        page.measuring(sentence, recipe)
    layers = shared.ask(studies.quantization.study_layers, recipe)
    layer = state.view.get("layer")
    if layer not in set(layers["layer"]):  # it is of another network
        layer = text.quantization.default_layer(layers)
    with left.container(gap=None):
        _weights(state, recipe, layer, shared)
    with lower_right.container(gap=None):
        _ranges(state, recipe, layer, shared)
    networks = recipe, recipe.weights_only(), shown.original
    counts = counts_of(studies.quantization.study_packed, *networks)
    growing, bytes_table = right.container(gap=None), lower_left.container(gap=None)

    def draw() -> None:
        now, before, original = latest(counts, len(networks))
        hint = "" if now.recipe != before.recipe else " Move the bit width to round its weights."
        with sentence:
            widgets.sentence(text.quantization.summary(now, before, original) + hint)
        with growing:
            _curve(recipe, now, before, shared)
        with bytes_table:
            widgets.head("Where the bytes are", about.quantization.BYTES)
            comparison_table(*text.quantization.bytes_table(now, original), one_scale=True)
            widgets.reading(text.quantization.describe_bytes(now, original))
        with st.container(gap="xsmall"):  # where it is refined, since it has widgets
            _layers(state, recipe, layer, now, shared)

    spending = st.session_state.get("spending") is not None
    with middle:
        refine(state, [*counts, *quantization.pieces_of(recipe, spending)], draw, POLL_S)
    with below:
        _view(state, recipe, shared)
    _look_ahead(state, shared)


def _first(recipe: Recipe) -> Piece:
    """What is counted of a recipe first."""
    return counts_of(studies.quantization.study_packed, recipe)[0]


def _look_ahead(state: State, shared: Engine) -> None:
    """Prepare the next stop of whichever knob was turned."""
    likely = knobs.likely_next(state.before, state.recipe)
    # Last what comes first: what a page cannot be drawn without.
    shared.look_ahead(likely, [lambda shown: [*map(shared.compute, quantization.layer_pieces(shown.recipe))]])
    shared.look_ahead(likely, [lambda shown: shared.compute(_first(shown.recipe))])
    shared.look_ahead(likely, [lambda shown: shared.ask(studies.quantization.study_layers, shown.recipe)])


def _weights(state: State, recipe: Recipe, layer: str, shared: Engine) -> None:
    own = shared.ask(studies.quantization.study_weights, recipe, layer, kept=False)
    names = text.quantization.layer_names(recipe.arch)
    channel = value_of(state, CHOICES_OF_PAGE, "channel")
    channel = channel if channel != ALL and channel < own.channels else ALL

    def title(number: int | str) -> str:
        return "All channels" if number == ALL else f"Channel {number}"

    def pick() -> None:
        _pick_layer(state, recipe, layer, "Layer shown", "layer")
        widgets.select(state, "channel", "Channel shown", [ALL, *range(own.channels)], channel, title, 150, of=layer)

    one = None if channel == ALL else int(channel)
    rows = own.weights if one is None else own.weights[own.weights["channel"] == one]
    whose = text.quantization.widest_channel(own) if one is None and not own.shared else one
    levels = own.levels_of(0 if whose is None else whose)
    of = f"levels of channel {whose}" if one is None and not own.shared else ""
    widgets.figure(
        "Weights",
        plots.quantization.weights_and_levels(rows, levels, "after" if own.rounded else "", of),
        text.quantization.describe_weights(own, names[layer], one),
        about.quantization.weights(),
        pick,
        key="weights",
        wide=True,
    )


def _pick_layer(state: State, recipe: Recipe, layer: str, label: str, key: str) -> None:
    names, layers = text.quantization.layer_names(recipe.arch), list(quantizable_layers(recipe.arch))
    key = f"box of {key}"
    st.session_state[key] = layer
    st.selectbox(
        label,
        layers,
        format_func=lambda name: names.get(name, name),
        key=key,
        on_change=lambda: change_view(state, layer=st.session_state[key]),
        label_visibility="collapsed",
        width=200,
    )


def _curve(
    recipe: Recipe, now: studies.quantization.Packed, before: studies.quantization.Packed, shared: Engine
) -> None:
    wanted = studies.quantization.curve(recipe)
    found = {place: shared.known(Piece(studies.accuracy.study_accuracy, one)) for place, one in wanted.items()}
    rows = [(*place, accuracy.value) for place, accuracy in found.items() if accuracy is not None]
    points = pd.DataFrame(rows, columns=["scheme", "bits", "accuracy"])
    complete, untouched = len(rows) == len(found), before.accuracy.value
    samples = next((accuracy.samples for accuracy in found.values() if accuracy), now.accuracy.samples)
    titles = {scheme: SCHEMES.title(scheme) for scheme in dict.fromkeys(scheme for scheme, _ in wanted)}
    place = (now.mean_bits, now.accuracy.value) if studies.quantization.is_rounded(recipe) else None
    widgets.figure(
        f"Accuracy against bits, n = {samples:,}",
        plots.quantization.accuracy_over_bits(points, recipe.scheme, titles, place, untouched),
        text.quantization.describe_curve(points, recipe.scheme, untouched, complete),
        about.quantization.curve(),
        key="curve",
    )


def _layers(state: State, recipe: Recipe, layer: str, now: studies.quantization.Packed, shared: Engine) -> None:
    if quantization.spend_if_known(state, recipe, shared):
        st.rerun()
    probe_bits = None if studies.quantization.is_rounded(recipe) else studies.quantization.PROBE_BITS
    layers = shared.ask(
        studies.quantization.study_layers,
        studies.quantization.sensitivity_recipe(recipe, probe_bits) if probe_bits else recipe,
    )
    known = {p.recipe.bits: shared.known(p) for p in quantization.layer_pieces(recipe)}
    errors = {
        bits: known.get(studies.quantization.sensitivity_recipe(recipe, bits).bits)
        for bits in set(layers["bits"])
        if bits < 32
    }
    table = text.quantization.layer_bars_table(layers, errors, recipe.arch)
    number = int(layers.loc[layers["layer"] == layer, "number"].item())

    def controls() -> None:
        _pick_layer(state, recipe, layer, "Layer whose bits are set", "bits")
        _bit_picker(state, recipe, number)
        _budget(state, recipe, now)

    def clicked() -> None:
        points = st.session_state["layer-bars"].selection.points
        if points:
            change_view(state, layer=table["layer"].iloc[int(points[0]["x"])])

    names = text.quantization.layer_names(recipe.arch)
    widgets.figure(
        f"Layer by layer, n = {studies.quantization.IMAGES}",
        plots.quantization.layer_bars(table, layer, "logits' error (%)"),
        text.quantization.describe_layers(table, names, probe_bits, recipe.rounding),
        about.quantization.LAYERS,
        controls,
        key="layer-bars",
        lines=1,
        on_select=clicked,
        selection_mode="points",
    )


def _bit_picker(state: State, recipe: Recipe, number: int) -> None:
    own = layer_bits.parse(recipe.layer_bits).get(number)
    key = f"bits of {number}"
    st.session_state[key] = own or 0

    def picked() -> None:
        bits = layer_bits.with_bits(state.recipe.layer_bits, number, st.session_state[key] or None)
        change_recipe(state, layer_bits=bits)

    st.segmented_control(
        "Bits of this layer",
        text.quantization.bit_choices(own),
        required=True,
        format_func=lambda bits: text.quantization.bits_title(bits, recipe),
        key=key,
        on_change=picked,
        label_visibility="collapsed",
    )


def _budget(state: State, recipe: Recipe, now: studies.quantization.Packed) -> None:
    if SCHEMES[recipe.scheme].fixed_bits:  # there is nothing to spend
        return
    with st.popover("Spend bytes", type="tertiary", icon=":material/savings:"), st.form("budget", border=False):
        st.number_input("The file may take (KB)", 1, 100_000, max(1, now.file_bytes // 1000), key="kilobytes")
        st.form_submit_button(
            "Find each layer's bits",
            on_click=lambda: st.session_state.update(spending=(recipe, 1000 * st.session_state["kilobytes"])),
        )
        st.caption(text.quantization.describe_budget(now))
    if recipe.layer_bits:
        st.button(
            "Reset",
            icon=":material/restart_alt:",
            type="tertiary",
            key="bits-reset",
            on_click=lambda: change_recipe(state, layer_bits=""),
        )


def _ranges(state: State, recipe: Recipe, layer: str, shared: Engine) -> None:
    bits = recipe.bits if recipe.bits < 32 else studies.quantization.PROBE_BITS
    ranges = shared.ask(studies.quantization.study_ranges, recipe.with_(bits=bits), layer)
    order = value_of(state, CHOICES_OF_PAGE, "order")
    widgets.figure(
        "The range of each output channel",
        plots.quantization.channel_ranges(ranges, 2**bits, order == "widest"),
        text.quantization.describe_ranges(ranges, text.quantization.layer_names(recipe.arch)[layer], bits),
        about.quantization.RANGES,
        lambda: widgets.segments(state, CHOICES_OF_PAGE, "order", ORDERS),
        key="ranges",
    )


def _view(state: State, recipe: Recipe, shared: Engine) -> None:
    titles = {RUNTIMES: "Float and int8, three runtimes"}
    with widgets.row():
        widgets.heading("On this machine")
        view = widgets.segments(state, CHOICES_OF_PAGE, "view", titles, CLOSED)
        widgets.help_on("the runtimes", about.quantization.RUNTIMES)
    if view == CLOSED:
        return
    if lacks := missing():
        widgets.reading(lacks, lines=1)
        return
    try:
        waits = (
            shared.ask_later(studies.runtimes.study_runtimes, recipe.weights_only(), quiet=True) is None
        )  # starts it
    except CompressError as error:
        widgets.reading(str(error), lines=1)
        return
    with st.container(gap="xsmall"):
        st.fragment(_runtimes, run_every=RUNTIMES_POLL_S if waits else None)(recipe, shared, waits)


def _runtimes(recipe: Recipe, shared: Engine, waits: bool) -> None:
    try:
        found = shared.ask_later(studies.runtimes.study_runtimes, recipe.weights_only(), quiet=True)
    except CompressError:
        st.rerun()  # the page says it
    if found is None:
        widgets.reading("The network is written as ONNX, in float and in integers, and timed in the background …", 1)
        return
    if waits:
        st.rerun()
    comparison_table(*text.quantization.runtimes_table(found))
    widgets.reading(text.quantization.describe_runtimes(found))
    if slower := text.quantization.describe_off_grid(found, recipe):
        widgets.reading(f"{slower} (Finer choices: pruning).", lines=1)
    with widgets.row():
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
