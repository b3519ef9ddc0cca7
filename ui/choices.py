"""A page's own knob as its address holds it."""

import math
from dataclasses import dataclass

from compress_core.recipe.fields import shorten

LISTED = 9


@dataclass(frozen=True)
class Choice:
    """What a knob may be set to, and what it shows while the address is silent."""

    title: str
    """As it stands in 'The … cannot be 7.'"""
    values: tuple[str | int | float, ...]
    default: str | int | float

    @property
    def allowed(self) -> str:
        texts = [str(value) for value in self.values]
        return ", ".join(texts) if len(texts) <= LISTED else f"{texts[0]} to {texts[-1]}"

    def parse(self, text: str) -> tuple[str | int | float, str]:
        """The value taken for a text (itself, the nearest number, or the default), and what was wrong, if anything."""
        values = {str(value): value for value in self.values}
        if text in values:
            return values[text], ""
        wrong = f"The {self.title} cannot be '{shorten(text)}'. Allowed: {self.allowed}."
        try:
            number = float(text)
        except ValueError:
            return self.default, wrong
        if not isinstance(self.default, int | float) or math.isnan(number):
            return self.default, wrong
        within = min(max(number, min(self.values)), max(self.values))
        nearest = min(self.values, key=lambda value: abs(value - within))
        return nearest, "" if nearest == number else wrong
