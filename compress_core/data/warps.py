"""Random views of small images: rotation, scale, shear, shift, brightness and noise in one step."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class WarpRange:
    """How far a random view may go; every quantity is drawn evenly from ± its range."""

    degrees: float = 25.0
    scale: float = 0.25
    shear: float = 0.3
    shift: float = 0.1
    """As a part of the canvas."""
    brightness: float = 0.3
    noise: float = 0.35
    """Standard deviation of Gaussian noise, for pixel values in 0…1."""


def warp(images: Tensor, size: int, margin: float, ranges: WarpRange, generator: torch.Generator) -> Tensor:
    """One random view of each image on a black canvas of `size` × `size` pixels.

    Args:
        images: (N, C, h, w) with values in 0…1; any h and w.
        margin: part of the canvas left free around an image at scale 1, in 0…1.
        generator: the only source of randomness; the same state gives the same views.

    Returns:
        (N, C, size, size) float32 with values in 0…1.
    """
    n = len(images)

    def draw(extent: float) -> Tensor:
        return (torch.rand(n, generator=generator) * 2 - 1) * extent

    angle = draw(math.radians(ranges.degrees))
    zoom = (1 + draw(ranges.scale)) * (1 - margin)
    shear = draw(ranges.shear)
    shift = torch.stack([draw(2 * ranges.shift), draw(2 * ranges.shift)], dim=1)  # the canvas spans -1…1
    cos, sin = angle.cos(), angle.sin()
    rotation = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    skew = torch.eye(2).repeat(n, 1, 1)
    skew[:, 0, 1] = shear
    # affine_grid asks where each pixel of the canvas comes from, hence the inverse of the zoom and the shift.
    linear = rotation @ skew / zoom.view(n, 1, 1)
    offset = -(linear @ shift.unsqueeze(2))
    grid = F.affine_grid(torch.cat([linear, offset], 2), [n, images.shape[1], size, size], align_corners=False)
    views = F.grid_sample(images, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
    views = views * (1 + draw(ranges.brightness)).view(n, 1, 1, 1)
    views = views + ranges.noise * torch.randn(views.shape, generator=generator)
    return views.clamp(0, 1)
