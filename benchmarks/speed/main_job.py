"""Where the seconds of the main job go, and what TensorFlow's own converter takes for the same.

    python -m benchmarks.speed.main_job fer2013.csv [ROUNDS] [BEFORE]

The main job is `fer-export tflite --quantize int8`, without data (probe faces) and with it (the faces of PublicTest
judge). Beside each stands a process that loads the same network and calls TFLiteConverter with the same calibration
faces, and does nothing else. Every run is a process of its own, and the two take turns, so that whatever else the
machine does hits both alike; the ratio is that of the medians. Processor seconds are those of all threads. BEFORE, the
folder of another checkout, adds its main job as a third, and says whether both write the same bytes.

The steps are measured in runs of their own, in which the functions of STEPS and every import are timed from outside.
A step's seconds are without those of the steps inside it. Peaks are resident memory; a step's is the peak until its
end.
"""

import contextlib
import functools
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROUNDS = 5
NETWORK = "compact-7"
SCRIPT = "benchmarks.speed.main_job"
JOB = ("tflite", "--quantize", "int8", "--quiet")

STEPS = {
    "dataset.read:read": "reading the data",
    "checkpoint.checkpoint:load": "reading the network",
    "parity.evidence:with_evidence": "checking labels and scaling",
    "calibration.probe_cache:probe_faces": "choosing the faces",
    "calibration.calibration_set:from_training": "choosing the faces",
    "parity.judging_faces:labelled_faces": "choosing the faces",
    "parity.judge:Judge.of": "Keras's answers",
    "network.prepare:exportable": "rewriting the network",
    "network.equalise:equalise": "equalisation",
    "network.fitting:fit": "rounding",
    "convert.tflite:Converter.convert": "building the graph",
    "convert.lite:converted": "converting",
    "model_file.tflite_metadata:embed": "metadata",
    "parity.judge:Judge.judge": "judging",
    "model_file.inspect:write_file": "writing",
}
"""Function of the package -> the step that it does."""

LEAST = 0.05
"""Seconds from which an imported package has a row of its own."""


class Clock:
    """Wall and processor seconds of named steps, each without the steps inside it."""

    def __init__(self) -> None:
        self.steps: dict[str, list[float]] = {}
        self._open: list[list[float]] = []

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun = (time.perf_counter(), time.process_time())
        self._open.append([0.0, 0.0])
        try:
            yield
        finally:
            spent = time.perf_counter() - begun[0], time.process_time() - begun[1]
            inside = self._open.pop()
            found = self.steps.setdefault(name, [0.0, 0.0, 0.0])
            found[0] += spent[0] - inside[0]
            found[1] += spent[1] - inside[1]
            found[2] = max(found[2], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            if self._open:
                self._open[-1][0] += spent[0]
                self._open[-1][1] += spent[1]

    def timed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*given: Any, **named: Any) -> Any:
            with self.step(name):
                return function(*given, **named)

        return wrapped

    def watch_imports(self) -> None:
        """Every module's own import counts as `importing PACKAGE`."""
        # The interpreter looks this function up each time it meets a module that is not loaded yet.
        bootstrap: Any = sys.modules["_frozen_importlib"]
        find = bootstrap._find_and_load

        def timed(name: str, import_: Any) -> Any:
            with self.step(f"importing {name.partition('.')[0]}"):
                return find(name, import_)

        bootstrap._find_and_load = timed

    def watch(self, target: str, name: str) -> None:
        """Time `module:function` or `module:Class.method` of the package, wherever it was imported."""
        owner, function = found(target)
        plain = owner.__dict__[function]
        if isinstance(plain, classmethod):
            setattr(owner, function, classmethod(self.timed(plain.__func__, name)))
            return
        wrapped = self.timed(plain, name)
        for module in [owner, *(each for key, each in sys.modules.items() if key.startswith("fer_export."))]:
            for key, value in list(vars(module).items()):
                if value is plain:
                    setattr(module, key, wrapped)


def found(target: str) -> tuple[Any, str]:
    """The module or class that holds a function of STEPS, and its name there."""
    module, _, path = target.partition(":")
    owner: Any = importlib.import_module(f"fer_export.{module}")
    *outer, name = path.split(".")
    for each in outer:
        owner = getattr(owner, each)
    return owner, name


def profiled(result: str, *job: str) -> None:
    """Run a `fer-export` command in this process and write the seconds of its steps."""
    clock = Clock()
    with clock.step("the rest"):
        clock.watch_imports()
        # As the command starts; the modules of some steps import Keras with all that it finds.
        backend = importlib.import_module("fer_export.system.keras_backend")
        backend.prepare(lean=True)
        backend.start()
        main = importlib.import_module("fer_export.cli").main
        for target, name in STEPS.items():
            clock.watch(target, name)
        code = main(list(job))
    Path(result).write_text(json.dumps(clock.steps))
    sys.exit(code)


def plain(network: str, faces: str, path: str) -> None:
    """What a user writes without fer-export: load the network, convert it with calibration faces [N, S, S, C]."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import numpy as np
    from benchmarks.export.peer_exports import converter_int8

    converter_int8(keras.models.load_model(network, compile=False), np.load(faces), Path(path))


def measured(*arguments: str, checkout: Path | None = None) -> dict[str, float]:
    """Seconds and peak of one process of this Python; stops the benchmark if it fails.

    checkout: whose package it imports; None for this one's.
    """
    environment = dict(os.environ, **({"PYTHONPATH": str(checkout / "export")} if checkout else {}))
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=said, env=environment
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            words = said.read().decode(errors="replace")[-2000:]
            raise SystemExit(f"{' '.join(arguments)}: exit {process.returncode}\n{words}")
    return {
        "wall": time.perf_counter() - started,
        "processor": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }


def summary(runs: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Median, smallest and largest of each figure."""
    figures: dict[str, Any] = {"runs": len(runs)}
    for name in ("wall", "processor", "peak_mb"):
        values, digits = [run[name] for run in runs], 0 if name == "peak_mb" else 2
        figures[name] = {
            "median": round(statistics.median(values), digits),
            "min": round(min(values), digits),
            "max": round(max(values), digits),
        }
    return figures


def step_rows(runs: Sequence[dict[str, list[float]]]) -> list[dict[str, Any]]:
    """The steps of several profiled runs, medians, longest first; small packages are added up."""
    merged = []
    for run in runs:
        steps: dict[str, list[float]] = {}
        for name, values in run.items():
            small = name.startswith("importing ") and values[0] < LEAST
            kept = steps.setdefault("importing other packages" if small else name, [0.0, 0.0, 0.0])
            kept[:] = kept[0] + values[0], kept[1] + values[1], max(kept[2], values[2])
        merged.append(steps)
    rows = []
    for name in dict.fromkeys(name for steps in merged for name in steps):
        columns = zip(*(steps.get(name, [0.0, 0.0, 0.0]) for steps in merged), strict=True)
        wall, processor, peak = (statistics.median(column) for column in columns)
        rows.append(
            {
                "step": name,
                "wall": round(wall, 2),
                "processor": round(processor, 2),
                "peak_mb_until_its_end": round(peak),
            }
        )
    return sorted(rows, key=lambda row: -row["processor"])


def calibration_faces(calibration: dict[str, Any], data: Path | None) -> Any:
    """The faces of a calibration record as the shipped networks take them: float32 [N, 48, 48, 1] in 0..1."""
    import numpy as np

    from fer_export.checkpoint.shipped import shipped_folder
    from fer_export.dataset import read as readers

    if data is None:
        with np.load(shipped_folder() / NETWORK / "probe.npz", allow_pickle=False) as probe:
            images = probe["calibrate"]
    else:
        images = readers.read(data).pixels[calibration["rows"]]
    assert len(images) == calibration["count"]
    return images.astype(np.float32) / np.float32(255)


def compared(data: Path | None, rounds: int, folder: Path, before: Path | None = None) -> dict[str, Any]:
    """The main job beside the plain converter and another checkout's, in turns, and its steps."""
    import numpy as np

    from fer_export.checkpoint.shipped import shipped_folder
    from fer_export.system import files

    output, faces, steps = folder / "exports", folder / "faces.npy", folder / "steps.json"
    job = [*JOB, "--model", NETWORK, "--output", str(output), *(("--data", str(data)) if data else ())]
    # The first run fills the caches of the data and of the operating system, and names the faces.
    measured("-m", "fer_export", *job)
    file = output / f"{NETWORK}-int8.tflite"
    calibration = json.loads(Path(f"{file}.calibration.json").read_text())
    np.save(faces, calibration_faces(calibration, data))
    beside = (str(shipped_folder() / NETWORK / "model.keras"), str(faces), str(folder / "plain.tflite"))
    earlier = [*JOB, "--model", NETWORK, "--output", str(folder / "before"), *(("--data", str(data)) if data else ())]
    theirs, ours, others, profiles = [], [], [], []
    for _ in range(rounds):
        if before:
            others.append(measured("-m", "fer_export", *earlier, checkout=before))
        theirs.append(measured("-m", SCRIPT, "--plain", *beside))
        ours.append(measured("-m", "fer_export", *job))
        measured("-m", SCRIPT, "--profiled", str(steps), *job)
        profiles.append(json.loads(steps.read_text()))
    plain_seconds, seconds = summary(theirs), summary(ours)
    return {
        "calibration_faces": calibration["count"],
        "sha256": files.sha256(file.read_bytes()),
        "main_job": seconds,
        "plain_converter": plain_seconds,
        **({"before": _before(others, folder / "before" / file.name)} if before else {}),
        "ratio": {
            name: round(seconds[name]["median"] / plain_seconds[name]["median"], 2)
            for name in ("wall", "processor", "peak_mb")
        },
        "steps": step_rows(profiles),
    }


def _before(runs: Sequence[dict[str, float]], file: Path) -> dict[str, Any]:
    from fer_export.system import files

    return {**summary(runs), "sha256": files.sha256(file.read_bytes())}


def main() -> None:
    from benchmarks.record import record

    data, rounds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    before = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    commit = ["git", "-C", str(before), "rev-parse", "--short", "HEAD"]
    of_before = subprocess.run(commit, capture_output=True, text=True, check=True).stdout.strip() if before else None
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FER_EXPORT_CACHE"] = str(Path(folder) / "cache")
        record(
            "main_job",
            {
                "network": NETWORK,
                "unit": "seconds of a process from start to end; processor: of all its threads",
                "commit_before": of_before,
                "without_data": compared(None, rounds, Path(folder), before),
                "with_data": compared(data, rounds, Path(folder), before),
            },
        )


if __name__ == "__main__":
    modes: dict[str, Callable[..., None]] = {"--plain": plain, "--profiled": profiled}
    if sys.argv[1:2] and sys.argv[1] in modes:
        modes[sys.argv[1]](*sys.argv[2:])
    else:
        main()
