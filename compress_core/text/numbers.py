"""Numbers as people read them: with the digits that they deserve, and a unit."""

import math
from collections.abc import Sequence


def percent(value: float) -> str:
    """A share as a percentage with one decimal: 0.9704 → '97.0 %'."""
    return f"{100 * value:.1f} %"


def whole_percent(value: float) -> str:
    """A chosen share, without decimals that nobody chose: 0.4 → '40 %', 0.425 → '42.5 %'."""
    return f"{100 * value:.3g} %"


def count(value: float) -> str:
    """A count with three digits: 256234 → '256 k', 4406784 → '4.41 M'."""
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= limit:
            return _three_digits(value / limit) + unit
    return str(round(value))


def size(value: float) -> str:
    """Bytes with three digits, 1 KB = 1,000 bytes: 1038176 → '1.04 MB'."""
    for limit, unit in ((1e6, " MB"), (1e3, " KB")):
        if value >= limit:
            return _three_digits(value / limit) + unit
    return f"{round(value)} bytes"


def duration(ms: float) -> str:
    """Milliseconds with two digits: they are noisy."""
    return f"{ms:.1f} ms" if ms >= 1 else f"{ms:.2f} ms"


def factor(value: float) -> str:
    """A factor with two digits: 7.08 → '7.1', 21.3 → '21', 1.04 → '1.0'."""
    if not math.isfinite(value):
        return "∞"
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def points(share: float) -> str:
    """A signed difference of shares in points with one decimal: −0.0148 → '−1.5'; nothing is '0.0', without a sign."""
    rounded = round(100 * share, 1)
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0.0"


def times(ratio: float, more: str, less: str) -> str:
    """How many times `more` a thing is than another, or `less`: 7.08 → '7.1× smaller'.

    Near 1, where a factor says nothing, the percentage; the same only where it is the same.
    """
    if ratio == 1:
        return "the same"
    word, away = (more, 1 - 1 / ratio) if ratio > 1 else (less, 1 / ratio - 1)
    if 1 / 1.1 < ratio < 1.1:
        return f"{100 * away:.2g} % {word}"
    return f"{factor(max(ratio, 1 / ratio))}× {word}"


def timing(speedup: float, quartiles: tuple[float, float] | None = None) -> str:
    """As `times`, for a measured speedup; empty where its quartiles lie on both sides of none.

    Within 10 % it cannot be told from none on a busy machine.
    """
    if 1 / 1.1 < speedup < 1.1:
        return "as fast"
    if quartiles and quartiles[0] < 1 < quartiles[1]:
        return ""
    return f"{factor(max(speedup, 1 / speedup))}× {'faster' if speedup > 1 else 'slower'}"


def speed_words(speed: float) -> str:
    """A speed as a part of another: '1.3× slower', '7 % faster', 'as fast'. Finer than `timing`."""
    return "as fast" if abs(speed - 1) < 0.005 else times(speed, "faster", "slower")


def ms(value: float) -> str:
    """A measured time with three digits: 1.512 → '1.51 ms', 39.12 → '39.1 ms'."""
    return f"{value:#.3g}".removesuffix(".") + " ms"


def signed(part: float) -> str:
    """−0.0547 → '−5.5 %', 0 → '0 %'."""
    return f"{100 * part:+.1f} %".replace("-", "−") if round(part, 3) else "0 %"


def listed(words: Sequence[str]) -> str:
    """Words in a sentence: 'a, b and c'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def images(many: int) -> str:
    """How many images: '1 image', '64 images'."""
    return f"{many:,} image{'s' if many != 1 else ''}"


def _three_digits(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
