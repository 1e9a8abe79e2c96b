"""fer-export beside what a user would take instead, on the same network, faces, runtimes and machine.

    python -m benchmarks.export.peers fer2013.csv

peer_exports.py holds the other tools' ways, with their own defaults. Every quantiser calibrates on the same Training
faces; every file answers the same PublicTest faces, in the form that its input wants, on one thread.

Export seconds: from the Keras network in memory to the written file, in one process where TensorFlow is up, median
of three rounds in which every tool takes its turn (the first also reads its packages in). What fer-export does
besides, the parity check, is timed apart. p50: as `fer-export bench` has it, all files in turn; what an app does to a
picture before it hands it in is in none of them.
"""

import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.export.peer_exports import PEERS, Peer, Write
from benchmarks.record import record
from numpy.typing import NDArray

from fer_export.calibration import calibration_set
from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.checkpoint import checkpoint
from fer_export.checkpoint.checkpoint import Checkpoint
from fer_export.contract.variants import Variant, compared, find
from fer_export.convert import convert
from fer_export.dataset import read as readers
from fer_export.latency import run as benchmark
from fer_export.model_file import inspect as modelfile
from fer_export.parity import judging_faces
from fer_export.parity.judge import Judge
from fer_export.parity.statistics import accuracy, mcnemar_exact
from fer_export.system import keras_backend

OURS = "fer-export"
ROUNDS = 3
NETWORK = "report-512-7"
"""Its batch norms stand behind the ReLU, as users' networks often have them, where quantisers lose most."""

NEEDED = ("ai_edge_quantizer", "sympy")
"""What the other tools need beyond the project's own packages."""


@dataclass(frozen=True)
class Written:
    """A tool's file."""

    route: Peer
    """The way to it."""

    path: Path
    """Where it lies."""

    seconds: tuple[float, ...] = ()
    """Of each round."""

    error: str = ""
    """Why there is none."""


@dataclass(frozen=True)
class Storage:
    """How a file stores real values in a tensor: real = scale * (stored - zero_point)."""

    dtype: np.dtype[Any]
    """Of the stored values."""

    scale: float | None = None
    """None where it stores the values themselves."""

    zero_point: int = 0
    """The stored value of 0."""

    def stored(self, real: NDArray[np.float32]) -> NDArray[Any]:
        if self.scale is None:
            return real.astype(self.dtype)
        limits = np.iinfo(self.dtype)
        return np.clip(np.rint(real / self.scale) + self.zero_point, limits.min, limits.max).astype(self.dtype)

    def real(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        if self.scale is None:
            return stored.astype(np.float32)
        return (np.float32(self.scale) * (stored.astype(np.int32) - self.zero_point)).astype(np.float32)

    def words(self, white: float) -> str:
        """What an app must make of a picture's bytes, where the network takes 0 to `white`."""
        steps = np.arange(256, dtype=np.float32)
        stored = self.stored(steps * np.float32(white / 255))
        if self.dtype.kind in "iu":
            for words, bytes_ in (("bytes", steps), ("bytes - 128", steps - 128)):
                if np.array_equal(stored, bytes_):
                    return words
        return f"{self.dtype}, {f'0 to {white:g}' if self.scale is None else 'quantised with its scale'}"


class LiteRtFile:
    """A .tflite file of any tool in LiteRT."""

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with keras_backend.silenced():
            self._interpreter = Interpreter(str(path), num_threads=1)
            self._interpreter.allocate_tensors()
        [self._given], [self._result] = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self.input, self._output = self._storage(self._given), self._storage(self._result)

    @staticmethod
    def _storage(details: dict[str, Any]) -> Storage:
        scale, zero_point = details["quantization"]
        return Storage(np.dtype(details["dtype"]), scale or None, zero_point)

    def answer(self, face: NDArray[Any]) -> NDArray[np.float32]:
        self._interpreter.set_tensor(self._given["index"], face)
        self._interpreter.invoke()
        return self._output.real(self._interpreter.get_tensor(self._result["index"]))


class OnnxFile:
    """An .onnx file of any tool in onnxruntime."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        [given] = self._session.get_inputs()
        self._name = given.name
        types = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}
        self.input = Storage(np.dtype(types[given.type]))

    def answer(self, face: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray(self._session.run(None, {self._name: face})[0], np.float32)


def opened(path: Path) -> LiteRtFile | OnnxFile:
    return OnnxFile(path) if path.suffix == ".onnx" else LiteRtFile(path)


def answers(path: Path, real: NDArray[np.float32]) -> NDArray[np.float32]:
    """A file's probabilities [N, K] for pictures [N, S, S, C] as the network was trained on them, one by one."""
    file = opened(path)
    return np.concatenate([file.answer(face[None]) for face in file.input.stored(real)])


def ours(network: Checkpoint, calibrating: CalibrationSet) -> list[Peer]:
    """fer-export at every format and precision: the conversion alone."""

    def way(variant: Variant) -> Write:
        def write(_network: Any, _faces: Any, path: Path) -> None:
            path.write_bytes(convert(network, variant, calibration=calibrating))

        return write

    return [Peer(OURS, variant.format, variant.precision, way(variant)) for variant in compared()]


def in_order(routes: Sequence[Peer]) -> list[Peer]:
    """By precision, then format, as in the table of variants; ours last in each group."""
    kinds, formats = ([getattr(v, name) for v in compared()] for name in ("precision", "format"))
    return sorted(routes, key=lambda r: (kinds.index(r.kind), formats.index(r.format), r.tool == OURS))


def written(routes: Sequence[Peer], network: Any, faces: NDArray[np.float32], folder: Path) -> list[Written]:
    """Every route's file in `folder`; a tool that fails once is left out of the next rounds."""
    files = [Written(route, folder / f"{route.tool}-{route.kind}.{route.format}") for route in routes]
    for _ in range(ROUNDS):
        files = [file if file.error else _again(file, network, faces) for file in files]
    return files


def _again(file: Written, network: Any, faces: NDArray[np.float32]) -> Written:
    # Some tools refuse to write over a file.
    file.path.unlink(missing_ok=True)
    started = time.perf_counter()
    try:
        with keras_backend.silenced():
            file.route.write(network, faces, file.path)
    except Exception as error:
        if file.route.tool == OURS:
            raise
        return replace(file, error=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
    return replace(file, seconds=(*file.seconds, time.perf_counter() - started))


def row(file: Written, judge: Judge) -> dict[str, Any]:
    """What is recorded of a file; `right` and `agreeing` [N] only until `beside` has compared them."""
    found: dict[str, Any] = {
        "tool": file.route.tool,
        "kind": file.route.kind,
        "format": file.route.format,
        "file": find(file.route.format, file.route.kind).label,
    }
    if file.error:
        return {**found, "error": file.error}
    content, targets = file.path.read_bytes(), judge.faces.targets
    assert targets is not None, "peers are judged on labelled faces"
    if file.route.tool == OURS:
        started = time.perf_counter()
        given = judge.judge(content, find(file.route.format, file.route.kind).gate).probabilities
        found["parity_seconds"] = round(time.perf_counter() - started, 2)
    else:
        given = answers(file.path, scaled(judge.faces.images))
    top = given.argmax(axis=1)
    agreeing = top == judge.reference.argmax(axis=1)
    return {
        **found,
        "input": opened(file.path).input.words(255.0 if file.route.tool == OURS else 1.0),
        "labels": bool(modelfile.read(content).labels),
        "seconds": [round(seconds, 3) for seconds in file.seconds],
        "bytes": len(content),
        "accuracy": accuracy(given, targets).to_dict(),
        "agreement": round(float(agreeing.mean()), 5),
        "right": top == targets,
        "agreeing": agreeing,
    }


def beside(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with ours of the same precision and format set against every other tool's.

    accuracy, agreement: points that ours is ahead, and the exact McNemar p of the faces that only one of the two
    has right; p50_ratio, seconds_ratio: ours over theirs.
    """
    mine = {(each["kind"], each["format"]): each for each in rows if each["tool"] == OURS}
    compared = []
    for each in rows:
        if each["tool"] != OURS and "error" not in each:
            own = mine[each["kind"], each["format"]]
            against = {
                "accuracy": _ahead(own["right"], each["right"]),
                "agreement": _ahead(own["agreeing"], each["agreeing"]),
                "p50_ratio": round(own["p50_ms"] / each["p50_ms"], 3),
                "seconds_ratio": round(statistics.median(own["seconds"]) / statistics.median(each["seconds"]), 2),
            }
            each = {**each, "ours": against}
        compared.append({name: value for name, value in each.items() if name not in ("right", "agreeing")})
    return compared


def _ahead(own: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> dict[str, float]:
    gained, lost = int((own & ~theirs).sum()), int((theirs & ~own).sum())
    return {
        "points": round(100 * (gained - lost) / len(own), 3),
        "p": float(f"{mcnemar_exact(lost, gained):.3g}"),
    }


def scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bytes as the shipped networks were trained on them: float32 0 to 1."""
    return images.astype(np.float32) / np.float32(255)


def main() -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise SystemExit(f"{', '.join(missing)} missing; pip install -e '.[bench]'")
    network, data = checkpoint.load(NETWORK), readers.read(sys.argv[1])
    calibrating = calibration_set.from_training(
        data.split("Training"), data.split("PublicTest"), network.labels, network.size
    )
    judge = Judge.of(network, judging_faces.labelled_faces(network, data, "PublicTest"))
    with tempfile.TemporaryDirectory() as folder:
        routes = in_order([*PEERS, *ours(network, calibrating)])
        files = written(routes, network.network, scaled(calibrating.images), Path(folder))
        rows = [row(file, judge) for file in files]
        timed = benchmark.bench([file.path for file in files if not file.error])
    latency = {result.path: result.p50_ms for result in timed.rows}
    for each, file in zip(rows, files, strict=True):
        if not file.error:
            each["p50_ms"] = latency[str(file.path)]
    record(
        "peers",
        {
            "network": network.name,
            "network_sha256": network.sha256,
            "calibration_faces": len(calibrating.images),
            "faces": judge.faces.source,
            "cautions": timed.cautions,
            "rows": beside(rows),
        },
    )


if __name__ == "__main__":
    main()
