"""What goes on in the background: guesses, long work piece by piece, and measurements of seconds."""

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from functools import partial

import pytest

from tests.helpers.waiting import LONG_S, Held, wait_until
from ui.background import Background
from ui.gate import Gate


@pytest.fixture
def background(monkeypatch) -> Background:
    """A background in which nothing waits for a knob that may still be moving."""
    monkeypatch.setattr("ui.background.CALM_S", 0.0)
    monkeypatch.setattr("ui.background.GIVEN_UP_S", 1000.0)
    return Background(Gate())


def queued(background: Background) -> None:
    """Return when the queue has nothing more to do."""
    background._queue.submit(lambda: None).result()


# Questions that take seconds


def test_the_newest_question_is_the_next_and_older_ones_are_dropped(background):
    held, ran = Held(), []

    def ask(name: str) -> str | None:
        return background.submit(name, lambda: ran.append(name) or name)

    assert background.submit("held", held) is None
    held.begun.wait(LONG_S)
    assert ask("old") is None and ask("new") is None
    held.go.set()
    wait_until(lambda: ask("new") == "new")
    assert ran == ["new"] and background.submit("held", held) == "held"
    wait_until(lambda: ask("old") == "old")  # asked again it is computed after all
    assert ran == ["new", "old"]


def test_a_failure_is_said_to_who_asks(background):
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: background.submit("bad", lambda: 1 / 0))


@pytest.mark.parametrize("begin", ["submit", "start"])
def test_what_is_timed_is_alone_in_the_background(background, begin, monkeypatch):
    monkeypatch.setattr(Gate, "alone_when_calm", lambda _: contextlib.nullcontext())  # as between two rounds
    held, ahead, queue = Held(), [], []

    def rounds() -> Generator[float, None, str]:
        yield 0.5
        return held()

    if begin == "submit":
        background.submit("timed", held, quiet=True)
    else:
        background.start("timed", rounds)
    held.begun.wait(LONG_S)
    background.look_ahead([[lambda: ahead.append(held.ended)]])
    background.run_queue("work", lambda: None if queue else lambda: queue.append(held.ended))
    time.sleep(0.1)  # where they do not wait they run now
    held.go.set()
    wait_until(lambda: ahead and queue)
    assert ahead == [True] and queue == [True]


# Guesses


def test_the_newest_guesses_come_first_and_push_the_oldest_out(background):
    held, ran = Held(), []
    background.look_ahead([[held]])
    held.begun.wait(LONG_S)
    for names in ("ab", "cde"):
        background.look_ahead([partial(ran.append, name)] for name in names)
    held.go.set()
    background._ahead.shutdown()
    assert ran == ["c", "d", "e", "a"]


def test_a_guess_that_fails_does_not_end_the_looking_ahead(background):
    ran = []

    def fail() -> None:
        ran.append("fails")
        raise ValueError

    background.look_ahead([[fail, lambda: ran.append("its second step")], [lambda: ran.append("next")]])
    wait_until(lambda: ran == ["fails", "next"])


def test_guesses_wait_while_a_visitor_computes(background):
    visitors, named = [], []

    def guess() -> None:
        visitors.append(background.gate.visitors)
        named.append(background.runs_this())

    with background.gate:
        background.look_ahead([[guess]])
        time.sleep(0.1)  # where it does not wait it runs now
    wait_until(lambda: named)
    assert visitors == [0] and named == [True] and not background.runs_this()


# Long work


def test_pieces_are_computed_one_after_another_and_works_take_turns(background):
    ran = []

    def pieces(name: str) -> Callable[[], Callable[[], None] | None]:
        return lambda: (lambda: ran.append(name)) if ran.count(name) < 3 else None

    with background.gate:  # so that both are there before the first piece
        assert background.run_queue("a", pieces("a")) and background.run_queue("b", pieces("b"))
    queued(background)
    assert sorted(ran) == ["a", "a", "a", "b", "b", "b"]
    assert ran.index("b") < 3, "the second work waits for the whole of the first"


def test_what_nobody_asks_for_any_more_is_given_up(background, monkeypatch):
    ran = []

    def piece() -> None:
        ran.append(1)
        if len(ran) == 2:
            monkeypatch.setattr("ui.background.GIVEN_UP_S", -1.0)

    background.run_queue("work", lambda: piece if len(ran) < 9 else None)
    queued(background)
    assert len(ran) == 2
    monkeypatch.setattr("ui.background.GIVEN_UP_S", 1000.0)
    background.run_queue("work", lambda: piece if len(ran) < 4 else None)
    queued(background)
    assert len(ran) == 4


def test_what_somebody_wants_now_takes_the_place_of_what_they_wanted_before(background):
    held, ran = Held(), []

    def work(name: str, first: Callable[[], object]) -> Callable[[], Callable | None]:
        pieces = [first, lambda: ran.append(name), lambda: ran.append(name)]
        return lambda: pieces.pop(0) if pieces else None

    background.run_queue("a", work("a", held), of="visitor")
    held.begun.wait(LONG_S)
    background.run_queue("b", work("b", lambda: None), of="visitor")
    background.run_queue("c", work("c", lambda: None), of="somebody else")
    held.go.set()
    queued(background)
    assert sorted(ran) == ["b", "b", "c", "c"]


@pytest.mark.parametrize("fails", ["next_piece", "piece"])
def test_a_piece_that_fails_ends_its_work_only(background, caplog, fails):
    ran = []
    bad = (lambda: 1 / 0) if fails == "next_piece" else lambda: lambda: 1 / 0
    with background.gate:
        assert background.run_queue("bad", bad)
        assert background.run_queue("good", lambda: (lambda: ran.append(1)) if len(ran) < 2 else None)
    queued(background)
    assert ran == [1, 1] and "A piece could not be computed." in caplog.text
    assert not background.run_queue("bad", bad)  # it is not asked for again


def test_pieces_wait_for_who_computes_and_for_a_calm_after_them(background, monkeypatch):
    monkeypatch.setattr("ui.background.CALM_S", 0.2)
    calm, gate = [], background.gate
    with gate:
        background.run_queue("work", lambda: None if calm else lambda: calm.append(time.monotonic() - gate.left))
        time.sleep(0.1)  # where it does not wait it runs now
    queued(background)
    assert len(calm) == 1 and calm[0] >= 0.2


# Measurements


def test_a_question_is_measured_once_at_a_time_and_its_progress_is_seen(background):
    held, begun = Held(), []

    def rounds() -> Generator[float, None, str]:
        begun.append(1)
        yield 0.5
        held()
        return f"answer {len(begun)}"

    for _ in range(3):
        background.start("question", rounds)
    held.begun.wait(LONG_S)
    assert background.job("question").latest == 0.5 and background.measured("question") is None
    held.go.set()
    wait_until(lambda: background.job("question") is None)
    assert background.measured("question") == "answer 1" and background.measured("another") is None
    background.start("question", rounds)
    wait_until(lambda: background.measured("question") == "answer 2")


def test_a_measurement_stopped_or_failed_leaves_what_was_known(background, caplog):
    def known() -> Generator[float, None, str]:
        yield 1.0
        return "known"

    def endless() -> Generator[float, None, str]:
        while True:
            yield 0.5

    def failing() -> Generator[float, None, str]:
        yield 0.5
        raise ValueError

    background.start("question", known)
    wait_until(lambda: background.measured("question") == "known" and background.job("question") is None)
    background.start("question", endless)
    wait_until(lambda: background.job("question").latest == 0.5)
    background.job("question").stop.set()
    wait_until(lambda: background.job("question") is None)
    assert not caplog.records
    background.start("question", failing)
    wait_until(lambda: background.job("question") is None)
    assert background.measured("question") == "known" and "A measurement failed." in caplog.text


def test_between_two_rounds_of_a_measurement_whoever_waits_gets_a_turn(background):
    gate, order = background.gate, []

    def visit() -> None:
        with gate:
            order.append("visitor")

    def rounds() -> Generator[float, None, str]:
        order.append("first round")
        threading.Thread(target=visit).start()
        wait_until(lambda: gate.visitors)
        yield 0.5
        order.append("second round")
        return "done"

    background.start("question", rounds)
    wait_until(lambda: background.measured("question"))
    assert order == ["first round", "visitor", "second round"]


# Trainings


def steps(held: Held, count: int = 3) -> Generator[int, None, str]:
    """A training that stands still after its first step until it is let go."""
    yield 1
    held()
    yield from range(2, count)
    return "trained"


def test_one_trains_at_a_time_in_order_and_whoever_waits_knows_behind_how_many(background):
    first, second = Held(), Held()
    background.train("a", lambda: steps(first))
    background.train("b", lambda: steps(second))
    background.train("a", lambda: steps(Held()))
    first.begun.wait(LONG_S)
    assert background.job("a").latest == 1 and background.job("b").latest is None
    assert background.waits_behind("a") == 0 and background.waits_behind("b") == 1
    assert background.measured("a") is None
    first.go.set()
    second.begun.wait(LONG_S)
    assert background.measured("a") == "trained" and background.job("a") is None and background.waits_behind("b") == 0
    second.go.set()
    wait_until(lambda: background.measured("b") == "trained")


def test_a_training_stops_between_two_steps_also_while_it_waits(background):
    held, begun = Held(), []
    background.train("runs", lambda: steps(held, 1000))
    background.train("waits", lambda: begun.append("waits") or steps(held))
    held.begun.wait(LONG_S)
    background.job("waits").stop.set()
    background.job("runs").stop.set()
    held.go.set()
    wait_until(lambda: background.job("runs") is None and background.job("waits") is None)
    assert background.measured("runs") is None and not background.failure("runs") and not begun


def test_a_training_steps_aside_for_visitors_and_for_what_is_timed(background):
    """No step begins while somebody is at the gate, nor while something is timed."""
    seen = []

    def watched() -> Generator[int, None, str]:
        for step in range(6):
            seen.append((background.gate.visitors, background.quiet.visitors))
            yield step
        return "trained"

    with background.gate:
        background.train("a", watched)
        time.sleep(0.1)
        assert not seen
    wait_until(lambda: background.measured("a") == "trained")
    assert seen == [(0, 1)] * 6  # and nothing can be timed meanwhile


@pytest.mark.parametrize("begin", ["look_ahead", "start"])
def test_a_training_never_waits_for_who_waits_for_it(background, begin):
    """It asks for its turn while something else in the background has the quiet, and then wants the gate."""
    held = Held()

    def at_the_gate() -> str:
        held()
        with background.gate:
            return "came through"

    def rounds() -> Generator[float, None, str]:
        yield 0.0
        held()
        yield 0.5  # its next round begins at the gate
        return "came through"

    if begin == "start":
        background.start("timed", rounds)
    else:
        background.look_ahead([[at_the_gate]])
    held.begun.wait(LONG_S)
    background.train("a", lambda: iter(()))
    time.sleep(0.1)  # it stands in line by now
    held.go.set()
    wait_until(lambda: background.job("a") is None and background.job("timed") is None)
    with background.gate:
        assert background.gate.visitors == 1


def test_a_training_leaves_long_work_its_turns(background):
    beside = []

    def steps() -> Generator[int, None, str]:
        for step in range(400):
            time.sleep(0.003)
            yield step
        return "trained"

    background.train("a", steps)
    wait_until(lambda: background.job("a").latest)
    background.run_queue(
        "work", lambda: None if len(beside) == 3 else lambda: beside.append(background.job("a") is not None)
    )
    wait_until(lambda: len(beside) == 3)
    background.job("a") and background.job("a").stop.set()
    assert beside == [True] * 3


def test_a_failed_training_says_why(background):
    def failing() -> Generator[int, None, str]:
        yield 1
        raise ValueError("The teacher is not here.")

    background.train("a", failing)
    wait_until(lambda: background.failure("a"))
    assert background.failure("a") == "The teacher is not here." and background.job("a") is None
