"""What was measured here beside what was counted and what the paper measured."""

import pandas as pd

from compress_core.analysis.latency import Timings
from compress_core.studies.guidelines.forms import forms
from compress_core.studies.guidelines.reported import PLATFORMS, networks, speeds
from compress_core.zoo import architecture

HERE = {"here": "relative", "here_low": "relative_high", "here_high": "relative_low"}
"""Columns of speeds on this machine, and the times that they are one over."""


def beside_paper(guideline: str, scale: int, side: int, run: Timings) -> pd.DataFrame:
    """A row a form.

    Columns: `form`, `widths`, `macs`, `away` (of the MACs from the first form's, as a part), `memory_access`, `least`,
    `ms`, `low`, `high`; the speeds `here` (`here_low`, `here_high`), `on_gpu` and `on_arm` as parts of the first
    form's on the same machine; and the paper's own `gpu_widths`, `arm_widths`, `gpu` and `arm`.
    """
    found = forms(guideline, scale, side)
    rows = [(f.name, f.widths, f.macs, f.macs / found[0].macs - 1, f.memory_access, f.least) for f in found]
    table = pd.DataFrame(rows, columns=["form", "widths", "macs", "away", "memory_access", "least"])
    timed, paper = run.table.reset_index(drop=True), speeds(guideline, scale)
    here = pd.DataFrame({name: 1 / timed[column] for name, column in HERE.items()})
    paper = paper.assign(**{f"on_{name}": paper[name] / paper[name].iloc[0] for name in PLATFORMS})
    return table.join(timed[["ms", "low", "high"]]).join(here).join(paper)


def zoo_times(table: pd.DataFrame, run: Timings) -> pd.DataFrame:
    """`zoo.networks` with `title`, `ms`, `low` and `high`; without those that the run has not timed."""
    titles = table["arch"].map(lambda arch: architecture(arch).title)
    names = table["arch"] + table["width"].map(" {:g}".format)
    timed = run.table[["ms", "low", "high"]].reindex(names).reset_index(drop=True)
    return table.assign(title=titles).join(timed).dropna(subset="ms").reset_index(drop=True)


EQUAL = 1.2
"""Networks whose MACs are further than this factor from those wanted are left out."""


def at_equal_macs(times: pd.DataFrame, wanted: float) -> pd.DataFrame:
    """Of each architecture the network whose MACs are nearest to those wanted; without a row where none is near."""
    away = (times["macs"] / wanted).map(lambda ratio: max(ratio, 1 / ratio))
    near = away[away <= EQUAL]
    return times.loc[near.groupby(times["arch"], sort=False).idxmin()].reset_index(drop=True)


def at_equal_accuracy(times: pd.DataFrame, wanted: float) -> pd.DataFrame:
    """Of each architecture the fastest network that is at least so accurate; without a row where none is."""
    enough = times[times["accuracy"] >= wanted]
    return enough.loc[enough.groupby("arch", sort=False)["ms"].idxmin()].reset_index(drop=True)


def with_table_8(chosen: pd.DataFrame, level: int) -> pd.DataFrame:
    """Networks of about `level` million MACs beside the paper's of that level: `error`, `gpu`, `arm` (NaN: not there).

    Args:
        level: of `reported.LEVELS`.
    """
    paper = networks().query("level == @level").drop(columns=["level", "macs"])
    return chosen.merge(paper, "left", "arch")
