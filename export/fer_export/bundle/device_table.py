"""Self-checks of phones as rows beside those of `fer-export bench`; what `fer-export device` shows.

They are files that the app shared, or come from the phones by adb.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from ..contract import converted
from ..errors import BundleError, DeviceError, one_line
from ..system import Readable
from . import documents
from .phone_check import SHARE, DeviceCheck, advised

ON_PHONE = "/sdcard/Android/data/org.ferexport.app/files/self-check.json"
"""Where the app leaves its last self-check."""

MEASURE = "make it with `fer-export bench FILE... --json`"
LARGEST = 1 << 24
"""Largest size of a document; a self-check has about 2,000 bytes."""

ADB_SECONDS = 60


@dataclass(frozen=True)
class _Bench:
    """What is read of a benchmark's document."""

    rows: tuple[Any, ...]
    """One for each file, runtime and number of threads."""

    machine: dict[str, Any]
    """What it was timed on."""


@dataclass(frozen=True)
class _Machine:
    """What is read of its machine."""

    system: str
    """Operating system."""

    cpu: str
    """Name of the processor."""


@dataclass(frozen=True)
class _Timed:
    """What is read of a row."""

    path: str
    """Path of the file."""

    runtime: str
    """Name of the runtime."""

    runtime_version: str
    """Version of the runtime's package."""

    threads: int
    """Threads for one face."""

    p50_ms: float
    """Median latency in milliseconds."""

    p95_ms: float
    """95th percentile in milliseconds."""

    float_ratio: float | None
    """Latency as a multiple of the float file's; None without one."""


@dataclass(frozen=True)
class Row:
    """One file on one device."""

    file: str
    """Name of the file."""

    device: str
    """The phone, or this machine."""

    cpu: str
    """Processor."""

    abi: str
    """Binary interface."""

    runtime: str
    """Name of the runtime."""

    threads: int
    """Threads of one inference."""

    p50_ms: float
    """Median latency, milliseconds."""

    p95_ms: float
    """95th percentile of the latency, milliseconds."""

    float_ratio: float | None
    """p50 divided by that of the network's fp32 file there; None without one."""

    agreement: float | None = None
    """Share of the golden vectors with the same top-1; None for a row of `fer-export bench`."""

    largest_difference: float | None = None
    """Largest difference from the golden vectors; None for a row of `fer-export bench`."""

    within_tolerance: bool | None = None
    """Whether the golden vectors' tolerance holds; None for a row of `fer-export bench`."""


@dataclass(frozen=True)
class DeviceTable(Readable):
    """Self-checks of phones, beside a benchmark."""

    checks: tuple[DeviceCheck, ...]
    """One per phone."""

    rows: tuple[Row, ...]
    """Rows of the benchmark and the phones; those of one file stand together."""

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "checks": [check.to_dict() for check in self.checks],
            "rows": [asdict(row) for row in self.rows],
        }


def compare(paths: Sequence[Path], *, adb: bool = False, bench: Path | None = None) -> DeviceTable:
    """Self-checks of phones, beside the rows of a `fer-export bench --json`.

    paths: files that the app shared.
    adb: whether to fetch the self-checks of all phones that adb finds as well.
    bench: the benchmark's JSON; None for none.

    Raises DeviceError for a document that cannot be read or is not a self-check, and where adb or a phone is missing.
    """
    documented = [(str(path), _content(path, SHARE)) for path in paths]
    checks = tuple(
        DeviceCheck.from_bytes(content, place) for place, content in (*documented, *(fetch() if adb else ()))
    )
    rows = [*(bench_rows(bench) if bench else ()), *(row for check in checks for row in _rows(check))]
    order = list(dict.fromkeys(name_of(row) for row in rows))
    return DeviceTable(checks, tuple(sorted(rows, key=lambda row: order.index(name_of(row)))))


def name_of(row: Row) -> str:
    """File name without its folder, which differs between a bundle and `exports/`."""
    return PurePosixPath(row.file.replace("\\", "/")).name


def bench_rows(path: Path) -> list[Row]:
    """The rows of a `fer-export bench --json`; raises DeviceError for anything else."""
    try:
        document = documents.parsed(_content(path, MEASURE), str(path))
        known = _some(document, _Bench, str(path))
        machine = _some(known.machine, _Machine, f"machine of {path}")
        timed = [_some(entry, _Timed, f"rows of {path}") for entry in known.rows]
    except BundleError as error:
        raise advised(error, MEASURE) from error
    system, _, abi = one_line(machine.system).rpartition(" ")
    return [
        Row(
            file=one_line(row.path),
            device=system,
            cpu=one_line(machine.cpu),
            abi=abi,
            runtime=one_line(f"{row.runtime} {row.runtime_version}"),
            threads=row.threads,
            p50_ms=row.p50_ms,
            p95_ms=row.p95_ms,
            float_ratio=row.float_ratio,
        )
        for row in timed
    ]


def fetch() -> tuple[tuple[str, bytes], ...]:
    """The last self-check of every phone that adb reaches, each with what to call it.

    Raises DeviceError where adb is not installed, finds no phone, or a phone has no self-check.
    """
    adb = shutil.which("adb")
    if adb is None:
        raise DeviceError(
            "adb is not installed; install Android's platform-tools, or pass the file that the app shares"
        )
    listed = [line.split("\t") for line in _adb(adb, "devices").splitlines() if "\t" in line]
    ready = [serial for serial, state, *_ in listed if state == "device"]
    if not ready:
        found = "adb sees no phone" if not listed else f"adb sees {listed[0][0]} as {one_line(listed[0][1])}"
        raise DeviceError(f"{found}; connect one, unlock it and allow USB debugging")
    with tempfile.TemporaryDirectory() as folder:
        fetched = []
        for serial in ready:
            copy = Path(folder, "self-check.json")
            _adb(adb, "-s", serial, "pull", ON_PHONE, str(copy))
            fetched.append((f"the self-check of {serial}", _content(copy, SHARE)))
    return tuple(fetched)


def _adb(adb: str, *arguments: str) -> str:
    try:
        done = subprocess.run([adb, *arguments], capture_output=True, timeout=ADB_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"adb did not answer within {ADB_SECONDS} s; connect the phone again") from error
    except OSError as error:
        raise DeviceError(f"cannot run {adb}: {error.strerror}; install Android's platform-tools again") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise DeviceError(f"adb fails ({one_line(said[-1])}); run the self-check in the app, then this again")
    return done.stdout.decode(errors="replace")


def _content(path: Path, fix: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise DeviceError(f"cannot read {path}: {error.strerror}; {fix}") from error
    if len(content) > LARGEST:
        raise DeviceError(f"{path} has more than {LARGEST:,} bytes, which no such document has; {fix}")
    return content


def _rows(check: DeviceCheck) -> list[Row]:
    floats = {each.format: each.p50_ms for each in check.variants if each.precision == "none"}
    phone = check.device
    return [
        Row(
            file=each.file,
            device=phone.model,
            cpu=phone.cpu,
            abi=phone.abi,
            runtime=check.runtime,
            threads=check.threads,
            p50_ms=each.p50_ms,
            p95_ms=each.p95_ms,
            float_ratio=round(each.p50_ms / floats[each.format], 3) if each.format in floats else None,
            agreement=each.agreement,
            largest_difference=each.largest_difference,
            within_tolerance=each.within_tolerance,
        )
        for each in check.variants
    ]


T = TypeVar("T", _Bench, _Machine, _Timed)


def _some(document: Any, kind: type[T], place: str) -> T:
    """The fields of the dataclass, of a document that has more."""
    if isinstance(document, dict):
        names = {field.name for field in fields(kind)}
        document = {name: value for name, value in document.items() if name in names}
    return converted(document, kind, place)
