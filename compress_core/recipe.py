"""The Recipe: everything a person chose, and nothing else.

One frozen value is the page's address, the cache key, the row in a table of results, the metadata in a file
and the argument of `compress`.
"""

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import ModuleType
from urllib.parse import parse_qsl, urlencode

from compress_core import edits, layer_bits
from compress_core.data import datasets
from compress_core.errors import CompressError
from compress_core.pruning.choosing import SCOPES
from compress_core.pruning.healing import HEALINGS
from compress_core.pruning.importance import criteria
from compress_core.quantization.clipping import clippings
from compress_core.quantization.packing import CODINGS
from compress_core.quantization.quantize import ACTIVATION_BITS, BITS
from compress_core.quantization.rounding import roundings
from compress_core.quantization.schemes import schemes
from compress_core.training.shipped import WEIGHTS
from compress_core.zoo import architecture, architectures

WIDTH_STEP = 0.05
MAX_PRUNE = 0.95
SWITCH = ("off", "on")
MULTIPLES = (1, 4, 8, 16, 32)
SHOWN_CHARACTERS = 40


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a recipe."""

    field: str
    what: str
    """A sentence: what was wrong and what is allowed."""
    taken: str
    """What the nearest sane recipe has instead, or '' where the part was left out."""


class RecipeError(CompressError):
    """A recipe holds unknown names or values out of range.

    `problems` lists them all; `nearest` is the recipe with each of them mended.
    """

    def __init__(self, problems: Sequence[Problem], nearest: "Recipe"):
        super().__init__(" ".join(problem.what for problem in problems))
        self.problems = list(problems)
        self.nearest = nearest


@dataclass(frozen=True)
class Recipe:
    """The four knobs and the finer choices behind them.

    Raises:
        RecipeError: a value is out of range.
    """

    dataset: str = "digits"
    arch: str = "studentnet"
    width: float = 1.0
    """Width multiplier α, 0.1 … 1.0 in steps of 0.05."""
    groups: int | None = None
    weights: str = "plain"
    prune: float = 0.0
    """Part of the prunable channels to cut, 0 … 0.95; three decimals count."""
    criterion: str = "bn_scale"
    scope: str = "global"
    multiple_of: int = 1
    """What stays of each layer's channels is rounded to a multiple of this: 1, 4, 8, 16 or 32."""
    balance: str = "off"
    """Whether each group of a grouped convolution keeps as many channels, `on` or `off`; only ShuffleNetV1 has any."""
    edits: str = ""
    """Channels given back or taken away by hand, as `compress_core.edits` writes them."""
    heal: str = "recalibrate"
    bits: int = 32
    """Bits a weight, 1 … 16, or 32 for none rounded."""
    scheme: str = "per_channel"
    clipping: str = "usual"
    """How far the levels reach; `usual` is what serves the rounding best."""
    rounding: str = "nearest"
    layer_bits: str = ""
    """Bit widths of single layers, as `compress_core.layer_bits` writes them."""
    fold: str = "on"
    """Whether BatchNorms become part of the convolutions before them first; `on` or `off`, as the next two."""
    equalize: str = "off"
    correct_bias: str = "off"
    activation_bits: int = 32
    """Bits for what each layer reads, 2 … 8, or 32 for none rounded; simulated."""
    coding: str = "plain"
    """How the file keeps the codes: `plain` or `huffman`."""

    def __post_init__(self):
        problems, mended = [], {}
        for name, spec in _FIELDS.items():
            value, what = spec.read(getattr(self, name))
            object.__setattr__(self, name, value)
            if what:
                problems.append(Problem(name, what, spec.show(value)))
            mended[name] = value
        if problems:
            raise RecipeError(problems, Recipe(**mended))

    def to_query(self) -> str:
        """The canonical text: `name=value` joined by `&`, defaults left out; '' for the default recipe."""
        return urlencode(self.chosen())

    def chosen(self) -> dict[str, str]:
        """The fields that differ from their defaults, as text, in the order of the dataclass."""
        return {f.name: _as_text(getattr(self, f.name)) for f in fields(self) if getattr(self, f.name) != f.default}

    @classmethod
    def from_query(cls, query: str | Iterable[tuple[str, str]]) -> "Recipe":
        """The recipe of a query text or of its (name, value) pairs; missing names take their defaults.

        Raises:
            RecipeError: with every problem found, and the nearest sane recipe.
        """
        pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True) if isinstance(query, str) else list(query)
        problems: list[Problem] = []
        values: dict[str, str] = {}
        unknown: list[str] = []
        for name, text in pairs:
            if name not in _FIELDS:
                unknown.append(name)
            elif name in values:
                if not any(p.field == name and "more than once" in p.what for p in problems):
                    what = f"{_FIELDS[name].title} stands in the address more than once; one is allowed."
                    problems.append(Problem(name, what, "the first"))
            else:
                values[name] = text
        if unknown:
            others = f" (and no {len(unknown) - 1:,} others)" if len(unknown) > 1 else ""
            what = f"A recipe has no '{shorten(unknown[0])}'{others}; its fields are {', '.join(_FIELDS)}."
            problems.append(Problem(shorten(unknown[0]), what, ""))
        try:
            recipe = cls(**values)
        except RecipeError as error:
            problems += error.problems
            recipe = error.nearest
        if problems:
            raise RecipeError(problems, recipe)
        return recipe

    def canonical(self) -> "Recipe":
        """The same result with every choice that makes no difference here at its default."""
        recipe = self
        if recipe.prune == 0:
            defaults = {name: getattr(Recipe, name) for name in ("criterion", "scope", "multiple_of", "balance")}
            recipe = replace(recipe, **defaults)
        if "groups" not in architecture(recipe.arch).options:
            recipe = replace(recipe, balance=Recipe.balance)
        if recipe.prune == 0 and not recipe.edits:
            recipe = replace(recipe, heal=Recipe.heal)
        if recipe.bits == 32 and not recipe.layer_bits:
            defaults = {name: getattr(Recipe, name) for name in _OF_QUANTIZATION}
            recipe = replace(recipe, **defaults)
        return recipe

    def weights_only(self) -> "Recipe":
        """The same network before anything of it is rounded."""
        return replace(self, bits=32, layer_bits="", activation_bits=32).canonical()

    def with_(self, **changes: object) -> "Recipe":
        """A copy with some fields changed.

        Raises:
            RecipeError: a new value is out of range.
        """
        return replace(self, **changes)


def _as_text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def shorten(text: str) -> str:
    """Text from outside, short enough for a sentence."""
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]}… ({len(text):,} characters)"


class _Choice:
    """One of a few names."""

    def __init__(self, title: str, default: object, options: Callable[[], Sequence[object]], note: str = ""):
        self.title, self.default, self.options, self.note = title, default, options, note

    def read(self, given: object) -> tuple[object, str]:
        """The value taken, and what was wrong with the one given ('' if nothing)."""
        options = {str(option): option for option in self.options()}
        if str(given) in options:
            return options[str(given)], ""
        close = difflib.get_close_matches(str(given)[:SHOWN_CHARACTERS], options, n=1, cutoff=0.75)
        allowed = self.note or f"Allowed: {', '.join(options)}."
        what = f"{self.title} cannot be '{shorten(str(given))}'. {allowed}"
        return options[close[0]] if close else self.default, what

    def show(self, value: object) -> str:
        return str(value)


class _Number:
    """A number from a range or a list; the nearest allowed one is taken for any other."""

    def __init__(self, title: str, default: float, allowed: str, nearest: Callable[[float], float], show: str = "{:g}"):
        self.title, self.default, self.allowed, self.nearest = title, default, allowed, nearest
        self.form = show

    def read(self, given: object) -> tuple[float, str]:
        try:
            number = float(given)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isnan(number):
            return self.default, f"{self.title} cannot be '{shorten(str(given))}'. Allowed: {self.allowed}."
        taken = self.nearest(number)
        if abs(taken - number) > 1e-3 * (1 + 1e-6) / 2:
            return taken, f"{self.title} cannot be {shorten(str(given))}. Allowed: {self.allowed}."
        return taken, ""

    def show(self, value: float) -> str:
        return self.form.format(value)


class _ByHand:
    """What a person says of single channels or layers, as a text that a module parses and writes."""

    def __init__(self, title: str, language: ModuleType):
        self.title, self.default, self.language = title, "", language

    def read(self, given: object) -> tuple[str, str]:
        try:
            return self.language.write(self.language.parse(str(given))), ""
        except ValueError as error:
            return "", f"{self.title} cannot be '{shorten(str(given))}'. {error}"

    def show(self, value: str) -> str:
        return value or "none"


def _nearest_width(width: float) -> float:
    return round(min(max(round(width / WIDTH_STEP) if math.isfinite(width) else width, 2), 20) * WIDTH_STEP, 2)


def _nearest_of(options: Sequence[int]) -> Callable[[float], int]:
    def nearest(number: float) -> int:
        within = min(max(number, min(options)), max(options))
        return min(options, key=lambda option: abs(option - within))

    return nearest


_OF_QUANTIZATION = ("scheme", "clipping", "rounding", "fold", "equalize", "correct_bias", "coding")
"""What makes no difference where no weight is rounded."""
_FIELDS: Mapping[str, _Choice | _Number | _ByHand] = {
    "dataset": _Choice("The dataset", Recipe.dataset, datasets),
    "arch": _Choice("The architecture", Recipe.arch, architectures),
    "width": _Number("The width multiplier", Recipe.width, "0.1 to 1 in steps of 0.05", _nearest_width),
    "groups": _Choice("Groups", None, lambda: [None], "Only ShuffleNetV1 has groups, and it was trained with 3."),
    "weights": _Choice("The training", Recipe.weights, lambda: WEIGHTS),
    "prune": _Number(
        "The pruning ratio", Recipe.prune, f"0 to {MAX_PRUNE}", lambda p: round(min(max(p, 0.0), MAX_PRUNE), 3)
    ),
    "criterion": _Choice("The criterion", Recipe.criterion, criteria),
    "scope": _Choice("The scope", Recipe.scope, lambda: SCOPES),
    "multiple_of": _Number(
        "The multiple that channels are left in",
        Recipe.multiple_of,
        "1, 4, 8, 16, 32",
        _nearest_of(MULTIPLES),
        "{:.0f}",
    ),
    "balance": _Choice("Keeping groups alike", Recipe.balance, lambda: SWITCH),
    "edits": _ByHand("The changes by hand", edits),
    "heal": _Choice("Healing", Recipe.heal, lambda: HEALINGS),
    "bits": _Number("The bit width", Recipe.bits, "1 to 16, or 32 for none", _nearest_of(BITS), "{:.0f}"),
    "scheme": _Choice("The scheme", Recipe.scheme, schemes),
    "clipping": _Choice("The clipping", Recipe.clipping, lambda: ("usual", *clippings())),
    "rounding": _Choice("The rounding", Recipe.rounding, roundings),
    "layer_bits": _ByHand("The bits of single layers", layer_bits),
    "fold": _Choice("Folding BatchNorm", Recipe.fold, lambda: SWITCH),
    "equalize": _Choice("Equalizing layers", Recipe.equalize, lambda: SWITCH),
    "correct_bias": _Choice("Correcting biases", Recipe.correct_bias, lambda: SWITCH),
    "activation_bits": _Number(
        "The bit width of activations",
        Recipe.activation_bits,
        "2 to 8, or 32 for none",
        _nearest_of(ACTIVATION_BITS),
        "{:.0f}",
    ),
    "coding": _Choice("The file's coding", Recipe.coding, lambda: CODINGS),
}
