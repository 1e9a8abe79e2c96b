"""The process behind runtimes.IsolatedRuntime: one exported file in one runtime, within bounds.

Protocol: every message is a JSON line with raw bytes behind it. Parent: {"opens", "library", "threads", "size",
"limits"} and the file. Worker: {"version", "kernels", "input_shape", "takes_frames", "labels"} or {"error"}.
Then every request is {"shape", "seconds"} with faces uint8 [N, S, S, C], for a frame file a picture [H, W, 3] and
{"box"} too, and every answer {} with float32 [N, K], or {"error"}. Seconds are of a core: the system ends the process
when they are spent. The end of stdin ends it too.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from ..contract import formats
from ..errors import FerExportError
from ..photo import Box, Frame
from ..system.process import memory_limit
from .protocol import Runtime


def main() -> None:
    """Load the file that comes on stdin, then answer until stdin ends."""
    # Whatever a library prints must not get between the answers.
    answers, requests = os.fdopen(os.dup(1), "wb"), sys.stdin.buffer
    os.dup2(2, 1)
    head = json.loads(requests.readline())
    content = requests.read(head["size"])
    kind, limits = formats.loaded(head["opens"]), head["limits"]
    importlib.import_module(head["library"])  # before the bounds count
    with memory_limit.at_most(int(limits["memory"])):
        try:
            with _computing(limits["load"] * head["threads"]):
                runtime = kind(content, head["threads"])
                loaded = _facts(runtime)
        except FerExportError as error:
            return _send(answers, {"error": str(error)})
        except (MemoryError, ValueError, RuntimeError, OverflowError) as error:
            return _send(answers, {"error": f"{kind.name} cannot run the file: {str(error)[:300] or 'out of memory'}"})
        _send(answers, loaded)
        for line in iter(requests.readline, b""):
            _send(answers, *_answered(runtime, json.loads(line), requests))
    return None


def _facts(runtime: Runtime) -> dict[str, Any]:
    labels = (
        runtime.run(np.zeros((0, *runtime.input_shape[1:]), np.uint8))
        if not runtime.takes_frames
        else (runtime.run_frames([]))
    )
    return {
        "version": runtime.version,
        "kernels": runtime.kernels,
        "input_shape": runtime.input_shape,
        "takes_frames": runtime.takes_frames,
        "labels": labels.shape[1],
    }


def _answered(runtime: Runtime, head: dict[str, Any], requests: BinaryIO) -> tuple[dict[str, Any], bytes]:
    shape = tuple(head["shape"])
    pictures = np.frombuffer(requests.read(math.prod(shape)), np.uint8).reshape(shape)
    try:
        with _computing(head["seconds"] * runtime.threads):
            frames = [Frame(pictures, Box(*head["box"]))] if "box" in head else None
            found = runtime.run_frames(frames) if frames else runtime.run(pictures)
    except FerExportError as error:
        return {"error": str(error)}, b""
    except (MemoryError, ValueError, RuntimeError) as error:
        return {"error": f"{runtime.name} cannot run the file: {str(error)[:300] or 'out of memory'}"}, b""
    return {}, found.astype(np.float32).tobytes()


@contextlib.contextmanager
def _computing(seconds: float) -> Iterator[None]:
    """Let the system end the process once it has computed so long from now; Unix only."""
    try:
        import resource
    except ImportError:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _send(stream: BinaryIO, document: dict[str, Any], content: bytes = b"") -> None:
    stream.write(json.dumps(document).encode() + b"\n" + content)
    stream.flush()
