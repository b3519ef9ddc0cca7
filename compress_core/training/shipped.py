"""The trained networks that the project ships: which they are, how they are made, and their list."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from compress_core.data import Dataset, datasets
from compress_core.errors import CompressError
from compress_core.registry import TRAININGS, Entry
from compress_core.training.checkpoints import build_for, checkpoint_path, read_metadata, trained_widths, weights_name
from compress_core.training.plans import TrainingPlan, plan_for
from compress_core.zoo import architecture, architectures

WIDTHS = (1.0, 0.75, 0.5, 0.25)
SPARSITIES = (0.1, 0.15)
"""λ of the two sparse trainings at width 1."""
PHOTOGRAPHS_SPARSITY = 0.005
"""λ on photographs: SGD's steps are larger than AdamW's where the loss is flat, so that less of a pull is felt."""
DATASET = "digits"
SEED = 0
SHUFFLE_WIDTHS = (1.0, 0.5, 0.25)
"""Those of the paper's Table 3."""
NARROW = ("studentnet", "mobilenet_v2", "shufflenet_v2")
"""Those trained on photographs at half the width."""


@dataclass(frozen=True, kw_only=True)
class Training(Entry):
    """How a network was trained, as a recipe's `weights` names it."""

    symbol: str
    """In a few signs: 'λ = 0.1'."""
    description: str = ""
    """In a list of what was done to a network; empty for what goes without saying."""
    changes: Mapping[str, object] = field(default_factory=dict)
    """What its plan has otherwise than the plain one."""
    needs_teacher: bool = False


TRAININGS.register(plain=Training(title="Standard", symbol="λ = 0"))
TRAININGS.register(
    **{
        weights_name(strength): Training(
            title=f"L1 penalty on γ, λ = {strength:g}",
            symbol=f"λ = {strength:g}",
            description=f"trained with an L1 penalty on γ (λ = {strength:g})",
            changes={"sparsity": strength},
        )
        for strength in (*SPARSITIES, PHOTOGRAPHS_SPARSITY)
    }
)
TRAININGS.register(
    distilled=Training(
        title="Distilled from a teacher",
        symbol="distilled",
        description="taught by a larger network",
        paper="Hinton et al. 2015, section 2",
        changes={"losses": {"kd": 0.9, "cross_entropy": 0.1}, "temperature": 4.0, "views": 8},
        needs_teacher=True,
    )
)


@dataclass(frozen=True)
class Job:
    """One network to train."""

    arch: str
    width: float = 1.0
    dataset: str = DATASET
    weights: str = "plain"
    """How: a name in `TRAININGS`, or `sparse-` and a λ."""
    options: tuple[tuple[str, object], ...] = ()
    """What `build` takes beyond the width, by name."""
    seed: int = SEED

    def path(self, folder: Path) -> Path:
        """Where its checkpoint is kept."""
        return checkpoint_path(self.arch, self.width, self.dataset, self.weights, folder, **dict(self.options))

    def arguments(self, epochs: int | None = None) -> list[str]:
        """What `python -m compress_core` is told to train it."""
        chosen = f"train --arch {self.arch} --width {self.width:g} --dataset {self.dataset}".split()
        chosen += ["--epochs", f"{epochs}"] if epochs else []
        chosen += ["--seed", f"{self.seed}"]
        if self.sparsity:
            chosen += ["--sparsity", f"{self.sparsity:g}"]
        elif self.weights != "plain":
            chosen += ["--weights", self.weights]
        return chosen + [text for name, value in self.options for text in ("--option", f"{name}={value}")]

    @property
    def sparsity(self) -> float:
        """λ of its penalty on γ."""
        return float(self.weights.removeprefix("sparse-")) if self.weights.startswith("sparse-") else 0.0

    @property
    def needs_teacher(self) -> bool:
        """Whether a larger network teaches it."""
        return self.weights in TRAININGS and TRAININGS[self.weights].needs_teacher

    def plan(self, **changes: object) -> TrainingPlan:
        """The plan by which it is trained."""
        own = {"sparsity": self.sparsity} if self.sparsity else TRAININGS[self.weights].changes
        return plan_for(self.dataset, self.arch, seed=self.seed, **{**own, **changes})

    def build(self, data: Dataset) -> nn.Module:
        """Its network before the training, by its seed."""
        torch.manual_seed(self.seed)
        model = build_for(self.arch, self.width, data, **dict(self.options))
        prepare = architecture(self.arch).prepare
        if prepare:
            prepare(model, data.calibration(PREPARED_WITH))
        return model


PREPARED_WITH = 1000
"""Images by which an architecture may set its first weights."""


def jobs() -> list[Job]:
    """All of them, most wanted first: full widths, since everything else is compared with those."""
    names = architectures()
    yardsticks = [name for name in architectures(yardsticks=True) if name not in names]
    full = [Job(name) for name in (*names, *yardsticks)]
    sparse = [Job(name, weights=weights_name(strength)) for strength in SPARSITIES for name in names]
    narrower = [Job(name, width) for width in WIDTHS[1:] for name in names]
    return full + sparse + narrower + shuffle_jobs() + photograph_jobs()


def photograph_jobs() -> list[Job]:
    """Those of CIFAR-10: the teacher, plain networks, distilled ones, one λ, and narrow ones."""
    names, data = architectures(), "cifar10"
    teacher = [Job(name, dataset=data) for name in architectures(teachers=True) if architecture(name).teacher]
    full = [Job(name, dataset=data, weights=weights) for weights in ("plain", "distilled") for name in names]
    sparse = [Job(name, dataset=data, weights=weights_name(PHOTOGRAPHS_SPARSITY)) for name in names]
    narrow = [Job(name, 0.5, data, weights) for weights in ("plain", "distilled") for name in NARROW]
    return teacher + full + sparse + narrow


def shuffle_jobs() -> list[Job]:
    """What the shuffle is worth (Zhang et al. 2018, Table 3): ShuffleNetV1 with and without it.

    Three groups with shuffle are among the others already: those are the defaults.
    """
    chosen = [(("groups", 8),), (("shuffle", False),), (("groups", 8), ("shuffle", False))]
    return [Job("shufflenet_v1", width, options=options) for options in chosen for width in SHUFFLE_WIDTHS]


def make_all(parallel: int, out: Path, runs: Path, wanted: Iterable[Job]) -> None:
    """Train each network wanted that has no checkpoint in `out` yet, `parallel` at a time, each with one thread.

    A killed run goes on from its last evaluation, kept in `runs` with the log of each network.

    Raises:
        CompressError: some of them could not be trained.
    """
    runs.mkdir(parents=True, exist_ok=True)
    missing = [job for job in wanted if not job.path(out).is_file()]

    def make(job: Job) -> str:
        name = f"{job.path(out).stem}-seed{job.seed}"
        print(f"{name}: log in {runs / name}.log", flush=True)
        command = [sys.executable, "-m", "compress_core", *job.arguments(), "--out", str(out), "--runs", str(runs)]
        with open(runs / f"{name}.log", "a") as log:
            failed = subprocess.run(command, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"})
        return name if failed.returncode else ""

    with ThreadPoolExecutor(parallel) as pool:
        failed = [name for name in pool.map(make, [job for job in missing if not job.needs_teacher]) if name]
        failed += [name for name in pool.map(make, [job for job in missing if job.needs_teacher]) if name]
    if failed:
        raise CompressError(f"Not trained: {', '.join(failed)}. Their logs in {runs} say why.")


def trained_accuracies(dataset: str, folder: Path | None = None) -> pd.DataFrame:
    """A row per plainly trained network that is there: `arch`, `width`, `accuracy` on `samples` test images."""
    rows = []
    for arch in architectures(yardsticks=True):
        for width in trained_widths(arch, dataset, folder=folder)[::-1]:
            about = read_metadata(checkpoint_path(arch, width, dataset, folder=folder))
            if "test_accuracy" in about:
                rows.append((arch, width, float(about["test_accuracy"]), int(about["test_samples"])))
    return pd.DataFrame(rows, columns=["arch", "width", "accuracy", "samples"])


def write_list(folder: Path) -> Path:
    """Write README.md beside the checkpoints: what each is, how well it does, and the command that made it."""
    rows, missing, commands = [], [], []
    order = architectures(yardsticks=True, teachers=True)
    for job in sorted(jobs(), key=lambda job: (datasets().index(job.dataset), order.index(job.arch))):
        path = job.path(folder)
        if not path.is_file():
            missing.append(f"`python -m compress_core {' '.join(job.arguments())}`")
            continue
        about = read_metadata(path)
        rows.append(
            f"| {architecture(job.arch).title}{_variant(job)} | {job.dataset} | {job.width:g} | {_training(job)} | "
            f"{float(about['validation_accuracy']):.1%} | {float(about['test_accuracy']):.1%} | "
            f"{int(about['test_samples']):,} | {about['epoch']} | {about['seed']} | "
            f"{about.get('precision', 'single')} | {path.stat().st_size:,} |"
        )
        commands.append(about["command"])
    text = f"""# Trained weights

Written by `python -m compress_core checkpoints`, which trains every network that is missing here and lists them all.
Each file holds in its metadata the command that made it, such as

```sh
{commands[0] if commands else ""}
```

λ is the strength of the L1 penalty on γ. The epoch is the one that did best on the validation images, which alone
were read to choose it; test accuracy is of one seed: on 2,160 images about ±1 point, on 10,000 about ±0.6. Precision is
that of the weights: half where validation accuracy changes by at most 0.1 points.

| network | dataset | width | training | validation | test | images | epoch | seed | precision | bytes |
|---|---|---|---|---|---|---|---|---|---|---|
""" + "\n".join(rows)
    if missing:
        text += "\n\n## Not trained yet\n\n" + "\n".join(f"- {command}" for command in missing)
    readme = folder / "README.md"
    readme.write_text(text + "\n")
    return readme


def _training(job: Job) -> str:
    return TRAININGS[job.weights].symbol if job.weights in TRAININGS else f"λ = {job.sparsity:g}"


def _variant(job: Job) -> str:
    return f" ({', '.join(f'{name} = {value}' for name, value in job.options)})" if job.options else ""
