"""Keras to Core ML packages at every precision, by Apple's coremltools.

Route: a concrete function with a static batch of 1 -> ML program for iOS 16 -> weights in fewer bits -> our own
package, since coremltools writes dates and random identifiers. The scaling is the network's first convolution, as in
every format, so the image has none of its own.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..calibration import CalibrationSet
from ..checkpoint import Checkpoint
from ..contract import Variant, tensors
from ..errors import ConversionError, FerExportError, OutputError, UsageError, one_line
from ..model_file import coreml
from ..model_file.mil import schema
from ..network import prepare as graph
from ..network import unrolled
from ..system import keras_backend

if TYPE_CHECKING:
    import keras

PALETTE_BITS = 6
"""Of an index into the 64 values that the weights of a layer may take."""

LABEL_NAME = "classLabel"
"""The output with the first emotion; `probabilities` is the other one."""

_CLASSIFY = "classify"


class Converter:
    """Core ML packages of one network and one kind of input; see convert.protocol.Converter.

    Input and output are an image and a dictionary with every `io`, which is refused.
    """

    def __init__(self, checkpoint: Checkpoint, input_kind: str = "gray", io: str | None = None) -> None:
        self._checkpoint, self._input_kind = checkpoint, input_kind
        if io is not None:
            raise UsageError(f"`io={io}` is for TFLite: a Core ML package takes an image of bytes; remove `io`")
        if importlib.util.find_spec("coremltools") is None:
            raise UsageError("Core ML packages need coremltools; install it with `pip install 'fer-export[coreml]'`")

    def convert(
        self, variant: Variant, calibration: CalibrationSet | None = None, float_layers: Sequence[str] = ()
    ) -> bytes:
        """The packed .mlpackage at a precision."""
        if float_layers:
            raise UsageError("no layer of a Core ML package can be kept in float apart; use `precision='fp16'`")
        if variant.integer and calibration is None:
            raise UsageError(f"`precision={variant.precision}` needs a calibration set; pass `data='fer2013.csv'`")
        if variant.precision == "palette6" and importlib.util.find_spec("sklearn") is None:
            raise UsageError("palettes need scikit-learn; install it with `pip install 'fer-export[coreml]'`")
        record = calibration.record if calibration and variant.integer else None
        promised = tensors.Contract.of(self._checkpoint, variant, self._input_kind)
        try:
            with keras_backend.silenced(), _silent_logs():
                made = _fewer_bits(variant.precision, self._model(variant, calibration))
                specification = made.get_spec().SerializeToString(deterministic=True)
                stored = Path(made.weights_dir, "weight.bin")
                weights = stored.read_bytes() if stored.is_file() else b""  # none where the program holds all
        except FerExportError:
            raise
        except OSError as error:
            raise OutputError(f"cannot write temporary files: {error}; free some space or set TMPDIR") from error
        except Exception as error:  # coremltools raises nearly everything there is
            raise ConversionError(
                f"coremltools cannot convert this network to {variant.label}: {one_line(error)}; use `format='tflite'`"
            ) from error
        model = schema.parse(specification)
        _name_outputs(model)
        coreml.describe_in(model, promised, record)
        content = coreml.packed(model.SerializeToString(deterministic=True), weights)
        _check(content, promised)
        return content

    def _model(self, variant: Variant, calibration: CalibrationSet | None) -> Any:
        if calibration is None or not variant.integer:
            return self._half if variant.precision != "none" else self._float("FLOAT32")
        # On the same grid as TFLite's: coremltools, too, divides a filter by its largest weight.
        prepared = graph.exportable(self._checkpoint, self._input_kind, calibration.images, fine_activations=True)
        return _converted(prepared, self._checkpoint.labels, self._input_kind, "FLOAT16")

    @functools.cached_property
    def _half(self) -> Any:
        return self._float("FLOAT16")

    def _float(self, arithmetic: str) -> Any:
        prepared = graph.exportable(self._checkpoint, self._input_kind)
        return _converted(prepared, self._checkpoint.labels, self._input_kind, arithmetic)


@functools.cache
def _add_ops() -> None:
    """Teach coremltools the ops of TensorFlow that it lacks and other ops make: Keras's exact gelu has Erfc."""
    from coremltools.converters.mil import Builder, register_tf_op

    made = {
        "Erfc": lambda x, name: Builder.sub(x=1.0, y=Builder.erf(x=x), name=name),
        "Expm1": lambda x, name: Builder.sub(x=Builder.exp(x=x), y=1.0, name=name),
        "Log1p": lambda x, name: Builder.log(x=Builder.add(x=x, y=1.0), name=name),
    }

    def register(op: str, make: Callable[[Any, str], Any]) -> None:
        def handler(context: Any, node: Any) -> None:
            context.add(node.name, make(context[node.inputs[0]], node.name))

        handler.__name__ = op  # coremltools registers it by its name
        register_tf_op(handler, override=True)

    for op, make in made.items():
        register(op, make)


def _converted(network: keras.Model, labels: Sequence[str], input_kind: str, arithmetic: str) -> Any:
    """coremltools' model: an image in, label and probabilities out."""
    import coremltools
    import tensorflow as tf

    _add_ops()
    signature = [tf.TensorSpec((1, *network.input_shape[1:]), tf.float32, name=tensors.INPUT_NAME)]

    @tf.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
    def serve(image: Any) -> dict[str, Any]:
        return {tensors.OUTPUT_NAME: network(image, training=False)}

    colours = coremltools.colorlayout.GRAYSCALE if input_kind == "gray" else coremltools.colorlayout.RGB
    image = coremltools.ImageType(tensors.INPUT_NAME, (1, *network.input_shape[1:]), color_layout=colours)
    # coremltools fails on the loops of recurrent layers.
    with unrolled(network), keras_backend.inlined():
        function = serve.get_concrete_function()
    return coremltools.convert(
        [function],
        source="tensorflow",
        convert_to="mlprogram",
        inputs=[image],
        classifier_config=coremltools.ClassifierConfig(list(labels), LABEL_NAME),
        minimum_deployment_target=coremltools.target.iOS16,
        compute_precision=coremltools.precision[arithmetic],
        skip_model_load=True,
    )


def _fewer_bits(precision: str, model: Any) -> Any:
    """The model with its large weights quantised, of int8 one scale a filter; small ones stay float16."""
    if precision not in ("int8", "palette6"):
        return model
    from coremltools.optimize import coreml as optimize

    if precision == "int8":
        how = optimize.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8")
        return optimize.linear_quantize_weights(model, optimize.OptimizationConfig(how))
    palette = optimize.OpPalettizerConfig(mode="kmeans", nbits=PALETTE_BITS)
    return optimize.palettize_weights(model, optimize.OptimizationConfig(palette))


def _name_outputs(model: Any) -> None:
    """Call the probabilities as in every format; coremltools names them after the label."""
    description = model.description
    old, new = description.predictedProbabilitiesName, tensors.OUTPUT_NAME
    description.predictedProbabilitiesName = new
    for feature in description.output:
        feature.name = new if feature.name == old else feature.name
    for function in model.mlProgram.functions:
        for entry in function.value.blocks:
            block = entry.value
            block.outputs[:] = [new if name == old else name for name in block.outputs]
            for output in (each for op in block.operations if op.type == _CLASSIFY for each in op.outputs):
                output.name = new if output.name == old else output.name


def _check(content: bytes, promised: tensors.Contract) -> None:
    """The ends and the labels are what the contract says."""
    found, labels = coreml.inspect(content), coreml.read(content).labels
    ends = [(end.name, end.shape, end.dtype) for end in (*found.inputs, found.outputs[0])]
    wanted = [*promised.inputs, *promised.outputs]
    if ends != wanted or labels != promised.labels:
        raise ConversionError(
            f"the Core ML package has the tensors {ends} instead of {wanted}; pass one label per output with `labels`"
        )


@contextlib.contextmanager
def _silent_logs() -> Iterator[None]:
    """coremltools warns of versions that it was not tested with."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(disabled)
