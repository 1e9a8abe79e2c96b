"""Keras's start: what no command uses is not imported, and can be afterwards."""

import subprocess
import sys

import pytest

from fer_export.system import keras_backend

START = """
import gc, sys
from fer_export.system import keras_backend
keras_backend.prepare(lean={lean})
keras_backend.start()
print(*sorted(set(keras_backend.UNUSED).intersection(sys.modules)))
assert gc.isenabled() and (gc.get_freeze_count() > 100_000) == {lean}
import matplotlib.pyplot
import keras
assert keras.Sequential and matplotlib.pyplot.figure
"""


@pytest.mark.parametrize("lean", [True, False])
def test_a_lean_start_leaves_what_no_command_uses_to_those_who_import_it(lean):
    run = subprocess.run([sys.executable, "-c", START.format(lean=lean)], capture_output=True, text=True, check=True)
    assert ("matplotlib" in run.stdout) != lean


def test_absent_packages_cannot_be_imported_and_loaded_ones_stay(monkeypatch):
    monkeypatch.delitem(sys.modules, "antigravity_of_nobody", raising=False)
    with keras_backend.absent(["antigravity_of_nobody", "json"]):
        with pytest.raises(ImportError):
            __import__("antigravity_of_nobody")
        __import__("json")
    assert "antigravity_of_nobody" not in sys.modules
    assert "json" in sys.modules


def test_absent_packages_come_back_after_an_error():
    with pytest.raises(RuntimeError), keras_backend.absent(["antigravity_of_nobody"]):
        raise RuntimeError
    assert "antigravity_of_nobody" not in sys.modules
