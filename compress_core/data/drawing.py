"""Strokes of a pen as a picture."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from compress_core.errors import DataError

SIDE = 256
"""Pixels of the picture's sides."""
PEN = 0.17
"""How wide a stroke is, as a part of the longer side of what was drawn: then as much of a digit's square is ink as of
the training digits', 30 %."""
MARGIN = 0.15
DOT = 0.05
"""What is smaller, as a part of the board, is a dot, and stays one."""
MOST_POINTS = 20_000

Stroke = Sequence[tuple[float, float]]
"""Points (x, y) of a board whose sides are 1, in the order in which the pen passed them."""


def check_strokes(given: object) -> tuple[Stroke, ...]:
    """Strokes from outside, with those left out that have no point.

    Raises:
        DataError: they are no strokes, or too many points.
    """
    try:
        strokes = tuple(tuple((float(x), float(y)) for x, y in stroke) for stroke in given)
    except (TypeError, ValueError) as error:
        raise DataError("A drawing is a list of strokes, each a list of points (x, y). Draw it anew.") from error
    points = [value for stroke in strokes for point in stroke for value in point]
    if len(points) > 2 * MOST_POINTS:
        raise DataError(
            f"This drawing has {len(points) // 2:,} points; at most {MOST_POINTS:,} are read. Draw it anew."
        )
    if not all(-1 <= value <= 2 for value in points):  # a finger may leave the board
        raise DataError("This drawing leaves its board. Draw it anew.")
    return tuple(stroke for stroke in strokes if stroke)


def draw(strokes: Sequence[Stroke]) -> np.ndarray:
    """Strokes as (SIDE, SIDE, 3) uint8, black on white: moved to the middle and made one size, whatever theirs was.

    Raises:
        DataError: there is none.
    """
    if not strokes:
        raise DataError("Nothing is drawn yet.")
    points = np.array([point for stroke in strokes for point in stroke])
    low, high = points.min(0), points.max(0)
    reach = max(float((high - low).max()), DOT)
    scale = SIDE * (1 - 2 * MARGIN) / reach
    picture = Image.new("L", (SIDE, SIDE), 255)
    pen, canvas = round(PEN * SIDE * (1 - 2 * MARGIN)), ImageDraw.Draw(picture)
    for stroke in strokes:
        line = [tuple(point) for point in ((np.array(stroke) - (low + high) / 2) * scale + SIDE / 2).tolist()]
        canvas.line(line, fill=0, width=pen, joint="curve")
        for x, y in (line[0], line[-1]):  # round ends
            canvas.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=0)
    return np.asarray(picture.convert("RGB"), dtype=np.uint8)
