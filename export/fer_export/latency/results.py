"""What a latency run measured: one row per file, runtime and number of threads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..system import Machine, Readable
from .process import Kernels


@dataclass(frozen=True)
class Row:
    """One file in one runtime with a number of threads."""

    path: str
    """The path that was passed."""

    model: str
    """From the file's contract; without one from its name and ops."""

    precision: str
    """From the file's contract; without one from its name and ops."""

    format: str
    """Key of contract.formats."""

    input_shape: tuple[int, ...]
    """Shape of its input."""

    runtime: str
    """Name of the runtime."""

    runtime_version: str
    """Version of the runtime."""

    python: str
    """Version of Python that ran it."""

    kernels: Kernels
    """The code that computed it."""

    threads: int
    """Threads of one inference."""

    file_bytes: int
    """Size of the file."""

    macs: int | None
    """Multiply-accumulates of one inference; None where they cannot be told."""

    parameters: int | None
    """Weights and biases; None where they cannot be told."""

    import_s: float
    """Seconds to import the runtime."""

    load_ms: float
    """Milliseconds from the file (in the system's cache) to a runtime that is ready."""

    first_ms: float
    """Milliseconds of the first inference."""

    p5_ms: float
    """5th percentile over `inferences`, milliseconds."""

    p50_ms: float
    """Median over `inferences`, milliseconds."""

    p95_ms: float
    """95th percentile over `inferences`, milliseconds."""

    inferences: int
    """How many inferences were timed."""

    imported_rss_mb: float
    """Peak resident memory of the process before it loads the file, in millions of bytes."""

    peak_rss_mb: float
    """Peak resident memory of the process at its end, in millions of bytes."""

    gmac_per_s: float | None
    """macs / p50 in thousand millions per second; None where macs are unknown."""

    off_cpu_percent: float | None
    """Share of the timed wall time in which the process did not compute; None with several threads."""

    halves_differ_percent: float
    """Difference of the medians of even and odd rounds."""

    peak_arithmetic: str | None = None
    """Arithmetic of the matrix product that it is compared with; None without one."""

    share_of_peak_percent: float | None = None
    """gmac_per_s as a share of what the runtime's matrix product of `peak_arithmetic` reaches."""

    mirror: bool = False
    """Whether the file averages over the face and its mirror image."""

    float_ratio: float | None = None
    """p50 divided by that of the float32 file of the same network, mirror, runtime and threads; None without one."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Peak:
    """What a runtime reaches on the large matrix product [M, K] times [K, N]."""

    runtime: str
    """Name of the runtime."""

    runtime_version: str
    """Version of the runtime."""

    threads: int
    """Threads of one inference."""

    arithmetic: str
    """`float32` or `int8`."""

    shape: tuple[int, int, int]
    """(M, K, N)."""

    macs: int
    """Multiply-accumulates of one product."""

    p50_ms: float
    """Median latency, milliseconds."""

    gmac_per_s: float
    """Thousand millions of multiply-accumulates per second."""

    kernels: Kernels
    """The code that computed it."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Bench(Readable):
    """A benchmark: files side by side."""

    rows: tuple[Row, ...]
    """One per file, runtime and number of threads, in this order reversed: runtimes, threads, files."""

    peaks: tuple[Peak, ...]
    """Matrix products of the same run."""

    machine: Machine
    """The machine that was measured."""

    slower: tuple[str, ...]
    """A sentence for each quantised file that is slower than its float twin, with the reason."""

    cautions: tuple[str, ...]
    """Sentences on why the figures may mislead; empty where nothing suggests it."""

    method: dict[str, Any]
    """How it was measured, JSON-safe."""

    seconds: float
    """Wall time."""

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
