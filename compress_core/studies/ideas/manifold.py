"""What ReLU leaves of a flat manifold in n dimensions (Sandler et al. 2018, MobileNetV2, section 3.2 and Figure 1).

A spiral X (2, points) goes through y = ReLU(TX) with a random T (n, 2), and is read back linearly. T of n dimensions
is the first n rows of the same matrix for every n, so that one more dimension adds a unit and changes none.
"""

import math

import pandas as pd
import torch
from torch import Tensor

POINTS = 400
TURNS = 2.5
MAX_DIMS = 30
CURVE_SEEDS = 64
FIT, PINV = "fit", "pinv"
READOUTS = (FIT, PINV)
"""The linear map with the least squared error; or T⁺, the pseudo-inverse, which undoes T but not ReLU."""


def spiral() -> Tensor:
    """A spiral of `TURNS` turns with radius up to 1, evenly filled: (2, `POINTS`), float64."""
    radius = torch.linspace(0.01, 1, POINTS, dtype=torch.float64).sqrt()
    angle = 2 * math.pi * TURNS * radius
    return radius * torch.stack((angle.cos(), angle.sin()))


def embedding(dims: int, seed: int) -> Tensor:
    """T (`dims`, 2), normally distributed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(MAX_DIMS, 2, generator=generator, dtype=torch.float64)[:dims]


def collapse(dims: int, seed: int, readout: str = FIT) -> pd.DataFrame:
    """The spiral before (`x`, `y`) and after ReLU in `dims` dimensions, read back (`x_back`, `y_back`).

    `active` counts the units that a point leaves above zero. With fewer than two, a coordinate of the point is
    gone: other points of the plane give the same y, and no read-out can tell them apart.
    """
    before, matrix = spiral(), embedding(dims, seed)
    units = (matrix @ before).relu()
    if readout == PINV:
        inverse = torch.linalg.pinv(matrix)
    else:
        inverse = torch.linalg.lstsq(units.T, before.T, driver="gelsd").solution.T
    after = inverse @ units
    columns = {"x": before[0], "y": before[1], "x_back": after[0], "y_back": after[1], "active": (units > 0).sum(0)}
    return pd.DataFrame({name: values.numpy() for name, values in columns.items()})


def error(points: pd.DataFrame) -> float:
    """‖X − X̂‖² / ‖X‖²: the squared error of what was read back, as a part of the spiral's own square."""
    missed = (points["x"] - points["x_back"]) ** 2 + (points["y"] - points["y_back"]) ** 2
    return float(missed.sum() / (points["x"] ** 2 + points["y"] ** 2).sum())


def lost_share(points: pd.DataFrame) -> float:
    """The part of the points at which fewer than two units are active."""
    return float((points["active"] < 2).mean())


def expected_lost_share(dims: int) -> float:
    """(n + 1) / 2ⁿ: `lost_share` on average over T, since each unit is active for a point with probability ½."""
    return (dims + 1) / 2**dims


def error_curve(readout: str = FIT) -> pd.DataFrame:
    """`error` for 2 … `MAX_DIMS` dimensions over `CURVE_SEEDS` matrices: `dims`, `low`, `median`, `high`, `lost`.

    `low` and `high` hold the middle 80 %. `lost` is `expected_lost_share`.
    """
    before = spiral()
    matrices = torch.stack([embedding(MAX_DIMS, seed) for seed in range(CURVE_SEEDS)])
    units = (matrices @ before).relu()
    gram, cross = units @ units.mT, before @ units.mT
    rows = []
    for n in range(2, MAX_DIMS + 1):
        if readout == PINV:
            inverse = torch.linalg.pinv(matrices[:, :n])
        else:
            inverse = cross[:, :, :n] @ torch.linalg.pinv(gram[:, :n, :n], hermitian=True)
        # ‖X − RY‖² = ‖X‖² − 2 tr(R·YXᵀ) + tr(R·YYᵀ·Rᵀ)
        explained = 2 * (inverse * cross[:, :, :n]).sum((1, 2)) - (inverse @ gram[:, :n, :n] * inverse).sum((1, 2))
        errors = 1 - explained / before.square().sum()
        low, median, high = errors.quantile(torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)).tolist()
        rows.append((n, low, median, high, expected_lost_share(n)))
    return pd.DataFrame(rows, columns=["dims", "low", "median", "high", "lost"])
