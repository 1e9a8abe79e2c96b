"""A file of weights alone, the commonest that people have: what it holds, and which network it fits."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import CheckpointError

_FINGERPRINTS = (
    ("block5_conv4", "VGG19"),
    ("block5_conv3", "VGG16"),
    ("block14_sepconv2", "Xception"),
    ("conv5_block32", "DenseNet201 or 169"),
    ("conv5_block16", "DenseNet121"),
    ("conv5_block3_3_conv", "ResNet"),
    ("block_16_project", "MobileNetV2"),
    ("expanded_conv", "MobileNetV3"),
    ("conv_pw_13", "MobileNet"),
    ("block7a_", "EfficientNet"),
    ("block6h_", "EfficientNetV2"),
    ("convnext", "ConvNeXt"),
    ("normal_conv_1_", "NASNet"),
    ("mixed10", "InceptionV3"),
)
"""A layer's name and the network of keras.applications that has it."""

Shape = tuple[int, ...]


def without_architecture(file: Any, path: Path, shipped: Mapping[str, Path]) -> CheckpointError:
    """The error for an open HDF5 file of weights: what it holds, what it fits, and how to pass the architecture.

    shipped: name and .keras file of networks to compare it with.
    """
    names, shapes = _arrays(file)
    numbers = sum(_product(shape) for shape in shapes)
    held = f"{len(shapes)} arrays, {numbers:,} numbers"
    kernels = [shape for shape in shapes if len(shape) > 1]
    if kernels:
        held += f", kernels from {_text(kernels[0])} to {_text(kernels[-1])}"
    beside = next(
        (other for other in (path.with_suffix(".json"), path.with_suffix(".config")) if other.is_file()), None
    )
    if beside is not None:
        return CheckpointError(f"{path} holds only weights ({held}); pass `network={beside}` `weights={path}`")
    fit = _fitting(Counter(shapes), shipped)
    if fit:
        code = f"import fer_export; open('{fit}.json', 'w').write(fer_export.load('{fit}').network.to_json())"
        how = f'these shapes fit {fit}: write its architecture, python -c "{code}", and pass `network={fit}.json`'
        return CheckpointError(f"{path} holds only weights ({held}); {how} `weights={path}`")
    known = next((network for layer, network in _FINGERPRINTS if any(layer in name for name in names)), None)
    like = f"its layers are named like keras.applications' {known}; " if known else ""
    how = (
        f"{like}pass the architecture as .json too: where the network is built in Python, write model.to_json() to a "
        f"file and pass it as `network` with `weights={path}`; or save the network whole with model.save"
    )
    return CheckpointError(f"{path} holds only weights ({held}); {how}")


def _arrays(file: Any) -> tuple[list[str], list[Shape]]:
    """Names and shapes of the weights of an HDF5 file, without an optimizer's; links are not followed."""
    import h5py

    names: list[str] = []
    shapes: list[Shape] = []

    def visit(name: str, item: Any) -> None:
        lower = name.lower()
        if not isinstance(item, h5py.Dataset) or "optimizer" in lower or "seed_generator" in lower:
            return
        names.append(name)
        shapes.append(tuple(item.shape))

    file.visititems(visit)
    return names, shapes


def _fitting(shapes: Counter[Shape], shipped: Mapping[str, Path]) -> str | None:
    import h5py

    for name, path in shipped.items():
        with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
            if Counter(_arrays(file)[1]) == shapes:
                return name
    return None


def _product(shape: Shape) -> int:
    size = 1
    for side in shape:
        size *= side
    return size


def _text(shape: Shape) -> str:
    return "x".join(map(str, shape))
