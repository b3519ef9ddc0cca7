"""What is computed beside the pages: guesses ahead of a question, long work piece by piece, measurements of seconds."""

import contextlib
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from compress_core.analysis.guidelines.measure import Stopped, Watch
from ui.gate import Gate, Politely

GUESSES_KEPT = 4
JOBS_KEPT = 64
CALM_S = 0.7  # a knob may still be moving
GIVEN_UP_S = 4.0  # after so long without a question nobody is there any more

_LOOK_AHEAD = "look-ahead"

T = TypeVar("T")
Compute = Callable[[], object]
NextPiece = Callable[[], Compute | None]
"""What is to be computed next of long work; None where all of it is there."""


class UnderWay:
    """A measurement that goes on beside the pages."""

    def __init__(self):
        self.share = 0.0
        """How much of it is done, 0 … 1."""
        self.stop = threading.Event()

    def progress(self, share: float) -> None:
        self.share = share


class Beside:
    """Work that no page stands still for. It gives way to whoever waits at the gate."""

    def __init__(self, gate: Gate):
        self.gate = gate
        self.quiet = threading.Lock()
        """Held by what is timed for seconds, and by what stands still meanwhile."""
        self._lock = threading.Lock()
        self._ahead = ThreadPoolExecutor(1, _LOOK_AHEAD)  # Python waits for it before it ends
        self._meanwhile = ThreadPoolExecutor(1, "meanwhile")
        self._gatherers = ThreadPoolExecutor(1, "gathering")
        self._guesses: deque[Sequence[Compute]] = deque(maxlen=GUESSES_KEPT)
        self._jobs: OrderedDict[Hashable, Future] = OrderedDict()
        self._works: dict[Hashable, tuple[NextPiece, float]] = {}
        self._failed: set[Hashable] = set()
        self._gathering = False
        self._measured: dict[Hashable, object] = {}
        self._measuring: dict[Hashable, UnderWay] = {}

    def meanwhile(self, key: Hashable, compute: Callable[[], T]) -> T | None:
        """A result that takes seconds; None until it is there: ask again.

        One is computed at a time, and the newest question is the next one.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.cancelled():
                for waiting in self._jobs.values():
                    waiting.cancel()  # does nothing to one that runs or has ended
                self._jobs[key] = job = self._meanwhile.submit(compute)
                while len(self._jobs) > JOBS_KEPT:
                    self._jobs.popitem(last=False)
            self._jobs.move_to_end(key)
        return job.result() if job.done() and not job.cancelled() else None

    def expect(self, guesses: Iterable[Sequence[Compute]]) -> None:
        """Compute what may be asked for next while nobody waits, the likeliest first; newer ones push out older ones.

        Args:
            guesses: each in steps, between which whoever comes is let pass.
        """
        self._guesses.extendleft(reversed(list(guesses)))
        self._ahead.submit(self._look_ahead)

    def _look_ahead(self) -> None:
        while self._guesses:
            with contextlib.suppress(Exception):  # a guess is no one's question; who asks it gets the sentence
                for step in self._guesses.popleft():
                    self.gate.wait_for_calm()
                    with self.quiet:
                        step()

    @staticmethod
    def is_guess() -> bool:
        """Whether what runs now is computed ahead."""
        return threading.current_thread().name.startswith(_LOOK_AHEAD)

    def gather(self, key: Hashable, next_piece: NextPiece) -> bool:
        """Compute one piece after another while nobody waits; whether it still goes on.

        Whoever wants it asks again and again: what nobody has asked for lately is given up. Several works take turns.

        Args:
            key: of the work, which goes on once however often it is asked for.
            next_piece: asked before each for what is wanted next; None ends the work.
        """
        with self._lock:
            if key in self._failed:
                return False
            self._works[key] = next_piece, time.monotonic()
            if not self._gathering:
                self._gathering = True
                self._gatherers.submit(self._gather_all)
        return True

    def _gather_all(self) -> None:
        while works := self._wanted_works():
            for key, next_piece in works:
                self.gate.wait_for_calm(CALM_S)
                try:
                    compute = next_piece()
                    if compute is not None:
                        with self.quiet:
                            compute()
                        continue
                except Exception:  # the page goes on without; asked for by itself it would say why
                    logging.getLogger(__name__).exception("A piece could not be computed.")
                    self._failed.add(key)
                with self._lock:
                    self._works.pop(key, None)

    def _wanted_works(self) -> list[tuple[Hashable, NextPiece]]:
        """Those that were asked for lately; where there is none, the gatherer ends."""
        with self._lock:
            lately = time.monotonic() - GIVEN_UP_S
            self._works = {key: work for key, work in self._works.items() if work[1] > lately}
            self._gathering = bool(self._works)
            return [(key, next_piece) for key, (next_piece, _) in self._works.items()]

    def measure(self, question: Hashable, compute: Callable[[Watch], T]) -> None:
        """Measure what takes seconds; nothing where it is being measured already.

        While a round is timed nothing else computes here; between two rounds whoever waits gets a turn. It goes on
        whoever leaves the page, and what it finds stands for everyone until it is measured again.
        """
        with self._lock:
            if question not in self._measuring:
                self._measuring[question] = under_way = UnderWay()
                self._meanwhile.submit(self._measure, question, compute, under_way)

    def _measure(self, question: Hashable, compute: Callable[[Watch], T], under_way: UnderWay) -> None:
        try:
            with self.quiet:
                found = compute(Watch(under_way.progress, under_way.stop.is_set, Politely(self.gate)))
            self._measured[question] = found
        except Stopped:
            pass
        except Exception:  # what was known before still stands
            logging.getLogger(__name__).exception("A measurement failed.")
        finally:
            self._measuring.pop(question)

    def measuring(self, question: Hashable) -> UnderWay | None:
        """The measurement that is under way, or waits for its turn."""
        return self._measuring.get(question)

    def measured(self, question: Hashable) -> object | None:
        """What the last measurement found, if there was one."""
        return self._measured.get(question)
