"""Names of what a recipe made: its bits, its layers, the network as a whole."""

import itertools

from compress_core.pipeline import bits_by_layer
from compress_core.recipe import Recipe
from compress_core.registry import ARCHITECTURES, SCHEMES, TRAININGS
from compress_core.text.numbers import whole_percent
from compress_core.zoo import architecture


def weights_name(recipe: Recipe, mean_bits: float | None = None) -> str:
    """What the weights are: '4-bit weights', 'ternary weights', 'weights of 3.1 bits on average'; '' for unrounded.

    Args:
        mean_bits: what a weight takes on average, where it is known.
    """
    bits = set(bits_by_layer(recipe).values())
    if bits == {32}:
        return ""
    if SCHEMES[recipe.scheme].fixed_bits and len(bits) == 1:
        return f"{recipe.scheme} weights"
    if len(bits) == 1:
        return f"{bits.pop()}-bit weights"
    if mean_bits is None:
        return f"weights of {min(bits)} to {max(bits)} bits"
    return f"weights of {mean_bits:.3g} bits on average"


def activations_name(recipe: Recipe) -> str:
    """What layers read: '4-bit activations'; '' where it is not rounded."""
    return f"{recipe.activation_bits}-bit activations" if recipe.activation_bits < 32 else ""


def bits_names(recipe: Recipe, mean_bits: float | None = None) -> list[str]:
    """What is rounded, weights first; nothing where nothing is."""
    return [name for name in (weights_name(recipe, mean_bits), activations_name(recipe)) if name]


def network_name(recipe: Recipe, cut_share: float | None = None, mean_bits: float | None = None) -> str:
    """The network of a recipe; with the share of the channels that was really cut and the mean bits, where known."""
    name = architecture(recipe.arch).title
    parts = [f"{name} at {'full width' if recipe.width == 1 else f'width {recipe.width:g}'}"]
    if recipe.groups:
        parts.append(f"{recipe.groups} groups")
    if description := TRAININGS[recipe.weights].description:
        parts.append(description)
    share = recipe.prune if cut_share is None else round(cut_share, 3)
    if share:
        parts.append(f"{whole_percent(share)} of its channels cut")
    return ", ".join(parts + bits_names(recipe, mean_bits))


def under_way(recipe: Recipe) -> str:
    """A page's first sentence while what it says of this recipe is measured."""
    return f"{network_name(recipe)}: measuring …"


def short_name(recipe: Recipe) -> str:
    """A recipe in a few words, where the architecture is known."""
    parts = [f"width {recipe.width:g}"]
    if recipe.groups:
        parts.append(f"{recipe.groups} groups")
    if TRAININGS[recipe.weights].description:
        parts.append(TRAININGS[recipe.weights].symbol)
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


def layer_title(layer: str) -> str:
    """A prunable layer's name for people: 'cnn.3.3' → 'Block 3', 'stages.0.1.reduce.0' → 'Stage 2, unit 1, reduce'.

    Stages are counted as the papers do, from 2.
    """
    family, *rest = layer.split(".")
    titles = {part: title for entry in ARCHITECTURES.values() for part, title in entry.layer_titles.items()}
    if family not in titles or not rest:
        return family.capitalize()
    numbers = list(itertools.takewhile(str.isdigit, rest))
    words = rest[len(numbers) :]
    if family == "stages":
        title = f"Stage {int(numbers[0]) + 2}, unit {numbers[1]}"
    else:
        title = f"{titles[family]} {numbers[0]}"
    if not words:
        return title
    return f"{title}, {words[0]} {words[1]}" if len(words) > 2 else f"{title}, {words[0]}"


def layer_choice(layer: str) -> str:
    """A layer's title in a selector, where the empty one stands for all."""
    return layer_name(layer) if layer else "All layers"


def layer_name(layer: str) -> str:
    """A layer's title without commas, for sentences: 'Block 3 expand'."""
    return layer_title(layer).replace(",", "")
