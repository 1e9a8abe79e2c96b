"""SavedModel folders: rebuilt as visible layers where Keras 2 left its description, wrapped as one layer elsewhere.

A SavedModel is a TensorFlow graph. Its operations are read before it is loaded: others than those that compute are
refused unless trusted. A rebuilt network is used only if it gives what the graph itself gives.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CheckpointError
from .keras2 import graph as legacy
from .keras2 import weights
from .keras2.layers import known_layers
from .keras3.messages import sentence
from .screening import graph_screening
from .screening.code_screening import check_form, check_single, find_code
from .screening.optimizer_slots import without_optimizer

if TYPE_CHECKING:
    import keras

TOLERANCE = 1e-4
"""Largest difference of outputs between a rebuilt network and the SavedModel's own graph."""


@dataclass(frozen=True)
class _Signature:
    """One endpoint of a SavedModel."""

    name: str
    """Name of the endpoint."""

    input_name: str
    """Name of its input."""

    shape: tuple[int | None, ...]
    """Shape of its input, [N, S, S, C]."""


def read(folder: Path, *, trust: bool) -> keras.Model:
    """Read a SavedModel folder as a network: float32 [N, S, S, C] -> [N, K].

    Raises CheckpointError for a damaged folder, an untrusted one with other operations than those that compute, several
    inputs or outputs, and an input that is not a square picture.
    """
    import tensorflow as tf

    document = parse(folder)
    refused = None if trust else graph_screening.find_refused(document)
    if refused:
        raise CheckpointError(f"{folder} holds {refused}; if you trust where the folder comes from, add `trust=True`")
    signature = _signature(document, folder)
    try:
        with without_optimizer(folder, document) as plain:
            loaded = tf.saved_model.load(str(plain))
            wrapped = _wrapped(plain, signature)
        rebuilt = _rebuilt(folder, document, loaded)
        return rebuilt if rebuilt is not None and _agree(rebuilt, wrapped) else wrapped
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"{folder} cannot be loaded as a SavedModel ({sentence(error)}); copy or save it again"
        ) from error


def parse(folder: Path) -> Any:
    """The message in saved_model.pb, a SavedModel; raises CheckpointError where it cannot be read."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    document = saved_model_pb2.SavedModel()
    try:
        document.ParseFromString((folder / "saved_model.pb").read_bytes())
    except (DecodeError, OSError) as error:
        raise CheckpointError(
            f"{folder}/saved_model.pb cannot be read ({error}); copy or save the folder again"
        ) from error
    if not document.meta_graphs:
        raise CheckpointError(f"{folder}/saved_model.pb holds no graph; copy or save the folder again")
    return document


def _signature(document: Any, folder: Path) -> _Signature:
    from tensorflow.core.framework import types_pb2

    signatures = {
        name: value
        for name, value in document.meta_graphs[0].signature_def.items()
        if not name.startswith("__saved_model")
    }
    name = "serving_default" if "serving_default" in signatures else next(iter(signatures), "")
    if not name or (name != "serving_default" and len(signatures) > 1):
        listed = ", ".join(sorted(signatures)) or "none"
        raise CheckpointError(
            f"{folder} has no signature serving_default (it has: {listed}); save it again with model.export or "
            "tf.keras's model.save"
        )
    inputs, outputs = signatures[name].inputs, signatures[name].outputs
    check_single(len(inputs), "input", folder)
    check_single(len(outputs), "output", folder)
    input_name, info = next(iter(inputs.items()))
    shape = tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
    check_form(shape, folder)
    if info.dtype != types_pb2.DT_FLOAT:
        kind = types_pb2.DataType.Name(info.dtype)
        raise CheckpointError(f"{folder} takes {kind} instead of float32 pictures; save it again with a float32 input")
    if shape[0] is not None:
        raise CheckpointError(
            f"{folder} takes exactly {shape[0]} picture(s) a call; save it again with a free batch size"
        )
    return _Signature(name, input_name, shape)


def _wrapped(folder: Path, signature: _Signature) -> keras.Model:
    import keras

    layer = keras.layers.TFSMLayer(str(folder), call_endpoint=signature.name, trainable=False, name="saved_model")
    inputs = keras.Input(signature.shape[1:], name="image")
    outputs = layer(inputs)
    tensors = list(outputs.values()) if isinstance(outputs, dict) else [outputs]
    return keras.Model(inputs, tensors[0])


def _rebuilt(folder: Path, document: Any, loaded: Any) -> keras.Model | None:
    """The network from Keras 2's own description, or None where there is none or it cannot be carried over."""
    metadata = _keras_metadata(folder, document)
    if not metadata or not isinstance(metadata.get("config"), dict):
        return None
    architecture = {"class_name": metadata.get("class_name"), "config": metadata["config"]}
    if find_code(architecture, known_layers()):
        return None
    try:
        built = legacy.build(architecture, folder)
        values = [(value.name, value.numpy()) for value in loaded.variables if value.dtype.is_floating]
        weights.fill_from_variables(built.graph, values, folder)
    except (CheckpointError, KeyError, AttributeError):
        return None
    return built.network


def _agree(rebuilt: keras.Model, wrapped: keras.Model) -> bool:
    images = np.random.default_rng(0).random((2, *rebuilt.input_shape[1:]), dtype="float32")
    ours, theirs = (np.asarray(model(images, training=False)) for model in (rebuilt, wrapped))
    return ours.shape == theirs.shape and bool(np.abs(ours - theirs).max() <= TOLERANCE)


def _keras_metadata(folder: Path, document: Any) -> dict[str, Any] | None:
    """The description of the root network: in keras_metadata.pb since TF 2.5, in saved_model.pb itself before."""
    path = folder / "keras_metadata.pb"
    try:
        if path.exists():
            nodes = [dict(_fields(value)) for number, value in _fields(path.read_bytes()) if number == 1]
            text = next((node[5] for node in nodes if node.get(3) == b"root"), b"")
        else:
            nodes = document.meta_graphs[0].object_graph_def.nodes
            text = nodes[0].user_object.metadata if nodes else ""
        metadata = json.loads(text or "null")
    except (OSError, ValueError, IndexError):
        return None
    return metadata if isinstance(metadata, dict) else None


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) of a protocol buffer's fields; keras_metadata.pb has varints and byte strings only."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        value, position = _varint(message, position)
        if key & 7 == 2:
            yield key >> 3, message[position : position + value]
            position += value
        elif key & 7 == 0:
            yield key >> 3, value
        else:
            raise ValueError("unknown wire type")


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
