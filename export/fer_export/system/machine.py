"""The machine that a measured figure depends on: processor, cores, int8 instructions, versions, how busy it is."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

INT8_INSTRUCTIONS = {
    "avx512_vnni": "AVX512-VNNI",
    "avx_vnni": "AVX-VNNI",
    "avx_vnni_int8": "AVX-VNNI-INT8",
    "amx_int8": "AMX-INT8",
    "asimddp": "NEON dot product",
    "i8mm": "NEON i8mm",
    "hw.optional.arm.FEAT_DotProd": "NEON dot product",
    "hw.optional.arm.FEAT_I8MM": "NEON i8mm",
}
"""Instructions that multiply and add several int8 at once, by their names in /proc/cpuinfo and in macOS's sysctl."""

PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "ai-edge-litert",
    "ai-edge-quantizer",
    "onnx",
    "onnxruntime",
    "tf2onnx",
    "jax",
    "torch",
)

_BUSY_SAMPLE = 0.3


@dataclass(frozen=True)
class Machine:
    """The machine, and how busy it is."""

    system: str
    """Operating system."""

    cpu: str
    """Processor."""

    cores: int
    """Cores that this process may use."""

    int8_instructions: tuple[str, ...]
    """Instructions of the processor that speed up int8."""

    load_average: float | None
    """Load of the last minute, which includes what the user ran just before; None where the system does not tell."""

    busy_cores: float | None
    """Cores that were at work before anything was measured; None where the system does not tell."""

    python: str
    """Version of Python."""

    @property
    def arm(self) -> bool:
        return self.system.lower().split()[-1] in ("aarch64", "arm64", "armv7l", "armv8l")

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "int8_instructions": list(self.int8_instructions)}


def describe() -> Machine:
    """This machine, and how busy it is now (watched for 0.3 s)."""
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        cpu=cpu_model(),
        cores=cores(),
        int8_instructions=int8_instructions(),
        load_average=_load_average(),
        busy_cores=_busy_cores(_BUSY_SAMPLE),
        python=platform.python_version(),
    )


def environment() -> dict[str, str]:
    """Versions of what is installed, and the machine, as plain strings; imports none of the packages."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    found["machine"] = f"{platform.system()} {platform.machine()}, {cores()} cores"
    found["cpu"] = cpu()
    return found


def cpu() -> str:
    """`AMD EPYC, AVX512-VNNI`: the processor and its int8 instructions."""
    return ", ".join((cpu_model(), *int8_instructions()))


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model() -> str:
    """The processor's name as the system gives it, `unknown` where it gives none."""
    if sys.platform == "darwin":
        return _sysctl("machdep.cpu.brand_string") or "unknown"
    found = read_cpuinfo()
    named = (found.get(key) for key in ("model name", "Hardware", "Model"))
    return next((name for name in named if name), "") or platform.processor() or "unknown"


def int8_instructions() -> tuple[str, ...]:
    """The int8 dot-product instructions of the processor, empty where it has none or the system does not tell."""
    if sys.platform == "darwin":
        has = {name for name in INT8_INSTRUCTIONS if name.startswith("hw.") and _sysctl(name) == "1"}
    else:
        has = {flag for key in ("flags", "Features") for flag in read_cpuinfo().get(key, "").split()}
    return tuple(dict.fromkeys(word for flag, word in INT8_INSTRUCTIONS.items() if flag in has))


def _load_average() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def _busy_cores(seconds: float) -> float | None:
    before = _idle_ticks()
    if before is None:
        return None
    time.sleep(seconds)
    after = _idle_ticks()
    if after is None or after[1] == before[1]:
        return None
    idle = (after[0] - before[0]) / (after[1] - before[1])
    return round((1 - idle) * (os.cpu_count() or 1), 2)


def _idle_ticks() -> tuple[int, int] | None:
    """Ticks that all cores were idle or waited for a disk, and all ticks, since the machine started (Linux)."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    except OSError:
        return None
    ticks = [int(field) for field in fields]
    return (ticks[3] + ticks[4], sum(ticks)) if len(ticks) > 4 else None


@functools.cache
def read_cpuinfo() -> dict[str, str]:
    """The fields of the first core in /proc/cpuinfo, and on ARM those of the whole machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), value.strip())
    return found


@functools.cache
def _sysctl(name: str) -> str:
    with contextlib.suppress(OSError):
        return subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=False).stdout.strip()
    return ""
