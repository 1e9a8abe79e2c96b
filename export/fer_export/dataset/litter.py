"""Files that operating systems, browsers and archivers leave in people's folders, and that are no data."""

from __future__ import annotations

import re

_LITTER = re.compile(
    r"\..*|desktop\.ini|(eh)?thumbs(_\w+)?\.db|__macosx|icon\r?|lost\+found|@eadir|\$recycle\.bin|.*~|~\$.*"
    r"|system volume information|.*\.(tmp|part|crdownload|download|bak|swp|lnk|url|torrent)|(readme|licen[cs]e)(\..*)?",
    re.IGNORECASE,
)


def is_litter(name: str) -> bool:
    """Whether a file or folder of this name is skipped: Thumbs.db, desktop.ini, __MACOSX, .DS_Store and the like."""
    return _LITTER.fullmatch(name) is not None
