"""The gate in front of two cores: who computes, and who lets others pass."""

import threading
import time

PAUSE_S = 0.02


class Gate:
    """One computation at a time: two visitors who queue are both served sooner than two who share two cores."""

    def __init__(self):
        self._turn = threading.Lock()
        self._count = threading.Lock()
        self.visitors = 0
        """Who computes or waits for it."""
        self.left = 0.0
        """When the last of them left, by the monotonic clock."""

    def __enter__(self) -> None:
        with self._count:
            self.visitors += 1
        self._turn.acquire()

    def __exit__(self, *_) -> None:
        self._turn.release()
        with self._count:
            self.visitors -= 1
            self.left = time.monotonic()

    def wait_for_calm(self, calm_s: float = 0.0) -> None:
        """Return once nobody computes or waits, and nobody has for so many seconds."""
        while self.visitors or time.monotonic() - self.left < calm_s:
            time.sleep(PAUSE_S)


class LowPriority:
    """A turn at the gate for what nobody stands still for: it lets everyone pass who waits."""

    def __init__(self, gate: Gate):
        self._gate = gate

    def __enter__(self) -> None:
        self._gate.wait_for_calm()
        self._gate.__enter__()

    def __exit__(self, *_) -> None:
        self._gate.__exit__()
