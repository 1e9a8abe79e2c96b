"""What the doctor finds on a sound machine, and what it says of each thing that is wrong."""

import json
import os
import signal
import subprocess
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from fer_export.report.text.doctor import doctor_text
from fer_export.system import doctor, machine
from fer_export.system.doctor import Examination, Finding


def sound(*arguments):
    return subprocess.CompletedProcess(arguments, 0, "", "")


def test_every_package_of_the_install_is_looked_at():
    names = {requirement.name for requirement in doctor.requirements()}
    assert {"tensorflow", "onnx", "onnxruntime", "tf2onnx", "numpy", "pillow", "packaging"} <= names
    assert not names & {"pytest", "ai-edge-quantizer", "tflite-runtime"}
    assert doctor.package(Requirement("packaging>=1")).state == "ok"
    assert doctor.python().state == "ok"


@pytest.mark.parametrize("line", ["protobuf>=5", "pillow>=11", "threadpoolctl>=3.1"])
def test_packages_whose_module_has_another_name_are_imported(line):
    assert doctor.package(Requirement(line)).state == "ok"


@pytest.mark.parametrize(
    ("line", "found", "fix"),
    [
        ("no-such-package>=2", "not installed", "pip install 'no-such-package>=2'"),
        ("packaging<1", "needs <1", "pip install 'packaging<1'"),
    ],
)
def test_a_package_that_is_missing_or_too_old_is_a_fault(line, found, fix):
    finding = doctor.package(Requirement(line))
    assert (finding.state, finding.fix) == ("fault", fix)
    assert found in finding.found


def test_a_package_that_cannot_be_imported_is_a_fault(monkeypatch):
    monkeypatch.setitem(doctor.MODULES, "packaging", "packaging.no_such_module")
    finding = doctor.package(Requirement("packaging"))
    assert finding.state == "fault"
    assert "cannot be imported: ModuleNotFoundError: No module named" in finding.found
    assert finding.fix.endswith("--force-reinstall")


def test_a_script_in_the_current_folder_is_no_package(tmp_path, monkeypatch):
    (tmp_path / "h5py.py").write_text("raise ImportError('not that one')")
    monkeypatch.chdir(tmp_path)
    assert doctor.failure(doctor.run_python("-c", "import h5py")) == ""


def test_a_death_by_signal_is_told():
    died = doctor.run_python("-c", f"import os; os.kill(os.getpid(), {int(signal.SIGILL)})")
    assert doctor.failure(died) == "ended by SIGILL"


def test_folders(tmp_path, monkeypatch):
    assert doctor.folder("cache", tmp_path).state == "ok"
    (tmp_path / "file").write_text("")
    blocked = doctor.folder("cache", tmp_path / "file")
    assert (blocked.state, "FER_EXPORT_CACHE" in blocked.fix) == ("fault", True)
    monkeypatch.setattr(doctor, "LEAST_SPACE", 1e18)
    assert "MB free" in doctor.folder("cache", tmp_path).found
    assert doctor.folder("cache", tmp_path).state == "fault"


def test_a_processor_without_int8_instructions_is_noted(monkeypatch):
    monkeypatch.setattr(machine, "int8_instructions", lambda: ())
    assert doctor.processor().state == "note"
    monkeypatch.setattr(machine, "int8_instructions", lambda: ("AVX-VNNI",))
    assert doctor.processor().state == "ok"


@pytest.mark.slow
def test_a_job_that_fails_is_a_fault(monkeypatch):
    monkeypatch.setattr(doctor, "NETWORK", "no-such-network")
    finding = doctor.job("tflite")
    assert finding.state == "fault"
    assert "no-such-network" in finding.found


def test_jobs_are_not_tried_with_a_package_missing(monkeypatch):
    monkeypatch.setattr(doctor, "requirements", lambda: [Requirement("no-such-package")])
    monkeypatch.setattr(doctor, "job", lambda command: pytest.fail("a job was run"))
    result = doctor.examine()
    assert [finding.subject for finding in result.faults] == ["no-such-package"]
    assert doctor_text(result).endswith("1 to fix:\n  no-such-package: pip install 'no-such-package'")


def test_what_is_optional_is_no_fault(monkeypatch):
    monkeypatch.setenv("PATH", "")
    found = {finding.subject: finding.state for finding in doctor.optional()}
    assert found["adb"] == "note"
    healthy = Examination((Finding("Python", "ok", "3.11"), Finding("adb", "note", "not found")))
    assert doctor_text(healthy).endswith("everything works: fer-export can do all its work here")
    assert healthy.to_dict()["healthy"]


def test_the_command_needs_no_package_but_the_one_it_reads_requirements_with(tmp_path):
    """As after a broken install: every package that it does not need is hidden."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "for name in ('numpy', 'keras', 'tensorflow', 'onnx', 'onnxruntime', 'PIL', 'matplotlib', 'h5py'):\n"
        "    sys.modules[name] = None\n"
    )
    search = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        [sys.executable, "-m", "fer_export", "doctor", "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": search},
        timeout=120,
    )
    assert result.returncode == 1, result.stderr
    found = {finding["subject"]: finding for finding in json.loads(result.stdout)["findings"]}
    assert found["numpy"]["state"] == "fault"
    assert found["numpy"]["found"].startswith(f"{metadata.version('numpy')}, cannot be imported: ModuleNotFoundError")
    assert "tflite int8" not in found
