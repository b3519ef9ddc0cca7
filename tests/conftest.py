"""Fixtures that many tests share."""

import os
import tempfile
from pathlib import Path

import pytest
import torch

EMPTY_CACHE = tempfile.TemporaryDirectory()
os.environ["COMPRESS_CORE_CACHE"] = EMPTY_CACHE.name  # what this user has brought must not change what tests see

import compress_core as cc  # noqa: E402 (it looks there when it is imported)
from compress_core.data.own import PREFIX  # noqa: E402
from compress_core.registry import DATASETS  # noqa: E402

ROOT = Path(__file__).parent.parent


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Give each test to whoever is free, but all journeys to one worker, which alone has a server and a browser.

    xdist's own groups stand in the names of tests, which pytest 9.2 no longer lets it write.
    """
    from xdist.scheduler import LoadScopeScheduling

    class OneBrowser(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "browser" if nodeid.startswith("tests/browser/") else nodeid

    return OneBrowser(config, log)


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """As in the app: one thread an operation, batches spread over the cores."""
    torch.set_num_threads(1)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """An empty folder for what a person brings; their datasets are forgotten again."""
    monkeypatch.setenv("COMPRESS_CORE_CACHE", str(tmp_path / "cache"))
    yield
    for name in [name for name in DATASETS if name.startswith(PREFIX)]:
        del DATASETS[name]


@pytest.fixture(scope="session")
def cache() -> cc.StageCache:
    """Stage results shared by all tests that only read them."""
    return cc.StageCache(256)


def with_random_norms(model: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """The model with BatchNorms whose γ, β, mean and variance are all far from their defaults."""
    generator = torch.Generator().manual_seed(seed)
    for norm in [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]:
        size = norm.weight.shape
        norm.weight.data = torch.randn(size, generator=generator).to(norm.weight)
        norm.bias.data = torch.randn(size, generator=generator).to(norm.weight)
        norm.running_mean = torch.randn(size, generator=generator).to(norm.weight)
        norm.running_var = (torch.rand(size, generator=generator) + 0.5).to(norm.weight)
    return model.eval()
