"""Which layers bear few bits: each quantized alone, and a byte budget spent where that hurts least."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Real

import pandas as pd
import torch
from torch import Tensor, nn

from compress_core.layers.duplicate import duplicate
from compress_core.layers.kinds import is_weighted
from compress_core.layers.running import channels_last, check_images, lay_channels_last, run_on
from compress_core.quantization.calibration import Calibration, calibrate, prepare_for_rounding
from compress_core.quantization.packing import serialize
from compress_core.quantization.quantize import quantize
from compress_core.registry import ROUNDINGS

CHOICES = (2, 3, 4, 5, 6, 8)
"""Bits among which a budget is spent."""


def sensitivity(
    model: nn.Module,
    images: Tensor,
    bits: Sequence[int] = CHOICES,
    scheme: str = "per_channel",
    *,
    clipping: str | None = None,
    fold: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """What quantizing one layer alone does to the logits, by the nearest level; no labels are needed.

    Args:
        images: (N, C, H, W) calibration images.
        progress: told how many of all networks are measured.

    Returns:
        A row for each layer and bit width: `layer`, `bits`, `weights` (how many), `error` (the mean square by which
        the logits move, as a part of their own).

    Raises:
        ValueError: there is no image, or an argument is out of range.
    """
    images = check_images(images, "The sensitivity of layers").float()
    ready, _ = prepare_for_rounding(model, fold, equalize=False)
    layers = {name: layer.weight.numel() for name, layer in ready.named_modules() if is_weighted(layer)}
    rows = []
    for own in bits:
        state = quantize(ready, own, scheme, clipping=clipping, fold=False).state
        rounded = {name: {w: state.weight(w) for w in [f"{name}.weight"] if w in state.codes} for name in layers}
        for name, error in layer_errors(ready, images, rounded):
            rows.append((name, own, layers[name], error))
            progress(len(rows), len(layers) * len(bits))
    rows.sort(key=lambda row: list(layers).index(row[0]))
    return pd.DataFrame(rows, columns=["layer", "bits", "weights", "error"])


def layer_errors(
    ready: nn.Module, images: Tensor, rounded: Mapping[str, Mapping[str, Tensor]]
) -> Iterator[tuple[str, float]]:
    """For each set of rounded weights by name, one after another: what it alone does to the logits.

    Args:
        ready: the network, folded as it is to be; it stays as it was.
        images: (N, C, H, W).
        rounded: sets of tensors by the names of the network's own, such as those of one layer.

    Yields:
        The set's name, and the mean square by which the logits move, as a part of their own.
    """
    network = lay_channels_last(duplicate(ready))
    own = network.state_dict()
    logits = _logits(network, images)
    power = logits.square().mean()
    for name, tensors in rounded.items():
        before = {part: own[part].clone() for part in tensors}
        with torch.no_grad():
            for part, tensor in tensors.items():
                own[part].copy_(tensor)
            error = (_logits(network, images) - logits).square().mean() / power
            for part, tensor in before.items():
                own[part].copy_(tensor)
        yield name, float(error)


def _logits(network: nn.Module, images: Tensor) -> Tensor:
    return run_on(network, channels_last(images))


def spend(
    model: nn.Module,
    images: Tensor,
    budget: int,
    scheme: str = "per_channel",
    rounding: str = "nearest",
    *,
    clipping: str | None = None,
    fold: bool = True,
    coding: str = "plain",
    found: pd.DataFrame | None = None,
    calibration: Calibration | None = None,
) -> dict[str, int]:
    """The bits of each layer, for `quantize` with the same arguments, within `budget` bytes of `serialize(state, {})`.

    Every layer starts at the most bits; then, again and again, that layer goes down a step which saves the most bytes
    for what its error grows by. Errors of layers are taken to add up.

    Args:
        images: (N, C, H, W) calibration images.
        found: what `sensitivity` found; found anew if left out.
        calibration: as for `quantize`, for a rounding that looks at images.

    Raises:
        ValueError: not even the fewest bits meet the budget.
    """
    if isinstance(budget, bool) or not isinstance(budget, Real) or not budget > 0:
        raise ValueError(f"A byte budget is a number above 0; it was {budget!r}.")
    found = sensitivity(model, images, scheme=scheme, clipping=clipping, fold=fold) if found is None else found
    if "images" in ROUNDINGS[rounding].needs and calibration is None:
        calibration = calibrate(model, images, fold)
    errors = {(row.layer, row.bits): row.error for row in found.itertuples()}
    weights = dict(zip(found["layer"], found["weights"], strict=True))
    if found.empty:
        raise ValueError("There is no layer whose weights could be rounded, and so nothing to spend bytes on.")
    choices = sorted(found["bits"].unique().tolist())
    plan = dict.fromkeys(weights, choices[-1])

    def over() -> int:
        result = quantize(model, plan, scheme, rounding, clipping=clipping, fold=fold, calibration=calibration)
        return len(serialize(result.state, {}, coding)) - budget

    def price(name: str) -> float:
        """What an additional error costs, for each bit saved."""
        less = _next(choices, plan[name])
        return (errors[name, less] - errors[name, plan[name]]) / (weights[name] * (plan[name] - less))

    while (too_many := over()) > 0:
        # Half of what is too much by arithmetic, then the file itself is asked: its coding makes bits cheaper.
        saved = 0.0
        while saved < too_many / 2:
            open_layers = [name for name, bits in plan.items() if bits > choices[0]]
            if not open_layers:
                break
            name = min(open_layers, key=price)
            less = _next(choices, plan[name])
            saved += weights[name] * (plan[name] - less) / 8
            plan[name] = less
        if not saved:
            raise ValueError(
                f"No plan meets this budget: with {choices[0]} bits per weight everywhere the file takes "
                f"{budget + too_many:,} bytes, and the budget is {budget:,}."
            )
    return plan


def _next(choices: Sequence[int], bits: int) -> int:
    return choices[choices.index(bits) - 1]


def signal_to_noise(before: Tensor, after: Tensor) -> float:
    """SQNR in decibels: how many times the weights' power is that of their rounding error, 10 · log₁₀."""
    noise = (after - before).double().square().sum()
    power = before.double().square().sum()
    return float(10 * torch.log10(power / noise)) if noise > 0 else float("inf")
