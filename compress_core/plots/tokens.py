"""The visual language in one place: figures and pages read it, and `.streamlit/` repeats its blue for the knobs.

Colours are middle tones that hold on the light and on the dark background alike (3 : 1 at least, tested), so
that a figure needs no second version.
"""

from compress_core.registry import Entry

ORIGINAL = "#6B7A90"
"""Slate grey: the original, and nothing else."""
COMPRESSED = "#2F6FED"
"""Strong blue: the compressed, and nothing else."""

BACKGROUND = {"light": "#FFFFFF", "dark": "#171614"}
"""Streamlit's own."""

COMPRESSED_TEXT = {"light": "#1F5BD0", "dark": "#7FA8FF"}
"""The blue where it is text, dark or light enough to be read (4.5 : 1)."""
ORIGINAL_TEXT = {"light": "#566378", "dark": "#9AA8BC"}

KIND = {
    "dense": "#B0552B",
    "pointwise": "#7B61A8",
    "depthwise": "#2E8B8B",
    "grouped": "#A8497F",
    "linear": "#6E7B3A",
    "batchnorm": "#8C7A5C",
    "pooling": "#7D8597",
    "shuffle": "#B8862D",
    "other": "#8A8A8A",
}
"""A colour for each kind of layer."""

UNSTYLED = ("#8D7B68", "star")
"""The colour and shape of everything whose registry entry gives none."""


def style(entry: Entry) -> tuple[str, str]:
    """The colour and the marker of what is chosen by name.

    The six architectures wear Okabe & Ito's palette for colour-blind readers without its blue, its light tones darkened
    until they hold on white; schemes wear others, and the recipe's own the blue. The shapes are a second cue.
    """
    return entry.color or UNSTYLED[0], entry.marker or UNSTYLED[1]


PIN = {"A": ("#C07F00", "circle"), "B": ("#A8407F", "square"), "C": ("#2E8B8B", "triangle-up")}
"""A colour and a shape for each pinned recipe; its letter is the second cue."""

CONTRAST = ("#C07F00", "#A8407F")
"""Two forms of one idea side by side, the usual one and the better one: ochre and purple."""

SOURCE = {"here": ("#A8407F", "circle"), "gpu": ("#C07F00", "square"), "arm": ("#2E8B8B", "diamond")}
"""A colour and a shape for where a time was taken: here, or on the paper's two machines."""

COUNTED = "#8D7B68"
"""What was counted, beside what was measured."""

GUIDELINE = {"G1": "triangle-up", "G2": "square", "G3": "diamond", "G4": "circle"}
"""A shape for each guideline that an operation breaks; in one colour."""

GROUP = ("#D55E00", "#009E73", "#C06B9A", "#7B61A8", "#9A8F00", "#3A97CE", "#8A5A3C", "#A8407F")
"""A colour for each group of channels; the number that stands on a channel is the second cue."""

THRESHOLD = "#17202E"
"""A line over bars of both colours. On a dark background the page's style sheet makes it as light as text."""

PLOT_FONT_PX = 16
FIGURE_HEIGHT_PX = 330
