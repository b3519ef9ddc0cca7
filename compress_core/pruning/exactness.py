"""The proof that surgery is exact: the pruned network against the original with the dropped channels masked."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from compress_core.errors import UnsupportedModelError
from compress_core.layers.duplicate import duplicate
from compress_core.layers.kinds import groups_of
from compress_core.pruning.coupling import Coupling
from compress_core.pruning.operations import tensors_in

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}
"""Of the largest output, by the precision of the weights."""
IMAGES, SEED = 4, 0


def masked(model: nn.Module, coupling: Coupling, survivors: Sequence[Tensor]) -> nn.Module:
    """A copy of the whole network in which no layer reads a dropped channel: those weights are zero."""
    alive = coupling.alive(survivors)
    whole = duplicate(model).eval()
    for name in {name for group in coupling.groups for name in group.readers}:
        layer = whole.get_submodule(name)
        dead = ~alive[coupling.inputs[name]]
        for part, of_group in zip(layer.weight.data.chunk(groups_of(layer)), dead.chunk(groups_of(layer)), strict=True):
            part[:, of_group] = 0
    return whole


def prove(
    model: nn.Module, smaller: nn.Module, coupling: Coupling, survivors: Sequence[Tensor], example_input: Tensor
) -> float:
    """The largest difference between what the pruned and the masked network put out, of random inputs.

    Raises:
        UnsupportedModelError: they differ by more than rounding, or the pruned network does not run.
    """
    images = example_input
    if example_input.is_floating_point():
        noise = torch.randn(IMAGES, *example_input.shape[1:], generator=torch.Generator().manual_seed(SEED))
        images = noise.to(example_input)
    try:
        with torch.no_grad():
            expected = tensors_in(masked(model, coupling, survivors)(images))
            given = tensors_in(duplicate(smaller).eval()(images))
        difference = max(float((a - b).abs().max()) for a, b in zip(expected, given, strict=True))
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        why = str(error).partition("\n")[0]
        raise UnsupportedModelError(
            f"{type(model).__name__} cannot be pruned: what is left of it does not run ({why}). "
            "Leave out the layers around it with ignore=."
        ) from error
    scale = max(float(tensor.abs().max()) for tensor in expected)
    allowed = TOLERANCE.get(expected[0].dtype, 1e-2) * scale
    if not difference <= allowed:
        raise UnsupportedModelError(
            f"{type(model).__name__} cannot be pruned exactly: what is left of it differs by {difference:.2g} from the "
            "original with the dropped channels masked. Leave out the layers around what is unusual with ignore=."
        )
    if not _depends_on_its_weights(smaller, images[:1]):
        raise UnsupportedModelError(
            f"{type(model).__name__} cannot be pruned: what a copy of it puts out does not come from its own weights. "
            "Something in its forward holds other ones."
        )
    return difference


def _depends_on_its_weights(model: nn.Module, images: Tensor) -> bool:
    """Whether a network says something else once its weights are no numbers any more."""
    blank = duplicate(model).eval()
    with torch.no_grad():
        before = tensors_in(blank(images))
        for tensor in (*blank.parameters(), *blank.buffers()):
            if tensor.is_floating_point():
                tensor.fill_(torch.nan)
        try:
            after = tensors_in(blank(images))
        except (RuntimeError, ValueError, IndexError):  # it notices
            return True
    pairs = [(a, b) for a, b in zip(before, after, strict=True) if a.is_floating_point()]
    return not pairs or any(not torch.equal(a, b) for a, b in pairs)
