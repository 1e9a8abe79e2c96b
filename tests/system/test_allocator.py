"""Freed memory goes back to the system, and a C library that cannot do it is no fault."""

import ctypes
import subprocess
import sys

import pytest

from fer_export.system.process import allocator

SCRIPT = """
from fer_export.system.process import allocator

def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))

pieces = [bytearray(60_000) for _ in range(3000)]
last = bytearray(60_000)
del pieces
before = resident()
allocator.give_back()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone can; elsewhere nothing is done, as below")
def test_what_was_freed_is_given_back():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 100_000  # kB


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    allocator.give_back()
