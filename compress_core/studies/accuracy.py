"""The accuracy of a recipe, which every topic asks for."""

from dataclasses import dataclass

from compress_core.cache import StageCache
from compress_core.data import dataset
from compress_core.measure import answer
from compress_core.pipeline import compress
from compress_core.recipe import Recipe


@dataclass(frozen=True)
class Accuracy:
    """The share of right answers, 0 … 1, of `samples` test images."""

    value: float
    samples: int


def study_accuracy(recipe: Recipe, cache: StageCache, pieces: int | None = None) -> Accuracy:
    """Build a recipe and count its right answers.

    Args:
        pieces: of the test images; as many as a page's figures are taken from if left out.
    """
    found = answer(compress(recipe, cache), cache, pieces or dataset(recipe.dataset).usual_pieces)
    return Accuracy(found.accuracy, len(found.correct))
