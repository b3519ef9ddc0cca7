"""What tests of pages share: open one at an address, find its knobs, and read what it says."""

import re
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.helpers.waiting import wait_until

APP = Path(__file__).parents[2] / "app.py"
SMALL = {"width": "0.25", "prune": "0.3", "bits": "4"}
"""A recipe that is quickly measured for every architecture; pages that ask for the same one share its numbers."""
KINDS = ("selectbox", "slider", "select_slider", "toggle", "button", "button_group")


def open_page(page: str = "app.py", **params: str | list[str]) -> AppTest:
    """A page at an address, such as `pages/Ideas.py`."""
    app = AppTest.from_file(str(APP), default_timeout=240)
    if page != APP.name:
        app.switch_page(page)
    return go_to(app, **params)


def go_to(app: AppTest, **params: str | list[str]) -> AppTest:
    """The same visit at another address, as a link or Back leads there."""
    app.query_params.clear()
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


def come_back_until(app: AppTest, done: Callable[[AppTest], object]) -> AppTest:
    """Ask again, as the browser does, until what is measured in the background is there."""

    def there() -> object:
        return done(app) or (app.run() and (app.exception or done(app)))

    wait_until(there, 0.2)
    assert not app.exception
    return app


def fine(app: AppTest) -> AppTest:
    """The page, after making sure that it has nothing to complain of."""
    assert not app.exception and not app.warning, [*app.exception, *app.warning]
    return app


def knob(app: AppTest, label: str):
    """The widget of this label in the sidebar."""
    return _labelled(app.sidebar, label)


def widget(app: AppTest, label: str):
    """The widget of this label on the page itself."""
    return _labelled(app.main, label)


def has(app: AppTest, label: str) -> bool:
    """Whether the page itself has a widget of this label."""
    return bool(_all_labelled(app.main, label))


def _labelled(block, label: str):
    (found,) = _all_labelled(block, label)
    return found


def _all_labelled(block, label: str) -> list:
    return [one for kind in KINDS for one in getattr(block, kind) if one.proto.label == label]


def said(app: AppTest) -> str:
    """The sentence at the top of the page."""
    return next(body for body in _bodies(app) if 'class="cc-sentence"' in body)


def html(app: AppTest) -> str:
    """All that the page has written as HTML: sentences, readings, cards, bars and tables."""
    return " ".join(_bodies(app))


def _bodies(app: AppTest) -> list[str]:
    return [element.proto.body for element in app.get("html")]


def bars(app: AppTest) -> str:
    """The bars that grow while they are measured."""
    return next(body for body in _bodies(app) if 'class="cc-bars"' in body)


def table_rows(app: AppTest) -> list[list[str]]:
    """The texts of the table of comparison, row by row."""
    body = next(body for body in _bodies(app) if '"cc-comparison"' in body)
    rows = re.findall(r"<tr>(.*?)</tr>", body)
    return [[text for text in re.sub(r"<[^>]+>", "|", row).split("|") if text] for row in rows]


def markdown(app: AppTest) -> str:
    """The formulas and the explanations."""
    return "\n".join(element.value for element in app.main.markdown)


def formulas(app: AppTest) -> list[str]:
    """What is written as a formula above the figures."""
    return [element.value for element in app.main.markdown if element.value.startswith("$")]


def charts(app: AppTest) -> list:
    """The figures, as plotly gets them."""
    return [chart.proto for chart in app.get("plotly_chart")]


def warnings(app: AppTest) -> str:
    """What the page says was wrong, with the escapes of markdown taken off."""
    return " ".join(warning.value for warning in app.warning).replace("\\", "")


def address(app: AppTest) -> dict[str, str]:
    """The address that the page has written."""
    return {name: value if isinstance(value, str) else ",".join(value) for name, value in app.query_params.items()}


def truncate(folder: Path, arch: str, *widths: str) -> None:
    """Damage the plain checkpoints of these widths, or of all."""
    for width in widths or ("?.??",):
        for file in folder.glob(f"{arch}-{width}-digits-plain.safetensors"):
            file.write_bytes(file.read_bytes()[:5000])
