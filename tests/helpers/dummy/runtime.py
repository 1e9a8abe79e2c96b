"""Runs .dummy files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from fer_export.runtimes.protocol import Runtime, check_pictures
from helpers.dummy.model_file import parts


class DummyRuntime(Runtime):
    name, version = "dummy-runtime", "1.0"

    def __init__(self, content, threads=1):
        import keras

        contract, network = parts(content)
        self.input_shape, self.threads = tuple(contract["input_shape"]), threads
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.keras"
            path.write_bytes(network)
            self.network = keras.models.load_model(path, compile=False)

    @property
    def kernels(self):
        return "Keras"

    def run(self, images, on_face=lambda done, total: None):
        check_pictures(images, self.input_shape)
        return np.asarray(self.network(images.astype("float32") / 255, training=False))


def twin(content, isolated):
    """Other kernels for the same file, which give every answer to the label after it."""

    class Twin(DummyRuntime):
        name = "dummy-twin"

        def run(self, images, on_face=lambda done, total: None):
            return np.roll(super().run(images), 1, axis=1)

    return Twin(content)
