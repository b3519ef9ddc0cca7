"""A cache of stage results, keyed by the part of a recipe that they depend on."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


class StageCache:
    """Keeps the results used last, up to `max_entries`; safe to share between threads.

    What it hands out is shared, so nobody may change it. Threads that ask for the same at once wait for one of
    them to compute it. `runs` counts how often each stage really ran.
    """

    def __init__(self, max_entries: int = 128):
        self.max_entries = max_entries
        self.runs: Counter[str] = Counter()
        self._results: OrderedDict[Hashable, object] = OrderedDict()
        self._under_way: dict[Hashable, Lock] = {}
        self._lock = Lock()

    def get(self, stage: str, key: Hashable, compute: Callable[[], T]) -> T:
        """The result of that stage for that key, computed where it is not at hand."""
        place = (stage, key)
        with self._lock:
            if place in self._results:
                return self._found(place)
            own_turn = self._under_way.setdefault(place, Lock())
        with own_turn:
            with self._lock:
                if place in self._results:
                    return self._found(place)
            result = compute()  # where it fails, the next in line tries
            with self._lock:
                self._keep(place, result)
                self._under_way.pop(place, None)
            return result

    def known(self, stage: str, key: Hashable) -> object | None:
        """The result where it is at hand, else None. Nothing is computed."""
        with self._lock:
            place = (stage, key)
            return self._found(place) if place in self._results else None

    def _found(self, place: Hashable) -> object:
        self._results.move_to_end(place)
        return self._results[place]

    def _keep(self, place: tuple[str, Hashable], result: object) -> None:
        self.runs[place[0]] += 1
        self._results[place] = result
        while len(self._results) > self.max_entries:
            self._results.popitem(last=False)

    def __len__(self) -> int:
        return len(self._results)
