"""What the channel shuffle is worth: ShuffleNetV1 with and without it on digits, beside the paper's Table 3.

One training says little where networks differ by half a point, so each is trained from several seeds.
"""

from pathlib import Path

import pandas as pd

from compress_core.training.checkpoints import FOLDER, read_metadata
from compress_core.training.shipped import SHUFFLE_WIDTHS, Job, make_all

FILE = Path(__file__).parent / "shuffle_worth.csv"
GROUPS = (3, 8)
COMMAND = "python -m compress_core shuffle-worth"
_DEFAULT_GROUPS = 3
TABLE_3 = {
    # (width, groups): top-1 error on ImageNet in %, without and with shuffle
    (1.0, 3): (34.5, 32.6),
    (1.0, 8): (37.6, 32.4),
    (0.5, 3): (45.7, 43.2),
    (0.5, 8): (48.1, 42.3),
    (0.25, 3): (56.3, 55.0),
    (0.25, 8): (56.5, 52.7),
}
"""Zhang et al. 2018, Table 3."""


def networks(seed: int = 0) -> list[tuple[int, bool, Job]]:
    """The twelve networks: groups, whether they shuffle, and how they are trained."""
    found = []
    for width in SHUFFLE_WIDTHS:
        for groups in GROUPS:
            for shuffle in (True, False):
                options = {"groups": groups} if groups != _DEFAULT_GROUPS else {}
                options |= {} if shuffle else {"shuffle": False}
                found.append((groups, shuffle, Job("shufflenet_v1", width, options=tuple(options.items()), seed=seed)))
    return found


def train_seeds(seeds: int, parallel: int, runs: Path) -> None:
    """Train from seeds 1 and up what is missing in `runs`; those of seed 0 are shipped.

    Raises:
        CompressError: some of them could not be trained.
    """
    for seed in range(1, seeds):
        make_all(parallel, _folder(seed, runs), runs, [job for _, _, job in networks(seed)])


def write_worth(seeds: int, runs: Path) -> Path:
    """Write down how well each of them does: `width`, `groups`, `shuffle`, `seed`, `accuracy`, `samples`.

    Raises:
        CheckpointError: one of them is not there.
    """
    rows = []
    for seed in range(seeds):
        for groups, shuffle, job in networks(seed):
            about = read_metadata(job.path(_folder(seed, runs)))
            own = float(about["test_accuracy"]), int(about["test_samples"])
            rows.append((job.width, groups, shuffle, seed, *own))
    table = pd.DataFrame(rows, columns=["width", "groups", "shuffle", "seed", "accuracy", "samples"])
    FILE.write_text(f"# {COMMAND} --seeds {seeds}\n{table.to_csv(index=False)}")
    return FILE


def load_worth() -> pd.DataFrame:
    """What `write_worth` wrote."""
    return pd.read_csv(FILE, comment="#")


def _folder(seed: int, runs: Path) -> Path:
    return runs / f"seed-{seed}" if seed else FOLDER
