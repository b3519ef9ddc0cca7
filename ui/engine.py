"""The engine that all visitors share: what a page may ask of a recipe, each answer computed once."""

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import streamlit as st
import torch

from compress_core.cache import StageCache
from compress_core.errors import CheckpointError
from compress_core.pipeline import build_options, original_of
from compress_core.recipe import Recipe
from compress_core.registry import HEALINGS
from compress_core.studies.home import study_first_answer
from compress_core.studies.pruning import study_scaling_factors
from compress_core.training.checkpoints import trained_widths
from ui.background import Background
from ui.gate import Gate

NETWORKS_KEPT = 48  # of each stage; networks of up to two and a half megabytes are what three stages give
ANSWERS_KEPT = 512  # they are small: the classes of the test images, and counts
STATISTICS_KEPT = 12  # they are large: ten to fifty megabytes for a network
LIMITS = {
    **dict.fromkeys(("answer", "costs", "latency"), ANSWERS_KEPT),
    **dict.fromkeys(("statistics", "calibrate"), STATISTICS_KEPT),
}
RESULTS_KEPT = 512

T = TypeVar("T")
Study = Callable[..., T]
"""A function of `compress_core.studies`: from a recipe, the cache of stages and what else it needs to a result."""


@dataclass(frozen=True)
class Shown:
    """A recipe and its original as they are shown: themselves, or the nearest whose weights can be read."""

    recipe: Recipe
    original: Recipe
    notices: tuple[str, ...]
    """Sentences about what was damaged and what was taken instead."""


class Piece(NamedTuple):
    """A part of long work: a study of a recipe, in its canonical form."""

    study: Study
    recipe: Recipe
    args: tuple[Hashable, ...] = ()
    timed: bool = False
    """Whether it times something, so that nothing else may compute meanwhile."""


class Engine:
    """Results of studies by recipe, for all visitors. Nobody changes what it gives.

    While nobody waits it computes what is likely to be asked next (`look_ahead`), so that a knob answers at once.
    """

    def __init__(self):
        self.networks = StageCache(NETWORKS_KEPT, LIMITS)
        self.results = StageCache(RESULTS_KEPT)
        self.gate = Gate()
        self.background = Background(self.gate)
        self._undisturbed = (
            threading.Lock()
        )  # what is computed in the background stands still while a page times something

    def ask(self, study: Study[T], recipe: Recipe, *args: Hashable, timed: bool = False, kept: bool = True) -> T:
        """The result of a study of a recipe: from the cache, or computed when it is this caller's turn.

        Args:
            args: what the study needs beyond the recipe and the cache.
            timed: whether it times something, so that nothing else may compute meanwhile.
            kept: whether the result is worth its memory.
        """
        recipe = recipe.canonical()
        compute = partial(study, recipe, self.networks, *args)
        if kept:
            return self.compute_once(study.__name__, (recipe, *args), compute, timed)
        with self.gate:
            return compute()

    def ask_later(self, study: Study[T], recipe: Recipe, quiet: bool = False) -> T | None:
        """The result of a study that takes seconds; None until it is there: ask again.

        Args:
            quiet: whether nothing else in the background may compute meanwhile.
        """
        recipe = recipe.canonical()
        return self.background.submit((study.__name__, recipe), partial(study, recipe, self.networks), quiet)

    def compute(self, piece: Piece) -> object:
        """The result of a piece, as `ask` gives it."""
        return self.ask(piece.study, piece.recipe, *piece.args, timed=piece.timed)

    def known(self, piece: Piece) -> object | None:
        """The result of a piece where it is at hand; nothing is computed."""
        return self.results.known(piece.study.__name__, (piece.recipe, *piece.args))

    def compute_once(self, stage: str, key: Hashable, compute: Callable[[], T], timed: bool = False) -> T:
        """A result from the cache, or computed when it is this caller's turn; `timed` as in `ask`."""

        def in_turn() -> T:
            unseen = self.background.runs_this()
            with contextlib.ExitStack() as turn:
                if timed:
                    turn.enter_context(self.gate.alone())
                elif not unseen:  # what is computed unseen holds no gate: a visitor would wait for it
                    turn.enter_context(self.gate)
                if timed or unseen:
                    turn.enter_context(self._undisturbed)
                return compute()

        return self.results.get(stage, key, in_turn)

    def table(self, make: Callable[..., T], *args: Hashable) -> T:
        """What a quick function makes of plain values, made once."""
        return self.results.get(make.__name__, args, partial(make, *args))

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
        trained = trained_widths(recipe.arch, recipe.dataset, recipe.weights, **build_options(recipe))
        others = sorted(trained, key=lambda width: abs(width - recipe.width))
        first: CheckpointError | None = None
        for width in (recipe.width, *others):
            candidate = recipe.with_(width=width)
            try:
                self.ask(study_scaling_factors, candidate.with_(prune=0.0, edits=""))
            except CheckpointError as error:
                first = first or error
            else:
                return candidate, [f"{first} Taken instead: width {width:g}."] if first else []
        raise first

    def run_queue(self, key: Hashable, next_piece: Callable[[], Piece | None], of: Hashable = None) -> bool:
        """Compute one piece of long work after another while nobody waits; whether it still goes on.

        Args:
            next_piece: asked before each for what is wanted next; None where all of it is there.
            of: whose work it is, if somebody's: it takes the place of what they wanted before.
        """

        def next_compute() -> Callable[[], object] | None:
            piece = next_piece()
            if piece is None:
                return None
            return partial(self.compute, piece)

        return self.background.run_queue(key, next_compute, of)

    def look_ahead(self, recipes: Iterable[Recipe], steps: Sequence[Callable[[Shown], object]] | None = None) -> None:
        """Compute these while nobody waits, the likeliest first; newer guesses push out older ones.

        Args:
            steps: what the page will ask of each; as the home page does if left out.
        """

        def take(step: Callable[[Shown], object], recipe: Recipe) -> None:
            step(self.shown(recipe))

        steps = steps or (self.scaling_factors, self.first_answer)
        quick = [recipe for recipe in recipes if not HEALINGS[recipe.heal].slow]  # others would wait for seconds
        self.background.look_ahead([partial(take, step, recipe) for step in steps] for recipe in quick)

    def scaling_factors(self, shown: Shown):
        """The γ of the recipe's channels, and which of them stay."""
        return self.ask(study_scaling_factors, shown.recipe)

    def answered(self, shown: Shown) -> bool:
        """Whether `first_answer` is at hand."""
        return self.known(Piece(study_first_answer, shown.recipe, (shown.original,))) is not None

    def first_answer(self, shown: Shown):
        """The recipe beside its original on the first test images."""
        return self.ask(study_first_answer, shown.recipe, shown.original)


@st.cache_resource
def engine() -> Engine:
    """The one engine of this server. Small networks run fastest with one thread an operation."""
    torch.set_num_threads(1)
    return Engine()
