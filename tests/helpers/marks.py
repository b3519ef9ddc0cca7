"""Cases of which a few run always, and all where there is time."""

from collections.abc import Callable, Iterable

import pytest


def sampled(cases: Iterable, always: Callable[[object], bool]) -> list:
    """The cases for `pytest.mark.parametrize`; those that need not run always are marked slow."""
    return [
        case if always(case) else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
        for case in cases
    ]
