"""The child process behind runtimes.TfliteRuntime: tflite-runtime, alone.

Run as `python tflite_worker.py MODEL.tflite THREADS` by an interpreter that may be older than the package and
have nothing but numpy and tflite_runtime: nothing else is imported, and Python 3.8 can read it.

Protocol: first a JSON line {"version"}, or {"error", "numpy"} ({"error"} alone if an import failed). Then every
request on stdin is a JSON line {"shape", "dtype"} with the raw inputs [N, ...] behind it, and every answer a
JSON line {"shape", "dtype"} with the raw outputs [N, ...], or {"error"}. The end of stdin ends the process.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, BinaryIO, Dict  # noqa: UP035 - read by Python 3.8


def main(path: str, threads: int) -> None:
    """Load the model, then answer until stdin ends."""
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        import numpy
        import tflite_runtime
        from tflite_runtime.interpreter import Interpreter
    except ImportError as error:
        return answer(answers, {"error": str(error)})
    try:
        interpreter = Interpreter(model_path=path, num_threads=threads)
        interpreter.allocate_tensors()
    except Exception as error:
        return answer(answers, {"error": str(error), "numpy": numpy.__version__})
    answer(answers, {"version": tflite_runtime.__version__})
    requests = sys.stdin.buffer
    for line in iter(requests.readline, b""):
        head = json.loads(line)
        dtype = numpy.dtype(head["dtype"])
        size = dtype.itemsize
        for length in head["shape"]:
            size *= length
        inputs = numpy.frombuffer(requests.read(size), dtype).reshape(head["shape"])
        try:
            outputs = infer(interpreter, inputs, numpy)
        except Exception as error:
            answer(answers, {"error": str(error)})
        else:
            answer(answers, {"shape": outputs.shape, "dtype": outputs.dtype.name}, outputs.tobytes())


def infer(interpreter: Any, inputs: Any, numpy: Any) -> Any:
    """Outputs of the model for inputs [N, ...], one after the other."""
    given = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]
    outputs = []
    for one in inputs:
        interpreter.set_tensor(given, one[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(result)[0])
    return numpy.stack(outputs)


def answer(stream: BinaryIO, document: Dict[str, Any], content: bytes = b"") -> None:  # noqa: UP006
    """Send one JSON line and what belongs to it."""
    stream.write(json.dumps(document).encode() + b"\n" + content)
    stream.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
