"""Stories for talks: named steps, each a page at an address, a figure to look at, and one sentence.

A story is a TOML file: `title`, `about`, and a `[[steps]]` for each step, with its `link` as the address bar has it
behind the server (`/Quantization?arch=studentnet&bits=2`), what it `say`s, and, if wanted, the key of the `focus`.
Those here are known by their file's name; anybody's own travels in the address itself.
"""

import base64
import tomllib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from compress_core.errors import CompressError
from compress_core.recipe import FIELDS, Recipe, RecipeError
from compress_core.recipe.fields import shorten
from ui.menu import PAGES, Page

FOLDER = Path(__file__).parent
OWN = "~"
"""What stands before a story that travels in the address."""
MOST_BYTES, MOST_STEPS, MOST_SIGNS = 50_000, 40, 200
NOT_OF_A_STEP = ("story", "step", "present", "a", "b", "c")


class StoryError(CompressError):
    """A file is no story that can be told; `problems` says all that is wrong with it."""

    def __init__(self, problems: Sequence[str]):
        super().__init__(" ".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Step:
    """One thing to show."""

    page: Page
    params: tuple[tuple[str, str], ...]
    """Of its address."""
    say: str
    focus: str = ""
    """The key of the figure that alone is shown, large; all of the page where it is empty."""

    @property
    def recipe(self) -> Recipe:
        """Of its address."""
        return Recipe.from_query([pair for pair in self.params if pair[0] in FIELDS])


@dataclass(frozen=True)
class Story:
    """What is told, step by step."""

    name: str
    """As an address has it."""
    title: str
    about: str
    steps: tuple[Step, ...]


def shipped() -> list[Story]:
    """The stories that come with the app, in the order of their files."""
    return [_shipped(path) for path in sorted(FOLDER.glob("*.toml"))]


@cache
def _shipped(path: Path) -> Story:
    return parse(path.read_text(), path.stem.partition("-")[2])


def find(name: str) -> Story:
    """The story that an address names.

    Raises:
        StoryError: there is none of this name, or what travels in the address is damaged.
    """
    if name.startswith(OWN):
        return _unpack(name)
    known = {story.name: story for story in shipped()}
    if name not in known:
        raise StoryError([f"There is no story '{shorten(name)}'. There are: {', '.join(known)}."])
    return known[name]


def pack(text: str) -> str:
    """A story's name that is the story itself, for an address."""
    return OWN + base64.urlsafe_b64encode(zlib.compress(text.encode(), 9, wbits=-15)).decode().rstrip("=")


@cache
def _unpack(name: str) -> Story:
    packed = name.removeprefix(OWN)
    try:
        unpack = zlib.decompressobj(wbits=-15)
        text = unpack.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), MOST_BYTES).decode()
        if not unpack.eof or unpack.unused_data:
            raise ValueError("it is cut off, or too long")
    except (ValueError, zlib.error) as error:
        raise StoryError(["The story in this address is damaged. Take its link anew."]) from error
    return parse(text, name)


def read(content: bytes) -> Story:
    """The story of a file that somebody gives.

    Raises:
        StoryError: as `parse`, or it is no text.
    """
    if len(content) > MOST_BYTES:
        raise StoryError([f"A story has at most {MOST_BYTES // 1000} KB; this file has {len(content) / 1000:,.0f}."])
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise StoryError(["This file is no text. A story is a TOML file, in UTF-8."]) from error
    return parse(text, pack(text))


def parse(text: str, name: str) -> Story:
    """The story of a TOML text.

    Raises:
        StoryError: with everything that is wrong with it.
    """
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise StoryError([f"This is no TOML: {error}."]) from error
    problems = [
        f"A story has no '{shorten(key)}'; it has title, about and steps." for key in table if key not in _STORY
    ]
    title, about = (_text(table, key, "The story", problems) for key in ("title", "about"))
    given = table.get("steps", [])
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_STEPS or not all(isinstance(s, dict) for s in given):
        problems.append(f"A story has 1 to {MOST_STEPS} steps, each a [[steps]] of its own.")
        given = []
    steps = [_step(step, f"Step {number}", problems) for number, step in enumerate(given, start=1)]
    if problems:
        raise StoryError(problems)
    return Story(name, title, about, tuple(steps))


_STORY, _STEP = ("title", "about", "steps"), ("link", "say", "focus")


def _text(table: dict, key: str, where: str, problems: list[str], needed: bool = True) -> str:
    value = table.get(key, "")
    if not isinstance(value, str) or (needed and not value.strip()):
        problems.append(f"{where} needs '{key}', a text.")
        return ""
    if len(value) > MOST_SIGNS and key != "link":
        problems.append(f"{where}: '{key}' has {len(value):,} characters; at most {MOST_SIGNS} can be read from afar.")
    return value.strip()


def _step(given: dict, where: str, problems: list[str]) -> Step | None:
    problems += [f"{where} has no '{shorten(key)}'; it has link, say and focus." for key in given if key not in _STEP]
    link, say = (_text(given, key, where, problems) for key in ("link", "say"))
    focus = _text(given, "focus", where, problems, needed=False)
    if not focus.replace("-", "").replace("_", "").isalnum() and focus:
        problems.append(f"{where}: a focus is a key, such as 'tradeoff'; it was '{shorten(focus)}'.")
    path, query = urlsplit(link).path.strip("/"), urlsplit(link).query
    page = next((page for page in PAGES if page.slug == path), None)
    if page is None:
        slugs = ", ".join(f"/{page.slug}" for page in PAGES)
        problems.append(f"{where} leads to '/{shorten(path)}', which is no page. The pages: {slugs}.")
    pairs = tuple((name, text) for name, text in parse_qsl(query, keep_blank_values=True) if name not in NOT_OF_A_STEP)
    try:
        recipe = Recipe.from_query([pair for pair in pairs if pair[0] in FIELDS])
    except RecipeError as error:
        problems += [f"{where}: {problem.what}" for problem in error.problems]
        return None
    own = {name: text for name, text in pairs if name not in FIELDS}
    params = {"arch": recipe.arch} | recipe.chosen() | own
    return Step(page, tuple(params.items()), say, focus) if page else None
