"""The engine that all visitors share: what a page may ask of a recipe, each answer computed once."""

import contextlib
import gc
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import pandas as pd
import streamlit as st
import torch

from compress_core import study_pruning as taken_apart
from compress_core import study_quantization as rounded
from compress_core import study_shuffle as shuffled
from compress_core.analysis.latency import Latency
from compress_core.errors import CheckpointError
from compress_core.files import file_bytes
from compress_core.measure import gzip_bytes, time_against
from compress_core.pipeline import compress, original_of
from compress_core.recipe import Recipe
from compress_core.stages import StageCache
from compress_core.study import Cut, Study, study, study_cut
from compress_core.study_pruning import Fates, Outcome, Proof, Rung, Standing, Versus, Wiring, wiring_key
from compress_core.study_quantization import LayerWeights, Packed
from compress_core.study_runtimes import IntegerStudy, study_runtimes
from compress_core.study_shuffle import UnitStudy
from compress_core.training.checkpoints import trained_widths
from ui.beside import Beside
from ui.gate import Gate

NETWORKS_KEPT = 160  # stage results; about a third of them are networks of up to two and a half megabytes
RESULTS_KEPT = 1024

T = TypeVar("T")


@dataclass(frozen=True)
class Shown:
    """What is shown of a recipe: itself and its original, or the nearest whose weights can be read."""

    recipe: Recipe
    original: Recipe
    notices: tuple[str, ...]
    """Sentences about what was damaged and what was taken instead."""


Step = Callable[[Shown], object]
"""One thing that a page asks of what it shows."""


class Piece(NamedTuple):
    """A part of long work: what is asked of which recipe, in its canonical form."""

    stage: str
    recipe: Recipe


NextPiece = Callable[[], Piece | None]
"""What is wanted next of long work; None where all of it is there."""
_PIECES = {"outcome": taken_apart.study_outcome, "sensitivity": rounded.study_sensitivity}


class Engine:
    """Results by recipe, for all visitors. Nothing in it belongs to one of them, and nobody changes what it gives.

    While nobody waits it computes what is likely to be asked next (`expect`), so that a knob answers at once.
    """

    def __init__(self):
        self.networks = StageCache(NETWORKS_KEPT)
        self.results = StageCache(RESULTS_KEPT)
        self.gate = Gate()
        self.beside = Beside(self.gate)
        self._no_guess = threading.Lock()  # what is computed ahead stands still while something is timed for a moment

    def _once(self, stage: str, key: Hashable, compute: Callable[[StageCache], T], timed: bool = False) -> T:
        """A result from the cache, or computed when it is this caller's turn.

        Args:
            timed: whether it times something, so that nothing else may compute meanwhile.
        """

        def in_turn() -> T:
            ahead = self.beside.is_guess()
            with contextlib.ExitStack() as turn:
                if timed or not ahead:  # what is computed ahead holds no gate: a visitor would wait for it
                    turn.enter_context(self.gate)
                if timed or ahead:
                    turn.enter_context(self._no_guess)
                return compute(self.networks)

        return self.results.get(stage, key, in_turn)

    def shown(self, recipe: Recipe) -> Shown:
        """The recipes to show.

        Raises:
            CheckpointError: no weights of this architecture can be read at all.
        """
        recipe = recipe.canonical()
        chosen, missing = self._nearest(recipe)
        original, lost = self._nearest(original_of(recipe))
        return Shown(chosen, original, tuple(dict.fromkeys((*lost, *missing))))

    def _nearest(self, recipe: Recipe) -> tuple[Recipe, list[str]]:
        """The recipe of the nearest width whose weights can be read, and a sentence where it is another one."""
        others = sorted(
            trained_widths(recipe.arch, recipe.dataset, recipe.weights), key=lambda width: abs(width - recipe.width)
        )
        first: CheckpointError | None = None
        for width in (recipe.width, *others):
            candidate = recipe.with_(width=width)
            try:
                self.cut(candidate)
            except CheckpointError as error:
                first = first or error
            else:
                return candidate, [f"{first} Taken instead: width {width:g}."] if first else []
        raise first

    def cut(self, recipe: Recipe) -> Cut:
        """Who stays and who goes, in milliseconds."""
        return self._once("cut", recipe, lambda networks: study_cut(recipe, networks))

    def wiring(self, recipe: Recipe) -> Wiring:
        """Which layers share which channels."""
        return self._once("wiring", wiring_key(recipe), lambda networks: taken_apart.study_wiring(recipe, networks))

    def fates(self, recipe: Recipe) -> Fates:
        """What becomes of each channel."""
        wiring = self.wiring(recipe)
        return self._once("fates", recipe, lambda networks: taken_apart.study_fates(recipe, wiring, networks))

    def exactness(self, recipe: Recipe) -> Proof:
        """How far the cut network is from the masked original."""
        return self._once("exactness", recipe, lambda networks: taken_apart.study_exactness(recipe, networks))

    def outcome(self, recipe: Recipe) -> Outcome:
        """How many test images a recipe gets right."""
        recipe = recipe.canonical()
        return self._once("outcome", recipe, lambda networks: taken_apart.study_outcome(recipe, networks))

    def standing(self, recipe: Recipe) -> Standing:
        """What is left of a recipe's network."""
        return self._once("standing", recipe, lambda networks: taken_apart.study_standing(recipe, networks))

    def rung(self, recipe: Recipe) -> Rung | None:
        """What a recipe's healing brings, and how long it takes; None while it is fine-tuned, which takes seconds."""
        if recipe.heal == "finetune":
            return self.beside.meanwhile(("rung", recipe.canonical()), lambda: taken_apart.study_rung(recipe))
        return self._once("rung", recipe.canonical(), lambda _: taken_apart.study_rung(recipe), timed=True)

    def versus(self, recipe: Recipe) -> Versus:
        """A recipe's channels cut, against as many weights set to zero."""
        recipe = recipe.canonical()
        return self._once("versus", recipe, lambda networks: taken_apart.study_versus(recipe, networks), timed=True)

    def packed(self, recipe: Recipe) -> Packed:
        """A recipe's accuracy, and its file in every coding."""
        recipe = recipe.canonical()
        return self._once("packed", recipe, lambda networks: rounded.study_packed(recipe, networks))

    def layers(self, recipe: Recipe) -> pd.DataFrame:
        """Bits and error of each layer's weights."""
        recipe = recipe.canonical()
        return self._once("layers", recipe, lambda networks: rounded.study_layers(recipe, networks))

    def weights(self, recipe: Recipe, layer: str) -> LayerWeights:
        """A layer's weights before and after. Not kept: they are as many as the network has."""
        with self.gate:
            return rounded.study_weights(recipe, layer, self.networks)

    def ranges(self, recipe: Recipe, layer: str) -> pd.DataFrame:
        """From where to where each output channel of a layer reaches."""
        key = recipe.weights_only(), recipe.fold, recipe.equalize, layer
        return self._once("ranges", key, lambda networks: rounded.study_ranges(recipe, layer, networks))

    def unit(self, recipe: Recipe, name: str) -> UnitStudy:
        """A unit of a recipe's network before and after pruning."""
        recipe = recipe.weights_only()
        return self._once("unit", (recipe, name), lambda networks: shuffled.study_unit(recipe, name, networks))

    def maps(self, recipe: Recipe, name: str, number: int) -> dict[str, pd.DataFrame]:
        """What a test image has become around a unit's shuffle."""
        with self.gate:
            return shuffled.study_maps(recipe, name, number, self.networks)

    def runtimes(self, recipe: Recipe) -> IntegerStudy | None:
        """A recipe's network in three runtimes; None while they are timed, which takes seconds."""
        recipe = recipe.weights_only()

        def timed() -> IntegerStudy:
            with self.beside.quiet:
                return study_runtimes(recipe, self.networks)

        return self.beside.meanwhile(("runtimes", recipe), timed)

    def known(self, piece: Piece) -> object | None:
        """A piece's result where it is at hand; nothing is computed."""
        return self.results.known(piece.stage, piece.recipe)

    def piece(self, piece: Piece) -> object:
        """A piece's result, computed now where it is not at hand."""
        return self._once(*piece, lambda networks: _PIECES[piece.stage](piece.recipe, networks))

    def plan(self, recipe: Recipe, budget: int, found: dict[int, dict[str, float]]) -> str:
        """The bits of single layers that a budget of bytes is best spent on.

        Raises:
            ValueError: no plan meets it.
        """
        with self.gate:
            return rounded.study_plan(recipe, budget, found, self.networks)

    def gather(self, key: Hashable, next_piece: NextPiece) -> bool:
        """Compute one piece of long work after another while nobody waits; whether it still goes on."""

        def next_compute() -> Callable[[], object] | None:
            piece = next_piece()
            if piece is None:
                return None
            compute = partial(_PIECES[piece.stage], piece.recipe, self.networks)
            return partial(self.results.get, piece.stage, piece.recipe, compute)

        return self.beside.gather(key, next_compute)

    def study(self, what: Shown) -> Study:
        """The recipe measured beside its original."""
        return self._once("study", what, lambda networks: study(what.recipe, networks, what.original))

    def latency(self, what: Shown) -> Latency:
        """The recipe's time beside its original's."""
        return self._once("latency", what, lambda networks: self._time(what, networks), timed=True)

    @staticmethod
    def _time(what: Shown, networks: StageCache) -> Latency:
        return time_against(compress(what.recipe, networks), compress(what.original, networks), networks)

    def gzipped(self, recipe: Recipe) -> int:
        """The length of the file once gzipped; up to a tenth of a second, so it waits until asked for."""
        return self._once("gzip", recipe, lambda networks: gzip_bytes(compress(recipe, networks)))

    def file(self, recipe: Recipe) -> bytes:
        """The file of a recipe's network. Not kept: a megabyte is made anew in a hundredth of a second."""
        with self.gate:
            return file_bytes(compress(recipe, self.networks))

    def timed(self, what: str, key: Hashable, measure: Callable[[], T]) -> T:
        """A page's own measurement, taken while nothing else computes; the same question gets the same answer."""
        return self._once(f"timed {what}", key, lambda _: measure(), timed=True)

    def expect(self, recipes: Iterable[Recipe], steps: Sequence[Step] | None = None) -> None:
        """Compute these while nobody waits, the likeliest first; newer guesses push out older ones.

        Args:
            steps: what the page will ask of each; as the home page does if left out.
        """
        steps = steps or (self.study, self.latency)
        cheap = [recipe for recipe in recipes if recipe.heal != "finetune"]  # seconds, for which others would wait
        self.beside.expect([partial(self._take, step, recipe) for step in steps] for recipe in cheap)

    def _take(self, step: Step, recipe: Recipe) -> None:
        step(self.shown(recipe))


@st.cache_resource
def engine() -> Engine:
    """The one engine of this server. Small networks run fastest with one thread an operation.

    Streamlit collects garbage after every run of a page. Walking all that torch has loaded took a tenth of a second
    each time, nine tenths of what twenty visitors cost; what is loaded by now stays, so it is left out.
    """
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    return Engine()
