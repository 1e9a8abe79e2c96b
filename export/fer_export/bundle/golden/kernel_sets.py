"""The kernel sets for which a bundle has expected answers, and how to run a file on each.

The same int8 file gives the same bytes wherever the same kernels compute it, and may differ by some steps elsewhere:
    the order of rounding differs.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

import numpy as np
from numpy.typing import NDArray

from ...dataset import as_input
from ...errors import ExportFileError, one_line
from ...runtimes import LiteRt, OnnxRuntime, Tensors
from ...system import keras_backend

Answers = NDArray[np.float32]


@dataclass(frozen=True)
class KernelSet:
    """A set of kernels that golden vectors are recorded on."""

    name: str
    """Its name in golden.json."""

    format: str
    """Format of the files that it runs."""

    package: str
    """The Python package that holds the kernels."""

    int8_tolerance: float | None
    """Largest difference of an int8 file's probability between processors (benchmarks/arm/arm_parity.py); None where
    its kernels round differently on other processors."""

    run: Callable[[bytes, NDArray[np.uint8]], Answers]
    """Answers of a file, float32 [N, K], to faces uint8 [N, S, S, 1]."""

    variation: Callable[[bytes, NDArray[np.uint8]], Answers] | None = None
    """The same kernels combined in another way; compared, not recorded."""

    @property
    def runtime(self) -> str:
        """`ai-edge-litert 2.3.0, x86_64`: the package that is installed here, and the processors it is made for."""
        return f"{self.package} {metadata.version(self.package)}, {platform.machine()}"


def of_format(file_format: str) -> tuple[KernelSet, ...]:
    """The kernel sets that run files of a format, the shipping one first."""
    return tuple(kernels for kernels in KERNEL_SETS if kernels.format == file_format)


def find(name: str) -> KernelSet | None:
    """The kernel set of that name."""
    return next((kernels for kernels in KERNEL_SETS if kernels.name == name), None)


def onnx_unfused(content: bytes, faces: NDArray[np.uint8]) -> Answers:
    """An ONNX file with every graph optimisation off: what a runtime without fused int8 kernels computes.

    Grey faces uint8 [N, S, S, 1] -> float32 [N, K].
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    images = as_input(faces, given.shape[-1])
    return np.concatenate([session.run(None, {given.name: face[None]})[0] for face in images])


def _xnnpack(content: bytes, faces: NDArray[np.uint8]) -> Answers:
    with LiteRt(content, workers=1) as runtime:
        return runtime.run(as_input(faces, runtime.input_shape[-1]))


def _builtin(content: bytes, faces: NDArray[np.uint8]) -> Answers:
    """LiteRT's own kernels, which compute the ops that no delegate takes."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    tensors = Tensors.of(content)
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        with keras_backend.silenced():
            interpreter = Interpreter(model_content=content, num_threads=1, experimental_op_resolver_type=resolver)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ExportFileError(f"LiteRT cannot run the file: {one_line(error)}") from error
    given, result = (ends[0]["index"] for ends in (interpreter.get_input_details(), interpreter.get_output_details()))
    stored = tensors.stored(len(faces))
    for i, face in enumerate(tensors.encode(as_input(faces, tensors.input_shape[-1]))):
        interpreter.set_tensor(given, face[None])
        interpreter.invoke()
        stored[i] = interpreter.get_tensor(result)[0]
    return tensors.decode(stored)


def _onnxruntime(content: bytes, faces: NDArray[np.uint8]) -> Answers:
    with OnnxRuntime(content) as runtime:
        return runtime.run(as_input(faces, runtime.input_shape[-1]))


KERNEL_SETS = (
    # Its logits are the same bytes everywhere, its averages being as convert/averages makes them; the int8 softmax
    # behind them is another kernel on arm64, a step off.
    KernelSet("litert-xnnpack", "tflite", "ai-edge-litert", 1 / 256, _xnnpack),
    KernelSet("litert-builtin", "tflite", "ai-edge-litert", None, _builtin),
    # Here the softmax behind them computes in float.
    KernelSet("onnxruntime", "onnx", "onnxruntime", 1e-6, _onnxruntime, onnx_unfused),
)
