"""What the pages show of channel pruning, said in one plain sentence each."""

import math
from collections.abc import Callable, Sequence

import pandas as pd

from compress_core.recipe import Recipe
from compress_core.recipe.edits import parse
from compress_core.registry import CRITERIA, HEALINGS, TRAININGS
from compress_core.studies.pruning import (
    ChannelScores,
    ChannelTable,
    CouplingTable,
    HealingResult,
    PrunedSummary,
    WeightVersusChannel,
)
from compress_core.text.names import layer_name, layer_title, network_name
from compress_core.text.numbers import count, duration, listed, percent, size, timing, whole_percent
from compress_core.zoo import architecture

A_POINT = 0.01
"""Less than that two criteria cannot be told apart by some two thousand images."""
NEAR_ZERO = 0.05
NAMED = 3
"""So many layers are called by name; of more the first ones, and how many others."""
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def summary(before: PrunedSummary, after: PrunedSummary) -> str:
    """The page's first sentence: what was cut, and what is left of it."""
    share, samples = percent(after.accuracy.value), after.accuracy.samples
    name = network_name(after.recipe, after.cut_share)
    if before.recipe == after.recipe:
        return (
            f"{name}, as trained: {count(after.params)} parameters, {count(after.macs)} MACs per image, {share} of "
            f"{samples:,} test images right."
        )
    return (
        f"{name}: {_left(before.params, after.params)} parameters and {_left(before.macs, after.macs)} MACs are left; "
        f"{share} of {samples:,} test images right, {percent(before.accuracy.value)} before."
    )


def _left(before: int, after: int) -> str:
    return f"{count(after)} of {count(before)}"


def scientific(value: float) -> str:
    """A small number with one digit: 3.2e-06 → '3·10⁻⁶'."""
    if value == 0:
        return "0"
    digit, _, exponent = f"{value:.0e}".partition("e")
    return f"{digit}·10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def describe_exactness(difference: float, images: int, cut_share: float) -> str:
    """The badge: that what is left computes what the masked original computes."""
    if cut_share == 0:
        return "Nothing pruned yet."
    if difference == 0:
        return f"Exact: masked and pruned agree to the last bit on {images} images."
    return f"Exact: masked and pruned differ by at most {scientific(difference)} on {images} images."


def describe_channels_table(table: ChannelTable) -> str:
    """What the tiles show, for those who do not see them."""
    channels, layers = table.channels, table.layers
    kept_by_floor = layers[layers["kept_by_floor"] > 0]
    text = f"{int(channels['kept'].sum()):,} of {len(channels):,} channels in {len(layers)} layers stay."
    if len(kept_by_floor):
        text += f" Held at their floor: {_names(kept_by_floor['layer'])}."
    edits = int(channels["edit"].notna().sum())
    if edits:
        text += f" Changed by hand: {edits}."
    return text


def describe_unknown(recipe: Recipe, table: ChannelTable) -> list[str]:
    """A sentence where changes by hand are of channels that this network does not have."""
    given = sum(len(own) for own in parse(recipe.edits).values())
    unknown = given - int(table.channels["edit"].notna().sum())
    if not unknown:
        return []
    are, channels = ("is", "a channel") if unknown == 1 else ("are", "channels")
    name = architecture(recipe.arch).title
    return [f"Of the changes by hand, {unknown:,} {are} of {channels} that {name} does not have here."]


def describe_couplings(coupling: CouplingTable) -> list[tuple[int, str]]:
    """For each kind of channels (group, sentence): which layers write, carry and read them."""
    return [(row.group, _coupling(row)) for row in coupling.kinds.itertuples()]


def _coupling(kind) -> str:
    carried = []
    if kind.depthwise:
        many = "s" if len(kind.depthwise) > 1 else ""
        carried.append(f"the depthwise layer{many} of {_names(kind.depthwise)}")
    if kind.norms:
        carried.append(f"{len(kind.norms)} BatchNorm{'s' if len(kind.norms) > 1 else ''}")
    parts = [f"Written by {_names(kind.writers)}"]
    if carried:
        parts.append(f"carried by {' and '.join(carried)}")
    parts.append(f"read by {_names(kind.readers)}")
    text = ", ".join(parts)
    return f"{text}: one channel, in all of them at once." if len(kind.writers) > 1 else f"{text}."


def _names(layers: Sequence[str]) -> str:
    titles = list(dict.fromkeys(layer_name(layer) for layer in layers))
    if len(titles) > NAMED + 1:
        return f"{', '.join(titles[:NAMED])} and {len(titles) - NAMED} more"
    return listed(titles)


def tidy(score: float) -> float:
    """A score with three digits."""
    return float(f"{score:.3g}") if math.isfinite(score) else 0.0


def layers_table(table: ChannelTable) -> pd.DataFrame:
    """The tiles as a table."""
    layers = table.layers
    return pd.DataFrame(
        {
            "Layer": layers["layer"].map(layer_name),
            "Channels": layers["before"],
            "Stay": layers["after"],
            "At floor": layers["kept_by_floor"],
        }
    )


def training_title(weights: str) -> str:
    """A training by its strength of the L1 penalty: 'λ = 0.1'."""
    return TRAININGS[weights].symbol


def of_layer(scores: ChannelScores, layer: str | None) -> ChannelScores:
    """The scores of one layer, or of all."""
    if layer is None:
        return scores
    return ChannelScores(*(table[table["layer"] == layer] for table in (scores.channels, scores.layers)))


def describe_survivors(scores: ChannelScores, layer: str | None, name: Callable[[str], str]) -> str:
    """The number of channels that stay; of one layer if given, as `name` calls it."""
    own = of_layer(scores, layer)
    before, after = int(own.layers["before"].sum()), int(own.layers["after"].sum())
    where = "of all layers" if layer is None else f"of {name(layer)}"
    if before == after:
        values = own.channels["score"]
        return f"All {before:,} channels {where} stay; their scores run from {values.min():.3g} to {values.max():.3g}."
    return f"{after:,} of {before:,} channels {where} {'stays' if after == 1 else 'stay'}."


def describe_channels(scores: ChannelScores, layer: str | None) -> str:
    """What the histogram of the scores shows for this recipe; of one layer if given."""
    layers, text = of_layer(scores, layer).layers, describe_survivors(scores, layer, layer_title)
    before, after = int(layers["before"].sum()), int(layers["after"].sum())
    if before == after:
        return text
    kept_by_floor = layers[layers["kept_by_floor"] > 0]
    if len(kept_by_floor):
        names = ", ".join(layer_title(name) for name in kept_by_floor["layer"])
        text += f" {names} would have emptied, and {'is' if len(kept_by_floor) == 1 else 'are'} held at one channel."
    elif layer is None and (layers["after"] * before == layers["before"] * after).all():
        text += " Every layer keeps the same part of its own."
    elif layer is None:
        worst = (layers["after"] / layers["before"]).idxmin()
        row = layers.loc[worst]
        text += f" {layer_title(row['layer'])} lost most: {row['after']} of {row['before']} are left."
    return text


def describe_scaling_factors(scores: ChannelScores, layer: str | None, criterion: str) -> str:
    """What the γ show for this recipe; of one layer if given, and what they say of those cut by another criterion."""
    text, channels = describe_channels(scores, layer), of_layer(scores, layer).channels
    cut = int((~channels["kept"]).sum())
    if criterion == "bn_scale" or not cut:
        return text
    spared = int(channels.nsmallest(cut, "score")["kept"].sum())
    first = text.partition(". ")[0].removesuffix(".")
    return f"{first}, by {CRITERIA[criterion].title.lower()}: {spared:,} of the {cut:,} with the smallest |γ| do."


def one_threshold(scores: ChannelScores) -> float | None:
    """The threshold of all layers, None where there is none or each has its own."""
    values = scores.layers["threshold"].dropna().unique()
    return float(values[0]) if len(values) == 1 else None


def describe_scores(scores: ChannelScores, layer: str | None, scope: str, balanced: bool = False) -> str:
    """What the histogram shows for this recipe; of one layer if given, and whether groups keep as many."""
    layers, text = of_layer(scores, layer).layers, describe_survivors(scores, layer, layer_name)
    if (layers["before"] == layers["after"]).all():
        return text
    if balanced:
        text += " For each group to keep as many, some above the threshold are cut and some below it stay."
    if scope == "layer":
        return f"{text} Every layer loses the same part of its own, whatever its scores are."
    left = layers["after"] / layers["before"]
    if layer is None and len(layers) > 1:
        most, least = layers.loc[left.idxmin()], layers.loc[left.idxmax()]
        text += (
            f" {layer_name(most['layer'])} keeps {most['after']} of {most['before']}, "
            f"{layer_name(least['layer'])} {least['after']} of {least['before']}."
        )
    return text


def own_thresholds(layer: str | None) -> str:
    """What stands in place of the slider where each layer has its own threshold."""
    if layer is None:
        return "Each layer has a threshold of its own here: pick one to see it."
    return f"Each layer has a threshold of its own here; this is that of {layer_name(layer)}."


def describe_trainings(cuts: dict[str, ChannelScores]) -> str:
    """What the trainings show: how much of the network the penalty has already switched off."""
    near = {name: float((cut.channels["score"] < NEAR_ZERO).mean()) for name, cut in cuts.items()}
    parts = [f"{whole_percent(round(share, 3))} ({name})" for name, share in near.items()]
    return f"The training alone brings γ below {NEAR_ZERO} in {', '.join(parts)} of the channels."


def seconds(value: float) -> str:
    """How long something took, with two digits: '0.18 s', '12 s'."""
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"


def criteria_heading(recipe: Recipe, samples: int) -> str:
    """What the comparison of criteria holds equal."""
    return f"{whole_percent(recipe.prune)} of the channels cut by each criterion: accuracy on {samples:,} test images"


def describe_criteria(found: dict[str, tuple[float, float]], recipe: Recipe) -> str:
    """Which criterion is best at this ratio; `found` has the accuracy after the cut and after healing."""
    title = {name: CRITERIA[name].title for name in found}
    best_cut = max(found, key=lambda name: found[name][0])
    best = max(found, key=lambda name: found[name][1])
    text = f"Right after the cut {title[best_cut]} keeps most ({percent(found[best_cut][0])})"
    if recipe.heal == "none":
        text = f"{title[best]} keeps most ({percent(found[best][1])}), and nothing was healed"
    elif best == best_cut:
        text += f", and healed it is best as well ({percent(found[best][1])})"
    else:
        text += f"; healed, {title[best]} is best ({percent(found[best][1])})"
    own = found.get("bn_scale")
    if own and found[best][1] - own[1] >= A_POINT:
        text += f". γ is not the best one here: {percent(own[1])}"
    elif own and own[1] < found[best][1]:
        text += ". γ is within a point of it"
    if "random" in found and found["random"][1] >= found[best][1] and best != "random":
        text += ". Drawing channels at random does as well"
    chance = found["random"][1] if "random" in found else 0.0
    if recipe.scope == "global" and (beaten := [title[name] for name in found if found[name][1] < chance]):
        text += (
            f". Random beats {listed(beaten)}: scores whose size differs from layer to layer take whole layers under "
            "one threshold; Scope: per layer (Finer choices) compares within each"
        )
    return f"{text}."


def describe_healings(found: dict[str, HealingResult]) -> str:
    """What healing is worth for this cut."""
    accuracy = {name: result.accuracy.value for name, result in found.items()}
    best = max(accuracy, key=accuracy.get)
    if best == "none" or accuracy[best] == accuracy["none"]:
        return f"The cut leaves {percent(accuracy['none'])}, and no healing does better."
    text = (
        f"The cut alone leaves {percent(accuracy['none'])}; best is {_gerund(best)} with "
        f"{percent(accuracy[best])}, in {seconds(found[best].seconds)}."
    )
    cheap = [n for n in accuracy if accuracy[n] >= accuracy["none"] + 0.9 * (accuracy[best] - accuracy["none"])]
    first = min(cheap, key=lambda name: found[name].seconds)
    if first != best:
        name = _gerund(first)[0].upper() + _gerund(first)[1:]
        text += f" {name} brings nine tenths of it in {seconds(found[first].seconds)}."
    return text


def _gerund(healing: str) -> str:
    return HEALINGS[healing].gerund or HEALINGS[healing].title


FORMS = {"original": "Original", "holes": "Holes", "smaller": "Smaller"}


def default_layer(both: WeightVersusChannel) -> str:
    """A layer in which much is cut and something is left: whose share of rows kept is nearest to a half."""
    whole, smaller = both.matrices["original"], both.matrices["smaller"]
    large = [layer for layer, matrix in whole.items() if matrix.size >= max(m.size for m in whole.values()) / 4]
    return min(large, key=lambda layer: abs(smaller[layer].size / whole[layer].size - 0.4))


def describe_matrices(both: WeightVersusChannel, layer: str) -> str:
    """What the two matrices of a layer show."""
    whole, holes, smaller = (both.matrices[form][layer] for form in ("original", "holes", "smaller"))
    left = int((holes == holes).sum())
    return (
        f"{layer_name(layer)}: with weights cut it is still {_by(whole)}, {left:,} of {whole.size:,} not zero; "
        f"with channels cut it is {_by(smaller)}, {int((smaller == smaller).sum()):,} numbers."
    )


def _by(matrix) -> str:
    return f"{matrix.shape[0]} × {matrix.shape[1]}"


def versus_table(both: WeightVersusChannel) -> tuple[list[str], list[tuple[str, list[float], list[str]]]]:
    """The quantities of the three forms: the names of the columns, and rows of name, values and texts."""
    forms = both.forms
    quantities = [
        ("Parameters not zero", "params", count),
        (f"Accuracy, n = {both.samples:,}", "accuracy", percent),
        ("File, every zero in it", "dense_bytes", size),
        ("File as saved here", "file_bytes", size),
        ("Arithmetic minimum", "minimum_bytes", size),
        ("Time, 64 images", "ms", duration),
    ]
    rows = [(name, list(forms[column]), [text(v) for v in forms[column]]) for name, column, text in quantities]
    return [FORMS[form] for form in forms.index], rows


def describe_versus(both: WeightVersusChannel) -> str:
    """Why one form is faster and the other is not."""
    holes, smaller = both.forms.loc["holes"], both.forms.loc["smaller"]
    better = "more" if holes["accuracy"] > smaller["accuracy"] else "no more"
    return (
        f"With as many parameters left, holes keep {better} accuracy, but run {timing(holes['speedup'])} "
        f"because every zero is still multiplied, in a file of {size(holes['file_bytes'])} that leaves them out; the "
        f"smaller network runs {timing(smaller['speedup'])} in {size(smaller['file_bytes'])}. Both recalibrated."
    ).replace("run as fast because", "run no faster, because")


def score_title(criterion: str) -> str:
    """The scores of a criterion, for a heading."""
    return CRITERIA[criterion].heading or f"Scores: {CRITERIA[criterion].title}"


def score_axis(criterion: str) -> str:
    """The scores of a criterion with their unit, for an axis."""
    return f"{CRITERIA[criterion].axis or CRITERIA[criterion].title} (no unit)"


def score_symbol(criterion: str) -> str:
    """The sign before a score."""
    return CRITERIA[criterion].symbol or f"{CRITERIA[criterion].title}:"


def describe_change(before: PrunedSummary, after: PrunedSummary) -> str:
    """What the last change by hand has brought."""
    more = after.params - before.params
    params = f"{abs(more):,} parameters {'more' if more > 0 else 'fewer'}" if more else "as many parameters"
    return f"The last change: {percent(before.accuracy.value)} → {percent(after.accuracy.value)}, {params}."
