"""The gate: who computes, and who lets others pass."""

import os
import threading
import time
from types import SimpleNamespace

import pytest

from tests.helpers.waiting import LONG_S, wait_until
from ui.gate import Gate


@pytest.mark.parametrize("places", [1, 3])
def test_as_many_are_inside_as_there_are_places_and_who_times_is_alone(places):
    gate, inside, most, alone = Gate(places), [], [], []

    def visit() -> None:
        with gate:
            inside.append(1)
            most.append(len(inside))
            wait_until(lambda: len(inside) == places or len(most) > 9 - places or alone)
            inside.pop()

    def time_it() -> None:
        with gate.alone():
            alone.append(len(inside))

    threads = [threading.Thread(target=visit) for _ in range(9)] + [threading.Thread(target=time_it)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == places and alone == [0] and gate.visitors == 0


def test_two_cores_make_one_place():
    assert Gate().places == max(1, os.cpu_count() // 2)


def test_whoever_has_waited_longest_comes_next():
    """Whose page began first is answered first, though it has asked for something before, or later."""
    gate, order, arrived = Gate(1), [], threading.Barrier(4)

    def visit(name: str, begins: float) -> None:
        time.sleep(begins)
        gate.arrive(name)
        arrived.wait(LONG_S)
        time.sleep(0.3 - begins)  # who came first asks last
        with gate:
            order.append(name)

    with gate:
        threads = [threading.Thread(target=visit, args=(name, n / 10)) for n, name in enumerate("abc")]
        for thread in threads:
            thread.start()
        arrived.wait(LONG_S)
        wait_until(lambda: gate.visitors == 4)
    for thread in threads:
        thread.join()
    assert order == ["a", "b", "c"] and gate.crowd == 3


def test_it_is_calm_when_nobody_has_computed_for_so_long(monkeypatch):
    clock = [100.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr("ui.gate.time", SimpleNamespace(monotonic=lambda: clock[0], sleep=sleep))
    gate = Gate()
    with gate:
        clock[0] = 200.0
    gate.wait_for_calm()
    assert clock[0] == 200.0
    gate.wait_for_calm(0.7)
    assert 200.7 <= clock[0] < 200.8
