"""Where this user keeps what was fetched or trained here."""

import os
from pathlib import Path

VARIABLE = "COMPRESS_CORE_CACHE"


def user_folder() -> Path:
    """The folder that `COMPRESS_CORE_CACHE` names, or else this project's in the user's cache."""
    if own := os.environ.get(VARIABLE):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "compress_core"
