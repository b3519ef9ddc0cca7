"""Where on an image a network finds what it answers."""

import torch
from torch import Tensor, nn

from compress_core.layers.duplicate import duplicate


def class_activation_map(model: nn.Module, images: Tensor, label: int) -> Tensor:
    """What each place of the last maps adds to a class's logit: (N, h, w), whose mean is that logit, less its bias.

    In a network that ends in global average pooling and at most one linear layer, this is the class activation map of
    Zhou et al. 2016, *Learning Deep Features for Discriminative Localization*, section 2. It is taken by a gradient, as
    Selvaraju et al. 2017, *Grad-CAM*, section 3.1 show to be the same.

    Args:
        images: (N, C, H, W).

    Raises:
        ValueError: the network has no global average pooling.
    """
    watched = duplicate(model).eval()
    pools = [m for m in watched.modules() if isinstance(m, nn.AdaptiveAvgPool2d) and m.output_size in (1, (1, 1))]
    if not pools:
        raise ValueError(
            f"{type(model).__name__} has no nn.AdaptiveAvgPool2d(1): what a place of its last maps adds to an answer "
            "is not known."
        )
    found: list[Tensor] = []

    def note(pool: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        found.append(inputs[0].detach().requires_grad_())
        return (found[-1],)

    pools[-1].register_forward_pre_hook(note)
    with torch.enable_grad():
        logits = watched(images)
        (gradient,) = torch.autograd.grad(logits[:, label].sum(), found[-1])
    maps = found[-1].detach()
    return (gradient * maps).sum(1) * maps.shape[2] * maps.shape[3]
