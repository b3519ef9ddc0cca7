"""Healing: what brings a pruned network back, cheapest first. Each returns a new network."""

import torch
from torch import Tensor, nn

from compress_core.duplicate import duplicate


def recalibrate(model: nn.Module, images: Tensor) -> nn.Module:
    """Re-estimate the running mean and variance of every BatchNorm from `images` (N, C, H, W), in one pass.

    No labels and no gradients: after channels are cut, what reaches each BatchNorm has another mean and
    variance than the ones it was trained with, and this alone is most of the damage. All images go through
    as one batch, so each layer sees inputs that the layers before it have already corrected.
    """
    if not len(images):
        raise ValueError("Recalibration needs at least one image.")
    healed = duplicate(model).to(memory_format=torch.channels_last).eval()
    norms = [m for m in healed.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over the batches seen
        norm.train()
    with torch.no_grad():
        healed(images.contiguous(memory_format=torch.channels_last))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return healed.to(memory_format=torch.contiguous_format).eval()


HEALINGS = ("none", "recalibrate")
