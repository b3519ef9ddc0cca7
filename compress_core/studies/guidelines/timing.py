"""The measurements of the guidelines, round by round, and their stored example."""

import io
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

import pandas as pd
import torch
from torch import fx

from compress_core.analysis.latency import VALUES, Timings, run_round, summarize
from compress_core.analysis.machine import machine_name
from compress_core.data import shipped_datasets
from compress_core.layers.inference import prepare
from compress_core.studies.architectures import IMAGENET, untrained
from compress_core.studies.guidelines.forms import SCALES, SIDES, forms, images
from compress_core.studies.guidelines.lens import Walk
from compress_core.studies.guidelines.zoo import BATCHES, networks
from compress_core.zoo import architectures

T = TypeVar("T")
FILE = Path(__file__).parent / "example.csv"
COMMAND = "python -m compress_core guidelines"
BUDGETS_S = {"forms": 5.0, "layers": 4.0, "zoo": 12.0}
"""By what is asked, after warming up; a run takes less than 20 s."""
MIN_ROUNDS, MAX_ROUNDS = 5, 200
WARM_UP = 2
ALLOCATED = 24 * 2**20
"""Bytes taken and given back beforehand: from then on glibc keeps maps of a few megabytes, else each is asked of the
system anew, and only the larger ones of a comparison would pay for it."""

Question = tuple[str | float, ...]
"""What is measured: `("g1", scale, side)`, `("layers", arch, width, images)` or `("zoo", images, batch)`."""


def questions() -> list[Question]:
    """Those whose answers are stored."""
    asked: list[Question] = [
        (name, scale, side) for name in ("g1", "g2", "g3", "g4") for scale in SCALES for side in SIDES
    ]
    asked += [("layers", arch, 1.0, images) for arch in architectures() for images in (IMAGENET, *shipped_datasets())]
    asked.append(("zoo", IMAGENET, 1))
    return asked + [("zoo", images, batch) for images in shipped_datasets() for batch in BATCHES]


def time_question(question: Question, budget_s: float | None = None) -> Generator[float, None, Timings]:
    """Time what is asked, round by round on one thread, each item after two runs to warm up.

    Args:
        budget_s: instead of the usual one, of `BUDGETS_S`.

    Yields:
        After each round how much of the whole is done, 0 … 1. Whoever drives it may wait between two rounds, or stop.
        What it returns says of layers which part of all of them each takes.
    """
    kind, *what = question
    if kind in ("layers", "zoo"):
        items, run_once = (_layers if kind == "layers" else _zoo)(*what)
    else:
        kind, (items, run_once) = "forms", _forms(*question)
    rounds = yield from _rounds(run_once, budget_s or BUDGETS_S[kind])
    timings = summarize(rounds, items, of_whole=kind == "layers")
    return replace(timings, machine=machine_name(), when=f"{datetime.now(UTC):%d %b %Y, %H:%M} UTC")


def finish(rounds: Generator[float, None, T]) -> T:
    """Drive a measurement to its result."""
    while True:
        try:
            next(rounds)
        except StopIteration as end:
            return end.value


RunOnce = Callable[[bool], Sequence[float]]
"""Times every item once, from the last to the first if asked to, and gives the seconds of each."""


def _rounds(run_once: RunOnce, budget_s: float) -> Generator[float, None, list[Sequence[float]]]:
    found: list[Sequence[float]] = []
    torch.zeros(ALLOCATED, dtype=torch.uint8)
    for number in range(WARM_UP):
        run_once(number % 2 == 1)
        yield 0.0
    started = time.monotonic()
    for number in range(MAX_ROUNDS):
        found.append(run_once(number % 2 == 1))
        done = min((time.monotonic() - started) / budget_s, 1.0)
        yield min(max(done, len(found) / MAX_ROUNDS), len(found) / MIN_ROUNDS)
        if done == 1.0 and len(found) >= MIN_ROUNDS:
            break
    return found


def _forms(guideline: str, scale: int, side: int) -> tuple[list[str], RunOnce]:
    found = forms(guideline, scale, side)
    torch.manual_seed(0)
    runs = [partial(form.build().eval(), images(form, side)) for form in found]
    return [form.name for form in found], partial(run_round, runs)


def _layers(arch: str, width: float, images: str) -> tuple[list[str], RunOnce]:
    torch.manual_seed(0)
    model, shape = untrained(arch, width, images)
    walk = Walk(prepare(model))
    given = torch.randn(1, *shape).contiguous(memory_format=torch.channels_last)

    def run_once(_: bool = False) -> list[float]:
        found: list[float] = []

        def note(node: fx.Node, seconds: float, *_: object) -> None:
            if walk.kind(node):
                found.append(seconds)

        walk.run(given, note)
        return found

    return [str(i) for i in range(len(run_once()))], run_once


def _zoo(images: str, batch: int) -> tuple[list[str], RunOnce]:
    table = networks(images)
    torch.manual_seed(0)
    built = [untrained(arch, width, images) for arch, width in named(table)]
    given = torch.randn(batch, *built[0][1]).contiguous(memory_format=torch.channels_last)
    models = [prepare(model) for model, _ in built]
    names = [f"{arch} {width:g}" for arch, width in named(table)]
    return names, partial(run_round, [partial(model, given) for model in models])


def named(table: pd.DataFrame) -> list[tuple[str, float]]:
    """The networks of a table by architecture and width."""
    return list(zip(table["arch"], table["width"], strict=True))


def write_example(runs: Mapping[Question, Timings], path: Path = FILE) -> None:
    """Store answers with the command and the machine that they come from."""
    first = next(iter(runs.values()))
    parts = [
        run.table.rename_axis("item").reset_index().assign(question=" ".join(map(str, question)), rounds=run.rounds)
        for question, run in runs.items()
    ]
    table = pd.concat(parts)[["question", "rounds", "item", *VALUES]]
    text = table.to_csv(index=False, float_format="%.4g")
    path.write_text(f"# {COMMAND}\n# {first.machine}\n# {first.when}\n{text}")


def load_example(question: Question) -> Timings | None:
    """The stored answer, or None where there is none."""
    return _examples().get(" ".join(map(str, question)))


@cache
def _examples() -> dict[str, Timings]:
    _, machine, when, *lines = FILE.read_text().splitlines()
    table = pd.read_csv(io.StringIO("\n".join(lines)), dtype={"item": str})
    machine, when = machine.removeprefix("# "), when.removeprefix("# ")
    return {
        question: Timings(own.set_index("item")[VALUES], int(own["rounds"].iloc[0]), 1, machine, when, example=True)
        for question, own in table.groupby("question", sort=False)
    }
