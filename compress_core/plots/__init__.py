"""Figures: each takes DataFrames and returns a plotly Figure."""

from compress_core.plots.channels import score_histogram
from compress_core.plots.tradeoff import accuracy_against_size

__all__ = ["accuracy_against_size", "score_histogram"]
