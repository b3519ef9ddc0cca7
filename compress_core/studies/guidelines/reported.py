"""What the paper measured (Ma et al. 2018): Tables 1 to 4, and the networks of Table 8.

Its GPU is a GeForce GTX 1080 Ti with batches of 8 images, its ARM a Snapdragon 810 with one image. Tables 2 to 4 head
the ARM columns 'CPU'; the text says ARM.
"""

import pandas as pd

from compress_core.studies.guidelines.forms import SCALES

PLATFORMS = {"gpu": "batches/s", "arm": "images/s"}
"""Of the paper, with the unit of their speeds."""

# By guideline a row a form: widths at ×1 as printed for GPU and for ARM; speeds at ×1, ×2, ×4 on GPU, then on ARM.
_TABLES = {
    "g1": (
        ("128 : 128", "32 : 32", (1480, 723, 232), (76.2, 21.7, 5.3)),
        ("90 : 180", "22 : 44", (1296, 586, 206), (72.9, 20.5, 5.1)),
        ("52 : 312", "13 : 78", (876, 489, 189), (69.1, 17.9, 4.6)),
        ("36 : 432", "9 : 108", (748, 392, 163), (57.6, 15.1, 4.4)),
    ),
    "g2": (
        ("128", "64", (2451, 1289, 437), (40.0, 10.2, 2.3)),
        ("180", "90", (1725, 873, 341), (35.0, 9.5, 2.2)),
        ("256", "128", (1026, 644, 338), (32.9, 8.7, 2.1)),
        ("360", "180", (634, 445, 230), (27.8, 7.5, 1.8)),
    ),
    "g3": (
        ("128", "64", (2446, 1274, 434), (40.2, 10.1, 2.3)),
        ("90", "45", (1790, 909, 336), (38.6, 10.1, 2.2)),
        ("64", "32", (752, 745, 349), (38.4, 10.1, 2.3)),
        ("90", "45", (1537, 803, 320), (33.4, 9.1, 2.2)),
        ("64", "32", (691, 572, 292), (35.0, 8.4, 2.1)),
    ),
    "g4": (
        ("32", "32", (2427, 2066, 1436), (56.7, 16.9, 5.0)),
        ("32", "32", (2647, 2256, 1735), (61.9, 18.8, 5.2)),
        ("32", "32", (2672, 2121, 1458), (57.3, 18.2, 5.1)),
        ("32", "32", (2842, 2376, 1782), (66.3, 20.2, 5.4)),
    ),
}

# Complexity in MFLOPs, top-1 error in %, GPU batches/s, ARM images/s: Table 8's published points.
_NETWORKS = {
    "shufflenet_v2": ((41, 39.7, 417, 57.0), (146, 30.6, 341, 24.4), (299, 27.4, 255, 11.8), (591, 25.1, 217, 6.7)),
    "shufflenet_v1": ((38, 43.2, 347, 56.8), (140, 32.6, 213, 21.8), (292, 28.5, 164, 10.3), (524, 26.3, 133, 6.4)),
    "mobilenet_v1": ((41, 49.4, 502, 36.4), (149, 36.3, 382, 16.5), (325, 31.6, 314, 10.6), (569, 29.4, 247, 6.5)),
    "mobilenet_v2": ((43, 43.4, 333, 33.2), (145, 32.1, 235, 15.9), (300, 28.0, 180, 8.9), (585, 25.3, 137, 5.4)),
}
LEVELS = (40, 150, 300, 600)
"""MFLOPs, roughly: the four complexities at which Table 8 holds its networks against each other."""


def speeds(guideline: str, scale: int) -> pd.DataFrame:
    """A row a form, in the order of `forms`: printed `gpu_widths` and `arm_widths` (at ×1), speeds `gpu` and `arm`."""
    at = SCALES.index(scale)
    rows = [(gpu, arm, gpu_speeds[at], arm_speeds[at]) for gpu, arm, gpu_speeds, arm_speeds in _TABLES[guideline]]
    return pd.DataFrame(rows, columns=["gpu_widths", "arm_widths", *PLATFORMS])


def networks() -> pd.DataFrame:
    """Table 8: `arch`, `level` (of `LEVELS`), `macs` (M), `error` (top-1, %), `gpu` and `arm`."""
    rows = [
        (arch, level, *point) for arch, points in _NETWORKS.items() for level, point in zip(LEVELS, points, strict=True)
    ]
    return pd.DataFrame(rows, columns=["arch", "level", "macs", "error", *PLATFORMS])
