"""What tests of pages share: open one at an address, find its knobs, and read what it says."""

import re
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.helpers.waiting import wait_until

APP = Path(__file__).parents[2] / "app.py"
SMALL = {"width": "0.25", "prune": "0.3", "bits": "4"}
"""A recipe that is quickly measured for every architecture; pages that ask for the same one share its numbers."""
PAUSE_S = 1.0  # while a page runs no piece of long work begins
KINDS = ("selectbox", "slider", "select_slider", "number_input", "toggle", "button", "button_group")


class Page(AppTest):
    """A page in a visit."""

    def go_to(self, **params: str | list[str]) -> "Page":
        """Come to another address, as a link or Back leads there."""
        self.query_params.clear()
        for name, value in params.items():
            self.query_params[name] = value
        return self.run()

    def come_back_until(self, done: Callable[["Page"], object]) -> "Page":
        """Ask again, as the browser does, until what is measured in the background is there."""
        wait_until(lambda: done(self) or (self.run() and (self.exception or done(self))), PAUSE_S)
        assert not self.exception
        return self

    def fine(self) -> "Page":
        """Make sure that it has nothing to complain of."""
        assert not self.exception and not self.warning, [*self.exception, *self.warning]
        return self

    def complains(self, *sentences: str) -> "Page":
        """Make sure that it says these things were wrong, and goes on."""
        assert not self.exception and [one for one in sentences if one.lower() not in self.warnings.lower()] == []
        return self

    def knob(self, label: str):
        """The widget of this label in the sidebar."""
        (found,) = _labelled(self.sidebar, label)
        return found

    def widget(self, label: str):
        """The widget of this label on the page itself."""
        (found,) = _labelled(self.main, label)
        return found

    def has(self, label: str) -> bool:
        """Whether the page itself has such a widget."""
        return bool(_labelled(self.main, label))

    @property
    def address(self) -> dict[str, str]:
        """What the page has written there."""
        found = self.query_params.items()
        return {name: value if isinstance(value, str) else ",".join(value) for name, value in found}

    @property
    def html(self) -> str:
        """All that it has written as HTML: sentences, readings, cards, bars and tables."""
        return " ".join(element.proto.body for element in self.get("html"))

    def part(self, kind: str) -> str:
        """The first piece of HTML of a class."""
        return next(e.proto.body for e in self.get("html") if f'class="{kind}"' in e.proto.body)

    @property
    def said(self) -> str:
        """The sentence at the top."""
        return self.part("cc-sentence")

    @property
    def warnings(self) -> str:
        """What it says was wrong, with the escapes of markdown taken off."""
        return " ".join(warning.value for warning in self.warning).replace("\\", "")

    @property
    def explanations(self) -> str:
        """Its formulas, and what stands behind a click."""
        return "\n".join(element.value for element in self.main.markdown)

    @property
    def formulas(self) -> list[str]:
        """What stands as a formula above its figures."""
        return [element.value for element in self.main.markdown if element.value.startswith("$")]

    @property
    def bars(self) -> str:
        """Bars that grow while they are measured."""
        return self.part("cc-bars")

    @property
    def rows(self) -> list[list[str]]:
        """The words of its table of comparison, row by row."""
        return [texts(row) for row in re.findall(r"<tr>(.*?)</tr>", self.part("cc-comparison"))]

    @property
    def charts(self) -> list:
        """Its figures, as plotly gets them."""
        return [chart.proto for chart in self.get("plotly_chart")]


def _labelled(block, label: str) -> list:
    return [one for kind in KINDS for one in getattr(block, kind) if one.proto.label == label]


def open_page(page: str = "app.py", **params: str | list[str]) -> Page:
    """A page at an address, such as `pages/Ideas.py`."""
    app = Page(str(APP), default_timeout=240)
    return (app if page == APP.name else app.switch_page(page)).go_to(**params)


def texts(html: str) -> list[str]:
    """The words between the tags."""
    return [text for text in re.split(r"<[^>]+>", html) if text]


def truncate(folder: Path, arch: str, *widths: str) -> None:
    """Damage the plain checkpoints of these widths, or of all."""
    for width in widths or ("?.??",):
        for file in folder.glob(f"{arch}-{width}-digits-plain.safetensors"):
            file.write_bytes(file.read_bytes()[:5000])
