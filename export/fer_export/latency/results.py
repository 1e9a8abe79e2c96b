"""What a latency run measured: a row a file, runtime and number of threads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..system.machine import Machine
from ..system.readable import Readable
from .process import Kernels


@dataclass(frozen=True)
class Row:
    """One file in one runtime with so many threads. Sizes in bytes or millions of bytes (mb), times as named.

    path: as it was given. model, precision: from the file's contract; without one from its name and its ops.
    import_s: importing the runtime; load_ms: from the file (in the system's cache) to a runtime that is ready;
    first_ms: the first inference; p5_ms, p50_ms, p95_ms: percentiles over `inferences`. imported_rss_mb,
    peak_rss_mb: peak resident memory of the process before it loads the file and at the end.
    gmac_per_s: macs through p50, in thousand millions a second; share_of_peak_percent: of what the runtime's matrix
    product of `peak_arithmetic` reaches.
    mirror: whether the file averages over the face and its mirror image.
    float_ratio: p50 over that of the float32 file of the same network, mirror, runtime and threads, None without one.
    off_cpu_percent: timed wall time in which the process did not compute, None with several threads;
    halves_differ_percent: difference of the medians of even and odd rounds.
    """

    path: str
    model: str
    precision: str
    format: str
    input_shape: tuple[int, ...]
    runtime: str
    runtime_version: str
    python: str
    kernels: Kernels
    threads: int
    file_bytes: int
    macs: int | None
    parameters: int | None
    import_s: float
    load_ms: float
    first_ms: float
    p5_ms: float
    p50_ms: float
    p95_ms: float
    inferences: int
    imported_rss_mb: float
    peak_rss_mb: float
    gmac_per_s: float | None
    off_cpu_percent: float | None
    halves_differ_percent: float
    peak_arithmetic: str | None = None
    share_of_peak_percent: float | None = None
    mirror: bool = False
    float_ratio: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Peak:
    """What a runtime reaches with so many threads on the large matrix product, [M, K] times [K, N]."""

    runtime: str
    runtime_version: str
    threads: int
    arithmetic: str
    shape: tuple[int, int, int]
    macs: int
    p50_ms: float
    gmac_per_s: float
    kernels: Kernels

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Bench(Readable):
    """rows: in the order of runtimes, threads and files. slower: a sentence for each quantised file that is slower
    than its float twin, and why. cautions: what speaks against the figures, empty where nothing does."""

    rows: tuple[Row, ...]
    peaks: tuple[Peak, ...]
    machine: Machine
    slower: tuple[str, ...]
    cautions: tuple[str, ...]
    method: dict[str, Any]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "rows": [row.to_dict() for row in self.rows],
            "peaks": [peak.to_dict() for peak in self.peaks],
            "machine": self.machine.to_dict(),
            "slower": list(self.slower),
            "cautions": list(self.cautions),
            "method": self.method,
            "seconds": self.seconds,
        }
