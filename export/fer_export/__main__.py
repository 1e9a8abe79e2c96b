"""`python -m fer_export` is the command `fer-export`."""

import contextlib
import os
import sys

from .system.process import signals

signals.end_at_once()  # before the imports that take time

__all__ = ["main"]


def main() -> int:
    """Run the command line; returns the exit code."""
    from .cli import main as run

    code = run()
    if signals.came() is not None:
        # Python's own way out can crash in a library that the signal caught in the middle of its import.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
