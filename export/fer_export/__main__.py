"""`python -m fer_export` is the command `fer-export`."""

import sys

from .system.process import signals

signals.end_at_once()  # before the imports that take time

from .cli import main  # noqa: E402

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
