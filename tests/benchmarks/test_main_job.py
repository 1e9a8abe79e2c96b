"""The profile of the main job: its steps exist, their seconds add up, and a process is measured as it was."""

import subprocess
import sys
import time

import pytest
from benchmarks.speed import main_job


@pytest.mark.parametrize("target", main_job.STEPS)
def test_steps_are_functions_of_the_package(target):
    owner, name = main_job.found(target)
    assert callable(getattr(owner, name))


def test_a_step_is_without_the_steps_inside_it():
    clock = main_job.Clock()
    inner = clock.timed(lambda: time.sleep(0.2), "inner")
    with clock.step("outer"):
        time.sleep(0.05)
        inner()
        inner()
    assert 0.4 <= clock.steps["inner"][0] < 2
    assert 0.05 <= clock.steps["outer"][0] < 0.4
    assert clock.steps["inner"][1] < 0.2, "sleep takes no processor time"


def test_rows_are_medians_with_small_packages_added_up():
    runs = [
        {"judging": [seconds, 2 * seconds, 700.0], "importing a": [0.03, 0.03, 50.0], "importing b": [0.02, 0.02, 60.0]}
        for seconds in (1.0, 5.0, 2.0)
    ]
    judging, packages = main_job.step_rows(runs)
    assert judging == {"step": "judging", "wall": 2.0, "processor": 4.0, "peak_mb_until_its_end": 700}
    assert packages["step"] == "importing other packages"
    assert packages["wall"] == 0.05
    assert packages["peak_mb_until_its_end"] == 60


def test_a_process_is_measured_as_it_was():
    found = main_job.measured(
        "-c", "held = bytearray(200_000_000)\nwhile __import__('time').process_time() < 0.3: pass"
    )
    assert 0.3 <= found["processor"] < 3
    assert found["wall"] >= found["processor"] / 2
    assert found["peak_mb"] >= 190


def test_a_process_that_fails_stops_the_benchmark():
    with pytest.raises(SystemExit, match="exit 3"):
        main_job.measured("-c", "raise SystemExit(3)")


WATCHED = """
from benchmarks.speed import main_job
clock = main_job.Clock()
clock.watch_imports()
import wave
import fer_export.dataset.read
clock.watch("dataset.read:read", "reading")
try:
    fer_export.dataset.read.read("no such file")
except fer_export.DataError:
    print(*clock.steps)
"""


def test_imports_and_functions_are_watched_from_outside():
    run = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1].endswith("reading")
    assert "importing wave" in run.stdout
    assert "importing fer_export" in run.stdout
