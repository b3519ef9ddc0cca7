"""Where this user keeps what was fetched or trained here, and how files get there."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

VARIABLE = "COMPRESS_CORE_CACHE"


def user_folder() -> Path:
    """The folder that `COMPRESS_CORE_CACHE` names, or else this project's in the user's cache."""
    if own := os.environ.get(VARIABLE):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "compress_core"


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place, and put it there when it is whole. Several writers are in nobody's way.

    Args:
        write: writes to the path that it is given.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.unfinished")
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
