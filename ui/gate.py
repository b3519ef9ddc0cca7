"""The gate in front of the cores: who computes, and who lets others pass."""

import contextlib
import heapq
import itertools
import os
import threading
import time
from collections.abc import Hashable, Iterator

PAUSE_S = 0.02
LATELY_S = 10.0


class Gate:
    """As many computations at once as there are places: two visitors who queue are both served sooner than two who
    share two cores. Whoever has waited longest since `arrive` comes next.

    Args:
        places: one for every two cores if left out, since one computation keeps two busy.
    """

    def __init__(self, places: int | None = None):
        self.places = places or max(1, (os.cpu_count() or 1) // 2)
        self._free = self.places
        self._lock = threading.Lock()
        self._line: list[tuple[float, int, int, threading.Event]] = []
        self._count = itertools.count()
        self._arrived = threading.local()
        self._seen: dict[Hashable, float] = {}
        self.visitors = 0
        """Who computes or waits for it, but for what nobody stands still for."""
        self.left = 0.0
        """When the last of them left, by the monotonic clock."""

    def arrive(self, visitor: Hashable) -> None:
        """Say that this thread's visitor waits from now on, whatever it was here for before."""
        now = self._arrived.since = time.monotonic()
        with self._lock:
            self._seen[visitor] = now
            self._seen = {one: last for one, last in self._seen.items() if last > now - LATELY_S}

    @property
    def crowd(self) -> int:
        """How many visitors have turned something lately."""
        return len(self._seen)

    def __enter__(self) -> None:
        self._enter(1)

    def __exit__(self, *_) -> None:
        self._leave(1)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """All places: nobody else computes meanwhile."""
        self._enter(self.places)
        try:
            yield
        finally:
            self._leave(self.places)

    def _enter(self, places: int, visitors: int = 1) -> None:
        turn = threading.Event()
        with self._lock:
            self.visitors += visitors
            since = getattr(self._arrived, "since", time.monotonic())
            heapq.heappush(self._line, (since, next(self._count), places, turn))
            self._let_in()
        turn.wait()

    def _leave(self, places: int, visitors: int = 1) -> None:
        with self._lock:
            self._free += places
            self.visitors -= visitors
            if visitors:
                self.left = time.monotonic()
            self._let_in()

    def _let_in(self) -> None:
        while self._line and self._line[0][2] <= self._free:
            *_, places, turn = heapq.heappop(self._line)
            self._free -= places
            turn.set()

    @contextlib.contextmanager
    def alone_when_calm(self) -> Iterator[None]:
        """As `alone`, for what nobody stands still for: it lets everyone pass who waits, and disturbs no calm."""
        self.wait_for_calm()
        self._enter(self.places, visitors=0)
        try:
            yield
        finally:
            self._leave(self.places, visitors=0)

    def wait_for_calm(self, calm_s: float = 0.0) -> None:
        """Return once nobody computes or waits, and nobody has for so many seconds."""
        while self.visitors or time.monotonic() - self.left < calm_s:
            time.sleep(PAUSE_S)
