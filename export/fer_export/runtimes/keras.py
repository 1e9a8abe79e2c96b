"""The Keras network itself behind the protocol of the exported files."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import Checkpoint, load
from ..system import keras_backend, machine
from .protocol import OnFace, Runtime

_BATCH = 256


class KerasRuntime(Runtime):
    """Keras on its backend, 256 faces at a time.

    model: a loaded checkpoint, or the name or path of one.
    threads: TensorFlow takes the number once, before its first computation in a process, and the other backends take
        none; `threads` says how many they have.

    Raises CheckpointError when the network cannot be loaded.
    """

    name = "keras"

    def __init__(self, model: Checkpoint | Path | str, threads: int = 1) -> None:
        keras_backend.start()
        import keras

        self.version = keras.__version__
        self.threads = _threads(threads)
        self._checkpoint = model if isinstance(model, Checkpoint) else load(str(model))
        self.input_shape = (1, self._checkpoint.size, self._checkpoint.size, self._checkpoint.channels)

    @property
    def kernels(self) -> str:
        """Keras's backend, and whether TensorFlow computes with oneDNN."""
        import keras

        name = keras.backend.backend()
        if name != "tensorflow":
            return str(name)
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            return f"TensorFlow {tf.__version__} on a GPU"
        return f"TensorFlow {tf.__version__}, {'oneDNN' if _onednn() else 'Eigen'}"

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K]; raises UsageError for pictures that do not fit."""
        batches = [self._checkpoint.predict(images[:0])]
        for start in range(0, len(images), _BATCH):
            batches.append(self._checkpoint.predict(images[start : start + _BATCH]))
            on_face(min(start + _BATCH, len(images)), len(images))
        return np.concatenate(batches)


def _threads(wanted: int) -> int:
    """Ask the backend for a number of threads per op; returns how many it has."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return machine.cores()
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(wanted)
        tf.config.threading.set_inter_op_parallelism_threads(wanted)
    return tf.config.threading.get_intra_op_parallelism_threads() or machine.cores()


def _onednn() -> bool:
    """Whether TensorFlow computes with oneDNN here; there is no public function for it."""
    from tensorflow.python.util import _pywrap_util_port

    return bool(_pywrap_util_port.IsMklEnabled())
