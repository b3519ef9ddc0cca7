"""Waiting for a state, however busy the machine is."""

import threading
import time
from collections.abc import Callable

LONG_S = 120.0
"""Only what never comes takes so long."""


def wait_until(true: Callable[[], object], pause_s: float = 0.005) -> None:
    """Return once it is true; fail where it does not become so."""
    ends = time.monotonic() + LONG_S
    while not true():
        assert time.monotonic() < ends, "it does not come true"
        time.sleep(pause_s)


class Held:
    """A computation that goes on until it is let go."""

    def __init__(self):
        self.begun, self.go, self.ended = threading.Event(), threading.Event(), False

    def __call__(self) -> str:
        self.begun.set()
        self.go.wait(LONG_S)
        self.ended = True
        return "held"
