"""A real server and a real Chromium."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import ROOT
from tests.helpers.browser import PATIENCE_S, SCREEN

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
FLAGS += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]  # a camera that shows a test card
SECOND_PAGE = (
    'from ui import page\n\nstate = page.start("Second")\nimport streamlit as st\n\nst.write(state.recipe.bits)\n'
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser, journeys are skipped."""
    for item in items:
        if CHROMIUM is None and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="no chromium here (Debian: apt-get install chromium)"))


def _answers(port: int) -> bool:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).status == 200
    except OSError:
        return False


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Streamlit on a free port of this machine; yields its address."""
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.fileWatcherType", "none"]
    with open(folder / "server.log", "w") as log:
        environment = {**os.environ, "COMPRESS_CORE_CACHE": str(folder / "cache")}  # what is trained stays in it
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        given_up = time.monotonic() + PATIENCE_S
        while not _answers(port):
            assert process.poll() is None and time.monotonic() < given_up, (folder / "server.log").read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Iterator[str]:
    """The app with a second page, added the way a newcomer would: its file, and a line in the menu."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "app.py", folder)
    for name in ("ui", "pages", ".streamlit"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "compress_core").symlink_to(ROOT / "compress_core")
    (folder / "pages/Second.py").write_text(SECOND_PAGE)
    menu = (folder / "ui/menu.py").read_text()
    line = '    Page("pages/Second.py", "Second", ":material/science:"),\n)'
    (folder / "ui/menu.py").write_text(menu.rstrip().removesuffix(")") + line + "\n")
    with serving(folder) as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def window(chromium, site) -> Iterator[tuple[Page, list[str]]]:
    """One tab for all journeys, which has the app's scripts at hand, and what went wrong in it."""
    context = chromium.new_context(base_url=site)
    page, wrong = context.new_page(), []
    page.set_default_timeout(1000 * PATIENCE_S)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"{request.url}: {request.failure}"))
    yield page, wrong
    context.close()


@pytest.fixture
def tab(window) -> Iterator[Page]:
    """A visitor's tab; what it logs as an error or cannot fetch fails the test. Each link that it opens is a visit."""
    page, wrong = window
    wrong.clear()
    page.set_viewport_size(SCREEN)
    page.emulate_media(color_scheme="light")
    yield page
    for other in page.context.pages[1:]:
        other.close()
    page.context.set_offline(False)
    page.goto("about:blank")
    assert not [text for text in wrong if "ERR_ABORTED" not in text], wrong
