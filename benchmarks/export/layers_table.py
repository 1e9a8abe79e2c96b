"""Every layer that emotion networks use, alone in a small network, and common backbones, through every variant.

    python -m benchmarks.export.layers_table [--only NAME ...] [--again] [--data fer2013.csv]

A row is measured in a process of its own and recorded as soon as it is there: a run that was cut off goes on where it
ended. --again measures rows that are recorded already. Networks are trained for a few steps on made faces, or on faces
of --data, so that answers differ.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmarks.record import RESULTS, record
from numpy.typing import NDArray

from fer_export.contract import VARIANTS

NAME = "layers_table"
STEPS, BATCH, FACES, JUDGING = 400, 32, 320, 1000
"""Steps that make a network sure of its answers: between near-equal answers a file's smallest differences decide."""
CLASSES = 7
CALIBRATING = 160
BACKBONE_STEPS, BACKBONE_FACES, BACKBONE_JUDGING = 160, 1024, 300
"""A backbone trained for less hardly tells faces apart, and any rounding changes its answers."""
BACKBONE_FORMATS = ("tflite", "onnx")
"""Those of phones: backbones are too large for a microcontroller, and too slow in the interpreter of Core ML files."""


class Row(NamedTuple):
    """One network of the table."""

    body: Callable[[Any], Any]
    """Input tensor [N, S, S, C] to features [N, F] or [N, H, W, F]."""

    side: int = 48
    """Side of its pictures."""

    channels: int = 1
    """1 for grey, 3 for RGB."""

    backbone: bool = False
    """Whether it is a whole network, as those of keras.applications."""

    scaling: str = "unit"
    """What it takes: `unit` or, where it scales by itself, `raw`."""


def rows() -> dict[str, Row]:
    """The networks by name: layers first, backbones last."""
    from keras import layers

    found = {name: Row(after_convolution(make)) for name, make in layers_by_name().items()}
    found |= {
        "Normalization": Row(lambda x: stem(layers.Normalization(mean=0.5, variance=0.08)(x))),
        "Rescaling": Row(lambda x: stem(layers.Rescaling(2.0, -1.0)(x))),
        "MultiHeadAttention": Row(attention),
        "Reshape, Permute": Row(permuted),
        "SE": Row(squeeze_and_excitation),
        "CBAM": Row(cbam),
        "LSTM": Row(lambda x: layers.LSTM(32)(in_rows(x))),
        "GRU": Row(lambda x: layers.GRU(32)(in_rows(x))),
        "Bidirectional": Row(lambda x: layers.Bidirectional(layers.LSTM(16))(in_rows(x))),
        "TimeDistributed": Row(lambda x: layers.Flatten()(layers.TimeDistributed(layers.Dense(8))(in_rows(x)))),
    }
    for side, channels in ((48, 3), (64, 1), (96, 3), (224, 1)):
        found[f"convolutions {side}x{side}x{channels}"] = Row(stem, side, channels)
    found["convolutions, ELU, batch norms"] = Row(notebook, backbone=True)
    for name, side in BACKBONES.items():
        found[name] = Row(backbone(name), side, 3, backbone=True, scaling="raw" if name in SCALING else "unit")
    return found


BACKBONES = {
    "MobileNetV2": 48,
    "MobileNetV3Small": 48,
    "EfficientNetB0": 48,
    "EfficientNetV2B0": 48,
    "NASNetMobile": 48,
    "DenseNet121": 48,
    "VGG16": 48,
    "ResNet50V2": 48,
    "Xception": 96,
    "ConvNeXtTiny": 48,
}
"""Networks of keras.applications, and the side of their pictures."""
SCALING = ("MobileNetV3Small", "EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny")
"""Those that begin with a Rescaling or Normalization of their own."""


def layers_by_name() -> dict[str, Callable[[], Any]]:
    """Layers that stand behind a convolution."""
    from keras import layers, ops

    return {
        "gelu": lambda: layers.Activation("gelu"),
        "gelu, tanh": lambda: lambda x: ops.gelu(x, approximate=True),
        "swish": lambda: layers.Activation("swish"),
        "hard_swish": lambda: layers.Activation("hard_swish"),
        "ELU": layers.ELU,
        "SELU": lambda: layers.Activation("selu"),
        "softplus": lambda: layers.Activation("softplus"),
        "mish": lambda: layers.Activation("mish"),
        "PReLU": lambda: layers.PReLU(shared_axes=[1, 2]),
        "LeakyReLU": layers.LeakyReLU,
        "LayerNormalization": layers.LayerNormalization,
        "GroupNormalization": lambda: layers.GroupNormalization(4),
        "UnitNormalization": layers.UnitNormalization,
        "DepthwiseConv2D": lambda: layers.DepthwiseConv2D(3, padding="same"),
        "SeparableConv2D": lambda: layers.SeparableConv2D(16, 3, padding="same"),
        "Conv2DTranspose": lambda: layers.Conv2DTranspose(16, 3, strides=2, padding="same"),
        "dilation": lambda: layers.Conv2D(16, 3, dilation_rate=2, padding="same"),
    }


def stem(x: Any) -> Any:
    from keras import layers

    for filters in (16, 16):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    return x


def after_convolution(make: Callable[[], Any]) -> Callable[[Any], Any]:
    from keras import layers

    return lambda x: layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(make()(stem(x)))


def in_rows(x: Any) -> Any:
    """A picture as a sequence of its rows."""
    from keras import layers

    x = stem(x)
    return layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)


def attention(x: Any) -> Any:
    from keras import layers

    x = layers.MaxPooling2D(2)(stem(x))
    x = layers.Reshape((-1, x.shape[-1]))(x)
    return layers.GlobalAveragePooling1D()(layers.Add()([x, layers.MultiHeadAttention(2, 8)(x, x)]))


def permuted(x: Any) -> Any:
    from keras import layers

    x = layers.MaxPooling2D(2)(stem(x))
    places = layers.Reshape((-1, x.shape[-1]))(x)
    shares = layers.Softmax()(layers.Dot(axes=(2, 1))([places, layers.Permute((2, 1))(places)]))
    return layers.GlobalAveragePooling1D()(layers.Dot(axes=(2, 1))([shares, places]))


def squeeze_and_excitation(x: Any) -> Any:
    from keras import layers

    x = stem(x)
    gate = layers.Dense(4, activation="relu")(layers.GlobalAveragePooling2D()(x))
    gate = layers.Dense(x.shape[-1], activation="sigmoid")(gate)
    return layers.Multiply()([x, layers.Reshape((1, 1, x.shape[-1]))(gate)])


def cbam(x: Any) -> Any:
    from keras import layers, ops

    x = squeeze_and_excitation(x)
    both = layers.Concatenate()([ops.mean(x, axis=-1, keepdims=True), ops.max(x, axis=-1, keepdims=True)])
    return layers.Multiply()([x, layers.Conv2D(1, 7, padding="same", activation="sigmoid")(both)])


def notebook(x: Any) -> Any:
    """The network of many notebooks: pairs of convolutions with ELU, each before its batch norm, and a dense layer."""
    from keras import layers

    for filters in (64, 128, 256):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="elu", kernel_initializer="he_normal")(x)
            x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.3)(layers.MaxPooling2D(2)(x))
    x = layers.BatchNormalization()(layers.Dense(128, activation="elu")(layers.Flatten()(x)))
    return layers.Dropout(0.4)(x)


def backbone(name: str) -> Callable[[Any], Any]:
    import keras

    def body(x: Any) -> Any:
        return getattr(keras.applications, name)(include_top=False, weights=None, input_tensor=x).output

    return body


def network_of(row: Row, faces: NDArray[np.uint8], targets: NDArray[np.int64]) -> Any:
    """The row's network after a few steps."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    inputs = keras.Input((row.side, row.side, row.channels))
    x = row.body(inputs)
    x = layers.GlobalAveragePooling2D()(x) if len(x.shape) == 4 else x
    network = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))
    network.compile(keras.optimizers.Adam(1e-3 if row.backbone else 3e-3), "sparse_categorical_crossentropy")
    given = faces.astype("float32").repeat(row.channels, axis=-1) / (255 if row.scaling == "unit" else 1)
    steps = BACKBONE_STEPS if row.backbone else STEPS
    for layer in network.layers:
        if row.backbone and isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.9
    rng = np.random.default_rng(1)
    for _ in range(steps):
        chosen = rng.choice(len(given), min(BATCH, len(given)), replace=False)
        network.train_on_batch(given[chosen], targets[chosen])
    return network


def made_faces(count: int, side: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pictures [N, S, S, 1] of soft patterns, one kind for each class, under noise."""
    rng = np.random.default_rng(0)
    kinds = rng.uniform(60, 200, (CLASSES, 6, 6))
    targets = rng.integers(0, CLASSES, count)
    coarse = kinds[targets] + rng.normal(0, 45, (count, 6, 6))
    at = np.linspace(0, 5, side)
    low = np.minimum(at.astype(int), 4)
    share = at - low
    rows_ = coarse[:, low] * (1 - share)[None, :, None] + coarse[:, low + 1] * share[None, :, None]
    full = rows_[:, :, low] * (1 - share) + rows_[:, :, low + 1] * share
    return np.clip(full + rng.normal(0, 6, full.shape), 0, 255).astype(np.uint8)[..., None], targets


def measured(name: str, folder: Path, data: str | None) -> dict[str, Any]:
    """Agreement, size and processor seconds of each variant of one row, or the reason why it has no file."""
    from fer_export.calibration import CalibrationSet, calibration_set
    from fer_export.checkpoint import load
    from fer_export.convert import converter
    from fer_export.errors import FerExportError
    from fer_export.exporting import float_ops
    from fer_export.parity import Judge, ParityFaces

    row = rows()[name]
    trained, judged = (BACKBONE_FACES, BACKBONE_JUDGING) if row.backbone else (FACES, JUDGING)
    faces, targets = real_faces(data, trained + judged, row.side) if data else made_faces(trained + judged, row.side)
    path = folder / "network.keras"
    network_of(row, faces[:trained], targets[:trained]).save(path)
    checkpoint = load(path, scaling=row.scaling, trust=True)
    chosen = faces[:CALIBRATING]
    hashes = calibration_set.face_hashes(chosen)
    calibrating = CalibrationSet(chosen, {"source": "made faces", "count": len(chosen), "faces": hashes})
    judge = Judge.of(checkpoint, ParityFaces(faces[trained:], None, "made faces", ()))
    cells: dict[str, dict[str, Any]] = {}
    for variant in VARIANTS:
        if row.backbone and variant.format not in BACKBONE_FORMATS:
            continue
        started = processor_seconds()
        try:
            content = converter(variant.format, checkpoint).convert(variant, calibrating if variant.integer else None)
            parity = judge.judge(content, variant.gate, isolated=True).parity
        except FerExportError as error:
            cells[variant.label] = {"refused": str(error)[:300]}
        else:
            floats = float_ops.of(content)
            cells[variant.label] = {
                "agreement": round(parity.agreement.value, 4),
                "passed": parity.passed,
                "bytes": len(content),
                "processor_seconds": round(processor_seconds() - started, 1),
                "floats": float_ops.in_words(floats, variant.precision) if floats else "",
            }
        print(name, variant.label, cells[variant.label], flush=True)
    shares = np.bincount(judge.reference.argmax(axis=1), minlength=CLASSES) / len(judge.reference)
    weights = int(checkpoint.network.count_params())
    return {"weights": weights, "judged": judged, "largest_share": round(float(shares.max()), 3), "cells": cells}


def processor_seconds() -> float:
    """Seconds that all cores have computed for this process and for those that it has waited for."""
    return sum(os.times()[:4])


def real_faces(data: str, count: int, side: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Training faces [N, S, S, 1] with their emotions."""
    from fer_export.dataset import fit
    from fer_export.dataset.read import read

    chosen = read(data).split("Training").sample(count, 1)
    return fit(chosen.pixels, side), np.asarray(chosen.emotions)


def main() -> None:
    parser = argparse.ArgumentParser(description="Layers and backbones through every variant.")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these rows")
    parser.add_argument("--again", action="store_true", help="also rows that are recorded already")
    parser.add_argument("--data", metavar="CSV", help="faces that train, calibrate and judge")
    parser.add_argument("--row", nargs=2, metavar=("NAME", "RESULT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        with tempfile.TemporaryDirectory() as folder:
            found = measured(options.row[0], Path(folder), options.data)
        Path(options.row[1]).write_text(json.dumps(found))
        return
    known = RESULTS / f"{NAME}.json"
    done = json.loads(known.read_text())["rows"] if known.exists() else {}
    for name in options.only or rows():
        if name in done and not options.again:
            continue
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder, "row.json")
            command = [sys.executable, "-m", "benchmarks.export.layers_table", "--row", name, str(result)]
            command += ["--data", options.data] if options.data else []
            code = subprocess.run(command, check=False).returncode
            done[name] = json.loads(result.read_text()) if result.exists() else {"failed": f"exit status {code}"}
        record(NAME, {"faces": "Training of FER2013" if options.data else "made faces", "rows": done})


if __name__ == "__main__":
    main()
