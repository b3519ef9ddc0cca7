"""The gate: who computes, and who lets others pass."""

import threading
import time
from types import SimpleNamespace

from ui.gate import Gate


def test_one_is_inside_at_a_time():
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
    assert most == [1] * 8 and gate.visitors == 0


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
