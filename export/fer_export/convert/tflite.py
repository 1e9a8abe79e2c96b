"""Keras to TFLite at every precision, by TensorFlow's own converter.

Route: ExportArchive with a static batch of 1 and named tensors -> SavedModel -> TFLiteConverter. The shorter
routes lose the tensor names or the weights.
"""

from __future__ import annotations

import contextlib
import copy
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..calibration import CalibrationSet
from ..checkpoint import Checkpoint
from ..contract import Variant, tensors
from ..dataset import as_input
from ..errors import ConversionError, OutputError, UsageError, one_line
from ..model_file import tflite, tflite_metadata, tflite_versions
from ..network import LayerNames, Prepared, Twin, bounded_activations, has_depthwise, unrolled
from ..runtimes import LiteRt
from ..system import keras_backend
from . import activation_ranges, lite, lite_process, tflite_crop, tflite_kernels

if TYPE_CHECKING:
    import keras


_MOVING = frozenset({"SPLIT", "UNPACK"})
"""Ops with several outputs, by which the quantiser finds none to leave out; they only move values."""


class Converter:
    """TFLite files of one network and one kind of input; see convert.protocol.Converter."""

    def __init__(self, checkpoint: Checkpoint, input_kind: str = "gray", io: str | None = None) -> None:
        self._checkpoint, self._input_kind, self._io = checkpoint, input_kind, io
        self._input_type, self._output_type = tensors.io_types(io, input_kind)
        self._int8: Prepared | None = None
        self._calibrated = lite.Calibrated()

    def convert(
        self, variant: Variant, calibration: CalibrationSet | None = None, float_layers: Sequence[str] = ()
    ) -> bytes:
        """The .tflite file at a precision."""
        content, promised = self.bare(variant, calibration, float_layers)
        record = calibration.record if calibration and variant.integer else None
        return tflite_metadata.embed(content, promised, record)

    def bare(
        self, variant: Variant, calibration: CalibrationSet | None = None, float_layers: Sequence[str] = ()
    ) -> tuple[bytes, tensors.Contract]:
        """The file without its metadata, and what it says about itself."""
        checkpoint = self._checkpoint
        self._check(variant, calibration, float_layers)
        prepared = self._prepared(variant, calibration)
        names = LayerNames(prepared.network())
        if float_layers:
            names.check(float_layers)
        types = self._input_type, self._output_type
        content = self._content(prepared, variant, calibration, tuple(float_layers))
        floats: dict[str, int] = {}
        if variant.precision == "int8":
            _check_input(content, self._input_type)
        if variant.integer:
            floats = _float_ops(content, names, float_layers)
        promised = tensors.Contract.of(checkpoint, variant, self._input_kind, types, float_layers, floats)
        if promised.frame is not None:
            content = tflite_crop.with_crop(content, promised.frame)
        return tflite_versions.declare(content), promised

    def _content(
        self,
        prepared: Prepared,
        variant: Variant,
        calibration: CalibrationSet | None,
        float_layers: tuple[str, ...],
    ) -> bytes:
        """What TensorFlow makes of the network; int8 with the ranges that suit it."""
        channels = tensors.channels(tensors.network_kind(self._input_kind))

        def made(by_error: bool, kept: tuple[str, ...] = ()) -> bytes:
            work = lite.Work(variant.precision, self._input_type, self._output_type, channels, kept, by_error)
            return _converted(prepared.network(kept), variant, work, calibration, self._calibrated)

        if variant.precision != "int8" or calibration is None:
            return made(False)
        depthwise, known = has_depthwise(self._checkpoint.network), lite_process.is_known(prepared.network())
        if prepared.by_error is None and (depthwise or not known):
            prepared.by_error = depthwise  # a file that may crash is not run in this process
        if prepared.by_error is None:
            content, prepared.by_error = activation_ranges.chosen(
                made,
                lambda file, faces: LiteRt(file).run(as_input(faces, channels)),
                self._checkpoint,
                calibration.images,
            )
            if not float_layers:
                return content
        if float_layers and known and self._calibrated.extremes is None:
            made(prepared.by_error)  # the same bytes, whatever was converted before
        return made(prepared.by_error, float_layers)

    def twin(self, variant: Variant, calibration: CalibrationSet | None = None) -> Twin:
        """The float network behind a file; see convert.protocol.Repairable."""
        return self._prepared(variant, calibration).twin()

    def _prepared(self, variant: Variant, calibration: CalibrationSet | None) -> Prepared:
        """The network prepared for a precision; for int8 the same one as before where the faces are the same."""
        images = calibration.images if variant.integer and calibration is not None else None
        int8 = variant.precision == "int8"
        if int8 and self._int8 is not None and self._int8.calibration is images:
            return self._int8
        made = Prepared(self._checkpoint, tensors.network_kind(self._input_kind), images, int8, not int8)
        if int8:
            self._int8, self._calibrated = made, lite.Calibrated()
        return made

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
    work: lite.Work,
    calibration: CalibrationSet | None,
    earlier: lite.Calibrated,
) -> bytes:
    # Full int8 quantises a float input away; the float precisions cast the bytes inside the graph.
    signature_type = "float32" if variant.integer else work.input_type
    images = calibration.images if calibration is not None and variant.integer else None
    apart = variant.integer and not lite_process.is_known(model)
    with tempfile.TemporaryDirectory(prefix="fer-export-") as folder, keras_backend.silenced():
        # TensorFlow 2.21's quantizer crashes on loops.
        with contextlib.ExitStack() as forms:
            if variant.integer:
                forms.enter_context(unrolled(model))
                forms.enter_context(bounded_activations(fine=variant.precision != "int8"))
            _write_saved_model(model, Path(folder), signature_type)
        task = Path(folder), work, LayerNames(model), images
        made = lite_process.converted(*task) if apart else lite.converted(*task, earlier)
        content = tflite_kernels.bounded(made)
    return content if variant.precision == "int8" or signature_type == work.input_type else _with_byte_input(content)


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
    if not lite_process.is_known(model):
        # Finds lookup tables and the like, by a walk through every object of the network.
        archive.track(model)
    spec = tf.TensorSpec((1, *model.input_shape[1:]), signature_type, name=tensors.INPUT_NAME)

    def serve(image: Any) -> dict[str, Any]:
        pixels = tf.cast(image, tf.float32)
        if signature_type == "int8":
            pixels += 128.0
        return {tensors.OUTPUT_NAME: model(pixels, training=False)}

    archive.add_endpoint(lite.SIGNATURE, serve, input_signature=[spec])
    try:
        archive.write_out(str(folder), verbose=False)
    except (OSError, tf.errors.OpError) as error:
        raise OutputError(
            f"cannot write temporary files in {folder.parent}: {one_line(error)}; free some space there or set TMPDIR"
        ) from error


def _check_input(content: bytes, input_type: str) -> None:
    """An int8 file takes bytes as they are."""
    given = tflite.inspect(content).inputs[0]
    expected = {"uint8": (1.0, 0), "int8": (1.0, -128)}.get(input_type)
    if expected and (round(given.scale or 0.0, 6), given.zero_point) != expected:
        raise ConversionError(
            f"the int8 input has scale {given.scale} and zero point {given.zero_point} instead of {expected}: "
            "bytes would be misread; please report this network"
        )


def _float_ops(content: bytes, names: LayerNames, float_layers: Sequence[str]) -> dict[str, int]:
    """The layers without int8 kernels, with the number of their ops in float.

    Raises ConversionError where a layer that should stay float does not.
    """
    ops = tflite.computing(content)
    for op, layers in zip(ops, names.of_ops([op.output for op in ops]), strict=True):
        if layers.intersection(float_layers) and not op.in_float and op.kind not in _MOVING:
            raise ConversionError(
                f"TensorFlow put {op.output} of {', '.join(sorted(layers))} in int8 when {', '.join(float_layers)} "
                "should stay float; keep other layers in float or use `precision='dynamic'`"
            )
    return lite.float_ops(content, names, float_layers)
