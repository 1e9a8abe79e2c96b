"""The child process behind runtimes.TfliteRuntime: tflite-runtime, alone.

Run as `python tflite_worker.py THREADS` by an interpreter that may be older than the package and have nothing but
numpy and tflite_runtime: nothing else is imported, and Python 3.8 can read it.

Protocol: every message is a JSON line, with raw bytes behind it where it has a "size" or a "shape" and "dtype".
Worker: {"version", "numpy"}, or {"error"} where an import failed. Parent: {"size"} and a .tflite file.
Worker: {"ops": [[name, inputs, outputs], ..], "output": tensor}, or {"error"}. Then every request is {"shape",
"dtype"} with inputs [N, ...], for a frame file with N = 1 and {"box"} too, and every answer the same with outputs
[N, ...], or {"error"}. The end of stdin ends the process.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, BinaryIO, Dict  # noqa: UP035 - read by Python 3.8


def main(threads: int) -> None:
    """Load the model that comes on stdin, then answer until stdin ends."""
    # Output of libraries must not mix with the answers.
    answers, requests = os.fdopen(os.dup(1), "wb"), sys.stdin.buffer
    os.dup2(2, 1)
    try:
        import numpy
        import tflite_runtime
        from tflite_runtime.interpreter import Interpreter
    except Exception as error:  # built for another numpy, it fails in many ways
        return answer(answers, {"error": str(error)})
    answer(answers, {"version": tflite_runtime.__version__, "numpy": numpy.__version__})
    head = requests.readline()
    if not head:
        return None
    try:
        content = requests.read(json.loads(head)["size"])
        interpreter = Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
    except Exception as error:
        return answer(answers, {"error": str(error)})
    answer(answers, {"ops": nodes(interpreter), "output": index(interpreter.get_output_details())})
    for line in iter(requests.readline, b""):
        head = json.loads(line)
        dtype = numpy.dtype(head["dtype"])
        size = dtype.itemsize
        for length in head["shape"]:
            size *= length
        inputs = numpy.frombuffer(requests.read(size), dtype).reshape(head["shape"])
        try:
            outputs = infer(interpreter, inputs, head.get("box"), numpy)
        except Exception as error:
            answer(answers, {"error": str(error)})
        else:
            answer(answers, {"shape": outputs.shape, "dtype": outputs.dtype.name}, outputs.tobytes())
    return None


def infer(interpreter: Any, inputs: Any, box: Any, numpy: Any) -> Any:
    """Outputs of the model for inputs [N, ...], one after the other.

    box: the second input of a frame file.
    """
    details = sorted(interpreter.get_input_details(), key=lambda detail: -len(detail["shape"]))
    given, result = index(details), index(interpreter.get_output_details())
    if box is not None:
        if tuple(details[0]["shape"]) != inputs.shape:
            interpreter.resize_tensor_input(given, inputs.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(details[1]["index"], numpy.array(box, numpy.int32))
    outputs = []
    for one in inputs:
        interpreter.set_tensor(given, one[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(result)[0])
    return numpy.stack(outputs)


def nodes(interpreter: Any) -> Any:
    """Name, inputs and outputs of every node, those of delegates last."""
    return [
        [node["op_name"], [int(i) for i in node["inputs"]], [int(i) for i in node["outputs"]]]
        for node in interpreter._get_ops_details()
    ]


def index(details: Any) -> int:
    """Number of the first tensor."""
    return int(details[0]["index"])


def answer(stream: BinaryIO, document: Dict[str, Any], content: bytes = b"") -> None:  # noqa: UP006
    """Send one JSON line and what belongs to it."""
    stream.write(json.dumps(document).encode() + b"\n" + content)
    stream.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
