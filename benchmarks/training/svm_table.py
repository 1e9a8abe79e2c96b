"""Table 4.2.2 of the student report again: its seven support vector machines, and what a phone would say to them.

    python -m benchmarks.training.svm_table fer2013.csv [--runs DIR] [--rows 1,3] [--only-table]

Needs the extra `[svm]`, 7 GB of memory for the table and a quiet machine for the latencies. Every row, every
file and every check is kept in a folder of its data set below DIR once it is done, and is not computed again; what was
interrupted starts again. What is finished is written to results/svm_table.json after each of them.

The protocol is the report's: 70 % and 30 % of all rows at hand, stratified, `random_state` 42, six emotions, pixels
/ 255, rbf, gamma `auto`. Behind the table: the best row as ONNX file, judged and timed beside the default network and
beside the best machine on few features that fits a phone. Both are chosen on the 30 %, which also judge them.
"""

import argparse
import importlib.metadata
import importlib.util
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import record
from fer_export.calibration import calibration_set
from fer_export.checkpoint import checkpoint
from fer_export.contract import find
from fer_export.dataset import read as readers
from fer_export.dataset.emotions import REPORT_6
from fer_export.exporting import export as exporting
from fer_export.latency import run as latency
from fer_export.parity.figures import ParityFaces
from fer_export.parity.judge import Judge
from fer_export.parity.statistics import Proportion, wilson_interval
from fer_export.system import cache_folder, files, keras_backend

from . import svm_evidence, svm_files, svm_phone, svm_rows, svm_solver
from .report_table import REPORT_FACES, ahead, restricted
from .svm_features import Features, pixels
from .svm_rows import ROWS, Division, Row

NAME = "svm_table"
NEEDED = {"sklearn": "scikit-learn", "skl2onnx": "skl2onnx"}
BESIDE = "compact-7"
PARITY_FACES = 300
"""Judging faces on which a file is compared with its machine: one face takes the large one long."""

OTHERS = ("check", "rest", "report_file", "candidates", "phone_file", "like_terms", "latency")
"""What is recorded beside the table."""


@dataclass(frozen=True)
class Made:
    """A file that is written, and what its machine said."""

    path: Path
    """The ONNX file."""

    answers: NDArray[np.int64]
    """The machine's answers to the judging faces, int64 [M]."""

    reference: NDArray[np.float32]
    """Its softmax scores of the parity faces, float32 [P, 6]."""

    seconds: float
    """Processor time of its training."""


def made(division: Division, name: str, make: Callable[[], svm_phone.Trained], features: Features) -> Made:
    """A machine's file: made, or the one that was kept. The arrays beside it are written last."""
    path, beside = division.folder / f"{name}.onnx", division.folder / f"{name}.npz"
    if not beside.exists():
        trained = make()
        files.write_whole(path, trained.content)
        scores = svm_solver.in_blocks(trained.machine.decision_function, features.of(parity_faces(division).images))
        arrays = io.BytesIO()
        reference = svm_files.softmax(scores)
        np.savez(arrays, answers=trained.answers, reference=reference, seconds=trained.seconds)
        files.write_whole(beside, arrays.getvalue())
        print(f"{path.name}: {len(trained.content) / 1e6:.2f} MB", flush=True)
    found = files.read_arrays(beside)
    return Made(path, found["answers"], found["reference"], float(found["seconds"]))


def parity_faces(division: Division) -> ParityFaces:
    """Faces of PublicTest that no machine and no shipped network has learnt from."""
    chosen, targets = division.judging.take(division.common).sample(PARITY_FACES, 0).for_labels(REPORT_6)
    hashes = tuple(calibration_set.face_hashes(chosen.pixels))
    return ParityFaces(chosen.pixels, targets, f"PublicTest of {division.data.source.name}", hashes)


def best_row(division: Division) -> Row | None:
    """The row with the highest accuracy of those that are done."""
    hits = {
        row: int((found.answers == division.truth).sum()) for row in ROWS if (found := svm_rows.solution(row, division))
    }
    return max(hits, key=lambda row: hits[row]) if hits else None


def best_file(division: Division, row: Row) -> Made:
    """The file of a row, as large as its support vectors are many."""

    def make() -> svm_phone.Trained:
        solution = svm_rows.solve(row, division)
        machine = svm_solver.as_rbf(solution, division.rows, division.targets, row.penalty, division.gamma)
        content = svm_files.onnx_file(name, features, machine)
        return svm_phone.Trained(machine, content, solution.confident, solution.seconds)

    name, features = f"svm-report-c-{row.penalty:g}", pixels()
    return made(division, name, make, features)


def phone_files(division: Division) -> dict[str, Made]:
    """The file of every candidate for a phone, by name; each is recorded once it is done."""
    found: dict[str, Made] = {}
    for each in svm_phone.CANDIDATES:
        found[each.name] = made(division, each.name, partial(svm_phone.train, each, division), each.features)
        write(division, candidates=candidates(division, found))
    return found


def table(division: Division) -> dict[str, Any]:
    """Every row beside the report's, `ours` None where it is not done here and was not recorded from the same data."""
    earlier = {row["row"]: row["ours"] for row in recorded(division).get("rows", [])}
    rows = []
    for row in ROWS:
        low, high = wilson_interval(row.accuracy * REPORT_FACES[6], REPORT_FACES[6])
        report = {"accuracy": row.accuracy, "wilson_95": [round(low, 5), round(high, 5)]}
        found = svm_rows.solution(row, division)
        ours = measured(row, found, division) if found else earlier.get(row.number)
        rows.append({"row": row.number, "penalty": row.penalty, "shape": row.shape, "report": report, "ours": ours})
    return {"rows": rows, "shapes": svm_evidence.shapes(division) or recorded(division).get("shapes", [])}


def measured(row: Row, found: svm_solver.Solution, division: Division) -> dict[str, Any]:
    """What is recorded of a finished row; `break_ties`: the surest of the emotions with as many votes."""
    plain, confident = (_share(answers, division) for answers in (found.answers, found.confident))
    report = Proportion(round(row.accuracy * REPORT_FACES[6]), REPORT_FACES[6])
    return {
        "accuracy": plain.to_dict(),
        "break_ties": confident.to_dict(),
        "ahead": ahead(plain, report),
        "support_vectors": len(found.support),
        "seconds": round(found.seconds, 1),
        "kernel_seconds": round(found.kernel_seconds, 1),
    }


def judged(division: Division, file: Made) -> dict[str, Any]:
    """A file against its machine, by the gate of every float32 ONNX file."""
    judge = Judge(parity_faces(division), file.reference, REPORT_6)
    found = judge.judge(file.path.read_bytes(), find("onnx", "none").gate, isolated=True)
    return {
        "file": file.path.name,
        "bytes": file.path.stat().st_size,
        "accuracy": _share(file.answers, division).to_dict(),
        "seconds": round(file.seconds, 1),
        "parity": {
            "faces": found.parity.faces,
            "agreement": found.parity.agreement.to_dict(),
            "mean_difference": found.parity.mean_difference,
            "largest_difference": found.parity.largest_difference,
            "passed": found.parity.passed,
        },
    }


def candidates(division: Division, made_files: dict[str, Made]) -> list[dict[str, Any]]:
    """What each candidate for a phone has right, and its size."""
    return [
        {
            "name": name,
            "bytes": file.path.stat().st_size,
            "accuracy": _share(file.answers, division).to_dict(),
            "seconds": round(file.seconds, 1),
        }
        for name, file in made_files.items()
    ]


def on_like_terms(division: Division, machines: dict[str, Made]) -> dict[str, Any]:
    """Accuracy on faces that neither the machines nor the network learnt from, the network held to the six emotions."""
    common, truth = division.common, division.truth[division.common]
    network = checkpoint.load(BESIDE)
    held = restricted(network.predict(division.judging.pixels[common]), network.labels, REPORT_6).argmax(axis=1)
    answers = {**{name: file.answers[common] for name, file in machines.items()}, BESIDE: held}
    return {name: Proportion(int((given == truth).sum()), len(truth)).to_dict() for name, given in answers.items()}


def timed(division: Division, machines: dict[str, Made]) -> dict[str, Any]:
    """Latency and memory of the machines' files beside the network's, one thread, in one run."""
    network = checkpoint.load(BESIDE)
    folder = division.folder / f"{BESIDE}-{network.sha256[:8]}"
    paths = [file.path for file in machines.values()]
    for file_format, precision in (("onnx", "none"), ("tflite", "int8")):
        path = folder / find(file_format, precision).file_name(network.name, "gray")
        if not path.exists():
            exporting.export(network, file_format, [precision], folder)
        paths.append(path)
    found = latency.bench(paths, threads=(1,))
    rows = [
        {
            "file": Path(row.path).name,
            "runtime": row.runtime,
            "bytes": row.file_bytes,
            "load_ms": row.load_ms,
            "p50_ms": row.p50_ms,
            "p95_ms": row.p95_ms,
            "peak_rss_mb": row.peak_rss_mb,
        }
        for row in found.rows
    ]
    return {"rows": rows, "cautions": list(found.cautions)}


def recorded(division: Division) -> dict[str, Any]:
    """What stands in results/ of the same data; nothing of other data."""
    path = record.RESULTS / f"{NAME}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found if found.get("data", {}).get("sha256") == division.data.sha256 else {}


def write(division: Division, **found: Any) -> None:
    """Record the table as it is, and what else was found, beside what was recorded before of the same data."""
    split = {"training": len(division.training), "judging": len(division.judging), "seed": svm_rows.SEED}
    source = {"file": division.data.source.name, "sha256": division.data.sha256, "rows": len(division.data)}
    versions = {package: importlib.metadata.version(package) for package in NEEDED.values()}
    kept = {key: value for key, value in recorded(division).items() if key in OTHERS}
    record.record(NAME, {"versions": versions, "data": {**source, **split}, **table(division), **kept, **found})


def beside_the_table(division: Division) -> None:
    """The check, files, parity and latency, each recorded once it is done."""
    write(division, check=svm_evidence.kept(division.folder / "check.json", lambda: svm_evidence.own_kernel(division)))
    phones = phone_files(division)
    sizes = {each["name"]: (each["accuracy"]["hits"], each["bytes"]) for each in candidates(division, phones)}
    name = svm_phone.best(sizes)
    machines = {name: phones[name]}
    keras_backend.start()
    write(division, phone_file=judged(division, phones[name]))
    row = best_row(division)
    if row:
        file = best_file(division, row)
        machines = {file.path.stem: file, **machines}
        write(division, report_file={"row": row.number, **judged(division, file)})
    write(division, like_terms=on_like_terms(division, machines))
    write(division, latency=timed(division, machines))


def _share(answers: NDArray[np.int64], division: Division) -> Proportion:
    return Proportion(int((answers == division.truth).sum()), len(answers))


def _numbers(text: str) -> list[int]:
    if text == "none":
        return []
    numbers = [int(part) if part.isdigit() else 0 for part in text.split(",")]
    if not set(numbers) <= {row.number for row in ROWS}:
        raise argparse.ArgumentTypeError(f"{text!r} are no rows; pass numbers from 1 to {len(ROWS)}, or none")
    return numbers


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Table 4.2.2 of the report again.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=Path, default=cache_folder.folder() / "svm-table", help="default: %(default)s")
    parser.add_argument("--rows", type=_numbers, default=[row.number for row in ROWS], help="default: all")
    parser.add_argument("--only-table", action="store_true", help="no files, no checks")
    options = parser.parse_args(arguments)
    missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise SystemExit(f"{', '.join(missing)} missing; pip install -e '.[svm]'")
    division = Division.of(readers.read(options.data), options.runs)
    for number in options.rows:
        svm_rows.solve(ROWS[number - 1], division)
        write(division)
    if not options.rows:
        write(division)
    if options.only_table:
        return
    # A new one is without the kernel, whose memory the files need.
    division = Division.of(division.data, options.runs)
    beside_the_table(division)
    rest = svm_evidence.kept(division.folder / "rest.json", lambda: svm_evidence.against_rest(division))
    write(division, rest=rest)


if __name__ == "__main__":
    main()
