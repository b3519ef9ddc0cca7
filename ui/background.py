"""Computations in the background: look-ahead, long work piece by piece, measurements of seconds, and trainings."""

import contextlib
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import NamedTuple, TypeVar

from ui.gate import Gate

GUESSES_KEPT = 4
RESULTS_KEPT = 64
CALM_S = 0.7  # a knob may still be moving
GIVEN_UP_S = 4.0  # after so long without a question nobody is there any more

_LOOK_AHEAD, _QUEUE = "look-ahead", "queue"

T = TypeVar("T")
Compute = Callable[[], object]
Turn = Callable[[], AbstractContextManager]
NextPiece = Callable[[], Compute | None]
"""What is to be computed next of long work; None where all of it is there."""


class Stopped(Exception):
    """A measurement was called off."""


class Job:
    """A measurement or a training that goes on in the background."""

    def __init__(self):
        self.latest: object = None
        """What its last round gave; None before the first: it waits for its turn."""
        self.stop = threading.Event()

    def run(self, rounds: Generator[object, None, T], *turns: Turn) -> T:
        """Drive the rounds to their result, each in these turns; between two of them whoever waits gets theirs.

        Raises:
            Stopped: somebody has set `stop`.
        """
        while True:
            if self.stop.is_set():
                raise Stopped
            try:
                with contextlib.ExitStack() as stack:
                    for turn in turns:
                        stack.enter_context(turn())
                    self.latest = next(rounds)
            except StopIteration as end:
                return end.value


class _Work(NamedTuple):
    """Long work: its key, what is next of it, and when it was asked for last."""

    key: Hashable
    next_piece: NextPiece
    asked: float


class Background:
    """Work that no page stands still for. It gives way to whoever waits at the gate."""

    def __init__(self, gate: Gate):
        self.gate = gate
        self.quiet = Gate(1)
        """Held by what is timed for seconds and by what stands still meanwhile, in the order of asking. Whoever takes
        the gate too takes it second, or two would wait for each other."""
        self._lock = threading.Lock()
        self._ahead = ThreadPoolExecutor(1, _LOOK_AHEAD)  # Python waits for it before it ends
        self._slow = ThreadPoolExecutor(1, "slow")
        self._trainings = ThreadPoolExecutor(1, "training")
        self._queue = ThreadPoolExecutor(1, _QUEUE)
        self._fetches = ThreadPoolExecutor(1, "fetch")
        self._guesses: deque[Sequence[Compute]] = deque(maxlen=GUESSES_KEPT)
        self._submitted: OrderedDict[Hashable, Future] = OrderedDict()
        self._works: dict[Hashable, _Work] = {}
        self._failed: set[Hashable] = set()
        self._running = False
        self._measured: dict[Hashable, object] = {}
        self._jobs: dict[Hashable, Job] = {}
        self._failures: dict[Hashable, str] = {}

    def submit(self, key: Hashable, compute: Callable[[], T], quiet: bool = False) -> T | None:
        """The result of what takes seconds; None until it is there: ask again.

        One is computed at a time, and the newest question is the next one.

        Args:
            quiet: whether nothing else in the background may compute meanwhile.
        """

        def run() -> T:
            with self.quiet if quiet else contextlib.nullcontext():
                return compute()

        with self._lock:
            future = self._submitted.get(key)
            if future is None or future.cancelled():
                for waiting in self._submitted.values():
                    waiting.cancel()  # does nothing to one that runs or has ended
                self._submitted[key] = future = self._slow.submit(run)
                while len(self._submitted) > RESULTS_KEPT:
                    self._submitted.popitem(last=False)
            self._submitted.move_to_end(key)
        return future.result() if future.done() and not future.cancelled() else None

    def look_ahead(self, guesses: Iterable[Sequence[Compute]]) -> None:
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
    def runs_this() -> bool:
        """Whether what runs now is computed ahead, or a piece of long work."""
        return threading.current_thread().name.startswith((_LOOK_AHEAD, _QUEUE))

    def run_queue(self, key: Hashable, next_piece: NextPiece, of: Hashable = None) -> bool:
        """Compute one piece after another while nobody waits; whether it still goes on.

        Whoever wants it asks again and again: what nobody has asked for lately is given up. Several works take turns.

        Args:
            key: of the work, which goes on once however often it is asked for.
            next_piece: asked before each for what is wanted next; None ends the work.
            of: whose work it is, if somebody's: it takes the place of what they wanted before.
        """
        with self._lock:
            if key in self._failed:
                return False
            self._works[key if of is None else of] = _Work(key, next_piece, time.monotonic())
            if not self._running:
                self._running = True
                self._queue.submit(self._run_all)
        return True

    def _run_all(self) -> None:
        while works := self._wanted_works():
            for place, work in works:
                self.gate.wait_for_calm(CALM_S)
                try:
                    compute = work.next_piece()
                    if compute is not None:
                        with self.quiet:
                            compute()
                        continue
                except Exception:  # the page goes on without; asked for by itself it would say why
                    logging.getLogger(__name__).exception("A piece could not be computed.")
                    self._failed.add(work.key)
                with self._lock:
                    if place in self._works and self._works[place].key == work.key:
                        del self._works[place]

    def _wanted_works(self) -> list[tuple[Hashable, _Work]]:
        """Those that were asked for lately; where there is none, the queue ends."""
        with self._lock:
            lately = time.monotonic() - GIVEN_UP_S
            self._works = {place: work for place, work in self._works.items() if work.asked > lately}
            self._running = bool(self._works)
            return list(self._works.items())

    def start(self, question: Hashable, rounds: Callable[[], Generator[float, None, object]]) -> None:
        """Measure what takes seconds; nothing where it is being measured already.

        While a round is timed nothing else computes here. It goes on whoever leaves the page, and what it finds stands
        for everyone until it is measured again.

        Args:
            rounds: gives a generator that yields the share done after each round and returns the result.
        """
        with self._lock:
            if question not in self._jobs:
                self._jobs[question] = job = Job()
                self._slow.submit(self._measure, question, rounds, job)

    def fetch(self, question: Hashable, rounds: Callable[[], Generator[object, None, object]]) -> None:
        """Wait for what comes over a network; nobody waits for it meanwhile, and it waits for nobody."""
        with self._lock:
            if question not in self._jobs:
                self._jobs[question] = job = Job()
                self._fetches.submit(self._run, question, rounds, job)

    def train(self, question: Hashable, rounds: Callable[[], Generator[object, None, object]]) -> None:
        """Train what takes a minute; nothing where it is being trained already. One trains at a time, in order.

        It goes on whoever leaves the page, steps aside for every visitor and for whatever is timed, and what comes out
        of it stands for everyone.
        """
        with self._lock:
            if question not in self._jobs:
                self._jobs[question] = job = Job()
                self._trainings.submit(self._train, question, rounds, job)

    def _measure(self, question: Hashable, rounds: Callable[[], Generator[object, None, object]], job: Job) -> None:
        with self.quiet:
            self._run(question, rounds, job, self.gate.alone_when_calm)

    def _train(self, question: Hashable, rounds: Callable[[], Generator[object, None, object]], job: Job) -> None:
        turns = lambda: self.quiet, self.gate.alone_when_calm  # in the order of all others
        self._run(question, rounds, job, *turns)

    def _run(self, question: Hashable, rounds: Callable, job: Job, *turns: Turn) -> None:
        self._failures.pop(question, None)
        try:
            if not job.stop.is_set():
                self._measured[question] = job.run(rounds(), *turns)
        except Stopped:
            pass
        except Exception as error:  # what was known before still stands
            logging.getLogger(__name__).exception("A measurement failed.")
            self._failures[question] = str(error)
        finally:
            self._jobs.pop(question)

    def job(self, question: Hashable) -> Job | None:
        """What is being measured or trained for a question, or waits for its turn."""
        return self._jobs.get(question)

    def waits_behind(self, question: Hashable) -> int:
        """How many trainings were asked for before this one, and are not over."""
        with self._lock:
            return next((place for place, other in enumerate(self._jobs) if other == question), 0)

    def measured(self, question: Hashable) -> object | None:
        """The result of the last measurement or training, if there was one."""
        return self._measured.get(question)

    def failure(self, question: Hashable) -> str:
        """Why the last one failed; empty where it did not."""
        return self._failures.get(question, "")
