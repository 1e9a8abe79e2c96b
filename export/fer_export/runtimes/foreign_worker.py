"""The child process behind runtimes.foreign: one library in an environment of its own.

Run as `python foreign_worker.py LIBRARY THREADS` by an interpreter that may be older than the package and have nothing
but numpy and that library: nothing else is imported, and Python 3.8 can read it.

Protocol: every message is a JSON line, with raw bytes behind it where it has a "size" or a "shape" and "dtype".
Worker: {"version", "numpy"}, or {"error"} where an import failed. Parent: {"size", "suffix", "memory", "seconds"} and
the file. Worker: what the library says of it, or {"error"}. Then every request is {"shape", "dtype", "seconds"} with
inputs [N, ...], for a frame file with N = 1 and {"box"} too, and every answer {"shape", "dtype"} with outputs [N, ...],
or {"error"}. Seconds are of a core for each thread: the system ends the process when they are spent. Memory is what the
file may take beside the library. The end of stdin ends the process.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from typing import Any, BinaryIO, Callable, Dict  # noqa: UP035 - read by Python 3.8


class TfliteRuntime:
    """A .tflite file in tflite-runtime."""

    def __init__(self, numpy: Any) -> None:
        import tflite_runtime
        from tflite_runtime.interpreter import Interpreter

        self.version = tflite_runtime.__version__
        self._make, self._numpy = Interpreter, numpy

    def load(self, content: bytes, suffix: str, threads: int) -> Dict[str, Any]:  # noqa: UP006
        """Opens the file; gives name, inputs and outputs of every node, those of delegates last, and the output."""
        self._interpreter = self._make(model_content=content, num_threads=threads)
        self._interpreter.allocate_tensors()
        nodes = [
            [node["op_name"], [int(i) for i in node["inputs"]], [int(i) for i in node["outputs"]]]
            for node in self._interpreter._get_ops_details()
        ]
        # The image, of four dimensions, before the box.
        self._inputs = sorted(self._interpreter.get_input_details(), key=lambda detail: -len(detail["shape"]))
        self._shape = self._inputs[0]["shape"]
        self._output = int(self._interpreter.get_output_details()[0]["index"])
        return {"ops": nodes, "output": self._output}

    def infer(self, inputs: Any, box: Any) -> Any:
        """Inputs [N, ...] -> outputs [N, ...], one after the other."""
        interpreter, given = self._interpreter, self._inputs[0]["index"]
        if box is not None:
            if tuple(self._shape) != inputs.shape:
                interpreter.resize_tensor_input(given, inputs.shape)
                interpreter.allocate_tensors()
                self._shape = inputs.shape
            interpreter.set_tensor(self._inputs[1]["index"], self._numpy.array(box, self._numpy.int32))
        outputs = []
        for one in inputs:
            interpreter.set_tensor(given, one[None])
            interpreter.invoke()
            outputs.append(interpreter.get_tensor(self._output)[0])
        return self._numpy.stack(outputs)


class TfliteMicro:
    """A .tflite file in TensorFlow Lite for Microcontrollers; one thread."""

    def __init__(self, numpy: Any) -> None:
        from importlib import metadata

        from tflite_micro import runtime

        self.version = metadata.version("tflite-micro")
        self._make, self._numpy = runtime.Interpreter.from_bytes, numpy

    def load(self, content: bytes, suffix: str, threads: int) -> Dict[str, Any]:  # noqa: UP006
        """Opens the file; gives the bytes of the smallest arena that holds its tensors."""
        largest = 10 * len(content) + (1 << 20)
        self._interpreter = self._make(content, arena_size=largest)
        # An arena that does not hold even the interpreter's own tables makes it crash.
        least, enough = 1 << 10, largest
        while enough - least > 16:
            middle = (least + enough) // 32 * 16
            try:
                self._make(content, arena_size=middle)
            except RuntimeError:  # too small: in the largest it has just opened
                least = middle
            else:
                enough = middle
        return {"arena_bytes": enough}

    def infer(self, inputs: Any, box: Any) -> Any:
        """Inputs [N, ...] -> outputs [N, ...], one after the other."""
        outputs = []
        for one in inputs:
            self._interpreter.set_input(one[None], 0)
            self._interpreter.invoke()
            outputs.append(self._interpreter.get_output(0)[0])
        return self._numpy.stack(outputs)


class OpenVino:
    """An .onnx or .tflite file in OpenVINO on the processor, floats in float32."""

    def __init__(self, numpy: Any) -> None:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # what it counts stays here
        import openvino

        self.version = openvino.__version__.split("-")[0]
        self._openvino, self._numpy = openvino, numpy

    def load(self, content: bytes, suffix: str, threads: int) -> Dict[str, Any]:  # noqa: UP006
        """Compiles the file; gives its inputs and its output."""
        core = self._openvino.Core()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model" + suffix)
            with open(path, "wb") as file:
                file.write(content)
            model = core.read_model(path)
            # Without the first hint it computes in bfloat16 where the processor can.
            settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
            compiled = core.compile_model(model, "CPU", {**settings, "INFERENCE_NUM_THREADS": threads})
        self._request = compiled.create_infer_request()
        ends = [self._end(end) for end in compiled.inputs]
        # The image, of four dimensions, before the box.
        self._order = sorted(range(len(ends)), key=lambda i: -len(ends[i]["shape"]))
        return {"inputs": [ends[i] for i in self._order], "outputs": [self._end(end) for end in compiled.outputs]}

    def _end(self, end: Any) -> Dict[str, Any]:  # noqa: UP006
        shape = [size.get_length() if size.is_static else -1 for size in end.partial_shape]
        return {"shape": shape, "dtype": self._numpy.dtype(end.element_type.to_dtype()).name}

    def infer(self, inputs: Any, box: Any) -> Any:
        """Inputs [N, ...] -> outputs [N, ...], one after the other."""
        outputs = []
        for one in inputs:
            given = {self._order[0]: one[None]}
            if box is not None:
                given[self._order[1]] = self._numpy.array(box, self._numpy.int32)
            self._request.infer(given)
            outputs.append(self._request.get_output_tensor(0).data[0].copy())
        return self._numpy.stack(outputs)


LIBRARIES: Dict[str, Callable[[Any], Any]] = {  # noqa: UP006
    "tflite_runtime": TfliteRuntime,
    "tflite_micro": TfliteMicro,
    "openvino": OpenVino,
}


def main(library: str, threads: int) -> None:
    """Load the file that comes on stdin, then answer until stdin ends."""
    # Output of libraries must not mix with the answers.
    answers, requests = os.fdopen(os.dup(1), "wb"), sys.stdin.buffer
    os.dup2(2, 1)
    try:
        import numpy

        opened = LIBRARIES[library](numpy)
    except Exception as error:  # built for another numpy, it fails in many ways
        return answer(answers, {"error": str(error) or type(error).__name__})
    answer(answers, {"version": opened.version, "numpy": numpy.__version__})
    line = requests.readline()
    if not line:
        return None
    head = json.loads(line)
    try:
        content = requests.read(head["size"])
        bound_memory(head["memory"])
        bound_time(head["seconds"] * threads)
        found = opened.load(content, head["suffix"], threads)
    except Exception as error:
        return answer(answers, {"error": str(error) or type(error).__name__})
    answer(answers, found)
    for line in iter(requests.readline, b""):
        head = json.loads(line)
        dtype = numpy.dtype(head["dtype"])
        size = dtype.itemsize
        for length in head["shape"]:
            size *= length
        inputs = numpy.frombuffer(requests.read(size), dtype).reshape(head["shape"])
        try:
            bound_time(head["seconds"] * threads)
            outputs = opened.infer(inputs, head.get("box"))
        except Exception as error:
            answer(answers, {"error": str(error) or type(error).__name__})
        else:
            answer(answers, {"shape": outputs.shape, "dtype": outputs.dtype.name}, outputs.tobytes())
    return None


def bound_memory(more: int) -> None:
    """Let the process allocate that many bytes beside what it holds; Linux only."""
    try:
        import resource

        with open("/proc/self/status") as status:
            held = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmData:"))
    except (ImportError, OSError, StopIteration):
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [limit for limit in (soft, hard, held + more) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))


def bound_time(seconds: float) -> None:
    """Let the system end the process once it has computed so long from now; Unix only."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    until = math.ceil(time.process_time() + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (until if hard < 0 else min(until, hard), hard))


def answer(stream: BinaryIO, document: Dict[str, Any], content: bytes = b"") -> None:  # noqa: UP006
    """Send one JSON line and what belongs to it."""
    stream.write(json.dumps(document).encode() + b"\n" + content)
    stream.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
