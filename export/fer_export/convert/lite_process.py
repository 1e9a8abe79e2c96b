"""TensorFlow's converter in a process of its own, for networks on which its native code may crash.

A crash then costs one file, with a sentence that says so. Networks of layers that are known to convert are converted
in this process: starting TensorFlow again takes seconds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import ConversionError, FerExportError
from ..network import LayerNames, leaves
from ..system import keras_backend
from . import lite
from .lite import Work

if TYPE_CHECKING:
    import keras

MINUTES = 30.0
"""Minutes after which the converter is ended."""

KNOWN = frozenset(
    {"Activation", "Add", "Average", "AveragePooling2D", "BatchNormalization", "Concatenate", "Conv2D"}
    | {"Conv2DTranspose", "Cropping2D", "Dense", "DepthwiseConv2D", "Dropout", "ELU", "EinsumDense", "Embedding"}
    | {"Flatten", "GaussianNoise", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling2D"}
    | {"GroupNormalization", "Identity", "InputLayer", "LayerNormalization", "LeakyReLU", "MaxPooling2D"}
    | {"MultiHeadAttention", "Multiply", "Normalization", "PReLU", "Permute", "ReLU", "Rescaling", "Reshape"}
    | {"SeparableConv2D", "Softmax", "SpatialDropout2D", "Subtract", "UnitNormalization", "UpSampling2D"}
    | {"ZeroPadding2D", "Absorbed", "BothSides", "ChannelScale", "MeanOfSides"}
)
"""Layers, by their class, that the converter is known to take at every precision."""

ACTIVATIONS = (
    *("celu", "elu", "gelu", "hard_sigmoid", "hard_silu", "leaky_relu", "linear", "log_sigmoid", "mish", "relu"),
    *("relu6", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "tanh"),
)
"""Functions of Keras that those layers may have as activation, by their names in keras.activations."""

PROGRAM = "from fer_export.convert.lite_process import main; main()"
"""What the process runs."""


def is_known(network: keras.Model) -> bool:
    """Whether all layers of a network are among KNOWN, and their activations among ACTIVATIONS."""
    import keras

    functions = (None, *map(keras.activations.get, ACTIVATIONS))
    return all(
        type(layer).__name__ in KNOWN and getattr(layer, "activation", None) in functions for layer in leaves(network)
    )


def converted(folder: Path, work: Work, names: LayerNames, images: NDArray[np.uint8] | None) -> bytes:
    """As lite.converted, in another process.

    Raises ConversionError where that process crashes, too.
    """
    package = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([package, *filter(None, sys.path)])}
    with tempfile.TemporaryDirectory(prefix="fer-export-") as exchange:
        task, result = Path(exchange, "task.json"), Path(exchange, "result")
        if images is not None:
            np.save(Path(exchange, "images.npy"), images, allow_pickle=False)
        task.write_text(json.dumps({"folder": str(folder), "work": asdict(work), "names": names.described}))
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", PROGRAM, exchange],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=environment,
                start_new_session=True,  # Ctrl-C ends this process, which ends that one
            )
            try:
                code = process.wait(MINUTES * 60)
            except subprocess.TimeoutExpired:
                raise _refusal(work, f"did not end within {MINUTES:g} minutes") from None
            finally:
                process.kill()
                process.wait()
        if code == 0 and result.exists():
            return result.read_bytes()
        refused = Path(exchange, "refused")
        if refused.exists():
            raise ConversionError(refused.read_text(encoding="utf-8"))
    how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
    raise _refusal(work, f"crashed on this network ({how})")


def _refusal(work: Work, what: str) -> ConversionError:
    other = "`precision='dynamic'`" if work.precision != "dynamic" else "`precision='fp16'`"
    return ConversionError(f"TensorFlow's converter to {work.precision} {what}; use {other} or `format='onnx'`")


def main() -> None:
    """Do the task in the folder that the command line names."""
    exchange = Path(sys.argv[1])
    task = json.loads((exchange / "task.json").read_text(encoding="utf-8"))
    document = task["work"]
    work = Work(**{**document, "float_layers": tuple(document["float_layers"])})
    pictures = exchange / "images.npy"
    images = np.load(pictures, allow_pickle=False) if pictures.exists() else None
    keras_backend.prepare(lean=True)
    keras_backend.start()
    try:
        content = lite.converted(Path(task["folder"]), work, LayerNames.of(task["names"]), images)
    except FerExportError as error:
        (exchange / "refused").write_text(str(error), encoding="utf-8")
        sys.exit(1)
    (exchange / "result").write_bytes(content)
