"""Whether the four guidelines of ShuffleNetV2 hold on this machine, beside what the paper measured.

    python benchmarks/guidelines.py [--scale 1 2 4] [--side 56] [--seconds 5]

Ma et al. 2018, section 2, Tables 1 to 4: for each form its channels, its MACs against the first form's, its memory
access, the time of one image (median and quartiles of runs in turn, one thread, eager PyTorch), and the speed against
the first form's: here, on the paper's ARM and on its GPU, each with the absolute figure.
"""

import argparse
import platform
import sys

import torch

from compress_core.analysis.machine import machine_name
from compress_core.studies.guidelines.compare import beside_paper
from compress_core.studies.guidelines.forms import SCALES, SIDES
from compress_core.studies.guidelines.reported import PLATFORMS
from compress_core.studies.guidelines.timing import finish, time_question
from compress_core.text import guidelines as text
from compress_core.text.numbers import signed


def show(guideline: str, scale: int, side: int, seconds: float) -> None:
    run = finish(time_question((guideline, scale, side), budget_s=seconds))
    table = beside_paper(guideline, scale, side, run)
    print(f"\n{text.TITLES[guideline]}; ×{scale}, {side}×{side}, {run.rounds} rounds")
    head = f"{'form':<16}{'channels':>20}{'MACs':>9}{'memory (M)':>12}{'ms':>8}{'quartiles':>16}{'here':>7}"
    print(head + "".join(f"{f'paper, {name.upper()}':>24}" for name in ("arm", "gpu")))
    for row in table.itertuples():
        line = f"{row.form:<16}{row.widths:>20}{signed(row.away):>9}{row.memory_access / 1e6:>12.2f}"
        line += f"{row.ms:>8.3g}{f'{row.low:.3g} – {row.high:.3g}':>16}{row.here:>7.2f}"
        for name in ("arm", "gpu"):
            paper = f"{getattr(row, f'on_{name}'):.2f} ({getattr(row, name):g} {PLATFORMS[name]})"
            line += f"{paper:>24}"
        print(line)
    print(f"{text.verdict(table, 'here')} {text.describe_equal(guideline, scale, table)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=int, nargs="+", default=[1], choices=SCALES)
    parser.add_argument("--side", type=int, default=56, choices=SIDES)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each table")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{machine_name()}, {platform.platform()}, Python {sys.version.split()[0]}, one thread")
    for scale in args.scale:
        for guideline in text.TITLES:
            show(guideline, scale, args.side, args.seconds)


if __name__ == "__main__":
    main()
