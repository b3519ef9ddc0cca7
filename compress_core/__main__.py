"""`python -m compress_core`: the commands that make what the project ships."""

import argparse
import ast
import sys
import tempfile
from pathlib import Path

import torch

from compress_core.analysis.accuracy import accuracy_estimate
from compress_core.data import dataset, datasets
from compress_core.data.cifar10 import Cifar10, fetch
from compress_core.data.folder import write_whole
from compress_core.errors import CompressError, DataError
from compress_core.layers.inference import predict
from compress_core.recipe import Recipe, RecipeError
from compress_core.registry import TRAININGS
from compress_core.report import report
from compress_core.studies.architectures import FILE, count_costs
from compress_core.studies.datasets import add_own
from compress_core.studies.guidelines import timing
from compress_core.studies.shuffle_worth import train_seeds, write_worth
from compress_core.studies.tradeoff import grid_path, measure_grid, write_grid
from compress_core.text import datasets as text
from compress_core.training.checkpoints import FOLDER, folder_of, in_half_precision, load, save_checkpoint, weights_name
from compress_core.training.loop import Progress, finish, train, validation_accuracy
from compress_core.training.shipped import SEED, Job, jobs, make_all, write_list
from compress_core.version import VERSION
from compress_core.zoo import architectures

UNNOTICED = 0.001
"""A change of validation accuracy for which half the file is worth more: one image in a thousand."""


def _train(args: argparse.Namespace) -> None:
    data = dataset(args.dataset)
    if args.dataset == Cifar10.name and not data.is_whole:
        raise DataError("Training needs the whole of CIFAR-10. Fetch it once: python -m compress_core data cifar10.")
    weights = weights_name(args.sparsity) if args.sparsity else args.weights
    job = Job(args.arch, args.width, args.dataset, weights, tuple(args.option), args.seed)
    plan = job.plan(**({"epochs": args.epochs} if args.epochs else {}))
    path = job.path(_writable(args.out or folder_of(args.dataset), "--out"))
    _writable(args.runs, "--runs")
    try:
        network = job.build(data)
    except ValueError as error:  # it has no such option
        raise CompressError(str(error)) from error
    state_file = args.runs / f"{path.stem}-seed{job.seed}-epochs{plan.epochs}.state"
    if state_file.exists():
        print(f"Going on from {state_file}.")
    teacher = load(data.teacher, dataset=args.dataset) if job.needs_teacher else None
    result = finish(train(network, data, plan, teacher, state_file), _print_progress)
    half = in_half_precision(result.model)
    change = abs(validation_accuracy(half, data) - result.validation_accuracy)
    trained = half if change <= UNNOTICED else result.model
    images, labels = data.test(whole=True)
    test = accuracy_estimate(predict(trained, images).argmax(1).eq(labels), data.test_sources(whole=True))
    story = {
        "arch": job.arch,
        "width": f"{job.width:g}",
        "dataset": job.dataset,
        "weights": job.weights,
        **{f"option {name}": value for name, value in job.options},
        "command": " ".join(["python -m compress_core", *job.arguments(plan.epochs)]),
        "seed": job.seed,
        "epoch": result.epoch,
        "precision": "half" if trained is half else "single",
        "validation_accuracy": f"{result.validation_accuracy:.4f}",
        "test_accuracy": f"{test.value:.4f}",
        "test_samples": test.samples,
        "torch": torch.__version__,
    }
    save_checkpoint(trained, path, story)
    state_file.unlink(missing_ok=True)
    print(
        f"{path.name}: {test.value:.1%} of {test.samples:,} test images (95 % interval {test.low:.1%} to "
        f"{test.high:.1%}), {path.stat().st_size:,} bytes"
    )


def _print_progress(now: Progress) -> None:
    """A line that grows, in a terminal; else one an epoch."""
    live = sys.stdout.isatty()
    if not now.ends_epoch and not (live and now.step % 10 == 0):
        return
    bar, epoch = "█" * round(30 * now.done), now.epoch if now.ends_epoch else now.epoch - 1
    line = (
        f"{bar:<30} {epoch}/{now.epochs} epochs, loss {now.loss:.3f}, validation {now.accuracy:.1%}, "
        f"{now.images_per_second:,.0f} images/s"
    )
    print(f"\r{line}", end="" if live and now.done < 1 else "\n", flush=True)


def _data(args: argparse.Namespace) -> None:
    def progress(done: int, total: int) -> None:
        print(f"\r{done:,} of {total:,} images", end="\n" if done == total else "", flush=True)

    if args.dataset == Cifar10.name:
        print(fetch(args.source, progress))
        return
    if args.source is None:
        raise DataError(f"Only {Cifar10.name} can be fetched. Say where your images are: --from PATH.")
    name, images = add_own(args.source, args.dataset, progress)
    print(text.describe_added(dataset(name).title, images.balance(), images.left_out))
    print(text.describe_untrained(name))


def _checkpoints(args: argparse.Namespace) -> None:
    _writable(args.out, "--out")
    if not args.list:
        wanted = [job for job in jobs() if job.path(args.out).name.startswith(args.only)]
        if not wanted:
            raise CompressError(f"No network's file begins with '{args.only}'; they begin with its architecture.")
        make_all(args.jobs, args.out, args.runs, wanted)
    print(write_list(args.out))


def _shuffle_worth(args: argparse.Namespace) -> None:
    train_seeds(args.seeds, args.jobs, args.runs)
    print(write_worth(args.seeds, args.runs))


def _costs(args: argparse.Namespace) -> None:
    _writable(args.out.parent, "--out")
    args.out.write_text(f"# python -m compress_core costs\n{count_costs().to_csv(index=False)}")
    print(args.out)


def _guidelines(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    asked, found = timing.questions(), {}
    for number, question in enumerate(asked, start=1):
        found[question] = timing.finish(timing.time_question(question))
        bar = "█" * round(30 * number / len(asked))
        print(f"\r{bar:<30} {number}/{len(asked)} measurements", end="", flush=True)
    timing.write_example(found, args.out)
    print(f"\n{args.out}")


def _report(args: argparse.Namespace) -> None:
    _writable(args.out.parent, "-o")
    try:
        recipe = Recipe.from_query(args.recipe)
    except RecipeError as error:
        raise CompressError(str(error)) from error
    torch.set_num_threads(1)  # as the app does: small networks are fastest so, and their times can be compared
    page = report(recipe)
    write_whole(args.out, lambda path: path.write_text(page, encoding="utf-8"))
    print(f"{args.out}: {args.out.stat().st_size:,} bytes")


def _grid(args: argparse.Namespace) -> None:
    def progress(done: int, total: int) -> None:
        print(f"\r{'█' * round(30 * done / total):<30} {done}/{total} recipes", end="", flush=True)

    command = f"python -m compress_core grid --arch {args.arch} --dataset {args.dataset}"
    path = args.out or grid_path(args.arch, args.dataset)
    write_grid(measure_grid(args.arch, args.dataset, progress), path, command)
    print(f"\n{path}")


def _width(text: str) -> float:
    width = round(float(text), 2)
    if not 0.1 <= width <= 2.0 or width != float(text):
        raise argparse.ArgumentTypeError("the width multiplier lies between 0.1 and 2.0 and has two decimals at most")
    return width


def _strength(text: str) -> float:
    strength = float(text)
    if not 0 <= strength <= 10:
        raise argparse.ArgumentTypeError("λ lies between 0 and 10")
    return strength


def _option(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _at_least_one(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return int(text)


def _seed(text: str) -> int:
    if not 0 <= int(text) < 2**63:
        raise argparse.ArgumentTypeError("a seed is a whole number from 0 on, below 2^63")
    return int(text)


def _writable(folder: Path, option: str) -> Path:
    """A folder that can be written to, before anything is computed for it.

    Raises:
        CompressError: it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CompressError(
            f"Nothing can be written to {folder} ({error.strerror}); {option} names another."
        ) from error
    return folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m compress_core", description=__doc__)
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="command")

    trained = commands.add_parser("train", help="train a network and write its checkpoint")
    trained.add_argument("--arch", required=True, choices=architectures(yardsticks=True, teachers=True))
    trained.add_argument("--width", type=_width, default=1.0, help="the width multiplier, 0.1 to 2.0")
    trained.add_argument("--dataset", default="digits", choices=datasets())
    trained.add_argument("--weights", default="plain", choices=list(TRAININGS), help="how it is trained")
    trained.add_argument("--epochs", type=_at_least_one, help="the plan's if left out")
    trained.add_argument("--seed", type=_seed, default=SEED)
    trained.add_argument("--sparsity", type=_strength, default=0.0, help="λ of the L1 penalty on γ")
    trained.add_argument("--option", type=_option, action="append", default=[], help="as in shuffle=False, groups=8")
    trained.add_argument("--out", type=Path, help="the folder for the checkpoint; where the app looks if left out")
    trained.add_argument("--runs", type=Path, default=Path("runs"), help="the folder for unfinished runs")
    trained.set_defaults(run=_train)

    data = commands.add_parser("data", help="bring a dataset into this user's cache")
    data.add_argument("dataset", help="cifar10, or what your own images are to be called")
    data.add_argument("--from", dest="source", type=Path, help="a folder or zip of images; the network if left out")
    data.set_defaults(run=_data)

    shipped = commands.add_parser("checkpoints", help="train every network that the project ships, and list them")
    shipped.add_argument("--jobs", type=_at_least_one, default=2, help="networks trained at once, a core each")
    shipped.add_argument("--only", default="", help="only networks whose file name begins so")
    shipped.add_argument("--out", type=Path, default=FOLDER, help="the folder for the checkpoints")
    shipped.add_argument("--runs", type=Path, default=Path("runs"), help="the folder for unfinished runs")
    shipped.add_argument("--list", action="store_true", help="train nothing, only write the list anew")
    shipped.set_defaults(run=_checkpoints)

    worth = commands.add_parser(
        "shuffle-worth", help="train ShuffleNetV1 with and without its shuffle, by several seeds"
    )
    worth.add_argument("--seeds", type=_at_least_one, default=3, help="the first is that of the checkpoints")
    worth.add_argument("--jobs", type=_at_least_one, default=2, help="networks trained at once, a core each")
    worth.add_argument("--runs", type=Path, default=Path("runs"), help="the folder for what is trained")
    worth.set_defaults(run=_shuffle_worth)

    costs = commands.add_parser("costs", help="count parameters and MACs of every architecture at every width")
    costs.add_argument("--out", type=Path, default=FILE, help="the table's file")
    costs.set_defaults(run=_costs)

    laws = commands.add_parser(
        "guidelines", help="measure the example run of the guidelines; minutes, best undisturbed"
    )
    laws.add_argument("--out", type=Path, default=timing.FILE, help="the table's file")
    laws.set_defaults(run=_guidelines)

    paper = commands.add_parser("report", help="write the report of a recipe: one HTML page with numbers and figures")
    paper.add_argument("--recipe", default="", help="as an address has it: arch=mobilenet_v2&prune=0.5&bits=4")
    paper.add_argument("-o", "--out", type=Path, default=Path("report.html"), help="the page's file")
    paper.set_defaults(run=_report)

    grid = commands.add_parser("grid", help="measure the grid of recipes that stands behind accuracy against size")
    grid.add_argument("--arch", required=True, choices=architectures())
    grid.add_argument("--dataset", default="digits", choices=datasets())
    grid.add_argument("--out", type=Path, help="the table's file")
    grid.set_defaults(run=_grid)
    return parser


def main(arguments: list[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    try:
        args.run(args)
    except CompressError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        goes_on = " The same command goes on from the last evaluation." if args.run in (_train, _checkpoints) else ""
        print(f"\nStopped.{goes_on}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
