"""Tiny emotion networks as .onnx files, built op by op, and their answers in plain numpy."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from fer_export.system import keras_backend

SIZE = 8
LABELS = ("angry", "happy", "sad", "neutral")


@functools.cache
def model(
    input_type: str = "uint8", batch: int | str = 1, *, channels_first: bool = False, output_type: str = "float32"
) -> bytes:
    """bytes [batch, 8, 8, 1] -> 3x3 convolution, ReLU, dense, softmax -> probabilities [batch, 4]."""
    with keras_backend.silenced():
        import onnx
        from onnx import TensorProto, helper, numpy_helper

    kernel, dense = weights()
    picture = [batch, 1, SIZE, SIZE] if channels_first else [batch, SIZE, SIZE, 1]
    types = {name: getattr(TensorProto, name.upper().replace("32", "")) for name in ("uint8", "int8", "float32")}
    types["float16"] = TensorProto.FLOAT16
    nodes = [
        helper.make_node("Cast", ["image"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["cast", "white"], ["scaled"]),
        helper.make_node("Identity", ["scaled"], ["planes"])
        if channels_first
        else helper.make_node("Transpose", ["scaled"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "kernel"], ["features"]),
        helper.make_node("Relu", ["features"], ["active"]),
        helper.make_node("Flatten", ["active"], ["flat"]),
        helper.make_node("MatMul", ["flat", "dense"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["shares"], axis=-1),
        helper.make_node("Cast", ["shares"], ["probabilities"], to=types[output_type]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", types[input_type], picture)],
        [helper.make_tensor_value_info("probabilities", types[output_type], [batch, len(LABELS)])],
        [
            numpy_helper.from_array(np.float32(255), "white"),
            numpy_helper.from_array(kernel, "kernel"),
            numpy_helper.from_array(dense, "dense"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


def probabilities(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What the files answer to uint8 [N, 8, 8, 1], float64 [N, 4]."""
    kernel, dense = weights()
    patches = np.lib.stride_tricks.sliding_window_view(images[..., 0] / 255, (3, 3), axis=(1, 2))
    features = np.maximum(np.einsum("nyxij,oij->noyx", patches, kernel[:, 0]), 0)
    logits = features.reshape(len(images), -1) @ dense
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def weights() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(11)
    return rng.normal(0, 1, (2, 1, 3, 3)).astype(np.float32), rng.normal(0, 1, (2 * 36, 4)).astype(np.float32)
