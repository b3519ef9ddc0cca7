"""The kinds of fields that a recipe has: what each may hold, and what is taken in place of anything else."""

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType

from compress_core.registry import ARCHITECTURES

SHOWN_CHARACTERS = 40
SWITCH = {"off": False, "on": True}
"""What switches are in an address."""


def shorten(text: str) -> str:
    """Text from outside, short enough for a sentence."""
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]}… ({len(text):,} characters)"


class Field:
    """One field of a recipe; its default is that of the dataclass."""

    default: object = None

    def __init__(self, title: str):
        self.title = title

    def parse(self, given: object, others: Mapping[str, object]) -> tuple[object, str]:
        """The value taken, and what was wrong with the one given ('' if nothing).

        Args:
            others: the values of the fields before it.
        """
        raise NotImplementedError

    def to_text(self, value: object) -> str:
        """The value as an address holds it."""
        return f"{value:g}" if isinstance(value, float) else str(value)

    def refusal(self, given: object, allowed: str) -> str:
        """The sentence on a value that is not allowed."""
        return f"{self.title} cannot be '{shorten(str(given))}'. {allowed}"


class Choice(Field):
    """One of a few names; an unknown one becomes the closest, or the default."""

    def __init__(self, title: str, names: Callable[[], Sequence[str]]):
        super().__init__(title)
        self.names = names

    def parse(self, given: object, others: Mapping[str, object]) -> tuple[object, str]:
        names = list(self.names())
        if str(given) in names:
            return str(given), ""
        close = difflib.get_close_matches(str(given)[:SHOWN_CHARACTERS], names, n=1, cutoff=0.75)
        return close[0] if close else self.default, self.refusal(given, f"Allowed: {', '.join(names)}.")


class Switch(Field):
    """On or off."""

    def parse(self, given: object, others: Mapping[str, object]) -> tuple[bool, str]:
        if isinstance(given, bool):
            return given, ""
        if str(given) in SWITCH:
            return SWITCH[str(given)], ""
        return self.default, self.refusal(given, f"Allowed: {', '.join(SWITCH)}.")

    def to_text(self, value: object) -> str:
        return "on" if value else "off"


class Number(Field):
    """A number from a range or a list; the nearest allowed one is taken for any other."""

    def __init__(self, title: str, allowed: str, nearest: Callable[[float], float]):
        super().__init__(title)
        self.allowed, self.nearest = allowed, nearest

    def parse(self, given: object, others: Mapping[str, object]) -> tuple[float, str]:
        try:
            number = float(given)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isnan(number):
            return self.default, self.refusal(given, f"Allowed: {self.allowed}.")
        taken = self.nearest(number)
        if abs(taken - number) > 1e-3 * (1 + 1e-6) / 2:
            return taken, f"{self.title} cannot be {shorten(str(given))}. Allowed: {self.allowed}."
        return taken, ""


class BuildOption(Field):
    """An option that only some architectures are built with; None for its default."""

    def __init__(self, title: str, option: str):
        super().__init__(title)
        self.option = option

    def parse(self, given: object, others: Mapping[str, object]) -> tuple[object, str]:
        options = ARCHITECTURES[others["arch"]].options.get(self.option, ())
        values = {str(value): value for value in options}
        if given is None or str(given) == "None":
            return None, ""
        if str(given) in values:
            value = values[str(given)]
            return (None if value == options[0] else value), ""
        some = ", ".join(family.title for family in ARCHITECTURES.values() if self.option in family.options)
        return None, self.refusal(given, f"Allowed: {', '.join(values)}." if values else f"Only {some} has any.")


class Language(Field):
    """What a person says of single channels or layers, as a text that a module parses and writes."""

    def __init__(self, title: str, module: ModuleType):
        super().__init__(title)
        self.module = module

    def parse(self, given: object, others: Mapping[str, object]) -> tuple[str, str]:
        try:
            return self.module.write(self.module.parse(str(given))), ""
        except ValueError as error:
            return "", self.refusal(given, str(error))

    def to_text(self, value: object) -> str:
        return str(value) or "none"


def nearest_step(step: float, low: int, high: int) -> Callable[[float], float]:
    """The nearest of low · step … high · step."""

    def nearest(number: float) -> float:
        steps = round(number / step) if math.isfinite(number) else number
        return round(min(max(steps, low), high) * step, 2)

    return nearest


def nearest_of(options: Sequence[int]) -> Callable[[float], int]:
    """The nearest of some whole numbers."""

    def nearest(number: float) -> int:
        within = min(max(number, min(options)), max(options))
        return min(options, key=lambda option: abs(option - within))

    return nearest
