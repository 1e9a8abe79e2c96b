"""Starts Keras's backend quietly: the libraries' messages never reach the user.

TensorFlow, LiteRT and MLIR print from C++ straight to file descriptor 2 (and the converter to 1), so
environment variables are not enough: `silenced()` redirects the descriptors for the time of a call.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import UsageError
from . import machine

UNUSED = ("matplotlib", "pandas", "sklearn")
"""Packages that Keras imports where they are installed, for functions that fer-export does not call: galleries of
pictures, tables, scikit-learn's interface."""

OTHERS = ("jax", "scipy")
"""The same of TensorFlow, whose converter takes JAX's functions too, and whose old Keras takes SciPy's sparse arrays.
"""

_lean = False


def prepare(*, lean: bool = False) -> None:
    """Set the variables that keras needs before its first import. Values the user set are kept.

    lean: from now on `start` imports Keras without packages that it can do without, which take a fifth of its time, and
        without looking for garbage, which takes another fifth. For processes that run no code but fer-export's: Keras
        itself misses the packages then, and what lives at the end of the import is kept.
    """
    global _lean
    _lean = _lean or lean
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def start() -> None:
    """Import keras, and TensorFlow where it is installed, with their messages suppressed.

    Raises UsageError where KERAS_BACKEND names what is not installed.
    """
    prepare()
    try:
        with silenced(), absent(_unneeded()), _uncollected():
            import keras

            if keras.backend.backend() == "tensorflow" or importlib.util.find_spec("tensorflow"):
                importlib.import_module("tensorflow")
    except (ImportError, ValueError) as error:  # ValueError: a name that Keras does not know
        name = os.environ["KERAS_BACKEND"]
        if name == "tensorflow":
            raise
        raise UsageError(f"KERAS_BACKEND={name} cannot be imported ({error}); install it, or unset it") from error
    # A user's keras.json may say channels_first, which neither TFLite nor the networks here support.
    keras.config.set_image_data_format("channels_last")


def _unneeded() -> tuple[str, ...]:
    """The packages that Keras and TensorFlow are imported without."""
    if not _lean or "keras" in sys.modules:
        return ()
    return (*UNUSED, *OTHERS) if os.environ["KERAS_BACKEND"] == "tensorflow" else UNUSED


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Let Python look for no garbage during a lean import, nor later among the half million objects that it leaves."""
    if not _lean or "keras" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


@contextlib.contextmanager
def absent(packages: Iterable[str]) -> Iterator[None]:
    """Packages that are not imported yet cannot be imported here, as if they were not installed."""
    hidden = [name for name in packages if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def require_tensorflow() -> None:
    """Raise UsageError on another backend: converters and runtimes read TensorFlow's graphs."""
    start()
    import keras

    name = keras.backend.backend()
    if name != "tensorflow":
        raise UsageError(f"this needs Keras on TensorFlow, not on {name}; unset KERAS_BACKEND, which is for training")


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Suppress what is written to stdout and stderr, C++ libraries included, and Python's warnings.

    If the body raises, none of it is shown either: the exception says what is wrong.
    """
    _flush()
    saved = os.dup(1), os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _flush()
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        for descriptor in (*saved, sink):
            os.close(descriptor)


@contextlib.contextmanager
def inlined() -> Iterator[None]:
    """Trace what calls `tf.function` as ops: converters do not see into Keras's convolutions in groups, which are
    functions for XLA."""
    import tensorflow as tf

    before = tf.function
    tf.function = lambda **options: lambda function: function
    try:
        yield
    finally:
        tf.function = before


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def environment() -> dict[str, str]:
    """Versions and machine that a measured figure depends on; Keras's backend, and the first GPU that JAX has."""
    import keras

    name = keras.backend.backend()
    found = {**machine.environment(), "backend": name}
    if name == "jax":
        import jax

        device = jax.devices()[0]
        return found if device.platform != "gpu" else {**found, "gpu": device.device_kind}
    return found
