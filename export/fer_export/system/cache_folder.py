"""Where data and probe faces are kept between runs."""

from __future__ import annotations

import os
from pathlib import Path


def folder() -> Path:
    """Where entries are kept."""
    chosen = os.environ.get("FER_EXPORT_CACHE")
    if chosen:
        return Path(os.path.expanduser(chosen))
    import platformdirs

    return Path(platformdirs.user_cache_dir("fer-export", appauthor=False))
