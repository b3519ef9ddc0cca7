"""Where this user keeps what was fetched or trained here."""

import os
from pathlib import Path


def user_folder() -> Path:
    """The folder of this project in the user's cache; `XDG_CACHE_HOME` says where that is, if set."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "compress_core"
