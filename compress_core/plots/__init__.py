"""Figures: each takes DataFrames and returns a plotly Figure."""

from compress_core.plots.architectures import (
    block_figure,
    cost_against_width,
    cost_by_kind,
    cost_by_layer,
    costs_side_by_side,
)
from compress_core.plots.guidelines import form_rows, layers_under_lens, macs_against_time
from compress_core.plots.ideas import block_widths, error_over_dims, form_bars, spirals, squeeze_curves
from compress_core.plots.pruning import matrices, score_histogram, trainings_histogram
from compress_core.plots.quantization import accuracy_over_bits, channel_ranges, layer_bars, weights_and_levels
from compress_core.plots.shuffle import (
    feature_strip,
    permutation_grid,
    permutation_lines,
    reach_matrices,
    share_over_layers,
    shuffle_animation,
    worth,
)
from compress_core.plots.tradeoff import accuracy_against_size

__all__ = [
    "accuracy_against_size",
    "accuracy_over_bits",
    "block_figure",
    "block_widths",
    "channel_ranges",
    "cost_against_width",
    "cost_by_kind",
    "cost_by_layer",
    "costs_side_by_side",
    "error_over_dims",
    "feature_strip",
    "form_bars",
    "form_rows",
    "layer_bars",
    "layers_under_lens",
    "macs_against_time",
    "matrices",
    "permutation_grid",
    "permutation_lines",
    "reach_matrices",
    "score_histogram",
    "share_over_layers",
    "shuffle_animation",
    "spirals",
    "squeeze_curves",
    "trainings_histogram",
    "weights_and_levels",
    "worth",
]
