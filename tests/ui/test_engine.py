"""The engine that all visitors share: each answer is computed once, whoever asks."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import compress_core as cc
from compress_core.studies.accuracy import study_accuracy
from compress_core.studies.pruning import study_scores
from tests.helpers.waiting import LONG_S, wait_until
from ui.engine import Engine, Piece

SMALL = cc.Recipe(width=0.25)


@pytest.fixture
def engine(monkeypatch) -> Engine:
    """An engine of which nobody has asked anything, and whose background waits for no knob."""
    monkeypatch.setattr("ui.background.CALM_S", 0.0)
    monkeypatch.setattr("ui.background.GIVEN_UP_S", 1000.0)
    return Engine()


def test_an_answer_is_computed_once_for_each_recipe_and_argument(engine):
    asked = []

    def study(recipe: cc.Recipe, _, what: str = "") -> str:
        asked.append((recipe, what))
        return what

    for recipe in (SMALL, SMALL.with_(criterion="l1")):  # canonically the same, where nothing is cut
        assert [engine.ask(study, recipe, what) for what in "ab"] == ["a", "b"]
    engine.ask(study, SMALL, "a", timed=True)
    assert asked == [(SMALL, "a"), (SMALL, "b")] and engine.results.runs["study"] == 2
    for _ in range(2):
        engine.ask(study, SMALL, "large", kept=False)
    assert len(asked) == 4


@pytest.mark.parametrize("options", [{}, {"timed": True}, {"kept": False}])
def test_a_study_holds_the_gate_and_opens_it_again_though_it_fails(engine, options):
    found = []

    def fail(*_) -> None:
        found.append(engine.gate.visitors)
        raise RuntimeError

    for _ in range(2):
        with pytest.raises(RuntimeError):
            engine.ask(fail, SMALL, **options)
    assert found == [1, 1] and engine.gate.visitors == 0


def test_visitors_get_their_own_numbers(engine):
    recipes = [SMALL.with_(prune=prune, criterion="bn_scale") for prune in (0.0, 0.3)] * 2
    with ThreadPoolExecutor(len(recipes)) as pool:
        found = list(pool.map(lambda recipe: engine.ask(study_scores, engine.shown(recipe).recipe), recipes))
    assert [one.channels["kept"].sum() for one in found] == [592, 235] * 2  # uncut, whatever the criterion
    assert engine.results.runs["study_scores"] == 2


def test_what_takes_seconds_is_asked_for_again_and_holds_no_gate(engine):
    go = threading.Event()

    def study(*_) -> int:
        go.wait(LONG_S)
        return engine.gate.visitors

    assert engine.ask_later(study, SMALL) is None
    assert engine.compute_once("stage", "key", lambda: "at once") == "at once"
    go.set()
    wait_until(lambda: engine.ask_later(study, SMALL) is not None)
    assert engine.ask_later(study, SMALL) == 0


def test_what_is_looked_ahead_to_is_there_when_it_is_asked_for(engine):
    recipe = SMALL.with_(bits=4)
    engine.look_ahead([recipe])
    wait_until(lambda: engine.results.runs["study_first_answer"])
    runs = dict(engine.results.runs)
    engine.scaling_factors(engine.shown(recipe))
    engine.first_answer(engine.shown(recipe))
    assert dict(engine.results.runs) == runs and runs["study_first_answer"] == 1


def test_fine_tuning_is_not_guessed(engine):
    asked = []
    healed = SMALL.with_(prune=0.3)
    engine.look_ahead([healed.with_(heal="finetune"), healed], [lambda shown: asked.append(shown.recipe)])
    wait_until(lambda: asked)
    engine.background._ahead.shutdown()
    assert asked == [healed]


def test_what_is_computed_ahead_stands_in_no_visitors_way_but_nothing_is_timed_beside_it(engine):
    begun, go, order = threading.Event(), threading.Event(), []

    def slow() -> None:
        begun.set()
        go.wait(LONG_S)
        order.append("ahead")

    engine.look_ahead([SMALL], [lambda _: engine.compute_once("slow", 1, slow)])
    begun.wait(LONG_S)
    assert engine.compute_once("quick", 1, lambda: "there") == "there"  # with the other still running
    with ThreadPoolExecutor(1) as pool:
        timed = pool.submit(engine.compute_once, "timed", 1, lambda: order.append("timed"), timed=True)
        wait_until(lambda: engine.gate.visitors)
        with pytest.raises(TimeoutError):
            timed.result(0.1)
        go.set()
        timed.result()
    assert order == ["ahead", "timed"]


def test_a_piece_that_is_timed_has_the_gate_and_waits_for_whoever_is_there(engine):
    seen = []

    def study(*_) -> str:
        seen.append(engine.gate.visitors)
        return "timed"

    piece = Piece(study, SMALL, ("batch 1",), timed=True)
    with engine.gate:
        engine.run_queue("a", lambda: None if engine.known(piece) else piece)
        time.sleep(0.1)
        assert not seen
    wait_until(lambda: engine.known(piece))
    assert seen == [1] and engine.known(piece) == "timed"


def test_pieces_are_computed_in_the_background_each_once(engine):
    pieces = [Piece(study_accuracy, SMALL.with_(bits=bits)) for bits in (2, 8)]

    def next_piece() -> Piece | None:
        return next((piece for piece in pieces if engine.known(piece) is None), None)

    assert next_piece() is pieces[0]
    assert engine.run_queue("a", next_piece) and engine.run_queue("b", next_piece)
    wait_until(lambda: next_piece() is None)
    engine.background._queue.shutdown()
    assert engine.results.runs["study_accuracy"] == 2
    assert engine.known(pieces[1]) is engine.ask(study_accuracy, pieces[1].recipe)
    assert engine.known(pieces[0]).value < engine.known(pieces[1]).value
