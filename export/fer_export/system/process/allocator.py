"""Memory that was freed, and what the C library does with it."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Return freed memory to the system where the C library can (glibc), which takes about a millisecond.

    It keeps pieces of less than 32 MB otherwise: many arrays one after another then add up to a higher peak.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # another C library; TypeError: Windows
        return
    trim(0)
