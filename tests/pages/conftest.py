"""Fixtures of the pages: what goes on in the background, and checkpoints that may be damaged."""

import gc
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from torch import Tensor

from compress_core.cache import StageCache
from compress_core.data import dataset
from compress_core.data.digits import Digits
from compress_core.data.photographs import Photographs
from compress_core.training import checkpoints
from tests.helpers.waiting import Held
from ui.background import Background
from ui.engine import engine


@pytest.fixture(autouse=True, scope="session")
def nothing_is_made_twice():
    """As on a server, and not anew at every run; so are networks."""
    scripts = ScriptCache()
    engine().networks.max_entries = 10_000  # more recipes than visitors have
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamlit.testing.v1.local_script_runner.ScriptCache", lambda: scripts)
        yield


@pytest.fixture(autouse=True, scope="module")
def little_garbage_is_walked():
    """Streamlit collects garbage after every run; what is there by now need not be looked at again each time."""
    yield
    gc.unfreeze()


FEW_PHOTOGRAPHS = 40


@cache
def few_images() -> tuple[Tensor, Tensor, Tensor]:
    """Every 24th of the test images' sources, with all of its views: the images, their labels and sources."""
    images, labels = dataset("digits").test()
    sources = dataset("digits").test_sources()
    some = sources % 24 == 0
    return images[some], labels[some], sources[some]


@pytest.fixture(autouse=True)
def little_is_measured(monkeypatch):
    """Pages count right answers on few images and time few runs: what they show does not depend on how many."""
    gc.freeze()
    images, labels, sources = few_images()
    monkeypatch.setattr("compress_core.analysis.latency.BUDGET_S", {1: 0.001, 64: 0.001})
    monkeypatch.setattr("compress_core.analysis.latency.MIN_PAIRS", 2)
    monkeypatch.setattr("compress_core.studies.ideas.timing.BUDGET_S", 0.01)
    monkeypatch.setattr("compress_core.studies.ideas.timing.PATIENCE_S", 0.0)
    monkeypatch.setattr("compress_core.studies.quantization.IMAGES", 8)
    batches = Digits.batches
    monkeypatch.setattr(Digits, "batches", lambda *args, **options: islice(batches(*args, **options), 4))
    monkeypatch.setattr(Digits, "test", lambda *_, **__: (images, labels))
    monkeypatch.setattr(Digits, "test_sources", lambda *_, **__: sources)
    monkeypatch.setattr(Photographs, "usual_pieces", 1)
    monkeypatch.setattr(Photographs, "pieces", lambda _: [slice(FEW_PHOTOGRAPHS), slice(FEW_PHOTOGRAPHS, None)])
    test, sources_of = Photographs.test, Photographs.test_sources
    few = lambda whole: slice(None if whole else FEW_PHOTOGRAPHS)  # noqa: E731
    monkeypatch.setattr(
        Photographs, "test", lambda data, whole=False: tuple(own[few(whole)] for own in test(data, whole))
    )
    monkeypatch.setattr(Photographs, "test_sources", lambda data, whole=False: sources_of(data, whole)[few(whole)])


@pytest.fixture(autouse=True)
def nothing_in_the_background(monkeypatch):
    """Long work that nobody waits for is not begun: it would compute behind the tests that follow."""
    monkeypatch.setattr("ui.background.GIVEN_UP_S", -1.0)
    monkeypatch.setattr(Background, "look_ahead", lambda *_: None)


@pytest.fixture
def begin_work(nothing_in_the_background, monkeypatch) -> Iterator[Callable[[], None]]:
    """Lets long work begin, which then goes on until the test ends."""
    monkeypatch.setattr("ui.background.CALM_S", 0.0)
    monkeypatch.setattr("ui.background.GIVEN_UP_S", 1000.0)
    held, queue = Held(), engine().background._queue
    queue.submit(held)
    yield held.go.set
    held.go.set()
    monkeypatch.setattr("ui.background.GIVEN_UP_S", -1.0)
    queue.submit(lambda: None).result()  # behind the piece that is being computed


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Checkpoints of two architectures where they may be damaged, and an engine that has read none of them."""
    for arch in ("studentnet", "shufflenet_v2"):
        for file in checkpoints.FOLDER.glob(f"{arch}-*"):
            shutil.copy(file, tmp_path)
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    monkeypatch.setattr(engine(), "networks", StageCache(64))
    monkeypatch.setattr(engine(), "results", StageCache(64))
    return tmp_path
