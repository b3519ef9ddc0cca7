"""Networks beside each other, in plain sentences."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from compress_core.analysis.latency import Latency
from compress_core.measure import Measurement
from compress_core.recipe import Recipe
from compress_core.registry import ARCHITECTURES, DATASETS
from compress_core.studies.compare import Filters, LayerMaps, Looks, Rung
from compress_core.studies.home import Comparison
from compress_core.text.names import bits_names, short_name
from compress_core.text.numbers import count, duration, images, listed, percent, size, times

TITLES = {"original": "Original", "compressed": "This recipe"}
CLOSE = 0.01
"""A loss of accuracy that few would mind."""
ANSWERS = 5
"""Of a network, that are shown."""
NUMBERS = ("Accuracy", "Images", "File", "Parameters", "MACs per image", "Latency, batch 1", "Latency, batch 64")


def column_title(name: str) -> str:
    """Whose column it is: the original's, the recipe's, or that of a pinned letter."""
    return TITLES.get(name, name)


def recipe_name(recipe: Recipe, beside: Recipe | None = None) -> str:
    """A recipe in a few words, its architecture first; with its dataset, where it stands beside one of another."""
    said = f"{ARCHITECTURES[recipe.arch].title}, {short_name(recipe)}"
    return said if beside is None or recipe.dataset == beside.dataset else f"{said}, {DATASETS[recipe.dataset].title}"


def describe_readings(readings: Mapping[str, pd.DataFrame], truth: int | None, classes: Sequence[str]) -> str:
    """What the networks say to one image, and whether they agree.

    Args:
        readings: by column, the original's first, as `studies.compare.study_reading` gives them.
    """
    answers = {name: classes[int(reading["label"].iloc[0])] for name, reading in readings.items()}
    first, others = answers["original"], [name for name in answers if name != "original"]
    sure = percent(float(readings["original"]["probability"].iloc[0]))
    right = (
        "" if truth is None else ", and is right" if classes[truth] == first else f", but the label is {classes[truth]}"
    )
    said = f"The original says {first} ({sure}){right}."
    if not others:
        return f"{said} Turn a knob, or pin a recipe, to hear another network."
    same = [name for name in others if answers[name] == first]
    groups = {answers[name]: [other for other in others if answers[other] == answers[name]] for name in others}
    groups.pop(first, None)
    said += f" {_subject(same)} the same." if same else ""
    return said + "".join(f" {_subject(who)} {answer}." for answer, who in groups.items())


def _subject(names: Sequence[str]) -> str:
    who = listed(["this recipe" if name == "compressed" else name for name in names])
    return f"{who[0].upper()}{who[1:]} {'says' if len(names) == 1 else 'say'}"


def describe_answer(reading: pd.DataFrame, of: pd.DataFrame, truth: int | None) -> str:
    """An answer beside the original's: whether it is right, where that is known, and the same."""
    own, first = (int(frame["label"].iloc[0]) for frame in (reading, of))
    parts = [] if truth is None else ["right" if own == truth else "wrong"]
    if reading is not of:
        parts.append("as the original" if own == first else "not as the original")
    return ", ".join(parts)


def reference_of(latency: Latency | None) -> Latency | None:
    """The time of what a network's was compared with."""
    if latency is None:
        return None
    return replace(latency, ms=latency.ms * latency.speedup, batch_ms=latency.batch_ms * latency.batch_speedup)


def numbers_of(own: Measurement | None, latency: Latency | None) -> list[str]:
    """What stands beside each of `NUMBERS`; what is not known yet is on its way."""
    if own is None:
        return ["…"] * len(NUMBERS)
    half = 100 * (own.high - own.low) / 2
    waits = "…"
    return [
        f"{percent(own.accuracy)} ± {half:.1f}",
        f"{own.samples:,}",
        size(own.file_bytes),
        count(own.params),
        count(own.macs),
        duration(latency.ms) if latency else waits,
        duration(latency.batch_ms) if latency else waits,
    ]


def describe_numbers(measured: Mapping[str, Measurement]) -> str:
    """Which of the networks is the smallest, and which the most accurate."""
    if len(measured) == 1:
        return "What is pinned stands here beside the original and this recipe."
    smallest = min(measured, key=lambda name: measured[name].file_bytes)
    best = max(measured, key=lambda name: measured[name].accuracy)
    largest = max(own.file_bytes for own in measured.values())
    smaller = times(largest / measured[smallest].file_bytes, "smaller than the largest", "")
    return (
        f"Smallest: {column_title(smallest)} ({size(measured[smallest].file_bytes)}, {smaller}). "
        f"Most accurate: {column_title(best)} ({percent(measured[best].accuracy)})."
    )


def tile_title(row, classes: Sequence[str]) -> tuple[str, str, str]:
    """Under a test image: its number and class, then both answers with how sure they are."""
    said = [
        f"{'✓' if answer == row.label else '✗'} {classes[answer]} {100 * sure:.0f} %"
        for answer, sure in ((row.original, row.original_confidence), (row.compressed, row.compressed_confidence))
    ]
    return f"{row.image}: {classes[row.label]}", *said


def describe_shown(shown: int, all_of_them: int, which: str) -> str:
    """How many of the images that differ stand there."""
    kinds = {"all": "they differ on", "lost": "only the original gets right", "won": "only this recipe gets right"}
    if not all_of_them:
        return f"There is no image that {kinds[which]}." if which != "all" else "There is no image they differ on."
    if shown == all_of_them:
        return f"All {images(shown)} that {kinds[which]}, the surest of each class first."
    return f"{shown} of {images(all_of_them)} that {kinds[which]}, the surest of each class first."


def describe_by_class(table: pd.DataFrame, classes: Sequence[str]) -> str:
    """Which class lost and which won the most."""
    accuracy = table.pivot(index="label", columns="network", values="accuracy")
    change = accuracy["compressed"] - accuracy["original"]
    if not change.abs().max() > 0:
        return "Every class is read as well as by the original."
    worst, best = int(change.idxmin()), int(change.idxmax())
    said = [f"{classes[worst]} loses most ({_points(change[worst])})"] if change[worst] < 0 else []
    said += [f"{classes[best]} wins most ({_points(change[best])})"] if change[best] > 0 else []
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}. The bars are 95 % intervals."


def _points(change: float) -> str:
    return f"{100 * change:+.1f} points".replace("-", "−")


def describe_confusion(before: np.ndarray, after: np.ndarray, classes: Sequence[str]) -> str:
    """Which mistake became more common, and which less."""
    change = 100 * (after - before)
    np.fill_diagonal(change, 0)
    more, less = (np.unravel_index(place, change.shape) for place in (change.argmax(), change.argmin()))
    said = []
    if change[more] > 0:
        said.append(f"more often, {classes[more[0]]} is taken for {classes[more[1]]} (+{change[more]:.1f} points)")
    if change[less] < 0:
        said.append(f"less often, {classes[less[0]]} for {classes[less[1]]} (−{-change[less]:.1f})")
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}." if text else "Both make the same mistakes equally often."


def describe_maps(maps: LayerMaps, layer: str) -> str:
    """What was cut of a layer, and how much of it is shown."""
    shown = "all" if len(maps.channels) == maps.before else f"the {len(maps.channels)} liveliest"
    if not maps.aligned:
        return (
            f"{layer}: {maps.before} channels in the original, {maps.after} here; trained by itself, so that its "
            "channels are others."
        )
    cut = maps.before - maps.after
    said = f"{cut} of {maps.before} channels are cut" if cut else f"None of its {maps.before} channels is cut"
    return f"{layer}: {said}. Shown: {shown} of the original's, each above its own; what is cut is crossed out."


def describe_looks(looks: Looks, classes: Sequence[str]) -> str:
    """What each network answers, and how finely one can say where it looks."""
    before, after = (classes[label] for label in looks.answers)
    height, width = looks.compressed.shape
    said = f"Both find {before}" if before == after else f"The original finds {before}, this recipe {after}"
    alike = np.corrcoef(looks.original.ravel(), looks.compressed.ravel())[0, 1]
    where = (
        "" if before != after or not np.isfinite(alike) else f"; their maps correlate by {alike:.2f}".replace("-", "−")
    )
    return f"{said}{where}. The last maps have {height}×{width} places, and no finer one can be told."


def describe_filters(filters: Filters, layer: str, recipe: Recipe) -> str:
    """How a layer's filters changed by rounding."""
    shown = "All" if len(filters.before) == filters.count else f"The first {len(filters.before)} of"
    said = f"{layer}: {shown.lower()} {filters.count} filters"
    bits = bits_names(recipe)
    if np.array_equal(filters.before, filters.after, equal_nan=True):
        return f"{said}. Nothing of them is rounded{'' if bits else ': turn the bit width'}."
    change = filters.after - filters.before
    share = float(np.sqrt(np.nanmean(change**2) / np.nanmean(filters.before**2)))
    return f"{said}; {bits[0]} move them by {percent(share)} of their size (root mean square)."


def rung_words(recipe: Recipe, rung: Rung | None, place: int, classes: Sequence[str]) -> tuple[str, str, str]:
    """A network of the ladder: its size, its name, and its answer with how sure it is."""
    name = f"{place + 1}: {short_name(recipe) if place else 'the original'}"
    if rung is None:
        return "…", name, "…"
    return size(rung.file_bytes), name, f"{classes[rung.answer]} · {100 * rung.reading['probability'].iloc[0]:.0f} %"


def is_wrong(rung: Rung | None, original: Rung | None, truth: int | None) -> bool:
    """Whether a network's answer is not the true one, or, where that is not known, the original's."""
    if rung is None or original is None:
        return False
    return rung.answer != (original.answer if truth is None else truth)


def describe_ladder(rungs: Sequence[Rung | None], truth: int | None, classes: Sequence[str]) -> str:
    """Down to where the ladder holds, and what the first network that fails says.

    Args:
        rungs: from the original down; None where one is not built yet.
        truth: the class of the image; None where nobody has said it.
    """
    known = list(itertools.takewhile(lambda rung: rung is not None, rungs))
    if not known:
        return "The networks are being built …"
    wanted, wrong = known[0].answer if truth is None else truth, first_wrong(rungs, truth)
    last = known[-1 if wrong is None else wrong]
    smaller = times(known[0].file_bytes / last.file_bytes, "smaller", "larger").replace("× ", " times ")
    if wrong is None:
        if len(known) == 1 < len(rungs):
            return f"The original says {classes[wanted]}. The smaller ones are being built …"
        if len(known) < len(rungs):
            return f"So far all say {classes[wanted]}, down to one {smaller}. The others are being built …"
        return f"All {len(known)} networks say {classes[wanted]}, down to one of {size(last.file_bytes)}, {smaller}."
    if not wrong:
        return f"Even the original gets it wrong: it says {classes[last.answer]}, and it is {classes[wanted]}."
    fails = "contradicts the original" if truth is None else "gets it wrong"
    return (
        f"The first that {fails} has {size(last.file_bytes)}, {smaller}: it says {classes[last.answer]} in place of "
        f"{classes[wanted]}."
    )


def first_wrong(rungs: Sequence[Rung | None], truth: int | None) -> int | None:
    """The first network of a ladder that is wrong; None where there is none, or where it is not known yet."""
    known = list(itertools.takewhile(lambda rung: rung is not None, rungs))
    return next((place for place, rung in enumerate(known) if is_wrong(rung, known[0], truth)), None)


def describe_images(study: Comparison, other: str) -> str:
    """How often the two networks differ, and who is right then."""
    differ = study.images["original"] != study.images["compressed"]
    many = int(differ.sum())
    if not many:
        return f"{other} answers all {images(len(differ))} as the original does."
    right = {which: int((differ & study.images[which].eq(study.images["label"])).sum()) for which in TITLES}
    neither = many - sum(right.values())
    return (
        f"{other} and the original differ on {many:,} of {images(len(differ))}: {right['original']:,} lost, "
        f"{right['compressed']:,} won, {neither:,} wrong in two ways."
    )


def visit_label(recipe: Recipe, found: Comparison | None) -> str:
    """A recipe of this visit with its numbers, as far as they are known: Markdown."""
    numbers = f"{percent(found.compressed.accuracy)} · {size(found.compressed.file_bytes)}" if found else "…"
    return f"**{numbers}**  \n{recipe_name(recipe)}"


def describe_visit(found: Sequence[Comparison], count: int) -> str:
    """How many recipes this visit has had, and the smallest that lost next to nothing."""
    if count == 1:
        return "This is the first recipe of this visit. Turn a knob: each one will stand here."
    small = [own for own in found if own.change.value >= -CLOSE and own.compressed.recipe != own.original.recipe]
    said = f"{count} recipes in this visit, counted on the first test images."
    if not small:
        return said
    best = max(small, key=lambda own: own.original.file_bytes / own.compressed.file_bytes)
    ratio = best.original.file_bytes / best.compressed.file_bytes
    smaller = times(ratio, "smaller", "larger").replace("× ", " times ")
    name = recipe_name(best.compressed.recipe)
    return f"{said} The smallest within {100 * CLOSE:.0f} point of its original: {name}, {smaller}."
