"""What the page of quantization shows, said in one plain sentence each."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from compress_core.pipeline import bits_by_layer, quantizable_layers
from compress_core.quantization.sensitivity import CHOICES
from compress_core.recipe import Recipe
from compress_core.registry import CLIPPINGS, CODINGS, ROUNDINGS, SCHEMES
from compress_core.studies.quantization import LayerWeights, Packed, is_rounded, kind_titles, unknown_layers
from compress_core.studies.runtimes import RuntimeComparison
from compress_core.text.names import layer_name, network_name
from compress_core.text.numbers import duration, factor, percent, size, times, timing
from compress_core.zoo import architecture

ENOUGH = 0.002
"""Of all weights; a layer of fewer makes no histogram."""
A_POINT = 0.01
COMPARED_BITS = 3
"""Bits at which schemes differ."""
FEW_STEPS = 3
"""A channel whose weights one grid for the whole layer would leave with at most so many levels is as good as lost."""
USUAL_CLIPPING = "Auto"
PARTS = {
    "weights": "Weights' codes",
    "scales": "Levels' scales",
    "kept_16": "Kept in 16 bits",
    "kept_32": "Kept in 32 bits",
    "header": "Header",
}
RUNTIMES = {"torch": "PyTorch, float", "onnx": "onnxruntime, float", "int8": "onnxruntime, int8"}


def rounding_title(rounding: str) -> str:
    """A rounding for a selector, with the name of its method."""
    method = ROUNDINGS[rounding].method
    return f"{ROUNDINGS.title(rounding)} ({method})" if method else ROUNDINGS.title(rounding)


def clipping_title(clipping: str) -> str:
    """A clipping for a selector."""
    return USUAL_CLIPPING if clipping == Recipe.clipping else CLIPPINGS.title(clipping)


def activations_title(bits: int) -> str:
    """A bit width of what layers read, for a selector."""
    return "32 (off)" if bits == 32 else f"{bits} bits"


def layer_names(arch: str) -> dict[str, str]:
    """The layers of an architecture for people, without commas: 'Block 3 depthwise'."""
    titles = {name: layer_name(name) for name in quantizable_layers(arch)}
    many = {title for title in titles.values() if list(titles.values()).count(title) > 1}
    found = {name: f"{title} {kind_titles(arch)[name]}" if title in many else title for name, title in titles.items()}
    return {name: title if title != "Fc" else "Classifier" for name, title in found.items()}


def block_name(title: str) -> str:
    """The block that a layer is in, short enough for an axis: 'Block 3 depthwise' → '3', 'Stage 2 unit 1 …' → '2.1'."""
    words = title.split()
    if words[0] == "Stage":
        return f"{words[1]}.{words[3]}"
    if len(words) > 1 and words[1].isdigit():
        return words[1]
    return {"Classifier": "end"}.get(words[0], words[0].lower())


def default_layer(layers: pd.DataFrame) -> str:
    """The layer to show where none is chosen: the one whose channels' ranges differ most, whatever the bits are."""
    large = layers[layers["weights"] >= ENOUGH * layers["weights"].sum()]
    return layers.loc[large["spread"].idxmax(), "layer"]


def summary(now: Packed, before: Packed, original: Packed) -> str:
    """The page's first sentence: what was rounded, what that cost, and what the file is.

    Args:
        before: the same network before anything is rounded.
        original: what file sizes are compared with.
    """
    recipe, samples = now.recipe, now.accuracy.samples
    name = network_name(recipe, now.cut_share, now.mean_bits)
    ratio = original.file_bytes / now.file_bytes
    smaller = times(ratio, "smaller", "larger").replace("× ", " times ") if abs(ratio - 1) > 0.01 else "the same"
    file = f"a file of {size(now.file_bytes)}" + (f", {smaller} than the original's" if smaller != "the same" else "")
    if now.recipe == before.recipe:
        return f"{name}, nothing rounded: {percent(now.accuracy.value)} of {samples:,} test images right, in {file}."
    how = f" ({_way(recipe)})" if is_rounded(recipe) else ""
    return (
        f"{name}{how}: {percent(now.accuracy.value)} of {samples:,} test images right, "
        f"{percent(before.accuracy.value)} before rounding; {file}."
    )


def _way(recipe: Recipe) -> str:
    """How weights are rounded: 'per channel, to the nearest level'."""
    scheme = SCHEMES[recipe.scheme]
    title = scheme.title.partition(": ")[2] + " in each channel" if scheme.fixed_bits else scheme.title
    return f"{title}, {ROUNDINGS[recipe.rounding].title}"


def describe_unknown(recipe: Recipe) -> list[str]:
    """A sentence where bits are set for layers that this network does not have."""
    found = unknown_layers(recipe)
    if not found:
        return []
    are, layers = ("is", "a layer") if len(found) == 1 else ("are", "layers")
    title, count = architecture(recipe.arch).title, len(quantizable_layers(recipe.arch))
    return [
        f"Of the bits of single layers, {len(found):,} {are} for {layers} that {title} does not have: it has {count}, "
        "counted from 0."
    ]


def decibels(value: float) -> str:
    """A ratio in decibels with one digit."""
    return f"{value:.1f} dB".replace("-", "−")


def describe_weights(own: LayerWeights, name: str, channel: int | None) -> str:
    """What the histogram of a layer's weights shows."""
    weights = own.weights if channel is None else own.weights[own.weights["channel"] == channel]
    where = name if channel is None else f"channel {channel} of {name}"
    count = len(weights)
    if not own.rounded:
        return f"The {count:,} weights of {where} are not rounded; they take {weights['before'].nunique():,} values."
    noise = float(((weights["after"] - weights["before"]) ** 2).sum())
    power = float((weights["before"] ** 2).sum())
    kept = f"SQNR {decibels(10 * math.log10(power / noise))}" if noise > 0 and power > 0 else "nothing is lost"
    zero = float((weights["after"] == 0).mean())
    each = own.level_count
    levels = f"{each:,} levels" if own.shared else f"{each:,} levels in each channel"
    zeros = f", {percent(zero)} of them at zero" if zero >= 0.005 else ""
    return f"The {count:,} weights of {where} go to {levels}{zeros}: {kept}."


def widest_channel(own: LayerWeights) -> int:
    """The channel whose weights reach furthest."""
    grouped = own.weights.groupby("channel")["before"]
    return int((grouped.max() - grouped.min()).idxmax())


def layer_bars_table(layers: pd.DataFrame, errors: Mapping[int, Mapping[str, float] | None], arch: str) -> pd.DataFrame:
    """The rows of `plots.layer_bars`: `layers` with `title`, `block`, `error` (NaN where it is not known) and `text`.

    Args:
        layers: of `study_layers`.
        errors: by bits, and by layer what rounding it alone does; None where that is not measured yet.
    """
    titles = layers["layer"].map(layer_names(arch))
    found = [
        (errors.get(bits) or {}).get(name, math.nan) if bits < 32 else 0.0
        for name, bits in zip(layers["layer"], layers["bits"], strict=True)
    ]
    marks = [f"{bits}" if own and bits < 32 else "" for bits, own in layers[["bits", "by_hand"]].to_numpy()]
    return layers.assign(title=titles, block=titles.map(block_name), error=found, text=marks)


def describe_layers(layers: pd.DataFrame, names: Mapping[str, str], probe_bits: int | None, rounding: str) -> str:
    """Which layer bears least.

    Args:
        layers: `layer`, `bits`, `sqnr`, `error`.
        probe_bits: the bits at which layers were probed where the recipe rounds none; else None.
        rounding: the recipe's; layers are probed by the nearest level all the same.
    """
    known = layers.dropna(subset="error")
    if len(known) < len(layers):
        return "Each layer is rounded by itself, one after another; measuring in the background."
    worst, best = known.loc[known["error"].idxmax()], known.loc[known["error"].idxmin()]
    first = f"Nothing is rounded yet; with {probe_bits} bits alone" if probe_bits else "Rounded alone"
    if rounding != "nearest":
        first += ", to the nearest level"
    text = (
        f"{first}, {names[worst['layer']]} moves the logits most ({_share(worst['error'])}), "
        f"{names[best['layer']]} least ({_share(best['error'])})"
    )
    if probe_bits or not np.isfinite(layers["sqnr"]).any():
        return f"{text}."
    low = layers.loc[layers["sqnr"].idxmin()]
    if "images" in ROUNDINGS[rounding].needs:  # it solves for other weights
        return f"{text}; {names[low['layer']]} got other weights most ({decibels(low['sqnr'])}), to compensate errors."
    return f"{text}; {names[low['layer']]} keeps its weights worst ({decibels(low['sqnr'])})."


def _share(value: float) -> str:
    return f"{100 * value:.2g} %" if value >= 1e-5 else "under 0.001 %"


def describe_curve(points: pd.DataFrame, own: str, before: float, complete: bool) -> str:
    """How few bits the recipe's scheme bears, and which other scheme bears fewer."""
    mine = points[points["scheme"] == own].sort_values("bits", ascending=False)
    if not complete:
        return "Each scheme at each bit width; measuring in the background."
    good = mine[(mine["accuracy"] >= before - A_POINT).cumprod().astype(bool)]
    title = SCHEMES[own].title.partition(":")[0]
    title = title[:1].upper() + title[1:]
    if good.empty:
        best = mine.loc[mine["accuracy"].idxmax()]
        text = f"{title} loses more than a point; at best it has {percent(best['accuracy'])} ({_bits(best['bits'])})."
    else:
        text = f"{title} stays within a point of the unrounded network down to {_bits(good['bits'].min())}."
    few = points[points["bits"] == COMPARED_BITS].sort_values("accuracy", ascending=False, kind="stable")
    best, worst = few.iloc[0], few.iloc[-1]
    return (
        f"{text} At {COMPARED_BITS} bits {SCHEMES[best['scheme']].title} is best ({percent(best['accuracy'])}), "
        f"{SCHEMES[worst['scheme']].title} worst ({percent(worst['accuracy'])})."
    )


def _bits(bits: float) -> str:
    return f"{int(bits)} bit{'s' if bits != 1 else ''}"


def bytes_table(now: Packed, original: Packed) -> tuple[list[str], list[tuple[str, list[float], list[str]]]]:
    """The parts of the file in each coding beside the original's: names of columns, and rows of name, values, texts."""
    chosen = now.recipe.coding
    codings = [f"{entry.title} ●" if name == chosen else entry.title for name, entry in CODINGS.items()]
    rows = []
    for part, title in PARTS.items():
        values = [float(original.parts.loc[part, "plain"]), *(float(now.parts.loc[part, c]) for c in CODINGS)]
        if any(values):
            rows.append((title, values, [size(value) if value else "–" for value in values]))
    whole = [float(original.length("plain")), *(float(now.length(c)) for c in CODINGS)]
    return ["Original", *codings], [*rows, ("The whole file", whole, [size(value) for value in whole])]


def describe_bytes(now: Packed, original: Packed) -> str:
    """Which coding is smaller, and by how much."""
    plain, huffman, whole = now.length("plain"), now.length("huffman"), original.file_bytes
    if plain == huffman:
        return f"Nothing is rounded, so there are no codes that Huffman could shorten: {size(plain)}."
    less, more, word = (huffman, plain, "Huffman coding") if huffman < plain else (plain, huffman, "Plain")
    saved = f"{100 * (1 - less / more):.2g} %"
    return (
        f"{word} is smaller, by {size(more - less)} ({saved}): {size(less)}, "
        f"{factor(whole / less)} times smaller than the original's {size(whole)}."
    )


def describe_ranges(ranges: pd.DataFrame, name: str, bits: int) -> str:
    """Why one grid a layer is too coarse for some channels."""
    reach, one = _reach(ranges, "")
    median = float(reach.median())
    text = f"All channels of {name} together reach {factor(one / median if median else math.inf)} times as far as "
    text += "the median one"
    if bits < 32 and one > 0:
        lost = int((reach < one / (2**bits - 1) * (FEW_STEPS - 1)).sum())
        text += f": of one grid of {_bits(bits)}, {lost:,} of {len(ranges):,} channels would use fewer than 3 levels"
    if "low_after" not in ranges:
        return f"{text}."
    after, together = _reach(ranges, "_after")
    if np.allclose(after, reach):
        return f"{text}. Equalizing leaves this layer as it was."
    return f"{text}. Equalized, {factor(together / max(float(after.median()), 1e-12))} times."


def _reach(ranges: pd.DataFrame, which: str) -> tuple[pd.Series, float]:
    """How far each channel reaches, and all of them together; zero is always a level."""
    low, high = ranges[f"low{which}"].clip(upper=0), ranges[f"high{which}"].clip(lower=0)
    return high - low, float(high.max() - low.min())


def describe_budget(now: Packed) -> str:
    """What single layers were given."""
    bits = pd.Series(bits_by_layer(now.recipe))
    if bits.nunique() == 1:
        return f"Every layer has {_bits(bits.iloc[0])}." if bits.iloc[0] < 32 else "No layer is rounded."
    counts = bits.value_counts().sort_index()
    parts = [f"{count} at {value if value < 32 else 'no rounding'}" for value, count in counts.items()]
    return f"Bits of the {len(bits)} layers: {', '.join(parts)}; {now.mean_bits:.2g} a weight on average."


def bit_choices(own: int | None) -> list[int]:
    """What a layer's bits may be set to; 0 stands for the recipe's own."""
    return [0, *sorted({*CHOICES, 16, 32, *([own] if own else [])})]


def bits_title(choice: int, recipe: Recipe) -> str:
    """A layer's bits for a selector."""
    if choice == 0:
        return f"as all: {recipe.bits if recipe.bits < 32 else 'off'}"
    return "off" if choice == 32 else str(choice)


def runtimes_table(found: RuntimeComparison) -> tuple[list[str], list[tuple[str, list[float], list[str]]]]:
    """One network in three runtimes: the names of the columns, and rows of name, values and texts."""
    rows = []
    for batch, own in found.table.groupby("batch"):
        own = own.set_index("runtime").loc[list(RUNTIMES)]
        texts = [f"{duration(row.ms)} ({row.low:.2f}–{row.high:.2f})" for row in own.itertuples()]
        rows.append((f"{batch} image{'s' if batch > 1 else ''}: median (middle half)", list(own["ms"]), texts))
    for title, shares in ((f"Accuracy, n = {found.samples:,}", found.right), ("Same answers as PyTorch", found.agree)):
        values = [shares[name] for name in RUNTIMES]
        rows.append((title, values, [percent(value) for value in values]))
    first = found.table[found.table["batch"] == found.table["batch"].min()].set_index("runtime")
    files = [float(first.loc[name, "file_bytes"]) for name in RUNTIMES]
    rows.append(("File", files, [size(value) for value in files]))
    return list(RUNTIMES.values()), rows


def describe_runtimes(found: RuntimeComparison) -> str:
    """What integers bring on this machine."""
    one = found.table.set_index(["runtime", "batch"])
    parts = []
    for batch in sorted(found.table["batch"].unique()):
        ratio = one.loc[("int8", batch), "speedup"] / one.loc[("onnx", batch), "speedup"]
        parts.append(f"{timing(ratio)} for {batch} image{'s' if batch > 1 else ''}")
    less = one.loc[("onnx", 1), "file_bytes"] / one.loc[("int8", 1), "file_bytes"]
    threads = f"{found.threads} thread{'s' if found.threads > 1 else ''}"
    return (
        f"Against its own float file, onnxruntime with 8-bit integers runs {' and '.join(parts)} ({threads}), in a "
        f"file {factor(less)} times smaller; {percent(found.agree['int8'])} of its answers are PyTorch's."
    )


def describe_off_grid(found: RuntimeComparison, recipe: Recipe) -> str:
    """A warning where channel counts off the multiples of 16 slow onnxruntime down; '' elsewhere."""
    grouped = "groups" in architecture(recipe.arch).options
    if grouped:
        advice = "let each group keep as many channels, in multiples of 8"
        followed = recipe.balance and recipe.multiple_of >= 8
    else:
        advice, followed = "let channels stay in multiples of 16", recipe.multiple_of >= 16
    if not found.cut_share or not found.off_grid or followed:
        return ""
    return (
        f"{found.off_grid} of {found.convolutions} convolutions put out a number of channels that is no multiple of "
        f"16, with which onnxruntime can be slower than with the uncut network: {advice}"
    )
