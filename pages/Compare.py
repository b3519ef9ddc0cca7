"""Networks beside each other: on one image, where they differ, what is inside them, and ever smaller ones."""

import streamlit as st

from compress_core import plots, studies, text
from compress_core.data import dataset
from compress_core.errors import CheckpointError
from compress_core.pipeline import original_of, prunable_layers, quantizable_layers
from compress_core.studies.compare import image_of, ladder, study_reading, study_rung, truth_of
from ui import about, compare, page, widgets
from ui.address import State, change_view, take_recipe, value_of
from ui.choices import Choice
from ui.engine import Piece, Shown, engine
from ui.given import SOURCES, pick_source, take_input
from ui.pins import counts_between, draw_numbers, known_numbers, pieces_of, shown_pins
from ui.refine import refine

MOST_IMAGES = 10_000
SHOWN_IMAGES = 16
POLL_S = 0.5
VIEWS = {
    "image": "One image",
    "differ": "Where they differ",
    "inside": "Inside",
    "ladder": "The ladder",
    "visit": "This visit",
}
WHICH = {"all": "All", "lost": "Lost", "won": "Won"}
INSIDE = {"maps": "Feature maps", "filters": "Filters", "looks": "Where it looks"}
KNOBS = {
    "view": Choice("view", tuple(VIEWS), "image"),
    "source": Choice("source of the image", tuple(SOURCES), "test"),
    "image": Choice("test image", tuple(range(MOST_IMAGES)), 0),
    "which": Choice("choice of images", tuple(WHICH), "all"),
    "inside": Choice("part of the inside", tuple(INSIDE), "maps"),
}
VIEWS_OF = {"layer": lambda recipe: quantizable_layers(recipe.arch)} | KNOBS


def main() -> None:
    state = page.start("Compare", views=VIEWS_OF)
    with st.container(gap="xsmall"):
        st.space("xxsmall")  # Streamlit's header hides what is flush with the top
        view = widgets.segments(state, KNOBS, "view", VIEWS)
        shown = page.show(state.recipe)
        if shown is None:
            return
        try:
            draw = {"image": _image, "differ": _differ, "inside": _inside, "ladder": _ladder, "visit": _visit}[view]
            draw(state, shown)
        except CheckpointError as error:
            page.warn([str(error)])


def _columns(state: State, shown: Shown) -> dict[str, Shown]:
    """The networks beside each other, by column: the original, the recipe where it is another one, and the pinned."""
    pinned, lost = shown_pins(state)
    if lost:
        page.warn(lost)
    own = {} if shown.recipe == shown.original else {"compressed": shown}
    return {"original": Shown(shown.original, shown.original, ()), **own, **pinned}


def _image(state: State, shown: Shown) -> None:
    widgets.head("One image, read by all", about.compare.IMAGE, lambda: pick_source(state, KNOBS))
    columns = _columns(state, shown)
    reads = shown.recipe.dataset
    readers = {name: of.recipe for name, of in columns.items() if of.recipe.dataset == reads}
    st.fragment(_read)(state, shown, readers)
    widgets.head("Their numbers", about.compare.NUMBERS)
    numbers = st.container(gap="xsmall", key="numbers")

    def draw() -> None:
        known = {name: (of.recipe, known_numbers(of)) for name, of in columns.items()}
        with numbers:
            draw_numbers(known)
            measured = {name: own.measured for name, (_, own) in known.items() if own.measured}
            widgets.reading(text.compare.describe_numbers(measured), lines=1)

    pieces = pieces_of(list(columns.values()))
    for piece in pieces[: len(columns.keys() & {"original", "compressed"})]:  # of those pinned one may be new here
        engine().compute(piece)
    refine(state, pieces, draw)


def _read(state: State, shown: Shown, readers: dict) -> None:
    """What the networks say; nothing but this runs again while one draws."""
    classes, sentence = dataset(shown.recipe.dataset).classes, st.container()
    left, right = st.columns([2, 7], gap="medium")
    with left:
        given = take_input(state, KNOBS, lambda: _next(state, shown))
    with right.container(key="answers"):
        if given is None:
            with sentence:
                widgets.sentence("Give an image: all networks answer it at once.")
            return
        truth = truth_of(shown.recipe.dataset, given)
        readings = {name: engine().ask(study_reading, recipe, given) for name, recipe in readers.items()}
        with sentence:
            widgets.sentence(text.compare.describe_readings(readings, truth, classes))
        compare.answer_columns(
            readings,
            {name: text.compare.recipe_name(recipe) for name, recipe in readers.items()},
            {
                name: text.compare.describe_answer(reading, readings["original"], truth)
                for name, reading in readings.items()
            },
            classes,
        )


def _next(state: State, shown: Shown) -> None:
    """The way to the next test image that the two networks read differently."""
    images = engine().first_answer(shown).images
    differ = sorted(images.loc[images["original"] != images["compressed"], "image"])
    now = value_of(state, KNOBS, "image")
    ahead = [number for number in differ if number > now] or differ
    st.button(
        "Next they differ on",
        icon=":material/skip_next:",
        disabled=not ahead,
        key="next",
        on_click=lambda: change_view(state, image=str(ahead[0])),
    )


def _differ(state: State, shown: Shown) -> None:
    classes, data = dataset(shown.recipe.dataset).classes, dataset(shown.recipe.dataset)
    if shown.recipe == shown.original:
        widgets.sentence("This is the original. Turn a knob, and see where the compressed network differs.")
        return
    pieces = counts_between(shown)
    first = engine().compute(pieces[0])
    sentence = st.container()
    widgets.head("Images they differ on", about.compare.DIFFER, lambda: widgets.segments(state, KNOBS, "which", WHICH))
    which = value_of(state, KNOBS, "which")
    found = studies.compare.differing(first.images, which)
    few = found.head(SHOWN_IMAGES)
    if len(few):
        pictures = data.pictures(data.test()[0][few["image"].tolist()])
        with st.container(key="tiles"):
            compare.large_tiles(pictures, [text.compare.tile_title(row, classes) for row in few.itertuples()])
    widgets.reading(text.compare.describe_shown(len(few), len(found), which), lines=1)
    confusions, by_class = st.container(gap=None), st.container(gap=None)

    def draw() -> None:
        latest = next(found for piece in reversed(pieces) if (found := engine().known(piece)))
        with sentence:
            widgets.sentence(text.compare.describe_images(latest, text.compare.recipe_name(shown.recipe)))
        table = studies.compare.by_class(latest)
        with by_class:
            widgets.figure(
                "Class by class",
                plots.compare.accuracy_by_class(table, classes),
                text.compare.describe_by_class(table, classes),
                key="classes",
                wide=True,
            )
        both = [studies.compare.confusion(latest.images, which, len(classes)) for which in ("original", "compressed")]
        with confusions:
            widgets.figure(
                "What is taken for what (%)",
                plots.compare.confusions(*both, classes),
                text.compare.describe_confusion(*both, classes),
                key="confusions",
                wide=True,
            )

    refine(state, pieces, draw)


def _inside(state: State, shown: Shown) -> None:
    part = value_of(state, KNOBS, "inside")
    layers = {"maps": prunable_layers, "filters": quantizable_layers}.get(part, lambda arch: ())(shown.recipe.arch)
    layer = state.view.get("layer")
    layer = layer if layer in layers else layers[len(layers) // 2] if layers else ""

    def pick() -> None:
        if part != "filters":
            pick_source(state, KNOBS)
        widgets.segments(state, KNOBS, "inside", INSIDE)
        if layers:
            names = text.quantization.layer_names(shown.recipe.arch)
            title = names.get if part == "filters" else text.names.layer_choice
            widgets.select(state, "layer", "Layer shown", layers, layer, title, 200, of=f"{shown.recipe.arch}-{part}")

    widgets.head("Inside", about.compare.INSIDE[part], pick)
    classes = dataset(shown.recipe.dataset).classes
    sentence = st.container()
    if part == "filters":
        own = engine().ask(studies.compare.study_filters, shown.recipe, layer, kept=False)
        said = text.compare.describe_filters(own, text.quantization.layer_names(shown.recipe.arch)[layer], shown.recipe)
        with sentence:
            widgets.sentence(said)
        widgets.figure("", plots.compare.filters(own.before, own.after), said, key="filters", lines=0, wide=True)
        return
    left, right = st.columns([2, 9], gap="medium")
    with left:
        given = take_input(state, KNOBS, lambda: _next(state, shown))
    if given is None:
        with sentence:
            widgets.sentence("Give an image, and see what becomes of it inside.")
        return
    with right.container(gap=None):
        if part == "maps":
            maps = engine().ask(studies.compare.study_maps, shown.recipe, given, layer, kept=False)
            said = text.compare.describe_maps(maps, text.names.layer_name(layer))
            drawn = plots.compare.layer_maps(maps.original, maps.compressed)
        else:
            looks = engine().ask(studies.compare.study_looks, shown.recipe, given, kept=False)
            said = text.compare.describe_looks(looks, classes)
            data = dataset(shown.recipe.dataset)
            picture = data.pictures(image_of(data.name, given))[0]
            answers = tuple(classes[label] for label in looks.answers)
            drawn = plots.compare.looks(picture, looks.original, looks.compressed, answers)
        with sentence:
            widgets.sentence(said)
        widgets.figure("", drawn, said, key=part, lines=0, wide=True)


def _ladder(state: State, shown: Shown) -> None:
    widgets.head("The ladder", about.compare.LADDER, lambda: pick_source(state, KNOBS))
    sentence = st.container()
    left, right = st.container(key="ladder").columns([2, 9], gap="medium")
    with left:
        given = take_input(state, KNOBS)
    if given is None:
        with sentence:
            widgets.sentence("Give an image: ever smaller networks answer it.")
        return
    recipe, classes = shown.recipe, dataset(shown.recipe.dataset).classes
    pieces = [Piece(study_rung, rung, (given,)) for rung in ladder(recipe.arch, recipe.dataset)]
    truth = truth_of(recipe.dataset, given)
    engine().compute(pieces[0])
    with right:
        steps = st.container()
        for place, (column, piece) in enumerate(
            zip(st.columns(len(pieces), gap="small"), pieces, strict=True), start=1
        ):
            key, take = f"rung {place}", (state, piece.recipe)
            column.button(f"Take {place}", key=key, on_click=take_recipe, args=take, type="tertiary")

    def draw() -> None:
        known = [engine().known(piece) for piece in pieces]
        with sentence:
            widgets.sentence(text.compare.describe_ladder(known, truth, classes))
        with steps:
            compare.rungs(
                [
                    text.compare.rung_words(piece.recipe, rung, place, classes)
                    for place, (piece, rung) in enumerate(zip(pieces, known, strict=True))
                ],
                text.compare.first_wrong(known, truth),
                [text.compare.is_wrong(rung, known[0], truth) for rung in known],
            )

    refine(state, pieces, draw, POLL_S)


def _visit(state: State, shown: Shown) -> None:
    """Every recipe of this visit; a click takes it again."""
    widgets.head("Every recipe of this visit, the last one first", about.compare.VISIT)
    recipes = {recipe: Shown(recipe.canonical(), original_of(recipe), ()) for recipe in reversed(state.visited)}
    pieces = [counts_between(of)[0] for of in recipes.values()]

    def draw() -> None:
        known = {recipe: engine().known(piece) for recipe, piece in zip(recipes, pieces, strict=True)}
        widgets.sentence(text.compare.describe_visit([found for found in known.values() if found], len(known)))
        with st.container(horizontal=True, gap="small"):
            for number, (recipe, found) in enumerate(known.items()):
                label, take = text.compare.visit_label(recipe, found), (state, recipe)
                st.button(label, key=f"again {number}", on_click=take_recipe, args=take, width=250)

    refine(state, pieces, draw)


main()
