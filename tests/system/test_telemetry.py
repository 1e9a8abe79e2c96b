"""No command, and no process that one starts, looks up a name or connects to anything."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fer_export.system.process import telemetry
from helpers import every_command, tiny_onnx

HELPERS = Path(__file__).parents[1]

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

DRIVER = """
import os, sys, time
from fer_export.calibration import probe_faces
from fer_export.cli import main
probe_faces.STEPS = 3
probe_faces.make.__kwdefaults__["steps"] = 3
codes = {name: main(list(words)) for name, words in WORK.items()}
time.sleep(WAIT)
print(codes, os.environ["ORT_DISABLE_TELEMETRY"])
"""

OUTWARD = re.compile(r"sa_family=AF_INET|/nscd/|/systemd/resolve|AF_NETLINK.*ROUTE|resolv")
INWARD = re.compile(r'bind\(.*sin6_port=htons\(0\).*"::1"')
"""How urllib3 asks, when it is imported, whether this machine has IPv6: nothing is sent."""


def outward(command: list[str], folder: Path, trace: Path, **environment: str) -> tuple[str, list[str]]:
    """What the command prints, and the calls of it and its children that look up a name or reach an address."""
    (folder / "home").mkdir(exist_ok=True)
    settings = {**os.environ, "HOME": str(folder / "home"), "FER_EXPORT_CACHE": str(folder / "cache"), **environment}
    settings.pop("XDG_CACHE_HOME", None)
    settings.pop("ORT_DISABLE_TELEMETRY", None)
    settings |= environment
    strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=network", "-o", str(trace)]
    done = subprocess.run([*strace, *command], cwd=folder, env=settings, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stderr
    lines = trace.read_text(errors="replace").splitlines()
    return done.stdout, [line for line in lines if OUTWARD.search(line) and not INWARD.search(line)]


def driver(work: dict[str, tuple[str, ...]], seconds: int) -> list[str]:
    return [sys.executable, "-c", DRIVER.replace("WORK", repr(work)).replace("WAIT", str(seconds))]


@needs_strace
def test_the_trap_sees_a_lookup(tmp_path):
    words = "import socket, contextlib\nwith contextlib.suppress(OSError): socket.getaddrinfo('example.org', 80)"
    assert outward([sys.executable, "-c", words], tmp_path, tmp_path / "trace")[1]


@needs_strace
def test_a_session_of_onnxruntime_is_silent(tmp_path):
    """In this process, and in a worker; where the user's environment says otherwise too."""
    (tmp_path / "tiny.onnx").write_bytes(tiny_onnx.model())
    work = {"bench": ("bench", "tiny.onnx", "--rounds", "2")}
    printed, calls = outward(driver(work, 0), tmp_path, tmp_path / "trace", ORT_DISABLE_TELEMETRY="0")
    assert printed.splitlines()[-1] == "{'bench': 0} 1"
    assert calls == []
    assert list((tmp_path / "home").rglob("*onnxruntime*")) == []


@needs_strace
@pytest.mark.slow
def test_no_command_reaches_out_within_a_minute(tmp_path):
    world = every_command.furnish(tmp_path / "world")
    (world / "tmp").mkdir()
    command = driver(every_command.commands(), 60)
    printed, calls = outward(command, world, tmp_path / "trace", TMPDIR=str(world / "tmp"))
    assert printed.splitlines()[-1] == f"{dict.fromkeys(every_command.commands(), 0)} 1"
    assert calls == []
    kept = [path.name for folder in ("home", "tmp") for path in (world / folder).rglob("*") if path.is_file()]
    assert not [name for name in kept if "onnxruntime" in name or name in ("deviceid", ".ses")]


@needs_strace
@pytest.mark.parametrize("place", ["hf://someone/network", "gs://bucket/network", "https://example.org/a.keras"])
def test_an_address_is_a_path_that_is_missing(place, tmp_path):
    arguments = ["evaluate", "--model", place, "--data", place]
    words = f"import sys; from fer_export.cli import main; sys.exit(main({arguments!r}) - 2)"
    assert outward([sys.executable, "-c", words], tmp_path, tmp_path / "trace")[1] == []


def test_the_package_switches_it_off_before_anything_else(monkeypatch):
    monkeypatch.setenv(telemetry.VARIABLE, "0")
    words = f"import fer_export, os, sys; print(os.environ[{telemetry.VARIABLE!r}], 'onnxruntime' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", words], text=True).split() == ["1", "False"]


def test_a_worker_that_something_else_started_is_silent():
    words = (
        "import os, runpy, sys; os.environ.pop('ORT_DISABLE_TELEMETRY', None); "
        "worker = runpy.run_path(sys.argv[1]); worker['OnnxRuntime']('onnxruntime'); "
        "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    worker = HELPERS.parent / "export" / "fer_export" / "latency" / "worker.py"
    assert subprocess.check_output([sys.executable, "-c", words, worker], text=True).strip() == "1"
