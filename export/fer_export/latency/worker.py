"""The child process behind `fer-export bench`: one file in one runtime, alone, and a stopwatch.

Run as `python worker.py STOPWATCH RUNTIME FILE THREADS` by an interpreter that may be older than the package and have
nothing but numpy and that runtime: nothing else is imported, and Python 3.8 can read it. STOPWATCH is a class of this
file, or `module:Class` of a runtime of the package, which is then timed as it is.

Protocol: JSON lines. First {"version", "numpy", "python", "import_ns", "imported_bytes", "load_ns", "first_ns"}, for
Keras {"parameters"} too; with {"error", "stage"} where a stage, `import`, `load` or `run`, failed and the process
ends. Then the answers to what stdin asks:
{"time": n} gives {"ns": n latencies, "off_cpu": share of that time the process did not compute}; {"memory": true}
gives {"peak_bytes"}; {"kernels": true} gives {"library", "ops", "delegated"}. The end of stdin ends the process.

One inference is what an app does: set the inputs, run, read the outputs. A file that takes whole pictures with a box
gets one of FRAME with BOX in it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, BinaryIO

FRAME = (1, 480, 640, 3)
BOX = (230, 150, 410, 330)
"""A face in a camera's preview: left, top, right, bottom."""

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


class Tflite:
    """A .tflite file in LiteRT or tflite-runtime."""

    def __init__(self, runtime: str) -> None:
        if runtime == "litert":
            from ai_edge_litert.interpreter import Interpreter
        else:
            from tflite_runtime.interpreter import Interpreter
        self._runtime, self._interpreter_class = runtime, Interpreter

    def facts(self) -> dict[str, Any]:
        if self._runtime == "litert":
            from importlib import metadata

            return {"version": metadata.version("ai-edge-litert")}
        import tflite_runtime

        return {"version": tflite_runtime.__version__}

    def load(self, path: str, threads: int) -> None:
        self.interpreter = self._interpreter_class(model_path=path, num_threads=threads)
        self.interpreter.allocate_tensors()
        self._results = [detail["index"] for detail in self.interpreter.get_output_details()]

    def give(self, numpy: Any) -> None:
        details = self.interpreter.get_input_details()
        given = inputs(numpy, {d["index"]: (d["shape"], numpy.dtype(d["dtype"]).name) for d in details})
        for detail in details:
            shape = given[detail["index"]].shape
            if shape != tuple(detail["shape"]):
                self.interpreter.resize_tensor_input(detail["index"], shape)
                self.interpreter.allocate_tensors()
        self._given = list(given.items())

    def infer(self) -> None:
        for index, value in self._given:
            self.interpreter.set_tensor(index, value)
        self.interpreter.invoke()
        for index in self._results:
            self.interpreter.get_tensor(index)

    def kernels(self) -> dict[str, Any]:
        """Ops that the runtime's own kernels compute, by name, and how many a delegate took over."""
        ops = self.interpreter._get_ops_details()
        nodes = [op for op in ops if op["op_name"] != "DELEGATE"]
        producer = {int(tensor): op["index"] for op in nodes for tensor in op["outputs"]}
        sources = {op["index"]: op["inputs"] for op in nodes}
        taken = set()
        for delegate in (op for op in ops if op["op_name"] == "DELEGATE"):
            # The list still holds the ops that a delegate replaced: they lie between its outputs and its inputs.
            fed, tensors = set(map(int, delegate["inputs"])), list(map(int, delegate["outputs"]))
            while tensors:
                tensor = tensors.pop()
                if tensor not in fed and tensor in producer and producer[tensor] not in taken:
                    taken.add(producer[tensor])
                    tensors.extend(map(int, sources[producer[tensor]]))
        own = count(op["op_name"] for op in nodes if op["index"] not in taken)
        return {"library": "built-in kernels", "ops": own, "delegated": len(taken)}


class OnnxRuntime:
    """An .onnx file in onnxruntime on the processor."""

    TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16"}

    def __init__(self, runtime: str) -> None:
        # As in system/telemetry, for a worker that something else started: onnxruntime reads it at its import.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        self._onnxruntime = onnxruntime

    def facts(self) -> dict[str, Any]:
        return {"version": self._onnxruntime.__version__}

    def load(self, path: str, threads: int) -> None:
        self._path, self._threads = path, threads
        self._session = self._open()

    def _open(self, profile: str = "") -> Any:
        options = self._onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self._threads, 1
        options.log_severity_level = 3
        if profile:
            options.enable_profiling, options.profile_file_prefix = True, profile
        return self._onnxruntime.InferenceSession(self._path, options, providers=["CPUExecutionProvider"])

    def give(self, numpy: Any) -> None:
        ends = {
            end.name: (end.shape, self.TYPES.get(end.type, end.type[len("tensor(") : -1]))
            for end in self._session.get_inputs()
        }
        self._given = inputs(numpy, ends)

    def infer(self) -> None:
        self._session.run(None, self._given)

    def kernels(self) -> dict[str, Any]:
        """The ops that ran, by name, after onnxruntime fused them: from a profile of a session of its own."""
        with tempfile.TemporaryDirectory() as folder:
            session = self._open(os.path.join(folder, "profile"))
            session.run(None, self._given)
            with open(session.end_profiling()) as file:
                events = json.load(file)
        ran = (e["args"]["op_name"] for e in events if e.get("cat") == "Node" and e["name"].endswith("_kernel_time"))
        return {"library": ", ".join(self._session.get_providers()), "ops": count(ran), "delegated": 0}


class OpenVino:
    """An .onnx or .tflite file in OpenVINO on the processor, floats in float32."""

    def __init__(self, runtime: str) -> None:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # what it counts stays here
        import openvino

        self._openvino = openvino

    def facts(self) -> dict[str, Any]:
        return {"version": self._openvino.__version__.split("-")[0]}

    def load(self, path: str, threads: int) -> None:
        # Without the first hint it computes in bfloat16 where the processor can.
        settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
        core = self._openvino.Core()
        self._model = core.compile_model(path, "CPU", {**settings, "INFERENCE_NUM_THREADS": threads})
        self._request = self._model.create_infer_request()

    def give(self, numpy: Any) -> None:
        ends: dict[Any, tuple[Sequence[Any], str]] = {
            number: (
                [size.get_length() if size.is_static else -1 for size in end.partial_shape],
                numpy.dtype(end.element_type.to_dtype()).name,
            )
            for number, end in enumerate(self._model.inputs)
        }
        self._given = inputs(numpy, ends)

    def infer(self) -> None:
        self._request.infer(self._given)
        self._request.get_output_tensor(0).data.copy()

    def kernels(self) -> dict[str, Any]:
        """The ops of the compiled graph, by name, after OpenVINO fused them."""
        nodes = [node.get_rt_info() for node in self._model.get_runtime_model().get_ops()]
        names = (str(info["layerType"].astype(str)) for info in nodes if "layerType" in info)
        own = count(name for name in names if name not in ("Input", "Output", "Const", "Constant"))
        return {"library": "CPU, f32", "ops": own, "delegated": 0}


class Keras:
    """A .keras file, called as a tf.function."""

    def __init__(self, runtime: str) -> None:
        os.environ["KERAS_BACKEND"] = "tensorflow"
        import keras
        import tensorflow

        self._keras, self._tensorflow = keras, tensorflow

    def facts(self) -> dict[str, Any]:
        model = getattr(self, "_model", None)
        return {"version": self._keras.__version__, "parameters": model and model.count_params()}

    def load(self, path: str, threads: int) -> None:
        self._tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        self._tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        self._model = self._keras.models.load_model(path, compile=False, safe_mode=True)
        self._call = self._tensorflow.function(lambda inputs: self._model(inputs, training=False))

    def give(self, numpy: Any) -> None:
        self._given = [picture(numpy, tensor.shape, tensor.dtype) for tensor in self._model.inputs]

    def infer(self) -> None:
        inputs = [self._tensorflow.constant(value) for value in self._given]
        for tensor in self._tensorflow.nest.flatten(self._call(inputs[0] if len(inputs) == 1 else inputs)):
            tensor.numpy()

    def kernels(self) -> dict[str, Any]:
        return {"library": f"TensorFlow {self._tensorflow.__version__}", "ops": {}, "delegated": 0}


class Packaged:
    """A runtime of the package, timed from the outside: `opens` is its `module:Class`."""

    def __init__(self, opens: str) -> None:
        module, _, name = opens.partition(":")
        self._class = getattr(importlib.import_module(module), name)

    def facts(self) -> dict[str, Any]:
        opened = getattr(self, "_runtime", None)
        return {"version": opened.version if opened else "unknown"}

    def load(self, path: str, threads: int) -> None:
        with open(path, "rb") as file:
            self._runtime = self._class(file.read(), threads)

    def give(self, numpy: Any) -> None:
        self._given = picture(numpy, self._runtime.input_shape, "uint8")

    def infer(self) -> None:
        self._runtime.run(self._given)

    def kernels(self) -> dict[str, Any]:
        return {"library": self._runtime.kernels, "ops": {}, "delegated": 0}


STOPWATCHES: dict[str, Callable[[str], Any]] = {
    "Tflite": Tflite,
    "OnnxRuntime": OnnxRuntime,
    "OpenVino": OpenVino,
    "Keras": Keras,
}


def end_with_parent() -> None:
    """Let Linux end this process with the one that started it: a file may compute without end."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(stopwatch: str, runtime: str, path: str, threads: int) -> None:
    """Load the file, then answer until stdin ends."""
    # Ctrl-C reaches the whole group; the parent decides what ends. What a library prints goes to stderr.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    stage = "import"
    found: dict[str, Any] = {}
    try:
        started = time.perf_counter_ns()
        import numpy

        file = STOPWATCHES[stopwatch](runtime) if stopwatch in STOPWATCHES else Packaged(stopwatch)
        found["import_ns"] = time.perf_counter_ns() - started
        found["imported_bytes"] = peak_bytes()
        stage, started = "load", time.perf_counter_ns()
        file.load(path, threads)
        found["load_ns"] = time.perf_counter_ns() - started
        file.give(numpy)
        stage, started = "run", time.perf_counter_ns()
        file.infer()
        found["first_ns"] = time.perf_counter_ns() - started
    except Exception as error:
        found.update(error=str(error) or type(error).__name__, stage=stage)
    if stage != "import":
        found.update(file.facts(), numpy=numpy.__version__, python=platform.python_version())
    answer(answers, found)
    if "error" in found:
        return
    gc.collect()
    gc.disable()
    for line in iter(sys.stdin.buffer.readline, b""):
        request = json.loads(line)
        if "time" in request:
            answer(answers, timed(file.infer, request["time"]))
        else:
            answer(answers, {"peak_bytes": peak_bytes()} if "memory" in request else file.kernels())


def timed(infer: Callable[[], None], inferences: int) -> dict[str, Any]:
    """Latencies in ns, after one inference that does not count: other processes have used the caches."""
    infer()
    latencies: list[int] = []
    wall, computed = time.perf_counter_ns(), time.process_time_ns()
    for _ in range(inferences):
        started = time.perf_counter_ns()
        infer()
        latencies.append(time.perf_counter_ns() - started)
    computed, wall = time.process_time_ns() - computed, time.perf_counter_ns() - wall
    return {"ns": latencies, "off_cpu": max(0.0, 1 - computed / max(wall, 1))}


def peak_bytes() -> int:
    """Peak resident memory of this process."""
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        # Linux hands ru_maxrss of the parent down to the child; VmHWM starts at zero.
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def inputs(numpy: Any, ends: dict[Any, tuple[Sequence[Any], str]]) -> dict[Any, Any]:
    """A tensor for each input, by its shape and type: a frame and its box, or random bytes."""
    if ([4], "int32") not in [(list(shape), dtype) for shape, dtype in ends.values()]:
        return {name: picture(numpy, shape, dtype) for name, (shape, dtype) in ends.items()}
    return {
        name: picture(numpy, FRAME, dtype) if len(shape) == len(FRAME) else numpy.array(BOX, dtype)
        for name, (shape, dtype) in ends.items()
    }


def picture(numpy: Any, shape: Sequence[Any], dtype: str) -> Any:
    """Random bytes as a tensor of that shape and type (floats 0..255); a size that is free is 1."""
    sizes = [max(1, int(size)) if isinstance(size, (int, numpy.integer)) else 1 for size in shape]
    stored = numpy.random.RandomState(0).randint(0, 256, sizes).astype("uint8")
    return stored.view("int8") if dtype == "int8" else stored.astype(dtype)


def count(names: Iterable[str]) -> dict[str, int]:
    """How often each name occurs."""
    occurs: dict[str, int] = {}
    for name in sorted(names):
        occurs[name] = occurs.get(name, 0) + 1
    return occurs


def answer(stream: BinaryIO, document: dict[str, Any]) -> None:
    """Send one JSON line."""
    stream.write(json.dumps(document).encode() + b"\n")
    stream.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
