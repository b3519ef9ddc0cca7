"""The Recipe: everything a person chose, and nothing else.

One frozen value is the page's address, the cache key, the row in a table of results, the metadata in a file
and the argument of `compress`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from compress_core import registry
from compress_core.errors import CompressError
from compress_core.recipe import edits, layer_bits
from compress_core.recipe.fields import (
    BuildOption,
    Choice,
    Field,
    Language,
    Number,
    Switch,
    nearest_of,
    nearest_step,
    shorten,
)

WIDTH_STEP = 0.05
MAX_PRUNE = 0.95
MULTIPLES = (1, 4, 8, 16, 32)
BITS = (*range(1, 17), 32)
ACTIVATION_BITS = (*range(2, 9), 32)


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
    """The five knobs and the finer choices behind them.

    Raises:
        RecipeError: a value is out of range.
    """

    dataset: str = "digits"
    arch: str = "studentnet"
    width: float = 1.0
    """Width multiplier α, 0.1 … 1.0 in steps of 0.05."""
    groups: int | None = None
    """Groups of ShuffleNetV1's pointwise convolutions, 1, 2, 3, 4 or 8; None for its 3, and for all others."""
    weights: str = "plain"
    prune: float = 0.0
    """Part of the prunable channels to cut, 0 … 0.95; three decimals count."""
    criterion: str = "obs"
    scope: str = "global"
    multiple_of: int = 1
    """What stays of each layer's channels is rounded to a multiple of this: 1, 4, 8, 16 or 32."""
    balance: bool = False
    """Whether each group of a grouped convolution keeps as many channels; only ShuffleNetV1 has any. Like all switches
    `on` or `off` in an address."""
    edits: str = ""
    """Channels given back or taken away by hand, as `compress_core.recipe.edits` writes them."""
    heal: str = "reconstruct"
    bits: int = 32
    """Bits a weight, 1 … 16, or 32 for none rounded."""
    scheme: str = "per_channel"
    clipping: str = "usual"
    """How far the levels reach; `usual` is what serves the rounding best."""
    rounding: str = "error_compensating"
    layer_bits: str = ""
    """Bit widths of single layers, as `compress_core.recipe.layer_bits` writes them."""
    fold: bool = True
    """Whether BatchNorms become part of the convolutions before them first."""
    equalize: bool = False
    correct_bias: bool = False
    activation_bits: int = 32
    """Bits for what each layer reads, 2 … 8, or 32 for none rounded; simulated."""
    coding: str = "plain"
    """How the file keeps the codes: `plain` or `huffman`."""

    def __post_init__(self):
        problems, mended = [], {}
        for name, spec in FIELDS.items():
            value, what = spec.parse(getattr(self, name), mended)
            object.__setattr__(self, name, value)
            if what:
                problems.append(Problem(name, what, spec.to_text(value)))
            mended[name] = value
        if problems:
            raise RecipeError(problems, Recipe(**mended))

    def to_query(self) -> str:
        """The canonical text: `name=value` joined by `&`, defaults left out; '' for the default recipe."""
        return urlencode(self.chosen())

    def chosen(self) -> dict[str, str]:
        """The fields that differ from their defaults, as text, in the order of the dataclass."""
        values = vars(self)
        return {name: spec.to_text(values[name]) for name, spec in FIELDS.items() if values[name] != spec.default}

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
            if name not in FIELDS:
                unknown.append(name)
            elif name in values:
                if not any(p.field == name and "more than once" in p.what for p in problems):
                    what = f"{FIELDS[name].title} stands in the address more than once; one is allowed."
                    problems.append(Problem(name, what, "the first"))
            else:
                values[name] = text
        if unknown:
            others = f" (and no {len(unknown) - 1:,} others)" if len(unknown) > 1 else ""
            what = f"A recipe has no '{shorten(unknown[0])}'{others}; its fields are {', '.join(FIELDS)}."
            problems.append(Problem(shorten(unknown[0]), what, ""))
        try:
            recipe = cls(**values)
        except RecipeError as error:
            problems += error.problems
            recipe = error.nearest
        if problems:
            raise RecipeError(problems, recipe)
        return recipe

    @property
    def cuts(self) -> bool:
        """Whether channels are to be cut beyond the width."""
        return self.prune > 0 or self.edits != ""

    def canonical(self) -> "Recipe":
        """The same result with every choice that makes no difference here at its default."""
        idle = [*_OF_SELECTION] if self.prune == 0 else []
        if "groups" not in registry.ARCHITECTURES[self.arch].options:
            idle.append("balance")
        if not self.cuts:
            idle.append("heal")
        if self.bits == 32 and not self.layer_bits:
            idle += _OF_QUANTIZATION
        return replace(self, **{name: FIELDS[name].default for name in idle})

    def weights_only(self) -> "Recipe":
        """The same network before anything of it is rounded."""
        return replace(self, bits=32, layer_bits="", activation_bits=32).canonical()

    def with_(self, **changes: object) -> "Recipe":
        """A copy with some fields changed.

        Raises:
            RecipeError: a new value is out of range.
        """
        return replace(self, **changes)


_OF_SELECTION = ("criterion", "scope", "multiple_of", "balance")
"""What makes no difference where no channel is cut by its score."""
_OF_QUANTIZATION = ("scheme", "clipping", "rounding", "fold", "equalize", "correct_bias", "coding")
"""What makes no difference where no weight is rounded."""


def _architectures() -> list[str]:
    return [name for name, family in registry.ARCHITECTURES.items() if not (family.yardstick or family.teacher)]


FIELDS: Mapping[str, Field] = {
    "dataset": Choice("The dataset", lambda: registry.DATASETS),
    "arch": Choice("The architecture", _architectures),
    "width": Number("The width multiplier", "0.1 to 1 in steps of 0.05", nearest_step(WIDTH_STEP, 2, 20)),
    "groups": BuildOption("The number of groups", "groups"),
    "weights": Choice("The training", lambda: registry.TRAININGS),
    "prune": Number("The pruning ratio", f"0 to {MAX_PRUNE}", lambda p: round(min(max(p, 0.0), MAX_PRUNE), 3)),
    "criterion": Choice("The criterion", lambda: registry.CRITERIA),
    "scope": Choice("The scope", lambda: registry.SCOPES),
    "multiple_of": Number("The multiple that channels are left in", "1, 4, 8, 16, 32", nearest_of(MULTIPLES)),
    "balance": Switch("Keeping groups alike"),
    "edits": Language("The changes by hand", edits),
    "heal": Choice("Healing", lambda: registry.HEALINGS),
    "bits": Number("The bit width", "1 to 16, or 32 for none", nearest_of(BITS)),
    "scheme": Choice("The scheme", lambda: registry.SCHEMES),
    "clipping": Choice("The clipping", lambda: [Recipe.clipping, *registry.CLIPPINGS]),
    "rounding": Choice("The rounding", lambda: registry.ROUNDINGS),
    "layer_bits": Language("The bits of single layers", layer_bits),
    "fold": Switch("Folding BatchNorm"),
    "equalize": Switch("Equalizing layers"),
    "correct_bias": Switch("Correcting biases"),
    "activation_bits": Number("The bit width of activations", "2 to 8, or 32 for none", nearest_of(ACTIVATION_BITS)),
    "coding": Choice("The file's coding", lambda: registry.CODINGS),
}
for name, field in FIELDS.items():
    field.default = getattr(Recipe, name)
