"""The threads of NumPy's linear algebra."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """NumPy's products and factorisations on one thread.

    Several threads wait for each other after every call: where calls are many and small that takes longer than the
    work, and many times as long where something else runs on one of the cores.
    """
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _libraries() -> Any:
    import threadpoolctl

    return threadpoolctl.ThreadpoolController()
