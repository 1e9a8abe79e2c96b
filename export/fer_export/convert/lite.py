"""TensorFlow's converter: a SavedModel folder to the bytes of a .tflite file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import tensors
from ..dataset import as_input
from ..errors import ConversionError, one_line
from ..model_file import tflite
from ..network import LayerNames, logit_gaps
from ..runtimes.op_by_op import TfliteActivations
from . import tflite_averages, tflite_kernels, tflite_ranges

SIGNATURE = "serving_default"

HEADROOM = 2.0
"""Factor by which calibration faces are brightened for an int16x8 network: 16 bits have steps to spare, and an
activation beyond its calibrated range is cut off."""


NO_LAYER = "outside layers"
"""Stands for the layer of an op that belongs to none."""

_ARITHMETIC = frozenset(
    [
        "ABS",
        "ADD",
        "DIV",
        "MAXIMUM",
        "MEAN",
        "MINIMUM",
        "MUL",
        "NEG",
        "POW",
        "REDUCE_MAX",
        "RSQRT",
        "SQRT",
        "SQUARE",
        "SQUARED_DIFFERENCE",
        "SUB",
        "SUM",
    ]
)
"""Ops of a normalisation that is written without a layer."""


_NO_OP = r"fused\[\"(\w+):\", \"([^\"@]+)@[^\n]*?'tf\.\1' op is neither a custom op nor a flex op"
"""What TensorFlow says of an op that TFLite lacks: its kind and its name in the graph."""

_NO_KERNEL = "Quantization to 16x8-bit not yet supported"
"""What TensorFlow's quantiser says of an op that it could leave in float."""


_NOT_WITH_16_BITS = {"RSQRT", "SQUARED_DIFFERENCE"}
"""Ops that TensorFlow's quantiser gives 16 bits though LiteRT has no such kernel (SQUARED_DIFFERENCE), or though their
largest values leave no steps for the others."""


@dataclass(frozen=True)
class Work:
    """What to make of a SavedModel."""

    precision: str
    """A word of contract.variants."""

    input_type: str
    """Element type of the input."""

    output_type: str
    """Element type of the output."""

    channels: int
    """Channels of the pictures that the network takes."""

    float_layers: tuple[str, ...]
    """Layers of an int8 file that stay float."""

    ranges_by_error: bool = False
    """Whether the ranges of an int8 file are chosen by their error; otherwise they are the extremes."""


@dataclass
class Calibrated:
    """The calibrated float files of a network with no layer kept in float.

    Its other int8 files take their ranges, so that the faces are not run through each of them.
    """

    extremes: bytes | None = None
    """With the extremes of the activations; None before the first conversion."""

    by_error: bytes | None = None
    """With ranges by error; None before a conversion asked for them."""


def converted(
    folder: Path, work: Work, names: LayerNames, images: NDArray[np.uint8] | None, earlier: Calibrated | None = None
) -> bytes:
    """The file that TensorFlow's converter makes.

    folder: a SavedModel with the signature SIGNATURE.
    names: of its layers.
    images: calibration faces uint8 [N, S, S, 1], for integer activations.
    earlier: of int8 conversions of the same network with the same faces; the first one fills it.

    Raises ConversionError with the converter's own words.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[SIGNATURE])
    _configure(converter, work.precision)
    given = as_input(images, work.channels) if images is not None else None
    if given is not None:
        brightness = HEADROOM if work.precision == "int16x8" else 1.0
        converter.representative_dataset = lambda: _samples(given, brightness)
    try:
        if work.precision == "int16x8":
            return _with_16_bits(converter, names)
        if work.precision != "int8" or given is None:
            return bytes(converter.convert())
        converter.inference_input_type = tf.as_dtype(work.input_type)
        converter.inference_output_type = tf.as_dtype(work.output_type)
        return quantised(converter, names, work, given, earlier or Calibrated())
    except (ValueError, RuntimeError, tf.errors.OpError, converter_error()) as error:
        if lacking := re.search(_NO_OP, str(error)):
            layers = "".join(f" (layer {call.layer})" for call in names.calls(lacking[2]))
            raise ConversionError(
                f"TFLite has no op for TensorFlow's {lacking[1]}{layers}; replace it or use `format='onnx'`"
            ) from error
        raise ConversionError(
            f"TensorFlow cannot convert this network to {work.precision}: {one_line(error)}; try `precision='dynamic'`"
        ) from error


def _with_16_bits(converter: Any, names: LayerNames) -> bytes:
    """What an int16x8 converter writes; layers with an op that has no kernel with 16 bits are in float.

    Those with such an op among others are left out by the newer of both quantisers, which alone can.
    """
    import tensorflow as tf
    from tensorflow.lite.python import convert

    try:
        content = bytes(converter.convert())
    except RuntimeError as error:
        if _NO_KERNEL not in str(error):
            raise
        converter.target_spec.supported_ops = [*converter.target_spec.supported_ops, tf.lite.OpsSet.TFLITE_BUILTINS]
        content = bytes(converter.convert())
    lacking, loose = _partly_float(content, names), _normalising(tflite.computing(content), names)
    if not lacking and not loose:
        return content
    converter._experimental_calibrate_only = True
    calibrated = bytes(converter.convert())
    ops = tflite.computing(calibrated)
    owners = zip(ops, names.of_ops([op.output for op in ops]), strict=True)
    left = [op.output for op, layers in owners if layers.intersection(lacking)] + _normalising(ops, names)
    quantised = convert.mlir_quantize(
        calibrated, inference_type=convert._types_pb2.QUANTIZED_INT16, denylisted_nodes=left
    )
    return bytes(convert.deduplicate_readonly_buffers(tflite_kernels.with_16_bits(bytes(quantised))))


def _normalising(ops: Sequence[tflite.ComputingOp], names: LayerNames) -> list[str]:
    """Outputs of the arithmetic outside layers, where it takes an inverse root: `keras.ops.normalize` and its like."""
    layers = names.of_ops([op.output for op in ops])
    loose = [op for op, own in zip(ops, layers, strict=True) if not own and op.kind in _ARITHMETIC]
    return [op.output for op in loose] if any(op.kind == "RSQRT" for op in loose) else []


def _partly_float(content: bytes, names: LayerNames) -> set[str]:
    """Layers of an int16x8 file that have ops with 16 bits and others without, or that LiteRT would not run so."""
    ops = tflite.computing(content)
    without: set[str] = set()
    whole: set[str] = set()
    for op, layers in zip(ops, names.of_ops([op.output for op in ops]), strict=True):
        (without if op.in_float or op.kind in _NOT_WITH_16_BITS else whole).update(layers)
    return without & whole


def quantised(converter: Any, names: LayerNames, work: Work, images: NDArray[np.uint8], earlier: Calibrated) -> bytes:
    """What an int8 converter writes, with averages that every processor rounds alike.

    The two halves of the converter's own int8 route, as TensorFlow's QuantizationDebugger uses them: calibrate, then
    quantise with a list of ops to skip, named by their outputs.

    images: calibration faces uint8 [N, S, S, C].
    """
    from tensorflow.lite.python.convert import deduplicate_readonly_buffers, mlir_quantize

    calibrated, serves = _calibrated(converter, work, images, earlier)
    outputs = [op.output for op in TfliteActivations(calibrated).ops]
    owners = list(zip(outputs, names.of_ops(outputs), strict=True))
    loose = _normalising(tflite.computing(calibrated), names)
    if work.ranges_by_error:
        exact = [output for output, layers in owners if layers.intersection(logit_gaps.LAYERS)]
        known = tflite_ranges.copied(calibrated, earlier.by_error) if serves and earlier.by_error else None
        calibrated = known or tflite_ranges.with_ranges(calibrated, images, exact)
        if not work.float_layers:
            earlier.by_error = calibrated
    calibrated = tflite_ranges.with_room(calibrated)

    def made(kept: Collection[str]) -> bytes:
        left = [output for output, layers in owners if layers.intersection(kept)] + loose

        def quantise(content: bytes) -> bytes:
            return bytes(
                mlir_quantize(
                    content,
                    input_data_type=converter.inference_input_type,
                    output_data_type=converter.inference_output_type,
                    denylisted_nodes=left,
                )
            )

        def with_elu(content: bytes) -> bytes:
            return tflite_kernels.quantised_with_elu(content, quantise)

        return bytes(deduplicate_readonly_buffers(tflite_averages.quantised(calibrated, with_elu)))

    content = made(work.float_layers)
    # Half a layer in int8 is worse than none: its values go to a grid and back between the ops.
    lacking = set(float_ops(content, names, work.float_layers)) - {NO_LAYER}
    return made({*work.float_layers, *lacking}) if lacking else content


def _calibrated(converter: Any, work: Work, images: NDArray[np.uint8], earlier: Calibrated) -> tuple[bytes, bool]:
    """The float file with the extremes of its activations, and whether they are those of earlier.extremes."""
    if earlier.extremes is not None and not work.float_layers:
        return earlier.extremes, True
    converter._experimental_calibrate_only = True
    if earlier.extremes is not None:
        converter.representative_dataset = lambda: _samples(images[:1], 1.0)
        content = bytes(converter.convert())
        copied = tflite_ranges.copied(content, earlier.extremes)
        if copied is not None and tflite_ranges.alike(content, earlier.extremes, images):
            return copied, True
        converter.representative_dataset = lambda: _samples(images, 1.0)
    content = bytes(converter.convert())
    if not work.float_layers:
        earlier.extremes = content
    return content, False


def float_ops(content: bytes, names: LayerNames, kept: Collection[str] = ()) -> dict[str, int]:
    """How many ops of each layer compute in float, in order of execution; conversions and changes of shape apart.

    kept: layers that are not counted.
    """
    ops = tflite.computing(content)
    found: dict[str, int] = {}
    for op, layers in zip(ops, names.of_ops([op.output for op in ops]), strict=True):
        if op.in_float and not layers.intersection(kept):
            layer = min(layers, default=NO_LAYER)
            found[layer] = found.get(layer, 0) + 1
    return found


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


def converter_error() -> type[Exception]:
    """The converter's own exception class; it has no public name."""
    from tensorflow.lite.python import convert_phase

    return convert_phase.ConverterError  # type: ignore[no-any-return]
