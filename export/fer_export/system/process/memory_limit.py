"""A limit on the memory of this process while it reads what a stranger wrote."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def at_most(more: int) -> Iterator[None]:
    """Let the process allocate at most `more` bytes beside what it holds; what asks for more gets MemoryError, or the
    library's own error. A limit that the user set and that is lower stays. Linux only; elsewhere nothing changes.
    """
    held = _held()
    if held is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = held + more
    limits = [limit for limit in (soft, hard, wanted) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _held() -> int | None:
    """Bytes of private writable memory of this process, as RLIMIT_DATA counts them; None where it cannot be told."""
    if sys.platform != "linux":
        return None
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmData:")), None)
