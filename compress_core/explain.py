"""What was measured, said in one plain sentence each."""

import itertools
from collections.abc import Callable

import pandas as pd

from compress_core.analysis.latency import Latency
from compress_core.numbers import percent, points, size, times, timing, whole_percent
from compress_core.pipeline import CALIBRATION_IMAGES, FINETUNE_EPOCHS, SOLVING_IMAGES, bits_by_layer
from compress_core.pruning.importance import CRITERIA
from compress_core.quantization.schemes import SCHEMES
from compress_core.recipe import Recipe
from compress_core.study import Cut, Study
from compress_core.words import activations_name, bits_names
from compress_core.zoo import architecture


def change_in_points(study: Study) -> str:
    """The change of accuracy in words, or that none can be told from so many images."""
    change = study.change
    half = 100 * (change.high - change.low) / 2
    if change.value == 0 and half == 0:
        return "as accurate"
    if change.low <= 0 <= change.high:
        return f"no measurable change of accuracy ({points(change.value)} ± {half:.1f} points)"
    return f"{abs(100 * change.value):.1f} ± {half:.1f} points {'less' if change.value < 0 else 'more'} accurate"


def network_name(recipe: Recipe, cut_share: float | None = None, mean_bits: float | None = None) -> str:
    """What was built; with the part of the channels that was really cut and the bits of a weight, where known."""
    name = architecture(recipe.arch).title
    parts = [f"{name} at {'full width' if recipe.width == 1 else f'width {recipe.width:g}'}"]
    if recipe.weights != "plain":
        parts.append(f"trained with an L1 penalty on γ (λ = {recipe.weights.removeprefix('sparse-')})")
    share = recipe.prune if cut_share is None else round(cut_share, 3)
    if share:
        parts.append(f"{whole_percent(share)} of its channels cut")
    return ", ".join(parts + bits_names(recipe, mean_bits))


def short_name(recipe: Recipe) -> str:
    """A recipe in a few words, where the architecture is known."""
    parts = [f"width {recipe.width:g}"]
    if recipe.weights != "plain":
        parts.append(f"λ {recipe.weights.removeprefix('sparse-')}")
    if recipe.prune:
        parts.append(f"{whole_percent(recipe.prune)} cut")
    bits = set(bits_by_layer(recipe).values())
    if len(bits) > 1:
        parts.append(f"{min(bits)} to {max(bits)} bits")
    elif bits != {32}:
        only, fixed = bits.pop(), SCHEMES[recipe.scheme].fixed_bits
        parts.append(recipe.scheme if fixed else f"{only} bit{'s' if only > 1 else ''}")
    if recipe.activation_bits < 32:
        parts.append(activations_name(recipe))
    return ", ".join(parts)


def summary(study: Study, latency: Latency) -> str:
    """The page's first sentence: what was built, and what it cost and kept; times as batches of 64 images."""
    original, compressed = study.original, study.compressed
    if compressed.recipe == original.recipe:
        return (
            f"{network_name(original.recipe)}, as trained: {percent(original.accuracy)} of {original.samples:,} test "
            f"images right, in a file of {size(original.file_bytes)}. Turn a knob to compress it."
        )
    smaller = times(original.file_bytes / compressed.file_bytes, "smaller", "larger")
    return (
        f"{network_name(compressed.recipe, study.cut_share, study.mean_bits)}: {smaller}, {change_in_points(study)} "
        f"on {compressed.samples:,} images, {timing(latency.batch_speedup)}."
    ).replace("× ", " times ")


_HOW_HEALED = {
    "absorb": "folding the dropped channels' means into what reads them",
    "recalibrate": f"showing the network {CALIBRATION_IMAGES} training images, without labels,",
    "reconstruct": f"solving each layer again on {SOLVING_IMAGES} training images, without labels,",
    "finetune": f"solving each layer again and {FINETUNE_EPOCHS} epochs of distillation from the original",
}


def read_steps(study: Study) -> str:
    """What the steps figure shows for this recipe."""
    steps = study.steps.set_index("step")
    done = steps["done"]
    if not done.drop("Original").any():
        return "Nothing was taken away yet, so there is nothing to heal."
    cut, healed = steps.loc["Cut", "accuracy"], steps.loc["Healed", "accuracy"]
    last = steps[done].iloc[-1]
    first = percent(steps.loc["Original", "accuracy"])
    if done["Healed"]:
        verb = "leaves it at" if percent(healed) == percent(cut) else "brings it to" if healed > cut else "lowers it to"
        how = _HOW_HEALED[study.compressed.recipe.heal]
        text = f"The cut alone leaves {percent(cut)}; {how} {verb} {percent(healed)}."
    elif done["Cut"]:
        text = f"The cut leaves {percent(cut)}, and nothing was healed."
    else:
        return f"{last.name}, {last['detail']}: {percent(last['accuracy'])}, from {first}."
    return f"{text} With {last['detail']}: {percent(last['accuracy'])}." if done["Quantized"] else text


def layer_title(layer: str) -> str:
    """A prunable layer's name for people: 'cnn.3.3' → 'Block 3', 'stages.0.1.reduce.0' → 'Stage 2, unit 1, reduce'.

    Stages are counted as the papers do, from 2.
    """
    family, *rest = layer.split(".")
    if family not in _FAMILIES:
        return family.capitalize()
    numbers = list(itertools.takewhile(str.isdigit, rest))
    words = rest[len(numbers) :]
    if family == "stages":
        title = f"Stage {int(numbers[0]) + 2}, unit {numbers[1]}"
    else:
        title = f"{_FAMILIES[family]} {numbers[0]}"
    if not words:
        return title
    return f"{title}, {words[0]} {words[1]}" if len(words) > 2 else f"{title}, {words[0]}"


_FAMILIES = {"cnn": "Block", "blocks": "Block", "fires": "Fire", "stages": "Stage"}


def score_title(criterion: str) -> str:
    """What the channels are ranked by, for a heading."""
    return "Scaling factors γ" if criterion == "bn_scale" else f"Scores: {CRITERIA[criterion].title}"


def score_axis(criterion: str) -> str:
    """What the channels are ranked by, with its unit, for an axis."""
    return "scaling factor |γ| (no unit)" if criterion == "bn_scale" else f"{CRITERIA[criterion].title} (no unit)"


def layers_shown(cut: Cut, layer: str | None) -> pd.DataFrame:
    """The rows of all layers, or of one."""
    return cut.layers if layer is None else cut.layers[cut.layers["layer"] == layer]


def read_survivors(cut: Cut, layer: str | None, name: Callable[[str], str]) -> str:
    """How many channels stay; of one layer if given, as `name` calls it."""
    layers = layers_shown(cut, layer)
    before, after = int(layers["before"].sum()), int(layers["after"].sum())
    where = "of all layers" if layer is None else f"of {name(layer)}"
    if before == after:
        scores = cut.channels["score"] if layer is None else cut.channels.query("layer == @layer")["score"]
        return f"All {before:,} channels {where} stay; their scores run from {scores.min():.3g} to {scores.max():.3g}."
    return f"{after:,} of {before:,} channels {where} {'stays' if after == 1 else 'stay'}."


def read_channels(cut: Cut, layer: str | None) -> str:
    """What the histogram of the scores shows for this recipe; of one layer if given."""
    layers, text = layers_shown(cut, layer), read_survivors(cut, layer, layer_title)
    before, after = int(layers["before"].sum()), int(layers["after"].sum())
    if before == after:
        return text
    held = layers[layers["held"] > 0]
    if len(held):
        names = ", ".join(layer_title(name) for name in held["layer"])
        text += f" {names} would have emptied, and {'is' if len(held) == 1 else 'are'} held at one channel."
    elif layer is None and (layers["after"] * before == layers["before"] * after).all():
        text += " Every layer keeps the same part of its own."
    elif layer is None:
        worst = (layers["after"] / layers["before"]).idxmin()
        row = layers.loc[worst]
        text += f" {layer_title(row['layer'])} lost most: {row['after']} of {row['before']} are left."
    return text


def read_tradeoff(study: Study, grid: pd.DataFrame) -> str:
    """Where this recipe stands among the measured grid."""
    own = study.compressed
    if grid.empty:
        return "No grid of recipes was measured for this network."
    mine = grid["width"].eq(own.recipe.width) & grid["prune"].eq(own.recipe.prune) & grid["bits"].eq(own.recipe.bits)
    four = {name: getattr(own.recipe, name) for name in ("dataset", "arch", "width", "prune", "bits")}
    others = grid[~mine] if own.recipe == Recipe(**four) else grid  # with finer choices it is not in the grid
    better = others[(others["accuracy"] > round(own.accuracy, 4)) & (others["file_bytes"] <= own.file_bytes)]
    if better.empty:
        return f"None of {len(others):,} recipes measured beforehand is both more accurate and as small."
    best = better.loc[better["accuracy"].idxmax()]
    recipe = Recipe(arch=own.recipe.arch, width=best["width"], prune=best["prune"], bits=int(best["bits"]))
    return (
        f"{len(better):,} of {len(others):,} measured recipes {'is' if len(better) == 1 else 'are'} as small and more "
        f"accurate; at best {percent(best['accuracy'])} in {size(best['file_bytes'])} ({short_name(recipe)})."
    )


def read_images(study: Study) -> str:
    """What the strip of images shows."""
    images = study.images
    differ = images["original"] != images["compressed"]
    if not differ.any():
        return f"Both networks answer all {len(images):,} test images alike. Shown: the least sure."
    lost = int((differ & images["original"].eq(images["label"])).sum())
    won = int((differ & images["compressed"].eq(images["label"])).sum())
    return (
        f"The two disagree on {int(differ.sum()):,} of {len(images):,} test images: {lost:,} were right before, "
        f"{won:,} are right now."
    )
