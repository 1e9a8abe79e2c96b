"""The one table of file formats.

A row says how a format is called, recognised, converted, read and run, and what it can do. Command words, helps, file
names, reports and the page are read from it. Code is named as `module:attribute` and loaded when it is needed, so that
the table costs nothing and points at no module above it.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import Any

INPUT_KINDS = ("gray", "rgb", "frame")
"""Words of `--input`: what a file is fed with."""

IO_TYPES = ("float32", "uint8", "int8")
"""Words of `--io`: types that input and output of a file may share."""

KERAS = "keras"
"""The format of the networks themselves."""


@dataclass(frozen=True)
class RuntimeRow:
    """A runtime that opens files of a format."""

    name: str
    """Word of `--runtime`."""
    opens: str
    """The class, called with (content, threads); it is a runtimes.protocol.Runtime."""
    install: str
    """What pip installs for it."""
    stopwatch: str = ""
    """The class of latency/worker.py that times it; by default the runtime itself is timed."""
    library: str = ""
    """The module that a file of somebody else's is run with in a process of its own; empty where `opens` sees to it."""
    interpreter: str = ""
    """`function() -> Path`: the Python that `bench` starts for it; by default the running one."""
    installed: str = ""
    """`function() -> bool`: whether this optional runtime is there, so that `all` times it too; empty where `all` does
    not ask."""
    untimed: str = ""
    """Why its latency says nothing of a device, so that `bench` refuses it; empty where it is timed."""
    platform: str = ""
    """The sys.platform that it is made for, where it is the default as soon as it is `installed`; empty for any."""
    caveat: str = ""
    """What its answers do not prove, for the printout; empty where a device computes the same."""


@dataclass(frozen=True)
class Format:
    """A kind of file. What a format cannot do is an empty field."""

    name: str
    """Word of the command and key of the table."""
    title: str
    """How people call it."""
    file: str
    """`a TFLite file`: how a sentence names one."""
    suffixes: tuple[str, ...]
    """File name extensions with their dot; the first is written."""
    runtimes: tuple[RuntimeRow, ...]
    """What runs it; the first by default."""
    marker: tuple[int, bytes] | None = None
    """Where in a file which bytes stand; None where files are not told by their bytes."""
    converter: str = ""
    """The class that makes files: convert.protocol.Converter; empty where nothing is exported to this format."""
    reader: str = ""
    """The module with `inspect(content) -> GraphSummary` and `read(content) -> ModelInfo`."""
    inputs: tuple[str, ...] = INPUT_KINDS
    """The words of `--input` that its converter takes."""
    activations: str = ""
    """The class that looks into a file op by op, which `blame` and `--repair` need."""
    matrix_product: str = ""
    """`function(arithmetic) -> bytes`: the file of a large matrix product that `bench` compares files with."""
    slower: str = ""
    """`function(row, twin, machine) -> str`: why a quantised file may be slower than its float twin."""
    operands: frozenset[str] = frozenset()
    """Ops that are int8 in an int8 file where the runtime may compute others in float; empty where all must be int8."""
    bundled: tuple[str, ...] = ()
    """Precisions that a bundle holds; it needs kernel sets in bundle/golden."""
    bundled_on_request: tuple[str, ...] = ()
    """Precisions that a bundle holds where the format is asked for; without kernel sets it has no golden answers."""
    snippet: str = ""
    """Place in a bundle of the source that runs its files in an app, such as `swift/Emotions.swift`; empty where the
    README itself has it. Templates of that name in bundle/snippets make the source and a chapter of the README."""
    counts_delegated: bool = False
    """Whether its runtimes tell which ops a delegate took."""
    companions: str = ""
    """`function(content, stem, checkpoint) -> convert.protocol.Companions`: files that are written beside a file."""
    twin: str = ""
    """`function(content, isolated) -> Runtime`: other kernels for the same file, which its answers are compared with
    under the variant's kernel gate."""
    default_network: str = ""
    """The shipped network that its command exports where none is named; empty for the package's default."""
    everywhere: bool = True
    """Whether `all` makes its files; others are made by their own command."""
    folder: bool = False
    """Whether such a file is a folder, which model_file.package makes one's bytes of."""
    float_arithmetic: bool = False
    """Whether its int8 files hold int8 weights and compute in float."""
    mark: str = "circle"
    """Shape of its points on the page: `circle`, `square` or `diamond`."""

    @property
    def suffix(self) -> str:
        """The extension that is written."""
        return self.suffixes[0]

    @property
    def usual(self) -> RuntimeRow:
        """The runtime that judges its files where none is named."""
        own = (each for each in self.runtimes if each.platform == sys.platform and loaded(each.installed)())
        return next(own, self.runtimes[0])

    def is_marked(self, content: bytes) -> bool:
        """Whether a file's bytes begin like this format's."""
        if self.marker is None:
            return False
        start, expected = self.marker
        return content[start : start + len(expected)] == expected


OPENVINO = RuntimeRow(
    "openvino",
    "fer_export.runtimes.openvino_:OpenVino",
    "openvino",
    "OpenVino",
    interpreter="fer_export.runtimes.openvino_:interpreter",
    installed="fer_export.runtimes.openvino_:installed",
)
"""Reads two formats as they are."""

FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format(
            name="tflite",
            title="TFLite",
            file="a TFLite file",
            suffixes=(".tflite",),
            marker=(4, b"TFL3"),
            converter="fer_export.convert.tflite:Converter",
            reader="fer_export.model_file.tflite_metadata",
            runtimes=(
                RuntimeRow(
                    "litert",
                    "fer_export.runtimes.litert:LiteRt",
                    "ai-edge-litert",
                    "Tflite",
                    "ai_edge_litert.interpreter",
                ),
                RuntimeRow(
                    "tflite-runtime",
                    "fer_export.runtimes.tflite_runtime_:TfliteRuntime",
                    'tflite-runtime==2.14.0 "numpy<2"',
                    "Tflite",
                    interpreter="fer_export.runtimes.tflite_runtime_:tflite_runtime_python",
                ),
                OPENVINO,
            ),
            activations="fer_export.runtimes.op_by_op:TfliteActivations",
            matrix_product="fer_export.latency.matmul:tflite",
            slower="fer_export.latency.explain:why_tflite",
            bundled=("int8", "none"),
            counts_delegated=True,
        ),
        Format(
            name="onnx",
            title="ONNX",
            file="an ONNX file",
            suffixes=(".onnx",),
            # Protobuf's tag of ModelProto.ir_version, the first field.
            marker=(0, b"\x08"),
            converter="fer_export.convert.onnx:Converter",
            reader="fer_export.model_file.onnx",
            runtimes=(
                RuntimeRow(
                    "onnxruntime",
                    "fer_export.runtimes.onnxruntime_:OnnxRuntime",
                    "onnxruntime",
                    "OnnxRuntime",
                    "onnxruntime",
                ),
                OPENVINO,
            ),
            activations="fer_export.runtimes.op_by_op:OnnxActivations",
            matrix_product="fer_export.latency.matmul:onnx",
            slower="fer_export.latency.explain:why_onnx",
            operands=frozenset({"Conv", "Gemm", "MatMul"}),
            bundled=("int8", "none"),
            mark="square",
        ),
        Format(
            name="microcontroller",
            title="tflite-micro",
            file="a C array",
            suffixes=(".cc",),
            marker=(0, b"// fer-export microcontroller "),
            converter="fer_export.convert.microcontroller:Converter",
            reader="fer_export.model_file.microcontroller",
            inputs=("gray", "rgb"),
            runtimes=(
                RuntimeRow(
                    "tflite-micro",
                    "fer_export.runtimes.tflite_micro:TfliteMicro",
                    "tflite-micro",
                    interpreter="fer_export.runtimes.tflite_micro:interpreter",
                    untimed="its kernels on this processor say nothing of a microcontroller's",
                ),
            ),
            companions="fer_export.convert.microcontroller_project:companions",
            twin="fer_export.runtimes.tflite_micro:litert",
            default_network="nano-7",
            everywhere=False,
            mark="diamond",
        ),
        Format(
            name="coreml",
            title="Core ML",
            file="a Core ML package",
            suffixes=(".mlpackage",),
            # A packed folder: the name of the first file in the zip.
            marker=(30, b"Manifest.json"),
            converter="fer_export.convert.coreml:Converter",
            reader="fer_export.model_file.coreml",
            inputs=("gray", "rgb"),
            runtimes=(
                RuntimeRow(
                    "mil",
                    "fer_export.runtimes.coreml:MilInterpreter",
                    "numpy",
                    library="numpy",
                    untimed="an interpreter in NumPy says nothing of Apple's processors",
                    caveat="run by fer-export's own interpreter of the file, in NumPy; Apple's Core ML was not run",
                ),
                RuntimeRow(
                    "coreml",
                    "fer_export.runtimes.coreml:CoreMl",
                    "coremltools",
                    library="coremltools",
                    installed="fer_export.runtimes.coreml:installed",
                    untimed="a Mac's latency through coremltools says nothing of a phone",
                    platform="darwin",
                ),
            ),
            bundled_on_request=("int8", "fp16"),
            snippet="swift/Emotions.swift",
            everywhere=False,
            folder=True,
            float_arithmetic=True,
            mark="square",
        ),
        Format(
            name=KERAS,
            title="Keras",
            file="a Keras network",
            suffixes=(".keras", ".h5", ".hdf5", ".json"),
            runtimes=(RuntimeRow("keras", "fer_export.runtimes.keras:KerasRuntime", "keras tensorflow", "Keras"),),
            mark="diamond",
        ),
    )
}
"""By name; the order is that of printouts."""


def exported() -> tuple[Format, ...]:
    """The formats that networks are converted to."""
    return tuple(row for row in FORMATS.values() if row.converter)


def compared() -> tuple[Format, ...]:
    """The formats that `all` makes and compares."""
    return tuple(row for row in exported() if row.everywhere)


def runtimes() -> dict[str, RuntimeRow]:
    """Every runtime by the word of `--runtime`."""
    return {runtime.name: runtime for row in FORMATS.values() for runtime in row.runtimes}


def titles() -> str:
    """`TFLite, ONNX or Core ML`: the formats that networks are converted to, for messages."""
    words = [row.title for row in exported()]
    return f"{', '.join(words[:-1])} or {words[-1]}"


def loaded(name: str) -> Any:
    """What `module:attribute` or `module` names."""
    module, _, attribute = name.partition(":")
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found
