"""The guidelines' measurements: what is timed, round by round, watched from outside, and the stored example."""

import contextlib
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

import pandas as pd
import torch
from torch import fx

from compress_core.analysis.costs import PRESETS
from compress_core.analysis.guidelines.forms import SCALES, SIDES, forms, images
from compress_core.analysis.guidelines.lens import Walk
from compress_core.analysis.guidelines.zoo import SCENES, networks
from compress_core.analysis.latency import one_turn
from compress_core.analysis.machine import machine_name
from compress_core.inference import prepare
from compress_core.zoo import architectures, build

FILE = Path(__file__).parent / "example.csv"
COMMAND = "python -m compress_core guidelines"
BUDGETS_S = {"forms": 5.0, "layers": 4.0, "zoo": 12.0}
"""By what is asked, after warming up; a run takes less than 20 s."""
MIN_ROUNDS, MAX_ROUNDS = 5, 200
WARM_UP = 2
ALLOCATED = 24 * 2**20
"""Bytes taken and given back beforehand: from then on glibc keeps maps of a few megabytes, else each is asked of the
system anew, and only the larger ones of a comparison would pay for it."""
_VALUES = ["ms", "low", "high", "relative", "relative_low", "relative_high"]

Question = tuple[str | float, ...]
"""What is measured: `("g1", scale, side)`, `("layers", arch, width, preset)` or `("zoo", scene)`."""


class Stopped(Exception):
    """The measurement was called off."""


@dataclass(frozen=True)
class Watch:
    """How a measurement is followed from outside, and made to wait or stop."""

    progress: Callable[[float], None] = lambda share: None
    """Told after every round how much of the whole is done, 0 … 1."""
    stopped: Callable[[], bool] = lambda: False
    turn: contextlib.AbstractContextManager = field(default_factory=contextlib.nullcontext)
    """Held while a round is timed."""


@dataclass(frozen=True)
class Run:
    """Repeated, interleaved runs on one thread, each after two to warm up."""

    table: pd.DataFrame
    """A row an item (index): `ms`, the median, and `low` and `high`, the quartiles; `relative`, `relative_low` and
    `relative_high`, the same of the time as a part of the first item's in the same round. For layers, of them all."""
    rounds: int
    machine: str
    when: str
    example: bool = False
    """Whether it was stored, and not measured where it is looked at."""


def questions() -> list[Question]:
    """Those whose answers are stored."""
    asked: list[Question] = [
        (name, scale, side) for name in ("g1", "g2", "g3", "g4") for scale in SCALES for side in SIDES
    ]
    asked += [("layers", arch, 1.0, preset) for arch in architectures() for preset in PRESETS]
    return asked + [("zoo", scene) for scene in SCENES]


def measure(question: Question, watch: Watch | None = None, budget_s: float | None = None) -> Run:
    """Time what is asked.

    Args:
        budget_s: instead of the usual one, of `BUDGETS_S`.

    Raises:
        Stopped: the watch said so.
    """
    watch = watch or Watch()
    kind, *what = question
    if kind in ("layers", "zoo"):
        items, one_round = (_layers if kind == "layers" else _zoo)(*what)
    else:
        kind, (items, one_round) = "forms", _forms(*question)
    rounds = _rounds(one_round, budget_s or BUDGETS_S[kind], watch)
    table = pd.DataFrame(rounds, columns=items) * 1000
    whole = table.sum(axis=1) if kind == "layers" else table.iloc[:, 0]
    return Run(_summary(table, whole), len(rounds), machine_name(), f"{datetime.now(UTC):%d %b %Y, %H:%M} UTC")


OneRound = Callable[[bool], Sequence[float]]
"""Times every item once, from the last to the first if asked to, and gives the seconds of each."""


def _rounds(one_round: OneRound, budget_s: float, watch: Watch) -> list[Sequence[float]]:
    found: list[Sequence[float]] = []
    torch.zeros(ALLOCATED, dtype=torch.uint8)
    started = time.monotonic()
    for number in range(WARM_UP + MAX_ROUNDS):
        if watch.stopped():
            raise Stopped
        with watch.turn:
            seconds = one_round(number % 2 == 1)
        if number < WARM_UP:
            started = time.monotonic()
            continue
        found.append(seconds)
        done = min((time.monotonic() - started) / budget_s, 1.0)
        watch.progress(min(max(done, len(found) / MAX_ROUNDS), len(found) / MIN_ROUNDS))
        if done == 1.0 and len(found) >= MIN_ROUNDS:
            break
    return found


def _summary(table: pd.DataFrame, whole: pd.Series) -> pd.DataFrame:
    own = table.quantile([0.5, 0.25, 0.75]).T
    relative = table.div(whole, axis=0).quantile([0.5, 0.25, 0.75]).T
    return pd.DataFrame(dict(zip(_VALUES, [*own.T.to_numpy(), *relative.T.to_numpy()], strict=True)), table.columns)


def _forms(guideline: str, scale: int, side: int) -> tuple[list[str], OneRound]:
    found = forms(guideline, scale, side)
    torch.manual_seed(0)
    runs = [partial(form.build().eval(), images(form, side)) for form in found]
    return [form.name for form in found], partial(one_turn, runs)


def _layers(arch: str, width: float, preset: str) -> tuple[list[str], OneRound]:
    shape, classes = PRESETS[preset]
    torch.manual_seed(0)
    walk = Walk(prepare(build(arch, width, preset, classes, shape[0]).eval()))
    given = torch.randn(1, *shape).contiguous(memory_format=torch.channels_last)

    def one_round(_: bool = False) -> list[float]:
        found: list[float] = []

        def note(node: fx.Node, seconds: float, *_: object) -> None:
            if walk.kind(node):
                found.append(seconds)

        walk.run(given, note)
        return found

    return [str(i) for i in range(len(one_round()))], one_round


def _zoo(scene: str) -> tuple[list[str], OneRound]:
    preset, batch = SCENES[scene].preset, SCENES[scene].batch
    shape, classes = PRESETS[preset]
    table = networks(scene)
    torch.manual_seed(0)
    given = torch.randn(batch, *shape).contiguous(memory_format=torch.channels_last)
    models = [prepare(build(arch, width, preset, classes, shape[0]).eval()) for arch, width in named(table)]
    names = [f"{arch} {width:g}" for arch, width in named(table)]
    return names, partial(one_turn, [partial(model, given) for model in models])


def named(table: pd.DataFrame) -> list[tuple[str, float]]:
    """The networks of a table by architecture and width."""
    return list(zip(table["arch"], table["width"], strict=True))


def write_example(runs: dict[Question, Run], path: Path = FILE) -> None:
    """Store answers with the command and the machine that they come from."""
    first = next(iter(runs.values()))
    parts = [
        run.table.rename_axis("item").reset_index().assign(question=" ".join(map(str, question)), rounds=run.rounds)
        for question, run in runs.items()
    ]
    table = pd.concat(parts)[["question", "rounds", "item", *_VALUES]]
    text = table.to_csv(index=False, float_format="%.4g")
    path.write_text(f"# {COMMAND}\n# {first.machine}\n# {first.when}\n{text}")


def example(question: Question) -> Run | None:
    """The stored answer, or None where there is none."""
    return _examples().get(" ".join(map(str, question)))


@cache
def _examples() -> dict[str, Run]:
    _, machine, when, *lines = FILE.read_text().splitlines()
    table = pd.read_csv(io.StringIO("\n".join(lines)), dtype={"item": str})
    machine, when = machine.removeprefix("# "), when.removeprefix("# ")
    return {
        question: Run(own.set_index("item")[_VALUES], int(own["rounds"].iloc[0]), machine, when, example=True)
        for question, own in table.groupby("question", sort=False)
    }
