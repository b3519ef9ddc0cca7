"""Compensation: what the channels that stay tell of those that were cut, from the original's second moments."""

from collections import Counter
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from compress_core.layers.duplicate import duplicate
from compress_core.layers.kinds import is_depthwise, is_weighted
from compress_core.layers.matrices import channel_vectors
from compress_core.layers.running import check_images, run_on

ROWS = 8192
"""Places over all images at which a layer's channels are looked at."""
RIDGE = 1e-3
"""Of each channel's own second moment, so that none counts for more by being large."""

Moments = Mapping[str, Tensor]
"""By layer the second moments (C + 1, C + 1) of the channels that it reads and of a constant 1, the last."""


def second_moments(model: nn.Module, images: Tensor, seed: int = 0) -> Moments:
    """What each layer of a network reads, channel by channel, on images (N, C, H, W): E[x xᵀ] with a 1 in x.

    They depend on no cut, so one pass serves every ratio and every choice of channels. Depthwise layers mix no
    channels and are left out.

    Args:
        seed: of the places of the maps that are looked at.

    Raises:
        ValueError: there is no image, or the network does not run on these.
    """
    check_images(images, "Compensation")
    generator = torch.Generator().manual_seed(seed)
    watched, found = duplicate(model).eval(), {}
    runs: Counter[str] = Counter()
    for name, layer in watched.named_modules():
        if is_weighted(layer) and not is_depthwise(layer):

            def note(layer: nn.Module, given: tuple[Tensor], _: object, name: str = name) -> None:
                vectors = channel_vectors(layer, given[0])  # (N, places, channels)
                some = torch.randperm(vectors.shape[1], generator=generator)[: max(1, ROWS // len(vectors))]
                rows = vectors[:, some].reshape(-1, vectors.shape[2])
                rows = torch.cat([rows, rows.new_ones(len(rows), 1)], 1)
                runs[name] += 1  # of a layer that runs several times, the mean over its runs
                found[name] = found.get(name, 0) + (rows.T @ rows / len(rows) - found.get(name, 0)) / runs[name]

            layer.register_forward_hook(note)
    run_on(watched, images)
    return found


def spread(moments: Tensor, stays: Tensor) -> Tensor:
    """How each of C channels is best told from those that stay and a constant: (C, those that stay + 1).

    M = G[:, S] · (G[S, S] + ridge)⁻¹; a channel that stays is told by itself alone.

    Args:
        moments: (C + 1, C + 1) second moments, the constant last.
        stays: the places of the channels that stay.
    """
    channels = len(moments) - 1
    known = torch.cat([stays, stays.new_tensor([channels])])
    gram = moments[known][:, known].double()
    ridge = RIDGE * gram.diagonal() + 1e-9
    ridge[-1] = 1e-9  # a mean is a mean
    told = torch.linalg.solve(gram + ridge.diag(), moments[known][:, :channels].double()).T
    told[stays] = torch.eye(len(known), dtype=told.dtype)[: len(stays)]
    return told.to(moments.dtype)
