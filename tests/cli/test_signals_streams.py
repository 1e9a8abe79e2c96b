"""Signals: one line, the shell's exit code, nothing left. Streams: missing or full, they lose no result."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fer_export.cli import main
from fer_export.system.process import scratch, signals, streams
from helpers import tiny_onnx

COMMAND = [sys.executable, "-m", "fer_export"]
HELPERS = Path(__file__).parents[1]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tiny_onnx.model())
    return path


@contextlib.contextmanager
def started(words, folder):
    """The command with temporary files and cache of its own in the folder; killed where a test fails meanwhile."""
    (folder / "tmp").mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(folder / "tmp"), "FER_EXPORT_CACHE": str(folder / "cache")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # What runs in the background of a shell, as these tests may, is deaf to Ctrl-C and to a lost terminal.
    heard = ["env", "--default-signal=INT,HUP"]
    with subprocess.Popen([*heard, *map(str, words)], env=environment, cwd=folder, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def workers_of(process):
    """Numbers of the process's workers; not of what it asks for a moment, such as the system's `uname`."""
    listed = subprocess.run(["ps", "-wwo", "pid=,args=", "--ppid", str(process)], capture_output=True, text=True)
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if "worker.py" in line]


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def until(true, seconds=60.0):
    """What is asked for once it is true, or what it is when the seconds have passed."""
    end = time.monotonic() + seconds
    while not (answer := true()) and time.monotonic() < end:
        time.sleep(0.05)
    return answer


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_ends_workers_and_leaves_nothing(kind, code, file, tmp_path):
    with started([*COMMAND, "bench", file, "--rounds", "100000"], tmp_path) as process:
        workers = until(lambda: workers_of(process.pid))
        assert workers
        process.send_signal(kind)
        printed, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert printed == ""
    assert said.splitlines()[-1:] == [f"fer-export: {signals.MESSAGE}"]
    assert "Traceback" not in said
    assert until(lambda: all(map(gone, workers)))
    assert os.listdir(tmp_path / "tmp") == []


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.5])
def test_sigterm_from_the_first_moment(seconds, file, tmp_path):
    with started([*COMMAND, "bench", file, "--rounds", "100000"], tmp_path) as process:
        time.sleep(seconds)
        process.terminate()
        _, said = process.communicate(timeout=60)
    # Before Python has started, the system ends the process; a shell shows 143 for that as well.
    assert process.returncode in (143, -signal.SIGTERM)
    assert said.splitlines()[-1:] in ([], [f"fer-export: {signals.MESSAGE}"])
    assert "Traceback" not in said
    assert os.listdir(tmp_path / "tmp") == []


def in_a_process(body, folder):
    """Runs main with a command replaced by the body; returns the process's end."""
    script = (
        "import os, sys, time, signal\nfrom fer_export.cli import commands, main\n"
        "from fer_export.system.process import signals\n"
        f"signals.GRACE = 0.5\ndef body(options, bar):\n{body}\n"
        "commands.inspect.__code__ = body.__code__\nsys.exit(main(['inspect', 'x']))\n"
    )
    with started([sys.executable, "-c", script], folder) as process:
        printed, said = process.communicate(timeout=60)
    return process.returncode, printed, said


@pytest.mark.parametrize(
    "body",
    [
        # A library that swallows the interruption, one that makes another error of it, and a destructor.
        "    try:\n        os.kill(os.getpid(), 15); time.sleep(5)\n    except BaseException:\n        time.sleep(60)",
        "    try:\n        os.kill(os.getpid(), 15); time.sleep(5)\n    except BaseException:\n"
        "        raise RuntimeError('another') from None",
        "    class D:\n        def __del__(self):\n            os.kill(os.getpid(), 15); time.sleep(5)\n"
        "    D()\n    time.sleep(60)",
        "    try:\n        os.kill(os.getpid(), 15); time.sleep(5)\n    finally:\n"
        "        os.kill(os.getpid(), 15); time.sleep(60)",
        # A module that is half imported, in whose C++ another error would be a crash.
        "    open('half.py', 'w').write('import os\\ntry:\\n os.kill(os.getpid(), 15)\\nfinally:\\n os.abort()')\n"
        "    sys.path.insert(0, '.'); import half",
    ],
    ids=["swallowed", "translated", "destructor", "twice", "import"],
)
def test_a_signal_that_a_library_loses_still_ends_the_command(body, tmp_path):
    code, printed, said = in_a_process(
        "    import tempfile; tempfile.mkdtemp()\n    import os, time\n" + body, tmp_path
    )
    assert (code, printed) == (143, "")
    assert said == f"fer-export: {signals.MESSAGE}\n"
    assert os.listdir(tmp_path / "tmp") == []


def test_what_a_killed_command_left_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "fer-export.abandoned").mkdir()
    (tmp_path / "fer-export.young").mkdir()
    (tmp_path / "another").mkdir()
    os.utime(tmp_path / "fer-export.abandoned", (1, 1))
    with scratch.folder() as held:
        os.utime(held, (1, 1))
        with scratch.folder():
            assert held.is_dir()
        assert sorted(os.listdir(tmp_path)) == sorted(["another", held.name, "fer-export.young"])
    assert sorted(os.listdir(tmp_path)) == ["another", "fer-export.young"]


def shell(words, file, folder, **environment):
    """The words in a shell, with $RUN as the command."""
    run = " ".join([*COMMAND, "inspect", str(file)])
    settings = {**os.environ, "FER_EXPORT_CACHE": str(folder / "cache"), "RUN": run, **environment}
    return subprocess.run(["bash", "-c", words], capture_output=True, timeout=300, cwd=folder, env=settings)


def test_a_full_stdout_loses_no_result(file, tmp_path):
    whole = shell("$RUN --json", file, tmp_path)
    for words, name in (("$RUN > /dev/full", "txt"), ("$RUN --json > /dev/full", "json")):
        done = shell(words, file, tmp_path)
        [line] = done.stderr.decode().splitlines()
        kept = tmp_path / "cache" / f"last-result.{name}"
        assert done.returncode == 2
        assert line.startswith("fer-export: stdout cannot take the result")
        assert str(kept) in line
    assert json.loads(kept.read_bytes()) == json.loads(whole.stdout)


def test_no_stdout_loses_no_result(file, tmp_path):
    done = shell("$RUN --json >&-", file, tmp_path)
    assert done.returncode == 0
    assert b"there is no stdout" in done.stderr
    assert json.loads((tmp_path / "cache" / "last-result.json").read_bytes())["sha256"]


@pytest.mark.parametrize(
    "words", ["$RUN --json 2>&-", "$RUN --json 2>/dev/full", "$RUN --json <&-", "$RUN --json 2>&- <&-"]
)
def test_without_stderr_or_stdin_the_result_is_the_same(words, file, tmp_path):
    done = shell(words, file, tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["sha256"]


@pytest.mark.parametrize("words", ["$RUN.missing 2>&-", "$RUN.missing 2>/dev/full", "$RUN.missing >&- 2>&- <&-"])
def test_an_error_without_stderr_keeps_its_exit_code(words, file, tmp_path):
    done = shell(words, file, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")


def test_a_full_stderr_is_given_up_once_a_line_did_not_fit(tmp_path):
    """What is left in its buffer would fail once more at the interpreter's end, whose exit code is then 120."""
    words = "import os; from fer_export.system.process.streams import say; say('no'); print(os.readlink('/dev/fd/2'))"
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", words], stdout=subprocess.PIPE, stderr=full, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"/dev/null\n")


def test_a_reader_that_leaves_ends_the_command_quietly(file, tmp_path):
    done = shell("$RUN | true; echo ${PIPESTATUS[0]}", file, tmp_path)
    assert done.stdout.split()[-1:] in ([b"141"], [b"0"])
    assert done.stderr == b""


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=str,
)
def test_a_terminal_that_cannot_encode_gets_escapes(environment, file, tmp_path):
    strange = file.rename(tmp_path / "怒り-é.onnx")
    for words in ("$RUN", "$RUN.missing"):
        done = shell(words, strange, tmp_path, **environment)
        assert b"Traceback" not in done.stderr
        assert b"unexpected" not in done.stderr
        said = done.stdout + done.stderr
        # In the C locale Python itself does not know the file name's encoding.
        assert b"\\u6012" in said or b"\\udce6\\udc80\\udc92" in said
    assert json.loads(shell("$RUN --json", strange, tmp_path, **environment).stdout)["sha256"]


def test_streams_signals_and_temporary_folder_are_put_back(file, capsys):
    before = (sys.stdin, sys.stdout, sys.stderr, os.environ.get("TMPDIR"))
    handlers = [signal.getsignal(kind) for kind in signals.KINDS]
    assert main(["inspect", str(file)]) == 0
    assert "tiny.onnx" in capsys.readouterr().out
    assert (sys.stdin, sys.stdout, sys.stderr, os.environ.get("TMPDIR")) == before
    assert [signal.getsignal(kind) for kind in signals.KINDS] == handlers
    assert not streams.is_absent(1)
