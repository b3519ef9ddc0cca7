"""How far a network may be believed: how often it is right when it is so sure."""

import pandas as pd
import torch
from torch import Tensor

BINS = 10


def reliability(confidence: Tensor, correct: Tensor, bins: int = BINS) -> pd.DataFrame:
    """A row per bin of confidence that holds images: `low`, `high`, mean `confidence`, `accuracy`, and `images`.

    Guo et al. 2017, *On Calibration of Modern Neural Networks*, section 2. A bin holds what is above its lower
    end, up to its upper one.

    Args:
        confidence: (N,) of each answer, 0…1.
        correct: (N,) bool.
    """
    place = (confidence.double() * bins).ceil().long().clamp(1, bins) - 1
    rows = []
    for number in place.unique().tolist():
        own = place == number
        mean, right = confidence[own].double().mean().item(), correct[own].double().mean().item()
        rows.append((number / bins, (number + 1) / bins, mean, right, int(own.sum())))
    return pd.DataFrame(rows, columns=["low", "high", "confidence", "accuracy", "images"])


def calibration_error(table: pd.DataFrame) -> float:
    """The expected calibration error: how far confidence and accuracy are apart, on average over the images."""
    apart = (table["confidence"] - table["accuracy"]).abs()
    return float((apart * table["images"]).sum() / table["images"].sum())


def entropy(probabilities: Tensor) -> Tensor:
    """In bits, of distributions (…, classes)."""
    return torch.special.entr(probabilities).sum(-1) / torch.log(torch.tensor(2.0))
