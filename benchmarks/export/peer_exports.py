"""What a user would write instead of fer-export: each tool's own few lines, with its own defaults.

Every function takes a Keras network and calibration faces as it was trained on them (float32 [N, S, S, C]) and
writes one file. Those that quantise a file make that file too: the way from Keras to the file is what is timed.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Faces = NDArray[np.float32]
Write = Callable[[Any, Faces, Path], None]


@dataclass(frozen=True)
class Peer:
    """A tool's way to a file."""

    tool: str
    """Its name."""

    format: str
    """Of the file."""

    kind: str
    """The fer-export precision that it stands beside."""

    write: Write
    """The way."""


def keras_litert(network: Any, faces: Faces, path: Path) -> None:
    network.export(str(path), format="litert", verbose=False)


def keras_onnx(network: Any, faces: Faces, path: Path) -> None:
    network.export(str(path), format="onnx", verbose=False)


def converter_float(network: Any, faces: Faces, path: Path) -> None:
    path.write_bytes(_converter(network).convert())


def converter_fp16(network: Any, faces: Faces, path: Path) -> None:
    import tensorflow as tf

    converter = _converter(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    path.write_bytes(converter.convert())


def converter_dynamic(network: Any, faces: Faces, path: Path) -> None:
    import tensorflow as tf

    converter = _converter(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    path.write_bytes(converter.convert())


def converter_int8(network: Any, faces: Faces, path: Path) -> None:
    """Full integer, as the post-training guide and most tutorials have it: uint8 in and out."""
    import tensorflow as tf

    converter = _converter(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([face[None]] for face in faces)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    path.write_bytes(converter.convert())


def converter_int16x8(network: Any, faces: Faces, path: Path) -> None:
    import tensorflow as tf

    converter = _converter(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([face[None]] for face in faces)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
    path.write_bytes(converter.convert())


def quantizer_dynamic(network: Any, faces: Faces, path: Path) -> None:
    from ai_edge_quantizer import quantizer, recipe

    with _float_file(keras_litert, network, faces, ".tflite") as plain:
        tool = quantizer.Quantizer(plain)
        tool.load_quantization_recipe(recipe.dynamic_wi8_afp32())
        tool.quantize().export_model(str(path))


def quantizer_int8(network: Any, faces: Faces, path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe

    with _float_file(keras_litert, network, faces, ".tflite") as plain:
        [(signature, tensors)] = Interpreter(plain).get_signature_list().items()
        [given] = tensors["inputs"]
        tool = quantizer.Quantizer(plain)
        tool.load_quantization_recipe(recipe.static_wi8_ai8())
        ranges = tool.calibrate({signature: [{given: face[None]} for face in faces]})
        tool.quantize(ranges).export_model(str(path))


def tf2onnx_float(network: Any, faces: Faces, path: Path) -> None:
    import tf2onnx

    tf2onnx.convert.from_keras(network, output_path=str(path))


def onnxruntime_fp16(network: Any, faces: Faces, path: Path) -> None:
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with _float_file(tf2onnx_float, network, faces, ".onnx") as plain:
        onnx.save(convert_float_to_float16(onnx.load(plain)), path)


def onnxruntime_dynamic(network: Any, faces: Faces, path: Path) -> None:
    from onnxruntime.quantization import quantize_dynamic

    with _preprocessed(network, faces) as plain:
        quantize_dynamic(plain, path)


def onnxruntime_int8(network: Any, faces: Faces, path: Path) -> None:
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self, name: str) -> None:
            self._left = ({name: face[None]} for face in faces)

        def get_next(self) -> dict[str, Faces] | None:
            return next(self._left, None)

    with _preprocessed(network, faces) as plain:
        [given] = onnxruntime.InferenceSession(plain).get_inputs()
        quantize_static(plain, path, Reader(given.name))


def _converter(network: Any) -> Any:
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_keras_model(network)


@contextlib.contextmanager
def _float_file(write: Write, network: Any, faces: Faces, suffix: str) -> Iterator[str]:
    """The path of the float file that a quantiser starts from, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "float").with_suffix(suffix)
        write(network, faces, path)
        yield str(path)


@contextlib.contextmanager
def _preprocessed(network: Any, faces: Faces) -> Iterator[str]:
    """The same for onnxruntime's quantisers, after the preprocessing that its guide asks for."""
    from onnxruntime.quantization import quant_pre_process

    with _float_file(tf2onnx_float, network, faces, ".onnx") as plain:
        prepared = plain.replace(".onnx", "-prepared.onnx")
        quant_pre_process(plain, prepared)
        yield prepared


PEERS = (
    Peer("keras.Model.export", "tflite", "none", keras_litert),
    Peer("TFLiteConverter", "tflite", "none", converter_float),
    Peer("keras.Model.export", "onnx", "none", keras_onnx),
    Peer("tf2onnx", "onnx", "none", tf2onnx_float),
    Peer("TFLiteConverter", "tflite", "fp16", converter_fp16),
    Peer("onnxruntime", "onnx", "fp16", onnxruntime_fp16),
    Peer("TFLiteConverter", "tflite", "dynamic", converter_dynamic),
    Peer("ai-edge-quantizer", "tflite", "dynamic", quantizer_dynamic),
    Peer("onnxruntime", "onnx", "dynamic", onnxruntime_dynamic),
    Peer("TFLiteConverter", "tflite", "int8", converter_int8),
    Peer("ai-edge-quantizer", "tflite", "int8", quantizer_int8),
    Peer("onnxruntime", "onnx", "int8", onnxruntime_int8),
    Peer("TFLiteConverter", "tflite", "int16x8", converter_int16x8),
)
