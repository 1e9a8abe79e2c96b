"""A bundle's files on emulated ARM processors against this machine, vector by vector.

    python -m benchmarks.arm.arm_parity BUNDLE [--data fer2013.csv] [--cpu cortex-a53,cortex-a76,cortex-a710]

Every exported file answers the bundle's golden vectors, and 32 PublicTest faces where a fer2013.csv is given, in the
kernels that an app gets: LiteRT with XNNPACK, onnxruntime's own. The runtimes are the aarch64 wheels of the versions
installed here, in qemu (arm_machine.py). What an int8 file computes up to its softmax, the logits, must be the very
bytes of this machine; float probabilities may be 1e-6 off, also those that an int8 ONNX file's float softmax gives.

TFLite's int8 softmax is another kernel on arm64 (arm_softmax.py). It must give the very bytes that this kernel,
computed here, makes of this machine's logits. Beside this machine's own probabilities it is one step of 1/256 off in
about one face of a hundred; more than a step fails.

Exit 0: all as asked. 1: something differs. 2: it cannot be compared here; the last line says why. The first run
downloads some 200 MB into $FER_EXPORT_CACHE/arm; later ones need no network. Speed says nothing about a phone.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.arm import arm_machine, arm_softmax
from benchmarks.arm.arm_machine import ArmMachine, ArmMachineError
from benchmarks.record import record
from numpy.typing import NDArray

import fer_export
from fer_export.bundle.folder import GOLDEN_VECTORS, Bundle
from fer_export.bundle.golden.vectors import Golden
from fer_export.contract import variants
from fer_export.dataset import read as readers
from fer_export.dataset.pixels import fit
from fer_export.errors import DataError, FerExportError, one_line
from fer_export.system import cache_folder, machine

CPUS = ("cortex-a53", "cortex-a76", "cortex-a710")
"""No int8 dot product; with it; with int8 matrix products as well. Phones of 2014, 2019 and 2022."""

FACES, SEED = 32, 1
STEP = 1 / arm_softmax.STEPS
"""What an int8 TFLite file's probability may differ by: its softmax is another kernel on arm64."""
FLOAT = 1e-6
"""Largest difference of a float probability: sums are taken in another order."""

WORKER = Path(__file__).with_name("arm_worker.py")


@dataclass(frozen=True)
class Check:
    """What must hold of a bundle's file."""

    file: str
    """Its place in the bundle."""

    compared: str
    """What of its answers is compared."""

    allowed: float
    """Largest difference; 0 asks for the very bytes."""

    path: Path
    """What runs."""

    softmax_of: Path | None = None
    """Where arm64's own softmax is compared, the file whose logits it is given; else None."""

    scale: float = 0.0
    """Of these logits' steps."""

    def expected(self, here: dict[Path, Answer]) -> NDArray[np.float32]:
        """What this machine says, float32 [N, K]; raises FerExportError where it has no answer."""
        answer = here[self.softmax_of or self.path]
        if answer.values is None:
            raise FerExportError(f"{self.file} does not run on this machine: {answer.error}; see `fer-export verify`")
        return arm_softmax.arm64(answer.values, self.scale) if self.softmax_of else answer.values


@dataclass(frozen=True)
class Answer:
    """What a machine says of a file."""

    values: NDArray[np.float32] | None
    """Float32 [N, K]; None where it has no answer."""

    about: dict[str, Any]
    """arm_worker.py's description."""

    error: str = ""
    """Why it has no answer."""


@dataclass(frozen=True)
class Row:
    """A check on one processor."""

    file: str
    """Its place in the bundle."""

    compared: str
    """What of its answers is compared."""

    allowed: float
    """Largest difference; 0 asks for the very bytes."""

    cpu: str
    """The processor."""

    vectors: int
    """How many were compared."""

    same: int
    """How many have the very bytes."""

    largest: float
    """Largest difference; NaN where there is none."""

    kernels: str = ""
    """The code that computed."""

    error: str = ""
    """Why it has no answer."""

    @property
    def passed(self) -> bool:
        if self.error:
            return False
        return self.same == self.vectors if self.allowed == 0 else self.largest <= self.allowed

    def to_dict(self) -> dict[str, Any]:
        largest = self.largest if math.isfinite(self.largest) else None
        return {**asdict(self), "largest": largest, "passed": self.passed}

    def cell(self) -> str:
        """What the table shows: how many have the same bytes where it is about bytes, and the difference."""
        bytewise = self.allowed in (0, STEP)
        shown = f"{self.same}/{self.vectors} same" if bytewise else f"{self.largest:.1e}"
        if bytewise and self.same < self.vectors:
            shown += f", {self.largest:.1e}"
        return (self.error and "no answer") or (shown if self.passed else f"{shown} FAILED")


def compare(check: Check, cpu: str, here: NDArray[np.float32], there: Answer) -> Row:
    """An emulated processor's answer beside this machine's, float32 [N, K]."""
    name = (check.file, check.compared, check.allowed, cpu, len(here))
    if there.values is None:
        return Row(*name, 0, math.nan, error=there.error or "no answer")
    if there.values.shape != here.shape:
        return Row(*name, 0, math.nan, error=there.error or f"answers of another shape, {there.values.shape}")
    same = (here.view(np.uint32) == there.values.view(np.uint32)).all(axis=1).sum()
    largest = float(np.abs(here.astype(np.float64) - there.values).max())
    return Row(*name, int(same), largest, kernels=there.about.get("kernels", ""))


def table(rows: Sequence[Row], instructions: dict[str, str]) -> str:
    """Checks down, processors across, their int8 instructions below the names; what could not be answered behind."""
    cpus = list(dict.fromkeys(row.cpu for row in rows))
    lines = [["file", "compared", "allowed", *cpus], ["", "", "", *(instructions.get(cpu, "") for cpu in cpus)]]
    cells = {(row.file, row.compared, row.cpu): row.cell() for row in rows}
    for file, compared, allowed in dict.fromkeys((row.file, row.compared, row.allowed) for row in rows):
        shown = [cells[file, compared, cpu] for cpu in cpus]
        lines.append([Path(file).name, compared, f"{allowed:.0e}" if allowed else "0", *shown])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    return "\n".join([*text, *(f"{Path(row.file).name} on {row.cpu}: {row.error}" for row in rows if row.error)])


def checks_of(bundle: Bundle, folder: Path) -> list[Check]:
    """The checks of every exported file that takes faces; files made for them are written to `folder`."""
    checks = []
    for variant in bundle.variants:
        if variant.input_kind == "frame":
            continue
        path, integer = bundle.folder / variant.file, variants.find(variant.format, variant.precision).integer
        cut = arm_softmax.before_softmax(bundle.read(variant.file), variant.format) if integer else None
        if cut is None:
            checks.append(Check(variant.file, "probabilities", 0.0 if integer else FLOAT, path))
            continue
        logits = folder / path.name
        logits.write_bytes(cut.content)
        checks.append(Check(variant.file, "logits", 0.0, logits))
        if cut.scale is not None:
            checks.append(Check(variant.file, "softmax of arm64", 0.0, path, logits, cut.scale))
        checks.append(Check(variant.file, "probabilities", FLOAT if cut.scale is None else STEP, path))
    return checks


def answered(
    command: Sequence[str], environment: dict[str, str], models: Sequence[Path], faces: Path, folder: Path
) -> dict[Path, Answer]:
    """Let a machine's Python run files on all faces, in one process; another follows where a file ends it."""
    found: dict[Path, Answer] = {}
    while left := [model for model in models if model not in found]:
        arguments = [str(each) for each in (WORKER, faces, folder, *(model.resolve() for model in left))]
        done = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, check=False)
        for model, line in zip(left, done.stdout.splitlines(), strict=False):
            about = json.loads(line)
            error = about.pop("error", "")
            found[model] = Answer(None if error else np.load(folder / about.pop("answers")), about, error)
        if missing := [model for model in left if model not in found]:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            ended = f"ended by signal {-done.returncode}" if done.returncode < 0 else "failed"
            found[missing[0]] = Answer(None, {}, one_line(f"{ended}: {said[-1]}" if said else ended))
    return found


def ask_all(
    arm: ArmMachine, cpus: Sequence[str], models: Sequence[Path], faces: NDArray[np.uint8], folder: Path
) -> dict[str, dict[Path, Answer]]:
    """Every file on this machine ("") and on every processor; as many processes at once as there are cores."""
    given = folder / "faces.npy"
    np.save(given, faces)
    # The package alone: what else lies beside it is made for this machine.
    package = folder / "packages" / "fer_export"
    package.parent.mkdir()
    package.symlink_to(Path(fer_export.__file__).parent)

    def ask(cpu: str, form: str) -> dict[Path, Answer]:
        place = folder / f"{cpu or 'here'}{form}"
        place.mkdir()
        command = arm.command(cpu) if cpu else [sys.executable]
        environment = arm.environment(package.parent) if cpu else dict(os.environ)
        answers = answered(command, environment, [each for each in models if each.suffix == form], given, place)
        print(f"{form[1:]} on {cpu or 'this machine'}", file=sys.stderr, flush=True)
        return answers

    # Each format in a process of its own, so that the cores have the same to do.
    jobs = [(cpu, form) for cpu in ("", *cpus) for form in sorted({model.suffix for model in models}, reverse=True)]
    found: dict[str, dict[Path, Answer]] = {cpu: {} for cpu, _ in jobs}
    with ThreadPoolExecutor(machine.cores()) as pool:
        asked = [pool.submit(ask, *job) for job in jobs]
        try:
            for (cpu, _), each in zip(jobs, asked, strict=True):
                found[cpu].update(each.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return found


def faces_of(bundle: Bundle, data: Path | None) -> tuple[NDArray[np.uint8], dict[str, int]]:
    """The golden vectors and the PublicTest faces, uint8 [N, S, S, 1], and how many of each."""
    golden = Golden.from_bytes(bundle.read(GOLDEN_VECTORS), bundle.contract).gray
    if data is None:
        return golden, {"golden_vectors": len(golden), "public_test_faces": 0}
    drawn = readers.read(data).split("PublicTest").sample(FACES, SEED)
    if len(drawn) < FACES:
        raise DataError(f"{data} has {len(drawn)} PublicTest faces; pass a fer2013.csv with at least {FACES}")
    faces = np.concatenate([golden, fit(drawn.pixels, bundle.contract.size)])
    return faces, {"golden_vectors": len(golden), "public_test_faces": len(drawn)}


def measure(bundle: Bundle, data: Path | None, cpus: Sequence[str], tree: Path) -> tuple[list[Row], dict[str, Any]]:
    """All rows, and the document to record. Raises FerExportError where nothing can be compared."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise ArmMachineError("ARM is compared with x86: run this on Linux x86-64")
    faces, counts = faces_of(bundle, data)
    arm = arm_machine.lay_out(tree)
    for cpu in cpus:
        arm.check(cpu)
    with tempfile.TemporaryDirectory() as folder:
        checks = checks_of(bundle, Path(folder))
        models = list(dict.fromkeys(check.path for check in checks))
        answers = ask_all(arm, cpus, models, faces, Path(folder))
    here = answers[""]
    rows = [compare(check, cpu, check.expected(here), answers[cpu][check.path]) for check in checks for cpu in cpus]
    told = [(cpu, answer.about) for cpu, each in answers.items() for answer in each.values() if answer.about]
    abouts = dict(told)
    instructions = {cpu: ", ".join(about["instructions"]) or "no int8 ones" for cpu, about in abouts.items()}
    described = {name: abouts[cpu][name] for cpu in cpus if cpu in abouts for name in ("machine", "python", "libc")}
    document = {
        "model": bundle.manifest.model,
        "checkpoint": bundle.manifest.checkpoint["sha256"],
        **counts,
        "arm": {"qemu": arm.version, **described, "instructions": {cpu: instructions.get(cpu) for cpu in cpus}},
        "kernels_here": {Path(check.file).name: here[check.path].about["kernels"] for check in checks},
        "runtimes": sorted({about["runtime"] for _, about in told}),
        "passed": all(row.passed for row in rows),
        "printout": f"{heading(bundle, counts)}\n\n{table(rows, instructions)}\n",
        "rows": [row.to_dict() for row in rows],
    }
    return rows, document


def heading(bundle: Bundle, counts: dict[str, int]) -> str:
    faces = f" and {counts['public_test_faces']} PublicTest faces" if counts["public_test_faces"] else ""
    return f"{bundle.manifest.model}: {counts['golden_vectors']} golden vectors{faces}, ARM against {machine.cpu()}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A bundle's files on emulated ARM processors against this machine.")
    parser.add_argument("bundle", type=Path, help="made by `fer-export bundle`")
    parser.add_argument("--data", type=Path, help=f"fer2013.csv: {FACES} PublicTest faces besides the golden vectors")
    parser.add_argument("--cpu", default=",".join(CPUS), help="qemu's names, with commas (%(default)s)")
    parser.add_argument("--tree", type=Path, help="where the arm64 system is kept ($FER_EXPORT_CACHE/arm)")
    parser.add_argument("--no-record", action="store_true", help="print only; benchmarks/results/ stays as it is")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    try:
        cpus = tuple(dict.fromkeys(cpu for cpu in given.cpu.split(",") if cpu)) or CPUS
        tree = (given.tree or cache_folder.folder() / "arm").resolve()
        rows, document = measure(Bundle.open(given.bundle), given.data, cpus, tree)
    except FerExportError as error:
        print(f"arm_parity: {error}", file=sys.stderr)
        return 2
    if not given.no_record:
        record("arm_parity", document)
    print(f"\n{document['printout']}")
    failed = sum(not row.passed for row in rows)
    print(f"FAILED: {failed} of {len(rows)} differ" if failed else f"PASSED: all {len(rows)} as asked")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
