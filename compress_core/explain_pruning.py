"""What the pages show of channel pruning, said in one plain sentence each."""

import math
from collections.abc import Sequence

import pandas as pd

from compress_core.explain import layer_title, network_name
from compress_core.numbers import count, percent, whole_percent
from compress_core.study import Cut, Study
from compress_core.study_pruning import Fates, Wiring

NEAR_ZERO = 0.05
NAMED = 3
"""So many layers are called by name; of more the first ones, and how many others."""
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def summary(study: Study) -> str:
    """The page's first sentence: what was cut, and what is left of it."""
    before, after = study.original, study.compressed
    share = percent(after.accuracy)
    name = network_name(after.recipe, study.cut_share)
    if before.recipe == after.recipe:
        return (
            f"{name}, as trained: {count(after.params)} parameters, {count(after.macs)} MACs an image, {share} of "
            f"{after.samples:,} test images right. Raise the pruning ratio to cut channels."
        )
    return (
        f"{name}: {_left(before.params, after.params)} parameters and {_left(before.macs, after.macs)} MACs are left; "
        f"{share} of {after.samples:,} test images right, {percent(before.accuracy)} before."
    )


def _left(before: int, after: int) -> str:
    return f"{count(after)} of {count(before)}"


def scientific(value: float) -> str:
    """A small number with one digit: 3.2e-06 → '3·10⁻⁶'."""
    if value == 0:
        return "0"
    digit, _, exponent = f"{value:.0e}".partition("e")
    return f"{digit}·10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def read_exactness(difference: float, images: int, cut_share: float) -> str:
    """The badge: that what is left computes what the masked original computes."""
    if cut_share == 0:
        return "Nothing is cut, so there is nothing to prove."
    if difference == 0:
        return f"Exact: masked and pruned agree to the last bit on {images} images."
    return f"Exact: masked and pruned differ by at most {scientific(difference)} on {images} images."


def read_fates(fates: Fates) -> str:
    """What the tiles show, for those who do not see them."""
    channels, layers = fates.channels, fates.layers
    held = layers[layers["held"] > 0]
    text = f"{int(channels['kept'].sum()):,} of {len(channels):,} channels in {len(layers)} layers stay."
    if len(held):
        text += f" Held at their floor: {_names(held['layer'])}."
    edits = int(channels["edit"].notna().sum())
    if edits:
        text += f" Changed by hand: {edits}."
    return text


def read_couplings(wiring: Wiring) -> list[tuple[int, str]]:
    """For each kind of channels (group, sentence): which layers write, carry and read them."""
    return [(row.group, _coupling(row)) for row in wiring.kinds.itertuples()]


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
    titles = list(dict.fromkeys(layer_title(layer) for layer in layers))
    if len(titles) > NAMED + 1:
        return f"{'; '.join(titles[:NAMED])} and {len(titles) - NAMED} more"
    joined = "; " if any("," in title for title in titles) else ", "
    return titles[0] if len(titles) == 1 else f"{joined.join(titles[:-1])} and {titles[-1]}"


def tidy(score: float) -> float:
    """A score with three digits."""
    return float(f"{score:.3g}") if math.isfinite(score) else 0.0


def layers_table(fates: Fates) -> pd.DataFrame:
    """The tiles as a table."""
    layers = fates.layers
    return pd.DataFrame(
        {
            "Layer": layers["layer"].map(layer_title),
            "Channels": layers["before"],
            "Stay": layers["after"],
            "Held at the floor": layers["held"].map(lambda held: held or ""),
        }
    )


def training_title(weights: str) -> str:
    """A training by its strength of the L1 penalty: 'sparse-0.1' → 'λ = 0.1'."""
    return f"λ = {weights.removeprefix('sparse-')}" if weights.startswith("sparse-") else "λ = 0"


def one_threshold(cut: Cut) -> float:
    """The threshold of all layers, NaN where there is none or each has its own."""
    values = cut.layers["threshold"].dropna().unique()
    return float(values[0]) if len(values) == 1 else math.nan


def read_scores(cut: Cut, layer: str | None, scope: str) -> str:
    """What the histogram shows for this recipe; of one layer if given."""
    layers = cut.layers if layer is None else cut.layers[cut.layers["layer"] == layer]
    before, after = int(layers["before"].sum()), int(layers["after"].sum())
    where = "of all layers" if layer is None else f"of {layer_title(layer)}"
    if before == after:
        scores = cut.channels["score"] if layer is None else cut.channels.query("layer == @layer")["score"]
        return f"All {before:,} channels {where} stay; their scores run from {scores.min():.3g} to {scores.max():.3g}."
    text = f"{after:,} of {before:,} channels {where} {'stays' if after == 1 else 'stay'}."
    if scope == "layer":
        return f"{text} Every layer loses the same part of its own, whatever its scores are."
    left = layers["after"] / layers["before"]
    if layer is None and len(layers) > 1:
        most, least = layers.loc[left.idxmin()], layers.loc[left.idxmax()]
        text += (
            f" {layer_title(most['layer'])} keeps {most['after']} of {most['before']}, "
            f"{layer_title(least['layer'])} {least['after']} of {least['before']}."
        )
    return text


def read_trainings(cuts: dict[str, Cut], chosen: str) -> str:
    """What the trainings show: how much of the network the penalty has already switched off."""
    near = {name: float((cut.channels["score"] < NEAR_ZERO).mean()) for name, cut in cuts.items()}
    parts = ", ".join(f"{whole_percent(round(share, 3))} at {name}" for name, share in near.items())
    return f"Channels whose γ the training itself has brought below {NEAR_ZERO}: {parts}. Chosen: {chosen}."
