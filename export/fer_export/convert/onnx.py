"""Keras to ONNX at every precision: tf2onnx writes the float graph, onnxruntime's own tools halve or quantise it.

The float graph is the same for all precisions except int8, whose network is prepared on the calibration faces.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import math
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
from ..errors import ConversionError, FerExportError, OutputError, UsageError, one_line
from ..model_file import onnx as onnxfile
from ..network import LayerNames, Prepared, Twin, has_depthwise
from ..network import prepare as graph
from ..runtimes import OnnxRuntime
from ..system import keras_backend, tf2onnx_order
from . import activation_ranges, onnx_crop, onnx_graph, onnx_ranges

if TYPE_CHECKING:
    import keras

OPSET = 13
"""The first in which each channel of a weight has a scale of its own, and known to every release of
onnxruntime-mobile: 1.8, the oldest, knows 12 and 13 only."""

IR_VERSION = 7
"""The file format of the same time; readers refuse one that is newer than they are."""

_NOT_IN_FLOAT16 = ("IsInf", "IsNaN")
"""Ops that ONNX has in float32 only, besides those that onnxruntime knows."""

SMALLEST_DYNAMIC = 1024
"""Layers with fewer weights stay float under dynamic quantisation, as in TFLite: they save nothing, and a depthwise
layer would cost agreement."""


class Converter:
    """ONNX files of one network and one kind of input; see convert.protocol.Converter.

    The output is float32 with every `io`.
    """

    def __init__(self, checkpoint: Checkpoint, input_kind: str = "gray", io: str | None = None) -> None:
        self._checkpoint, self._input_kind = checkpoint, input_kind
        self._inner_kind = tensors.network_kind(input_kind)
        self._for_int8: Prepared | None = None
        self._input_type, output_type = tensors.io_types(io, input_kind)
        if output_type != "float32":
            raise UsageError(
                f"`io={io}` is for TFLite: ONNX files take bytes and give float32; remove `io` or use `io='float32'`"
            )

    def convert(
        self, variant: Variant, calibration: CalibrationSet | None = None, float_layers: Sequence[str] = ()
    ) -> bytes:
        """The .onnx file at a precision."""
        if float_layers and variant.precision != "int8":
            raise UsageError(
                f"layers can be kept in float in int8 files, not in {variant.precision}; use `precision='int8'`"
            )
        floats: dict[str, int] = {}
        with _tools(variant) as folder:
            if not variant.integer:
                model = _at_precision(variant.precision, self._plain, folder)
            elif calibration is None:
                raise UsageError(f"`precision={variant.precision}` needs a calibration set; pass `data='fer2013.csv'`")
            else:
                model, floats = self._int8(calibration, float_layers, folder)
            types = self._input_type, "float32"
            promised = tensors.Contract.of(self._checkpoint, variant, self._input_kind, types, float_layers, floats)
            model = onnx_crop.with_crop(model, promised.frame) if promised.frame else model
            record = calibration.record if calibration and variant.integer else None
            content = onnxfile.embed(onnx_graph.finalised(model, IR_VERSION), promised, record)
            _check(content, promised)
        return content

    @functools.cached_property
    def _plain(self) -> Any:
        with tempfile.TemporaryDirectory(prefix="fer-export-") as folder:
            model = graph.exportable(self._checkpoint, self._inner_kind)
            return _float_model(model, self._input_type, Path(folder))

    def twin(self, variant: Variant, calibration: CalibrationSet | None = None) -> Twin:
        """The float network behind a file; see convert.protocol.Repairable."""
        if variant.integer and calibration is not None:
            return self._prepared(calibration).twin()
        return Prepared(self._checkpoint, self._inner_kind).twin()

    def _prepared(self, calibration: CalibrationSet) -> Prepared:
        """The network prepared for int8: the same one as before where the faces are the same."""
        if self._for_int8 is None or self._for_int8.calibration is not calibration.images:
            # Not with narrow logits: behind the last layer onnxruntime computes in float anyway.
            self._for_int8 = Prepared(self._checkpoint, self._inner_kind, calibration.images)
        return self._for_int8

    def _int8(
        self, calibration: CalibrationSet, float_layers: Sequence[str], folder: Path
    ) -> tuple[Any, dict[str, int]]:
        """The int8 graph, and the layers of it that compute in float."""
        prepared = self._prepared(calibration)
        names = LayerNames(prepared.network())
        if float_layers:
            names.check(float_layers)
        channels = tensors.channels(self._inner_kind)
        images = as_input(calibration.images, channels).astype(self._input_type)

        def made(by_error: bool, kept: Sequence[str] = ()) -> Any:
            plain = _float_model(prepared.network(kept), self._input_type, folder)
            return _quantised(plain, images, kept, folder, by_error=by_error)

        if prepared.by_error is None and has_depthwise(self._checkpoint.network):
            prepared.by_error = True
        if prepared.by_error is None:
            model, prepared.by_error = activation_ranges.chosen(
                made,
                lambda file, faces: OnnxRuntime(file.SerializeToString()).run(as_input(faces, channels)),
                self._checkpoint,
                calibration.images,
            )
            if not float_layers:
                return model, _float_ops(model, names, ())
        model = made(prepared.by_error, float_layers)
        return model, _float_ops(model, names, float_layers)


def _float_model(network: keras.Model, input_type: str, folder: Path) -> Any:
    """The network as a ModelProto: one transpose or reshape to channels-first in front, none behind."""
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec((1, *network.input_shape[1:]), input_type, name=tensors.INPUT_NAME)]

    @tf.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
    def serve(image: Any) -> dict[str, Any]:
        return {tensors.OUTPUT_NAME: network(tf.cast(image, tf.float32), training=False)}

    function = serve.get_concrete_function()
    # Not `from_function`: it takes captured constants, such as a Normalization's mean, for inputs of the file.
    inputs, outputs = [function.inputs[0].name], [output.name for output in function.outputs]
    with tf.device("/cpu:0"):
        frozen = tf2onnx.tf_loader.from_function(function, inputs, outputs)
    _open_functions(frozen)
    with tf2onnx_order.one_order():
        model, _ = tf2onnx.convert.from_graph_def(
            frozen,
            input_names=inputs,
            output_names=outputs,
            opset=OPSET,
            custom_op_handlers=dict(onnx_graph.HANDLERS),  # tf2onnx adds its own to it
            tensors_to_rename={inputs[0]: tensors.INPUT_NAME, outputs[0]: tensors.OUTPUT_NAME},
        )
    names = LayerNames(network)
    _check_ops(model, names)
    onnx_graph.name_after_layers(model, names)
    onnx_graph.pad_outputs(model)
    model = _optimised(model, folder)
    onnx_graph.drop_idle_reshapes(model)
    onnx_graph.flatten_channels_first(model)
    return model


def _open_functions(graph: Any) -> None:
    """Let functions of a GraphDef for XLA, such as Keras's convolutions in groups, be inlined like all others."""
    functions = graph.library.function
    for function in functions:
        if function.attr.pop("_XlaMustCompile", None) is not None:
            function.attr.pop("_noinline", None)
    for node in (*graph.node, *(node for function in functions for node in function.node_def)):
        node.attr.pop("_XlaMustCompile", None)


def _optimised(model: Any, folder: Path) -> Any:
    """The graph with constants folded and linear ops fused: onnxruntime's optimisations that keep standard ops."""
    import onnx
    import onnxruntime

    path, content = folder / "optimised.onnx", model.SerializeToString()
    # Where the disk is full this says so; onnxruntime, which writes there next, would not.
    path.write_bytes(content)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    optimised = onnx.load(path)
    for node in optimised.graph.node:
        # Fused nodes are called `<first>/MatMulAddFusion`; a slash ends the layer's name here.
        node.name = node.name.replace("/MatMulAddFusion", "_MatMulAddFusion")
    return optimised


def _at_precision(precision: str, plain: Any, folder: Path) -> Any:
    """The float graph at another precision that needs no calibration; `plain` stays as it is."""
    import onnx
    from onnxruntime.transformers import float16, onnx_model

    model = onnx.ModelProto()
    model.CopyFrom(plain)
    if precision == "fp16":
        kept = [*float16.DEFAULT_OP_BLOCK_LIST, *_NOT_IN_FLOAT16]
        model = float16.convert_float_to_float16(model, keep_io_types=True, op_block_list=kept)
        # It appends the casts that it needs at the ends.
        onnx_model.OnnxModel.graph_topological_sort(model.graph, is_deterministic=True)
        onnx_graph.sort_nodes(model)  # that one does not see what a loop's body reads
    return _dynamic(model, folder) if precision == "dynamic" else model


def _dynamic(model: Any, folder: Path) -> Any:
    import onnx
    from onnxruntime.quantization import QuantType, quant_utils, quantize_dynamic

    sizes = {tensor.name: math.prod(tensor.dims) for tensor in model.graph.initializer}
    computing = [node for node in model.graph.node if node.op_type in onnxfile.COMPUTE_OPS]
    small = [node.name for node in computing if sizes.get(node.input[1], SMALLEST_DYNAMIC) < SMALLEST_DYNAMIC]
    quant_utils.add_pre_process_metadata(model)
    # It splits a Gemm into two nodes before it looks.
    small += [f"{name}_MatMul" for name in small]
    path = folder / "dynamic.onnx"
    # With int8 weights onnxruntime is several times slower on x86, and no better.
    quantize_dynamic(model, path, per_channel=True, weight_type=QuantType.QUInt8, nodes_to_exclude=small)
    return _optimised(onnx.load(path), folder)


def _quantised(model: Any, images: NDArray[Any], float_layers: Sequence[str], folder: Path, *, by_error: bool) -> Any:
    """The graph in QDQ form: int8 weights with one scale per channel, uint8 activations.

    The ranges are the smallest and largest values that the calibration pictures [N, S, S, C] reach or, `by_error`,
    those with the least error; values that are concatenated share one range. Softmax computes in float, and the last
    dense layer gives it its int32 sums as floats: 255 steps for the logits would be the largest loss of all.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quant_utils, quantize_static, registry

    first = next((node for node in model.graph.node if node.op_type == "Conv"), None)
    ranges = onnx_ranges.overrides(model, images, by_error=by_error)
    as_given = {"quant_type": QuantType.QUInt8, "scale": np.array(1, np.float32), "zero_point": np.array(0, np.uint8)}
    if first is not None:
        ranges[first.input[0]] = [as_given]
    quant_utils.add_pre_process_metadata(model)
    path = folder / "quantised.onnx"
    kept = [node.name for node in model.graph.node if onnxfile.layer_of(node.name) in float_layers]
    quantize_static(
        model,
        path,
        _Reader(images),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=sorted({*registry.QDQRegistry, *registry.QLinearOpsRegistry} - {"Sigmoid", "Softmax"}),
        nodes_to_exclude=[*kept, *onnx_graph.around_roots(model)],
        extra_options={
            "TensorQuantOverrides": ranges,
            "OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"],
        },
    )
    model = onnx.load(path)
    onnx_graph.sort_nodes(model)
    onnx_graph.keep_float(model)
    return model


class _Reader:
    """Calibration pictures one by one, as onnxruntime asks for them.

    The first has a black and a white corner, so that the range of the input is 0..255.
    """

    def __init__(self, images: NDArray[Any]) -> None:
        self._images = iter(images)
        self._corners = True

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        image = next(self._images, None)
        if image is None:
            return None
        if self._corners:
            image = image.copy()
            image[0, 0], image[0, -1] = 0, 255
            self._corners = False
        return {tensors.INPUT_NAME: image[None]}


def _check_ops(model: Any, names: LayerNames) -> None:
    """tf2onnx leaves TensorFlow's ops that it does not know in the graph."""
    import onnx

    for node in onnxfile.nodes_of(model.graph):
        if not onnx.defs.has(node.op_type, OPSET, node.domain):
            layers = "".join(f" (layer {call.layer})" for call in names.calls(node.name))
            raise ConversionError(
                f"ONNX opset {OPSET} has no op for TensorFlow's {node.op_type}{layers}; replace it or use "
                "`format='tflite'`"
            )


def _float_ops(model: Any, names: LayerNames, float_layers: Sequence[str]) -> dict[str, int]:
    """Layers with weights that compute in float though nobody asked for it, and how many of their ops do."""
    found: dict[str, int] = {}
    for node in onnxfile.float_ops(model):
        # Nodes inside a loop keep TensorFlow's names.
        layer = onnxfile.layer_of(node.name) if not names.calls(node.name) else names.calls(node.name)[0].layer
        if layer not in float_layers:
            found[layer or node.op_type] = found.get(layer or node.op_type, 0) + 1
    return found


def _check(content: bytes, promised: tensors.Contract) -> None:
    """The file is sound, and its ends are what the contract says."""
    import onnx

    onnx.checker.check_model(content, full_check=True)
    summary = onnxfile.inspect(content)
    found = [(end.name, end.shape, end.dtype) for end in (*summary.inputs, *summary.outputs)]
    wanted = [*promised.inputs, *promised.outputs]
    if found != wanted:
        raise ConversionError(
            f"the ONNX graph has the tensors {found} instead of {wanted}; pass one label per output with `labels`"
        )


@contextlib.contextmanager
def _tools(variant: Variant) -> Iterator[Path]:
    """A folder for what the tools write, with their output suppressed and their errors reported in one line."""
    root = logging.getLogger()
    handlers, disabled = root.handlers[:], root.manager.disable
    try:
        with keras_backend.silenced(), tempfile.TemporaryDirectory(prefix="fer-export-") as folder:
            logging.disable(logging.CRITICAL)
            yield Path(folder)
    except FerExportError:
        raise
    except OSError as error:
        raise OutputError(
            f"cannot write temporary files in {tempfile.gettempdir()}: {error.strerror or error}; "
            "free some space there or set TMPDIR"
        ) from error
    except Exception as error:  # tf2onnx and onnxruntime raise nearly everything there is
        other = "use" if variant.precision == "none" else "try `precision='none'` or"
        raise ConversionError(
            f"tf2onnx and onnxruntime cannot convert this network to {variant.label}: {one_line(error)}; "
            f"{other} `format='tflite'`"
        ) from error
    finally:
        logging.disable(disabled)
        # `logging.info` and its like, which the tools call, add a handler to the root logger for good.
        root.handlers[:] = handlers
