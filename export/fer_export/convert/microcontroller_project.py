"""What a microcontroller's program needs beside the C array: header, labels, golden faces, a main that replays them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration import probe_cache, probe_faces
from ..checkpoint import Checkpoint
from ..contract import KernelGate, find
from ..dataset import as_input
from ..model_file import GraphSummary, microcontroller
from ..runtimes.tflite_micro import TfliteMicro
from .protocol import Companions

GOLDEN = 4
"""Faces that main.cc replays."""

_SPELLED = {
    "BATCH_MATMUL": "BatchMatMul",
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}
"""Methods of MicroMutableOpResolver that are not the op's words with capitals."""

_CTYPES = {"uint8": ("uint8_t", "uint8"), "int8": ("int8_t", "int8"), "float32": ("float", "f")}
"""By element type: C's name, and the member of TfLiteTensor.data."""


def companions(content: bytes, stem: str, checkpoint: Checkpoint) -> Companions:
    """Header, labels, golden faces and main of a C array, with the arena that tflite-micro needs for it.

    content: the C array.
    stem: its file name without suffix.
    checkpoint: the network, whose probe faces are the golden ones; no face of a data set is written.
    """
    graph, info, model = (
        microcontroller.inspect(content),
        microcontroller.read(content),
        microcontroller.model_of(content),
    )
    gate = find(graph.format, str((info.contract or {})["precision"])).kernel_gate or KernelGate(1.0, 0.0)
    with TfliteMicro(content) as runtime:
        faces, answers = _golden(checkpoint, runtime, gate)
        arena, version = runtime.arena_bytes, runtime.version
    facts = {
        "flash_bytes": len(model),
        "arena_bytes": arena,
        "macs": graph.macs,
        "ops": resolver_ops(graph),
        "golden_faces": len(faces),
        "tflite_micro": version,
    }
    image, result = graph.inputs[0], graph.outputs[0]
    settings: dict[str, Any] = {
        **facts,
        "stem": stem,
        "symbol": microcontroller.symbol_of(content),
        "labels": [_literal(label) for label in info.labels],
        "input": image,
        "input_type": _CTYPES[image.dtype],
        "output_type": _CTYPES[result.dtype],
        "scale": f"{result.scale:.9g}f" if result.dtype != "float32" and result.scale else "",
        "zero_point": result.zero_point,
        "tolerance": f"{gate.max_difference:g}f",
        "faces": [_numbers(face.ravel().tolist()) for face in faces],
        "answers": [", ".join(f"{value:.6f}f" for value in answer) for answer in answers],
    }
    return Companions(
        {
            f"{stem}.h": _rendered("header.h.jinja", settings),
            f"{stem}-golden.h": _rendered("golden.h.jinja", settings),
            f"{stem}-main.cc": _rendered("main.cc.jinja", settings),
            f"{stem}-labels.txt": "".join(f"{label}\n" for label in info.labels).encode(),
        },
        facts,
        _lines(facts, stem),
    )


def resolver_ops(graph: GraphSummary) -> list[str]:
    """The methods of MicroMutableOpResolver that register the ops of a file: `AddConv2D`, ..., without twins."""
    names = sorted({op.name for op in graph.ops})
    return [f"Add{_SPELLED.get(name) or ''.join(map(_capital, name.split('_')))}" for name in names]


def _capital(word: str) -> str:
    """`CONV` -> `Conv`, `2D` -> `2D`, `RELU6` -> `Relu6`."""
    return word if word[0].isdigit() else word.capitalize()


def _golden(
    checkpoint: Checkpoint, runtime: TfliteMicro, gate: KernelGate
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Faces [N, S, S, C] whose first emotion is clear of the second, of as many emotions as there are, and answers."""
    possible = probe_faces.possible(checkpoint)
    images = probe_cache.probe_faces(checkpoint).verify if possible else probe_faces.noise(checkpoint)
    images = as_input(images, runtime.input_shape[-1])
    answers = runtime.run(images)
    second, first = np.sort(answers, axis=1)[:, -2:].T
    # Kernels that differ by the tolerance must not change the order.
    clear = [int(i) for i in np.argsort(second - first) if first[i] - second[i] > 2 * gate.max_difference]
    found, seen = list[int](), set[int]()
    for i in clear or [int(np.argmax(first - second))]:
        if (emotion := int(answers[i].argmax())) not in seen or len(clear) <= GOLDEN:
            found.append(i)
            seen.add(emotion)
    return images[found[:GOLDEN]], answers[found[:GOLDEN]]


def _lines(facts: Mapping[str, Any], stem: str) -> tuple[str, ...]:
    megamacs = f"{facts['macs'] / 1e6:.1f} million multiply-adds a face" if facts["macs"] else "unknown multiply-adds"
    return (
        f"flash {facts['flash_bytes'] / 1e3:.0f} kB for the array (the kernels come on top), RAM "
        f"{facts['arena_bytes'] / 1e3:.0f} kB for the arena (measured in tflite-micro {facts['tflite_micro']} on 64 "
        "bits, whose pointers are twice a chip's), " + megamacs,
        f"ops for MicroMutableOpResolver<{len(facts['ops'])}>: {', '.join(facts['ops'])}",
        f"{stem}-main.cc replays {facts['golden_faces']} golden faces and prints OK",
    )


def _numbers(values: list[int]) -> str:
    return ",".join(map(str, values))


def _literal(text: str) -> str:
    """A C string literal; beyond ASCII in octal, which no following letter can lengthen."""
    plain = (chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}" for byte in text.encode())
    return f'"{"".join(plain)}"'


def _rendered(name: str, settings: Mapping[str, Any]) -> bytes:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=False,  # C, not HTML
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(**settings).encode()
