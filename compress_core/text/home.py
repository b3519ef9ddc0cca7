"""What was measured, said in one plain sentence each."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pandas as pd

from compress_core.analysis.latency import Latency
from compress_core.data import dataset
from compress_core.measure import Measurement
from compress_core.recipe import Recipe
from compress_core.registry import HEALINGS, SCHEMES, TRAININGS
from compress_core.studies.home import Comparison
from compress_core.studies.tradeoff import better_in
from compress_core.text.names import bits_names, network_name, short_name
from compress_core.text.numbers import count, duration, percent, points, size, times, timing, whole_percent


def change_in_points(study: Comparison) -> str:
    """The change of accuracy in words, or that none can be told from so many images."""
    change = study.change
    half = 100 * (change.high - change.low) / 2
    if change.value == 0 and half == 0:
        return "as accurate"
    if change.low <= 0 <= change.high:
        return f"no measurable change of accuracy ({points(change.value)} ± {half:.1f} points)"
    return f"{abs(100 * change.value):.1f} ± {half:.1f} points {'less' if change.value < 0 else 'more'} accurate"


def summary(study: Comparison, latency: Latency | None) -> str:
    """The page's first sentence: what was built, what it cost and kept, and how fast 64 images are, if that is known
    and tells."""
    original, compressed = study.original, study.compressed
    data = dataset(original.recipe.dataset)
    if compressed.recipe == original.recipe:
        return (
            f"{network_name(original.recipe)}, as trained on {data.title[0].lower()}{data.title[1:]}: "
            f"{percent(original.accuracy)} of {original.samples:,} test images right (guessing: "
            f"{whole_percent(data.chance)}), in a file of {size(original.file_bytes)}."
        )
    ratio = original.file_bytes / compressed.file_bytes
    smaller = times(ratio, "smaller", "larger") if abs(ratio - 1) > 5e-4 else "as large"
    untold = latency is None or latency.same_arithmetic
    speed = "" if untold else timing(latency.batch_speedup, latency.batch_quartiles)
    return (
        f"{network_name(compressed.recipe, study.cut_share, study.mean_bits)}: {smaller}, {change_in_points(study)} "
        f"on {compressed.samples:,} {data.noun}{f', {speed}' if speed else ''}."
    ).replace("× ", " times ")


def cards(study: Comparison, latency: Latency | None) -> list[tuple[str, str, str, str, bool]]:
    """Six quantities of a recipe beside its original's: label, value, original, change, whether both are one.

    Args:
        latency: None while it is being measured.
    """
    before, after = study.original, study.compressed
    same = before.recipe == after.recipe

    def smaller(label: str, old: float, new: float, words: Callable[[float], str]) -> tuple:
        return label, words(new), f"original {words(old)}", times(old / new, "smaller", "larger"), same

    def time(batch: str, ms: float = 0.0, speedup: float = 1.0, quartiles: tuple[float, float] = (1.0, 1.0)) -> tuple:
        if latency is None:
            return batch, "…", "", "being timed", same
        note = "same arithmetic" if latency.same_arithmetic else timing(speedup, quartiles) or "not distinguishable"
        return batch, duration(ms), f"original {duration(ms * speedup)}", note, same

    times_of_both = ("Latency, batch 1",), ("Latency, batch 64",)
    if latency is not None:
        times_of_both = (
            ("Latency, batch 1", latency.ms, latency.speedup, latency.quartiles),
            ("Latency, batch 64", latency.batch_ms, latency.batch_speedup, latency.batch_quartiles),
        )
    change = f"{points(study.change.value)} ± {100 * (study.change.high - study.change.low) / 2:.1f} points"
    return [
        (
            f"Accuracy, n = {after.samples:,}",
            percent(after.accuracy),
            f"original {percent(before.accuracy)}",
            "as trained" if same else change,
            same,
        ),
        smaller("File", before.file_bytes, after.file_bytes, size),
        smaller("Parameters", before.params, after.params, count),
        smaller("MACs per image", before.macs, after.macs, count),
        *(time(*own) for own in times_of_both),
    ]


def tradeoff_points(study: Comparison, pinned: Mapping[str, Measurement | None] = MappingProxyType({})) -> pd.DataFrame:
    """The original, the recipe, where it is another one, and what is pinned of the same dataset and measured by now, by
    its letter; for `plots.accuracy_against_size`."""
    rows = {"original": study.original}
    if study.compressed.recipe != study.original.recipe:
        rows["this recipe"] = study.compressed
    reads = study.original.recipe.dataset
    rows |= {letter: own for letter, own in pinned.items() if own is not None and own.recipe.dataset == reads}
    columns = ("file_bytes", "accuracy", "low", "high")
    return pd.DataFrame({kind: {c: getattr(m, c) for c in columns} | named(m.recipe) for kind, m in rows.items()}).T


def named(recipe: Recipe) -> dict[str, str]:
    """What a mark of a recipe says, and what it stands for."""
    return {"name": short_name(recipe), "query": recipe.to_query()}


SIZE_PARTS = {
    "weights": "weights",
    "scales": "scales and zero points",
    "kept_16": "kept in 16 bits",
    "kept_32": "kept in 32 bits",
    "header": "header",
}


def size_tables(own: Measurement, gzipped: int) -> list[pd.DataFrame]:
    """The three sizes of a file, and the parts of it."""
    sizes = {"as saved": own.file_bytes, "gzipped": gzipped, "parameters × bits / 8": own.minimum_bytes}
    parts = {SIZE_PARTS[part]: length for part, length in own.breakdown.items() if length}
    return [
        pd.DataFrame(rows.items(), columns=[title, "bytes"])
        for title, rows in (("size", sizes), ("part of the file", parts))
    ]


def steps_table(study: Comparison) -> pd.DataFrame:
    """The steps with what each has done in its `detail`."""
    recipe, share = study.compressed.recipe, study.cut_share
    healed = dict(zip(study.steps["step"], study.steps["done"], strict=True))["Healed"]
    healing = HEALINGS[recipe.heal if healed else "none"]
    training = TRAININGS[recipe.weights]
    details = {
        "Original": f"width {study.original.recipe.width:g}, as trained",
        "Width": f"{recipe.width:g}, {study.steps['origin'].iloc[0]}"
        + (f", {training.symbol}" if training.description else ""),
        "Cut": f"{whole_percent(share)} of channels" if share else "nothing cut",
        "Healed": healing.result or healing.title,
        "Quantized": ", ".join(bits_names(recipe, study.mean_bits)) or "32 bits",
    }
    steps = study.steps.assign(detail=study.steps["step"].map(details))
    if recipe.width == study.original.recipe.width:  # what is another network is then so by its training
        steps["step"] = steps["step"].replace("Width", "Trained" if training.description else "Width")
    return steps


def describe_steps(study: Comparison) -> str:
    """What the steps figure shows for this recipe."""
    steps = {row.step: row for row in steps_table(study).itertuples()}
    done = [step for step, row in steps.items() if row.done]
    if done == ["Original"]:
        return "Nothing was taken away yet, so there is nothing to heal."
    if any(math.isnan(steps[step].accuracy) for step in done):
        return "What the steps between have done is being measured."
    cut, healed, last = steps["Cut"].accuracy, steps["Healed"].accuracy, steps[done[-1]]
    first = percent(steps["Original"].accuracy)
    if "Healed" in done:
        verb = "leaves it at" if percent(healed) == percent(cut) else "brings it to" if healed > cut else "lowers it to"
        healing = HEALINGS[study.compressed.recipe.heal]
        how = healing.method or healing.title
        text = f"The cut alone leaves {percent(cut)}; {how} {verb} {percent(healed)}."
    elif "Cut" in done:
        text = f"The cut leaves {percent(cut)}, and nothing was healed."
    else:
        return f"{last.step} ({last.detail}): {first} → {percent(last.accuracy)}."
    return f"{text} With {last.detail}: {percent(last.accuracy)}." if "Quantized" in done else text


def describe_tradeoff(study: Comparison, grid: pd.DataFrame) -> str:
    """Where this recipe stands among the measured grid."""
    if grid.empty:
        return "No grid of recipes was measured for this network."
    better = better_in(grid, study.compressed)
    if better.empty:
        return f"None of {len(grid):,} recipes measured beforehand is both more accurate and as small."
    best = better.iloc[0]
    return (
        f"{len(better):,} of {len(grid):,} measured recipes {'is' if len(better) == 1 else 'are'} as small and more "
        f"accurate; at best {percent(best['accuracy'])} in {size(best['file_bytes'])} ({short_name(best['recipe'])})."
    )


def may_spend_by_layer(recipe: Recipe) -> bool:
    """Whether a recipe's bits are all alike, and others would be possible."""
    return recipe.bits < 32 and not recipe.layer_bits and not SCHEMES[recipe.scheme].fixed_bits


def describe_images(study: Comparison) -> str:
    """What the strip of images shows."""
    images = study.images
    differ = images["original"] != images["compressed"]
    if not differ.any():
        return f"Both networks answer all {len(images):,} test images alike. Shown: the least sure."
    lost = int((differ & images["original"].eq(images["label"])).sum())
    won = int((differ & images["compressed"].eq(images["label"])).sum())
    return (
        f"The two disagree on {int(differ.sum()):,} of {len(images):,} test images: {lost:,} only the original gets "
        f"right, {won:,} only the compressed."
    )
