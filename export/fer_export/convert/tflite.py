"""Keras to TFLite at every precision, by TensorFlow's own converter.

Route: ExportArchive with a static batch of 1 and named tensors -> SavedModel -> TFLiteConverter. The shorter
routes lose the tensor names or the weights.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..calibration import CalibrationSet
from ..checkpoint import Checkpoint
from ..contract import Variant, tensors
from ..dataset import as_input
from ..errors import ConversionError, OutputError, UsageError, one_line
from ..model_file import SHAPE_OPS, tflite, tflite_metadata, tflite_versions
from ..network import LayerNames, float_twin
from ..network import prepare as graph
from ..runtimes.op_by_op import TfliteActivations
from ..system import keras_backend
from . import tflite_averages, tflite_crop

if TYPE_CHECKING:
    import keras

SIGNATURE = "serving_default"

HEADROOM = 2.0
"""Factor by which calibration faces are brightened for an int16x8 network: 16 bits have steps to spare, and an
activation beyond its calibrated range is cut off."""


class Converter:
    """TFLite files of one network and one kind of input; see convert.protocol.Converter."""

    def __init__(self, checkpoint: Checkpoint, input_kind: str = "gray", io: str | None = None) -> None:
        self._checkpoint, self._input_kind, self._io = checkpoint, input_kind, io
        self._input_type, self._output_type = tensors.io_types(io, input_kind)

    def convert(
        self, variant: Variant, calibration: CalibrationSet | None = None, float_layers: Sequence[str] = ()
    ) -> bytes:
        """The .tflite file at a precision."""
        checkpoint, inner_kind = self._checkpoint, tensors.network_kind(self._input_kind)
        self._check(variant, calibration, float_layers)
        model = graph.exportable(
            checkpoint,
            inner_kind,
            calibration.images if variant.integer and calibration is not None else None,
            narrow_logits=variant.precision == "int8",
        )
        if float_layers and calibration is not None:
            LayerNames(model).check(float_layers)
            float_twin.unround(model, checkpoint, calibration.images, float_layers)
        types = self._input_type, self._output_type
        content = _converted(model, variant, types, inner_kind, calibration, float_layers)
        if variant.precision == "int8":
            _check_integer(content, self._input_type, LayerNames(model), float_layers)
        promised = tensors.Contract.of(checkpoint, variant, self._input_kind, types, float_layers)
        if promised.frame is not None:
            content = tflite_crop.with_crop(content, promised.frame)
        record = calibration.record if calibration and variant.integer else None
        return tflite_metadata.embed(tflite_versions.declare(content), promised, record)

    def _check(self, variant: Variant, calibration: CalibrationSet | None, float_layers: Sequence[str]) -> None:
        if self._output_type not in variant.output_types:
            raise UsageError(
                f"`io={self._io}` needs integer activations and {variant.precision!r} computes its output in float; "
                "use `io='float32'` or `precision='int8'`"
            )
        if variant.integer and calibration is None:
            raise UsageError(f"`precision={variant.precision}` needs a calibration set; pass `data='fer2013.csv'`")
        if float_layers and variant.precision != "int8":
            raise UsageError(
                f"layers can be kept in float in int8 files, not in {variant.precision}; use `precision='int8'`"
            )


def _converted(
    model: keras.Model,
    variant: Variant,
    types: tuple[str, str],
    input_kind: str,
    calibration: CalibrationSet | None,
    float_layers: Sequence[str],
) -> bytes:
    """The converter's file; types: of input and output."""
    import tensorflow as tf

    input_type, output_type = types
    # Full int8 quantises a float input away; the float precisions cast the bytes inside the graph.
    typed_by_converter = variant.precision == "int8"
    signature_type = "float32" if variant.integer else input_type
    with tempfile.TemporaryDirectory(prefix="fer-export-") as folder, keras_backend.silenced():
        _write_saved_model(model, Path(folder), signature_type)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        _configure(converter, variant.precision)
        if calibration is not None and variant.integer:
            images = as_input(calibration.images, tensors.channels(input_kind))
            brightness = HEADROOM if variant.precision == "int16x8" else 1.0
            converter.representative_dataset = lambda: _samples(images, brightness)
        if typed_by_converter:
            converter.inference_input_type = tf.as_dtype(input_type)
            converter.inference_output_type = tf.as_dtype(output_type)
        try:
            content = (
                quantised(converter, LayerNames(model), float_layers) if typed_by_converter else converter.convert()
            )
        except (ValueError, RuntimeError, tf.errors.OpError, converter_error()) as error:
            raise ConversionError(
                f"TensorFlow cannot convert this network to {variant.precision}: {one_line(error)}; "
                "try `precision='dynamic'`"
            ) from error

    content = bytes(content)
    return content if typed_by_converter or signature_type == input_type else _with_byte_input(content)


def quantised(converter: Any, names: LayerNames, float_layers: Sequence[str]) -> bytes:
    """What an int8 converter writes, with averages that every processor rounds alike, some layers left in float.

    The two halves of the converter's own int8 route, as TensorFlow's QuantizationDebugger uses them: calibrate, then
    quantise with a list of ops to skip, named by their outputs. Neither has a public name, in TensorFlow or in
    ai-edge-litert.
    """
    from tensorflow.lite.python.convert import deduplicate_readonly_buffers, mlir_quantize

    converter._experimental_calibrate_only = True
    calibrated = bytes(converter.convert())
    outputs = [op.output for op in TfliteActivations(calibrated).ops] if float_layers else []
    owners = zip(outputs, names.of_ops(outputs), strict=True)
    left = [output for output, layers in owners if layers.intersection(float_layers)]

    def quantise(content: bytes) -> bytes:
        return bytes(
            mlir_quantize(
                content,
                input_data_type=converter.inference_input_type,
                output_data_type=converter.inference_output_type,
                denylisted_nodes=left,
            )
        )

    return bytes(deduplicate_readonly_buffers(tflite_averages.quantised(calibrated, quantise)))


def _with_byte_input(content: bytes) -> bytes:
    """The file with a CAST from uint8 in front of its float32 input.

    TensorFlow's int16x8 quantizer supports neither a uint8 input nor a CAST in the graph, so it is added afterwards.
    """
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    graph = model.subgraphs[0]
    floats = int(graph.inputs[0])
    given = copy.copy(graph.tensors[floats])
    given.type, given.buffer, given.quantization = schema.TensorType.UINT8, len(model.buffers), None
    graph.tensors[floats].name = b"image_as_float"
    options = schema.CastOptionsT()
    options.inDataType, options.outDataType = schema.TensorType.UINT8, schema.TensorType.FLOAT32
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CAST
    cast = schema.OperatorT()
    cast.opcodeIndex, cast.inputs, cast.outputs = len(model.operatorCodes), [len(graph.tensors)], [floats]
    cast.builtinOptionsType, cast.builtinOptions = schema.BuiltinOptions.CastOptions, options
    for signature in model.signatureDefs:
        for tensor in signature.inputs:
            tensor.tensorIndex = len(graph.tensors)
    graph.inputs = [len(graph.tensors)]
    model.buffers.append(schema.BufferT())
    model.operatorCodes.append(code)
    graph.tensors.append(given)
    graph.operators.insert(0, cast)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _write_saved_model(model: keras.Model, folder: Path, signature_type: str) -> None:
    import keras
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    archive.track(model)
    spec = tf.TensorSpec((1, *model.input_shape[1:]), signature_type, name=tensors.INPUT_NAME)

    def serve(image: Any) -> dict[str, Any]:
        pixels = tf.cast(image, tf.float32)
        if signature_type == "int8":
            pixels += 128.0
        return {tensors.OUTPUT_NAME: model(pixels, training=False)}

    archive.add_endpoint(SIGNATURE, serve, input_signature=[spec])
    try:
        archive.write_out(str(folder), verbose=False)
    except (OSError, tf.errors.OpError) as error:
        raise OutputError(
            f"cannot write temporary files in {folder.parent}: {one_line(error)}; free some space there or set TMPDIR"
        ) from error


def _configure(converter: Any, precision: str) -> None:
    import tensorflow as tf

    if precision == "none":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "fp16":
        converter.target_spec.supported_types = [tf.float16]
    elif precision == "dynamic":
        # The new quantizer writes FULLY_CONNECTED version 12, which runtimes before 2.17 refuse.
        converter.experimental_new_dynamic_range_quantizer = False
    elif precision == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    elif precision == "int16x8":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]


def _samples(images: NDArray[np.uint8], brightness: float) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Calibration pictures one by one, the first with a black and a white corner so that the range is 0..255."""
    floats = images.astype(np.float32)
    floats[0, 0, 0], floats[0, 0, -1] = 0.0, 255.0
    for image in floats:
        yield {tensors.INPUT_NAME: image[None] * np.float32(brightness)}


def _check_integer(content: bytes, input_type: str, names: LayerNames, float_layers: Sequence[str]) -> None:
    """Every compute op is int8, except in layers that stay in float, and the input takes bytes as they are."""
    summary = tflite.inspect(content)
    if float_layers:
        _check_float(content, names, float_layers)
    elif floats := tflite.float_ops(summary):
        raise ConversionError(
            f"{len(floats)} ops stayed float under int8 ({', '.join(sorted({op.name for op in floats}))}); "
            "replace these layers or use `precision='dynamic'`"
        )
    given = summary.inputs[0]
    expected = {"uint8": (1.0, 0), "int8": (1.0, -128)}.get(input_type)
    if expected and (round(given.scale or 0.0, 6), given.zero_point) != expected:
        raise ConversionError(
            f"the int8 input has scale {given.scale} and zero point {given.zero_point} instead of {expected}: "
            "bytes would be misread; please report this network"
        )


def _check_float(content: bytes, names: LayerNames, float_layers: Sequence[str]) -> None:
    ops = TfliteActivations(content).ops
    for op, layers in zip(ops, names.of_ops([op.output for op in ops]), strict=True):
        kept = bool(layers.intersection(float_layers))
        if op.name not in SHAPE_OPS and (op.dtype == "float32") != kept:
            raise ConversionError(
                f"TensorFlow left {op.name} of {', '.join(sorted(layers)) or 'no layer'} in {op.dtype} when "
                f"{', '.join(float_layers)} should stay float; keep other layers in float or use `precision='dynamic'`"
            )


def converter_error() -> type[Exception]:
    """The converter's own exception class; it has no public name."""
    from tensorflow.lite.python import convert_phase

    return convert_phase.ConverterError  # type: ignore[no-any-return]
