"""What a recipe's bits are called."""

from compress_core.pipeline import bits_by_layer
from compress_core.quantization.schemes import SCHEMES
from compress_core.recipe import Recipe


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
