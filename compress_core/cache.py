"""A cache of stage results, keyed by the part of a recipe that they depend on."""

import functools
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Mapping
from threading import Lock
from types import MappingProxyType
from typing import TypeVar

T = TypeVar("T")


class StageCache:
    """Keeps the results used last, up to `max_entries` of each stage; safe to share between threads.

    What it hands out is shared, so nobody may change it. Threads that ask for the same at once wait for one of
    them to compute it. `runs` counts how often each stage really ran.

    Args:
        limits: for single stages, other numbers of entries.
    """

    def __init__(self, max_entries: int = 128, limits: Mapping[str, int] = MappingProxyType({})):
        self.max_entries, self.limits = max_entries, limits
        self.runs: Counter[str] = Counter()
        self._results: defaultdict[str, OrderedDict[Hashable, object]] = defaultdict(OrderedDict)
        self._under_way: dict[Hashable, Lock] = {}
        self._lock = Lock()

    def get(self, stage: str, key: Hashable, compute: Callable[[], T]) -> T:
        """The result of that stage for that key, computed where it is not at hand."""
        place = (stage, key)
        with self._lock:
            if key in self._results[stage]:
                return self._found(stage, key)
            own_turn = self._under_way.setdefault(place, Lock())
        with own_turn:
            with self._lock:
                if key in self._results[stage]:
                    return self._found(stage, key)
            result = compute()  # where it fails, the next in line tries
            with self._lock:
                self._keep(stage, key, result)
                self._under_way.pop(place, None)
            return result

    def known(self, stage: str, key: Hashable) -> object | None:
        """The result where it is at hand, else None. Nothing is computed."""
        with self._lock:
            return self._found(stage, key) if key in self._results[stage] else None

    def _found(self, stage: str, key: Hashable) -> object:
        self._results[stage].move_to_end(key)
        return self._results[stage][key]

    def _keep(self, stage: str, key: Hashable, result: object) -> None:
        self.runs[stage] += 1
        own = self._results[stage]
        own[key] = result
        while len(own) > self.limits.get(stage, self.max_entries):
            own.popitem(last=False)

    def __len__(self) -> int:
        return sum(map(len, self._results.values()))


def once(compute: Callable[..., T]) -> Callable[..., T]:
    """A function whose result is kept for each of its (hashable) arguments; threads that ask at once wait for one."""
    results = StageCache()

    @functools.wraps(compute)
    def kept(*args: Hashable) -> T:
        return results.get(compute.__name__, args, lambda: compute(*args))

    return kept
