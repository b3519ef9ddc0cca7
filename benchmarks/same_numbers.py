"""Proof that the same addresses show the same numbers before and after a change of the code.

    python benchmarks/same_numbers.py record --tree PATH -o old.json [--only PAGE]
    python benchmarks/same_numbers.py compare old.json new.json

`record` opens thirty recipes on every page of a checkout under AppTest, each in a new session, and writes down
whatever holds a number: texts (tooltips, alternative texts, and the lengths of bars in HTML too), widgets with what
they offer and what they are set to, tables, the data of components, and for each figure the arrays of its traces, what
stands at its points, its ranges, ticks, shapes and notes. A picture counts as its checksum. `compare` holds the numbers
of two files against each other: words may change; numbers, their digits as shown, and the order of figures may not. It
ends with 1 if anything differs. Numbers of a text that are all there but in another order, or in another text, are told
apart as moved: reworded sentences do that, and so would two numbers that changed places.

Times are noise, so `time.perf_counter` becomes a clock that moves on by a tick whenever it is read: what follows from a
time is the same in every record. Timings stored in the checkout are shown as they are, and compared.

Nothing is clicked: what only a click brings is not compared, nor are colors, sizes of markers, and what a browser makes
of all this.
"""

import argparse
import base64
import functools
import html
import itertools
import json
import logging
import os
import re
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.testing.v1 import AppTest

RECIPES = (
    "",
    "arch=studentnet&width=0.5&prune=0.3",
    "arch=studentnet&prune=0.5&edits=0k1k2.6k3&bits=4",
    "arch=studentnet&width=0.6&prune=0.425&bits=4&scheme=per_tensor",
    "arch=studentnet&bits=4&layer_bits=3b8.5b2&coding=huffman",
    "arch=studentnet&width=0.25&prune=0.8&criterion=random&heal=none&bits=1&scheme=binary",
    "arch=mobilenet_v1&width=0.25&prune=0.5&criterion=l1&scope=layer&heal=absorb&bits=3&rounding=error_compensating",
    "arch=mobilenet_v1&width=0.75&prune=0.3&criterion=obs&heal=reconstruct&bits=6&equalize=on",
    "arch=mobilenet_v1&width=0.5&weights=sparse-0.1&prune=0.5&multiple_of=8&bits=8",
    "arch=mobilenet_v1&bits=2&scheme=codebook",
    "arch=mobilenet_v1&width=0.35&prune=0.3&criterion=l2&bits=5&coding=huffman",
    "arch=mobilenet_v2&prune=0.5&criterion=taylor&bits=8",
    "arch=mobilenet_v2&width=0.6&prune=0.3&bits=7&activation_bits=8",
    "arch=mobilenet_v2&width=0.25&prune=0.8&criterion=fpgm&scope=layer&heal=none",
    "arch=mobilenet_v2&width=0.5&bits=4&scheme=per_channel_symmetric&correct_bias=on&equalize=on",
    "arch=mobilenet_v2&width=0.75&weights=sparse-0.15&prune=0.3",
    "arch=shufflenet_v1&prune=0.5&balance=on&bits=4",
    "arch=shufflenet_v1&width=0.5&prune=0.3&bits=4&equalize=on&layer_bits=3b8.4b2",
    "arch=shufflenet_v1&width=0.25&prune=0.8&criterion=activation&balance=on&scope=layer&bits=6&activation_bits=4",
    "arch=shufflenet_v1&width=0.75&bits=3&rounding=stochastic",
    "arch=shufflenet_v2&prune=0.3&criterion=l1&heal=absorb&bits=5",
    "arch=shufflenet_v2&width=0.5&weights=sparse-0.15&prune=0.5&multiple_of=4&bits=8&coding=huffman",
    "arch=shufflenet_v2&width=0.6&prune=0.8&heal=reconstruct",
    "arch=shufflenet_v2&width=0.25&bits=2&rounding=error_compensating&scheme=per_tensor_symmetric&clipping=mse",
    "arch=squeezenet&prune=0.5&criterion=obs&bits=4&activation_bits=8",
    "arch=squeezenet&width=0.25&prune=0.3&criterion=bn_scale_normalized&bits=3&fold=off",
    "arch=squeezenet&width=0.75&prune=0.8&scope=layer&heal=none&bits=1",
    "arch=squeezenet&width=0.5&weights=sparse-0.1&bits=16&scheme=ternary",
    "arch=resnet_9000&bits=99&prune=2",
    "arch=squeezenet&width=0.33&bits=8&bits=4&nonsense=1&edits=abc",
)
# Each recipe takes the next of a page's own views in turn; {layer} is one of its architecture, - is none.
VIEWS = {
    "app.py": "- layer={layer} -",
    "pages/Architectures.py": """
        view=inside&block=5 preset=small&cost=params&beside=shufflenet_v1 view=width&beside=resnet18
        view=width&preset=small&cost=params view=budget&budget=40000000 view=budget&cost=params&budget=2500000
        view=budget&preset=small&budget=1000000""",
    "pages/Channel_shuffle.py": """
        show=unit g=4&n=6&extra=3&way=inverse show=maps&image=17 show=hearing&g=4&n=3&k=3 show=unit&unit=stages.1.2
        show=maps show=worth""",
    "pages/Guidelines.py": """
        view=g1&scale=2&map=28 view=g2&g2=g+=+4&map=14 view=g3&scale=4 view=g4&g4=ReLU view=lens view=lens&preset=small
        view=speed&macs=2000000 view=speed&scene=digits64&held=accuracy&accuracy=96
        view=speed&scene=imagenet&macs=150000000""",
    "pages/Ideas.py": """
        idea=separable&kernel=5&inputs=32&map=28 idea=manifold&dims=5&seed=3&readout=pinv
        idea=residual&thin=32&expansion=4 idea=fire&squeeze=0.5&share=0.25 idea=groups&group_count=4&channels=96
        idea=manifold&dims=15 -""",
    "pages/Pruning.py": "- view=criteria layer={layer} view=healing view=versus view=versus&matrix={layer} -",
    "pages/Quantization.py": "- layer={layer}&channel=3&order=numbered view=runtimes layer={layer} -",
}
LAYERS = {
    "studentnet": "cnn.3.3",
    "mobilenet_v1": "blocks.5.1.0",
    "mobilenet_v2": "blocks.6.expand.0",
    "shufflenet_v1": "stages.1.2.reduce.0",
    "shufflenet_v2": "stages.1.2.working.0.0",
    "squeezenet": "fires.4.squeeze.0",
}
OPEN = "sizes"  # the key of the one popover that stays empty until it is opened
TICK_S = 1 / 1024  # its multiples are exact, so that a tick is a tick whatever the clock shows
RUN_S, POLL_S, PATIENCE_S = 300.0, 3.0, 180.0  # what works beside a page waits for calm, and gives up after 4 s alone
TEXTS = ("body", "label", "help", "alt", "title", "text", "caption", "content", "options", "raw_value", "raw_values")
TEXTS += ("message", "json", "query_string", "placeholder")
SETTINGS = ("default", "value", "min", "max", "step")
LINES = ("texts", "widgets", "tables", "components")
KINDS = {"bidi_component": "components", "dataframe": "tables", "table": "tables", "plotly_chart": "texts"}
PLOTTED = {"x", "y", "z", "base", "array", "arrayminus", "text", "customdata", "hovertext", "name", "label", "range"}
PLOTTED |= {"tickvals", "ticktext", "x0", "x1", "y0", "y1", "zmin", "zmax", "start", "end"}
MARKED = {"width", "size", "color"}  # as lists of numbers only: one for all is the style of a line or a font
STYLE = {"template", "margin", "legend", "hoverlabel", "updatemenus", "font", "domain", "colorscale"}
NUMBER = re.compile(r"(?:(?<!\w)[-−+])?\d+(?:,\d{3})*(?:\.\d+)?")
SHOWN_DIFFERENCES = 20
Shown = dict[str, list]  # at one address: texts by kind, `figures`, `exceptions`, and whether it came to `rest`


class Clock:
    """A clock that shows every thread one tick more each time that it looks."""

    def __init__(self):
        self._own = threading.local()

    def __call__(self) -> float:
        self._own.ticks = getattr(self._own, "ticks", 0) + 1
        return self._own.ticks * TICK_S


def watch_fragments() -> list[float]:
    """A list to which each fragment that asks to be run again adds how often."""
    asked: list[float] = []
    make = st.fragment

    @functools.wraps(make)
    def fragment(func: Callable | None = None, *, run_every: float | None = None) -> Callable:
        if run_every is not None:
            asked.append(run_every)
        return make(func, run_every=run_every)

    st.fragment = fragment
    return asked


def record(tree: Path, only: str) -> dict[str, dict[str, Shown]]:
    logging.disable(logging.WARNING)  # Streamlit warns of every thread that has no browser
    os.chdir(tree)
    sys.path[0] = str(tree)
    time.perf_counter, asked = Clock(), watch_fragments()
    pages = {page: {} for page in VIEWS if only.lower() in page.lower()}
    for page in pages:
        started = time.monotonic()
        pages[page] = {address: show(tree, page, address, asked) for address in addresses(page)}
        restless = sum(not shown["rest"] for shown in pages[page].values())
        failed = sum(bool(shown["exceptions"]) for shown in pages[page].values())
        print(
            f"{page:26}{len(pages[page]):3} addresses, {time.monotonic() - started:4.0f} s, {restless} not at rest, "
            f"{failed} with an exception",
            flush=True,
        )
        if not Path(sys.modules["compress_core"].__file__).is_relative_to(tree):
            sys.exit(f"The pages took compress_core from {sys.modules['compress_core'].__file__}, not from {tree}.")
    return pages


def addresses(page: str) -> list[str]:
    views, found = itertools.cycle(VIEWS[page].split()), []
    for recipe, view in zip(RECIPES, views, strict=False):
        layer = LAYERS.get(dict(parse_qsl(recipe)).get("arch", ""), LAYERS["studentnet"])
        found.append("&".join(part for part in (recipe, view.format(layer=layer)) if part.strip("-")))
    return found


def show(tree: Path, page: str, address: str, asked: list[float]) -> Shown:
    """What a page shows once no fragment asks to be run again; that it never does counts as a difference."""
    app = AppTest.from_file(str(tree / "app.py"), default_timeout=RUN_S)
    if page != "app.py":
        app.switch_page(page)
    for name, text in parse_qsl(address, keep_blank_values=True):
        app.query_params.setdefault(name, []).append(text)
    app.session_state[OPEN] = True
    ends = time.monotonic() + PATIENCE_S
    while True:
        asked.clear()
        app.run()
        if not asked or time.monotonic() > ends:
            break
        time.sleep(POLL_S)
    shown: Shown = {part: [] for part in (*LINES, "figures", "exceptions")}
    for element in (*walk(app.main), *walk(app.sidebar)):
        read_element(element, shown)
    return shown | {"rest": not asked}


def walk(block) -> Iterator:
    for _, child in sorted(block.children.items()):
        yield child
        if hasattr(child, "children"):
            yield from walk(child)


def read_element(element, shown: Shown) -> None:
    if element.proto is None:
        return
    if element.type in ("dataframe", "table"):
        shown["tables"] += read_table(element.value)
    if element.type == "plotly_chart":
        shown["figures"].append(read_figure(json.loads(element.proto.spec)))
    if element.type == "exception":
        shown["exceptions"].append(f"{element.proto.type}: {element.proto.message}")
    settings = [f"{name} {value:.10g}" for name in SETTINGS for value in listed(getattr(element.proto, name, None))]
    kind = KINDS.get(element.type, "widgets" if hasattr(element.proto, "label_visibility") else "texts")
    shown[kind] += [text for text in (*map(clean, read_message(element.proto)), " ".join(settings)) if numbers(text)]


def listed(value: object) -> list[float]:
    if isinstance(value, int | float):
        return [value]
    return [] if value is None or isinstance(value, str) else [one for one in value if isinstance(one, int | float)]


def read_message(message) -> Iterator[str]:
    """The texts that a protobuf message shows a person."""
    for field, value in message.ListFields():
        for one in value if field.is_repeated else [value]:
            if isinstance(one, str) and field.name in TEXTS:
                yield one
            elif hasattr(one, "ListFields"):
                yield from read_message(one)


def clean(text: str) -> str:
    """A text as it is read: of HTML its words, what names its parts, and how many percent long they are."""
    text = re.sub(r"base64,([\w+/=]+)", lambda match: f'" alt="picture {zlib.crc32(match[1].encode())}', text)
    text = re.sub(r"<style>.*?</style>", " ", text, flags=re.DOTALL)
    text = re.sub(r"</?[a-zA-Z][^>]*>", lambda tag: f" {read_tag(tag[0])} ", text)
    return " ".join(re.sub(r"\\(?=[!-/:-@\[-`{-~])", "", html.unescape(text)).split())


def read_tag(tag: str) -> str:
    named = re.findall(r'(?:alt|title|aria-label|aria-valuenow)="([^"]*)"', tag)
    return " ".join([*named, *re.findall(r"[\d.]+%", " ".join(re.findall(r'style="([^"]*)"', tag)))])


def read_table(table: pd.DataFrame) -> list[str]:
    """A text a row, the names of the columns first."""
    named = table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
    rows = [tuple(named.columns), *named.itertuples(index=False, name=None)]
    return [" | ".join(f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in row) for row in rows]


def read_figure(spec: dict) -> dict[str, list]:
    """Arrays by their place in plotly's figure; texts as the numbers in them."""
    found: dict[str, list] = {}

    def look(part: object, place: str) -> None:
        if isinstance(part, list):
            for number, one in enumerate(part):
                look(one, f"{place}.{number}")
        for name, value in part.items() if isinstance(part, dict) else ():
            if name in STYLE or (name in ("x", "y") and part.get(f"{name}ref") == "paper"):
                continue
            if name not in PLOTTED | MARKED or (isinstance(value, dict) and "bdata" not in value):
                look(value, f"{place}.{name}")
            elif name in PLOTTED or isinstance(value, list | dict):
                values = [one for one in flatten(value) if name in PLOTTED or not isinstance(one, str)]
                found.update({f"{place}.{name}": values} if values else {})

    for name in ("data", "layout", "frames"):
        look(spec.get(name), name)
    return found


def flatten(value: object) -> Iterator[float | str | None]:
    """Numbers, rounded to six digits, of an array that may be packed; None stands for a gap."""
    if isinstance(value, dict):
        value = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"]).tolist()
    if isinstance(value, list):
        for one in value:
            yield from flatten(one)
    elif isinstance(value, str):
        yield from numbers(clean(value))
    elif value is None or value != value:
        yield None
    elif not isinstance(value, bool):
        yield float(f"{value:.6g}")


def numbers(text: str) -> list[str]:
    return NUMBER.findall(text)


def compare(old: dict, new: dict) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Print a table; what differs, and what only stands in another order, with the addresses where it does."""
    said, moved = {}, {}
    print(f"{'page':28}{'addresses':>10}{'numbers':>12}{'differences':>13}{'moved':>8}")
    for page in dict.fromkeys([*old, *new]):
        before, after, count, differing, elsewhere = old.get(page, {}), new.get(page, {}), 0, 0, 0
        for address in dict.fromkeys([*before, *after]):
            own, order = [f"opened {'after' if address in after else 'before'} only"], []
            if address in before and address in after:
                one, other = before[address], after[address]
                own = [*compare_rest(one, other), *compare_texts(one, other), *compare_figures(one, other)]
                order = list(compare_order(one, other))
                count += count_numbers(one)
            differing, elsewhere = differing + len(own), elsewhere + len(order)
            for lines, found in ((said, own), (moved, order)):
                for line in found:
                    lines.setdefault(line, []).append(f"{page}?{address}")
        print(f"{page:28}{len(before):10,}{count:12,}{differing:13,}{elsewhere:8,}")
    return said, moved


def count_numbers(shown: Shown) -> int:
    arrays = [array for figure in shown["figures"] for array in figure.values()]
    return sum(len(numbers(text)) for kind in LINES for text in shown[kind]) + sum(map(len, arrays))


def compare_rest(before: Shown, after: Shown) -> Iterator[str]:
    for shown, when in ((before, "before"), (after, "after")):
        if not shown["rest"]:
            yield f"{when}: not at rest after {PATIENCE_S:.0f} s"
    if before["exceptions"] != after["exceptions"]:
        yield f"exceptions: {before['exceptions']} before, {after['exceptions']} after"


def compare_texts(before: Shown, after: Shown) -> Iterator[str]:
    """Numbers that only one has, each with the words around it."""
    for kind in LINES:
        texts = [Counter(before[kind]), Counter(after[kind])]
        own = [list((texts[one] - texts[1 - one]).elements()) for one in (0, 1)]
        tokens = [Counter(number for text in own[one] for number in numbers(text)) for one in (0, 1)]
        for one, when in enumerate(("before", "after")):
            for number in (tokens[one] - tokens[1 - one]).elements():
                text = next(text for text in own[one] if number in numbers(text))
                at = next(match.start() for match in NUMBER.finditer(text) if match[0] == number)
                yield f"{kind}: {number} only {when}, in '… {text[max(at - 60, 0) : at + 60]} …'"


def compare_order(before: Shown, after: Shown) -> Iterator[str]:
    """Texts whose numbers are all there, but no longer one after another in one text."""
    for kind in LINES:
        one, other = ({tuple(numbers(text)): text for text in shown[kind]} for shown in (before, after))
        if not any(line.startswith(kind) for line in compare_texts(before, after)):
            for row in one.keys() - other.keys():
                yield f"{kind}: {' '.join(row)[:60]} in another order or place, before in '{one[row][:100]} …'"


def compare_figures(before: Shown, after: Shown) -> Iterator[str]:
    if len(before["figures"]) != len(after["figures"]):
        yield f"figures: {len(before['figures'])} before, {len(after['figures'])} after"
        return
    for number, (old, new) in enumerate(zip(before["figures"], after["figures"], strict=True), 1):
        for place in dict.fromkeys([*old, *new]):
            one, other = old.get(place, []), new.get(place, [])
            if len(one) != len(other):
                yield f"figure {number}, {place}: {len(one)} numbers before, {len(other)} after"
            elif differing := [pair for pair in zip(one, other, strict=True) if not same(*pair)]:
                yield (
                    f"figure {number}, {place}: {len(differing)} of {len(one)} differ, the first is "
                    f"{differing[0][0]} before, {differing[0][1]} after"
                )


def same(one: float | str | None, other: float | str | None) -> bool:
    """Whether two numbers are the same; of those rounded to six digits the last may differ by one."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 2e-6 * max(abs(one), abs(other))
    return one == other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="write what the pages of a checkout show")
    recording.add_argument("--tree", type=Path, required=True, help="the checkout")
    recording.add_argument("-o", "--out", type=Path, required=True)
    recording.add_argument("--only", default="", help="a page, or a part of its name")
    comparing = commands.add_parser("compare", help="hold two records against each other")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    args = parser.parse_args()
    if args.command == "record":
        out = args.out.resolve()
        out.write_text(json.dumps(record(args.tree.resolve(), args.only), ensure_ascii=False))
        return
    differences, moved = compare(*(json.loads(path.read_text()) for path in (args.old, args.new)))
    for title, lines in (("Differences", differences), ("Moved", moved)):
        if lines:
            print(f"\n{title}: {len(lines)}, the first {min(len(lines), SHOWN_DIFFERENCES)} of them")
        for line, where in list(lines.items())[:SHOWN_DIFFERENCES]:
            print(f"  {line}\n      {where[0]}{f' and {len(where) - 1} more' if where[1:] else ''}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
