"""A cache of stage results, keyed by the part of a recipe that they depend on."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


class StageCache:
    """Keeps the results used last, up to `max_entries`; safe to share between threads.

    What it hands out is shared, so nobody may change it. `runs` counts how often each stage really ran.
    """

    def __init__(self, max_entries: int = 128):
        self.max_entries = max_entries
        self.runs: Counter[str] = Counter()
        self._results: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = Lock()

    def get(self, stage: str, key: Hashable, compute: Callable[[], T]) -> T:
        """The result of that stage for that key, computed where it is not at hand.

        Two threads that ask at once may both compute it; the results are equal.
        """
        with self._lock:
            if (stage, key) in self._results:
                self._results.move_to_end((stage, key))
                return self._results[stage, key]
        result = compute()
        with self._lock:
            self.runs[stage] += 1
            self._results[stage, key] = result
            while len(self._results) > self.max_entries:
                self._results.popitem(last=False)
        return result

    def __len__(self) -> int:
        return len(self._results)
