"""A crop in front of a .tflite network that takes grey faces: picture and box in, builtin ops only.

The crop is a graph of its own, converted by TensorFlow and joined with the network's file as it is: same weights,
same scales, same ops behind it. So every precision works, and a frame file answers to the byte what the grey file
answers to the same face. Arithmetic: see `frame`.
"""

from __future__ import annotations

import tempfile
from typing import Any

import flatbuffers
import numpy as np

from ..contract import FrameRule, GreyRule, tensors
from ..photo import crop
from ..system import keras_backend

_ALIGNMENT = 16
"""What the schema asks for constants; the generated Python code does not need it."""


def with_crop(network: bytes, rule: FrameRule) -> bytes:
    """The file of a network uint8 [1, size, size, 1] with the crop in front: inputs `image` and the box, in this order.

    network: as the converter wrote it, without metadata of its own.
    """
    from ai_edge_litert import schema_py_generated as schema

    front, model = (schema.ModelT.InitFromObj(schema.Model.GetRootAs(each)) for each in (crop_model(rule), network))
    before, after = front.subgraphs[0], model.subgraphs[0]
    face = int(after.inputs[0])
    after.tensors[face].name = b"face"
    places = {int(before.outputs[0]): face}
    for index, tensor in enumerate(before.tensors):
        if index not in places:
            places[index] = len(after.tensors)
            constant = front.buffers[tensor.buffer].data is not None
            if constant:
                model.buffers.append(front.buffers[tensor.buffer])
            # The first buffer is the empty one of all tensors that are computed.
            tensor.buffer = len(model.buffers) - 1 if constant else 0
            after.tensors.append(tensor)
    for op in before.operators:
        op.opcodeIndex += len(model.operatorCodes)
        op.inputs = [places.get(int(index), -1) for index in op.inputs]
        op.outputs = [places[int(index)] for index in op.outputs]
    model.operatorCodes.extend(front.operatorCodes)
    after.operators[:0] = before.operators
    ends = {entry.name.decode(): entry for entry in front.signatureDefs[0].inputs}
    given = [ends[tensors.INPUT_NAME], ends[rule.box_name]]
    for entry in given:
        entry.tensorIndex = places[entry.tensorIndex]
    after.inputs = [entry.tensorIndex for entry in given]
    model.signatureDefs[0].inputs = given
    builder = _Builder(len(network) + 65536)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


class _Builder(flatbuffers.Builder):  # type: ignore[misc]
    """Bytes, the constants among them, begin where the schema wants them; flatbuffer_utils' builder does not care."""

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:  # noqa: N802, N803 - flatbuffers' names
        return super().StartVector(elemSize, numElems, _ALIGNMENT if elemSize == 1 else alignment)


def crop_model(rule: FrameRule) -> bytes:
    """The crop alone as a .tflite file: image uint8 [1, H, W, 3], box int32 [4] -> uint8 [1, size, size, 1]."""
    import tensorflow as tf

    image = tf.TensorSpec((1, None, None, 3), tf.uint8, name=tensors.INPUT_NAME)
    box = tf.TensorSpec(rule.box_shape, rule.box_type, name=rule.box_name)
    module = tf.Module()
    module.serve = tf.function(
        lambda image, box: {"face": _face(image, box, rule)}, input_signature=[image, box], autograph=False
    )
    with tempfile.TemporaryDirectory(prefix="fer-export-") as folder, keras_backend.silenced():
        tf.saved_model.save(module, folder, signatures=module.serve)
        return bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


def _face(image: Any, box: Any, rule: FrameRule) -> Any:
    """`crop.face` in TensorFlow ops."""
    import tensorflow as tf

    left, top, side = _square(image, box, rule)
    cut = tf.slice(image, tf.stack([0, top, left, 0]), tf.stack([1, side, side, 3]))
    grey = tf.reshape(_grey(cut, rule.grey), tf.stack([side, side]))
    shares = _shares(side, rule.size)
    rows = tf.cast(tf.matmul(shares, grey), tf.int32)
    quotient = rows // side
    sums, rests = (
        tf.cast(tf.matmul(tf.cast(part, tf.float32), shares, transpose_b=True), tf.int32)
        for part in (quotient, rows - quotient * side)
    )
    carried = rests // side
    doubled = 2 * (sums + carried) + side + 2 * (rests - carried * side) // side
    return tf.reshape(tf.cast(doubled // (2 * side), tf.uint8), (1, rule.size, rule.size, 1))


def _square(image: Any, box: Any, rule: FrameRule) -> tuple[Any, Any, Any]:
    """left, top and side of the box's square, by `crop.square`."""
    import tensorflow as tf

    shape = tf.shape(image)
    width_height = tf.stack([shape[2], shape[1]])
    box = tf.minimum(tf.maximum(box, -crop.REACH), crop.REACH)
    left_top, right_bottom = box[:2], box[2:]
    longer = tf.maximum(1, tf.reduce_max(right_bottom - left_top))
    side = tf.minimum(tf.maximum(1, (longer * rule.crop.scale + 500) // 1000), tf.reduce_min(width_height))
    shift = longer * tf.constant([rule.crop.shift_x, rule.crop.shift_y]) // 1000
    start = tf.maximum((left_top + right_bottom + 2 * shift - side) // 2, 0)
    start = tf.minimum(start, width_height - side)
    return start[0], start[1], side


def _grey(cut: Any, rule: GreyRule) -> Any:
    """uint8 [1, side, side, 3] -> float32 [1, side, side, 1] of whole numbers.

    It is exact: all terms are multiples of 2^-shift below 2^(24 - shift).
    """
    import tensorflow as tf

    weights = np.array([rule.red, rule.green, rule.blue], np.float32) / 2**rule.shift
    return tf.floor(tf.nn.conv2d(tf.cast(cut, tf.float32), weights.reshape(1, 1, 3, 1), 1, "VALID") + 0.5)


def _shares(side: Any, size: int) -> Any:
    """Overlap of every output pixel with every input pixel in 1/size pixels, float32 [size, side]."""
    import tensorflow as tf

    pixels, parts = tf.range(side) * size, tf.range(size)[:, None] * side
    overlap = tf.minimum(pixels + size, parts + side) - tf.maximum(pixels, parts)
    return tf.cast(tf.maximum(overlap, 0), tf.float32)
