"""Figures: each takes DataFrames and returns a plotly Figure."""

from compress_core.plots.channels import score_histogram
from compress_core.plots.ideas import block_widths, error_over_dims, form_bars, spirals, squeeze_curves
from compress_core.plots.tradeoff import accuracy_against_size

__all__ = [
    "accuracy_against_size",
    "block_widths",
    "error_over_dims",
    "form_bars",
    "score_histogram",
    "spirals",
    "squeeze_curves",
]
