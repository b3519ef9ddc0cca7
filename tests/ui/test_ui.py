"""What the pages share: the engine, and what a hand on a knob reaches next."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import compress_core as cc
from ui.engine import Engine, Piece
from ui.gate import Gate
from ui.knobs import likely_next


def test_the_gate_lets_one_in_at_a_time():
    gate, inside, most = Gate(), [], []

    def visit() -> None:
        with gate:
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.005)
            inside.pop()

    threads = [threading.Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and gate.visitors == 0


def test_a_failed_computation_opens_the_gate_again():
    engine = Engine()

    def fail(_):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        engine._once("stage", "key", fail)
    assert engine._once("stage", "key", lambda _: "fine") == "fine"


def test_timings_wait_for_each_other_and_are_kept():
    engine, inside, most = Engine(), [], []

    def measure(number: int) -> int:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.005)
        inside.pop()
        return number

    threads = [
        threading.Thread(target=engine.timed, args=("nap", number % 4, lambda number=number: measure(number)))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and len(most) == 4
    assert engine.timed("nap", 1, lambda: -1) in (1, 5) and engine.timed("walk", 1, lambda: -1) == -1


def test_visitors_get_their_own_numbers():
    engine = Engine()
    recipes = [cc.Recipe(width=0.25, prune=prune) for prune in (0.0, 0.1, 0.2, 0.3)] * 3
    answers: list[tuple[cc.Recipe, cc.Recipe]] = []

    def visit(recipe: cc.Recipe) -> None:
        answers.append((recipe, engine.study(engine.shown(recipe)).compressed.recipe))

    threads = [threading.Thread(target=visit, args=(recipe,)) for recipe in recipes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(recipes) and all(asked == got for asked, got in answers)


def test_what_is_expected_is_there_when_it_is_asked_for():
    engine = Engine()
    recipe = cc.Recipe(width=0.25, bits=4)
    engine.expect([recipe])
    deadline = time.monotonic() + 60
    while not engine.results.runs["latency"] and time.monotonic() < deadline:
        time.sleep(0.02)
    runs = dict(engine.results.runs)
    engine.latency(engine.shown(recipe))
    engine.study(engine.shown(recipe))
    assert dict(engine.results.runs) == runs and runs["study"] == 1


def test_a_guess_that_fails_does_not_end_the_looking_ahead(monkeypatch):
    engine = Engine()
    monkeypatch.setattr(engine, "shown", lambda recipe: 1 / 0)
    engine.expect([cc.Recipe()])
    time.sleep(0.1)
    monkeypatch.undo()
    engine.expect([cc.Recipe(width=0.25)])
    deadline = time.monotonic() + 60
    while not engine.results.runs["latency"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert engine.results.runs["latency"] == 1


def test_what_takes_seconds_is_computed_beside_everything_else():
    engine, go = Engine(), threading.Event()

    def slow() -> str:
        go.wait(10)
        return "done"

    assert engine.beside.meanwhile("slow", slow) is None
    assert engine.beside.meanwhile("old", lambda: "old") is None
    assert engine.beside.meanwhile("new", lambda: "new") is None
    assert engine._once("stage", "key", lambda _: "at once") == "at once"  # nobody waits for it
    go.set()
    deadline = time.monotonic() + 10
    while engine.beside.meanwhile("new", lambda: "new") is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert engine.beside.meanwhile("new", lambda: "again") == "new" and engine.beside.meanwhile("slow", slow) == "done"
    assert engine.beside.meanwhile("old", lambda: "asked again") is None  # a newer question had pushed it out


def test_a_failure_beside_everything_else_is_said_to_who_asks():
    engine = Engine()
    with pytest.raises(ZeroDivisionError):
        for _ in range(200):
            engine.beside.meanwhile("bad", lambda: 1 / 0)
            time.sleep(0.01)


def test_fine_tuning_is_not_guessed():
    engine = Engine()
    asked = []
    engine.expect([cc.Recipe(prune=0.3, heal="finetune"), cc.Recipe(prune=0.3)], [lambda shown: asked.append(shown)])
    engine.beside._ahead.shutdown(wait=True)
    assert [shown.recipe.heal for shown in asked] == ["recalibrate"]


@pytest.mark.parametrize(
    ("before", "now", "guesses"),
    [
        ({"prune": 0.1}, {"prune": 0.15}, [{"prune": 0.2}, {"prune": 0.25}]),
        ({"prune": 0.3}, {"prune": 0.25}, [{"prune": 0.2}, {"prune": 0.15}]),
        ({"prune": 0.42}, {"prune": 0.95}, []),
        ({"bits": 32}, {"bits": 16}, [{"bits": 15}, {"bits": 14}]),
        ({"bits": 2}, {"bits": 1}, []),
        ({"width": 0.9}, {"width": 0.95}, [{"width": 1.0}]),
        ({}, {}, []),
        ({"scope": "layer"}, {}, []),
    ],
)
def test_the_next_stops_of_the_knob_that_was_turned_are_likely(before, now, guesses):
    assert likely_next(cc.Recipe(**before), cc.Recipe(**now)) == [cc.Recipe(**guess) for guess in guesses]


def gathered(engine: Engine, key: object, pieces: list[Piece], seconds: float = 20) -> None:
    def next_piece() -> Piece | None:
        return next((piece for piece in pieces if engine.known(piece) is None), None)

    ends = time.monotonic() + seconds
    while next_piece() and time.monotonic() < ends:
        engine.gather(key, next_piece)
        time.sleep(0.05)
    assert next_piece() is None


def test_pieces_are_gathered_beside_everything_else_and_each_once():
    engine = Engine()
    pieces = [Piece("outcome", cc.Recipe(width=0.25, bits=bits)) for bits in (2, 4, 8)]
    assert all(engine.known(piece) is None for piece in pieces)
    gathered(engine, "a", pieces)
    gathered(engine, "b", pieces)
    assert engine.results.runs["outcome"] == 3
    assert engine.known(pieces[1]).accuracy > 0.5


def test_what_nobody_asks_for_any_more_is_given_up(monkeypatch):
    monkeypatch.setattr("ui.background.GIVEN_UP_S", 0.05)
    engine, asked = Engine(), []

    def next_piece() -> Piece:
        asked.append(time.monotonic())
        time.sleep(0.02)
        return Piece("outcome", cc.Recipe(width=0.25, bits=2))

    engine.gather("a", next_piece)
    engine.beside._gatherers.shutdown(wait=True)
    assert 1 <= len(asked) < 50 and not engine.beside._gathering


def test_a_piece_that_fails_ends_its_work_and_is_not_asked_for_again():
    engine = Engine()
    assert engine.gather("bad", lambda: 1 / 0)
    engine.beside._gatherers.submit(lambda: None).result(10)
    assert not engine.gather("bad", lambda: 1 / 0)
    gathered(engine, "good", [Piece("outcome", cc.Recipe(width=0.25, bits=2))])


def test_whoever_computes_comes_before_what_is_gathered():
    engine, piece = Engine(), Piece("outcome", cc.Recipe(width=0.25, bits=2))
    with engine.gate:
        engine.gather("a", lambda: None if engine.known(piece) else piece)
        time.sleep(0.3)
        assert engine.known(piece) is None
    engine.beside._gatherers.submit(lambda: None).result(20)  # behind the gatherer's work
    assert engine.known(piece) is not None


def test_what_is_computed_ahead_stands_in_no_visitors_way():
    engine, begun, goes_on = Engine(), threading.Event(), threading.Event()

    def slow(networks):
        begun.set()
        goes_on.wait(20)

    engine.expect([cc.Recipe(bits=4)], [lambda shown: engine._once("slow", 1, slow)])
    assert begun.wait(20)
    assert engine._once("quick", 1, lambda networks: "there") == "there"  # with the other still running
    with ThreadPoolExecutor(1) as pool:
        timing = pool.submit(engine.timed, "what", 1, lambda: goes_on.is_set())
        time.sleep(0.2)
        assert not timing.done()  # what is timed waits until nothing else computes
        goes_on.set()
        assert timing.result(20)
