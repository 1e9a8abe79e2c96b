"""Training over several processes: two real ones on this machine against one, and what is refused.

The two need jax (`pip install jax`); the rest runs without it.
"""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fer_export.cli import main
from fer_export.errors import TrainingError, UsageError
from fer_export.training.several import group as distribution
from fer_export.training.several import supervise
from fer_export.training.several.group import ALONE, Group

needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")

# 21 faces by 8: the last batch is of 5, which two processes cannot share evenly.
TRAIN = """
import os
import sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from fer_export.training import networks
from fer_export.training import trainer as training
from fer_export.training.several import group as distribution
from fer_export.training.networks import Residual
from fer_export.training.plan import Setup
from fer_export.training.recipe import Photometric, Recipe

networks.NETWORKS["thin"] = Residual(2, (2, 2, 2), (1, 1, 1), 0.4)
address, processes, process, optimizer, taught, last, folder = sys.argv[1:]
group = distribution.Group(address, int(processes), int(process), wait=60)
averaging = 0.5 if optimizer == "sgd" else 0.0
recipe = Recipe(
    batch_size=8,
    epochs=2,
    learning_rate=1e-2,
    optimizer=optimizer,
    averaging=averaging,
    photometric=Photometric(0.3, 0.1, 0.5),
)

def examples(count, seed):
    targets = np.arange(count) % 6
    noise = np.random.default_rng(seed).integers(0, 40, (count, 48, 48, 1))
    return training.Examples((noise + (targets * 30)[:, None, None, None]).astype("uint8"), targets)

def after(epoch, record):
    if epoch == int(last):
        os._exit(7)

with group.joined():
    faces = examples(21, 0)
    if taught == "taught":
        # Only the first process asks the teachers, who are sure of the next class here.
        soft = group.shared(lambda: {"soft": 0.5 * np.eye(6)[faces.targets] + 0.5 * np.eye(6)[(faces.targets + 1) % 6]})
        faces = replace(faces, soft=soft["soft"].astype("float32"))
    training.train(Setup("thin", 6, recipe, group=group), faces, examples(13, 1), Path(folder), on_epoch=after)
"""


def free_port():
    with socket.socket() as trial:
        trial.bind(("", 0))
        return trial.getsockname()[1]


def started(*arguments):
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    command = [sys.executable, "-c", TRAIN, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(process, code):
    said, _ = process.communicate(timeout=300)
    assert process.returncode == code, said


def curve(folder):
    epochs = json.loads((folder / "history.json").read_text())["epochs"]
    return [[epoch["loss"], epoch["val_loss"]] for epoch in epochs]


@needs_jax
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_two_processes_reach_the_curve_of_one(tmp_path, optimizer):
    address = f"localhost:{free_port()}"
    running = [
        started("", 1, 0, optimizer, "", 0, tmp_path / "one"),
        *(started(address, 2, process, optimizer, "", 0, tmp_path / f"two-{process}") for process in (0, 1)),
    ]
    for process in running:
        ended(process, 0)
    # Sums of floats in another order; other pictures or another dropout would change the loss far more.
    assert np.allclose(curve(tmp_path / "one"), curve(tmp_path / "two-0"), rtol=0, atol=1e-3)
    assert sorted(path.name for path in (tmp_path / "two-0").iterdir()) == ["curves.png", "history.json", "model.keras"]
    assert not (tmp_path / "two-1").exists()


@needs_jax
def test_two_taught_processes_go_on_where_they_were_stopped(tmp_path):
    running = [started("", 1, 0, "sgd", "taught", 0, tmp_path / "one")]
    for last, code in ((1, 7), (0, 0)):
        address = f"localhost:{free_port()}"
        running += [started(address, 2, process, "sgd", "taught", last, tmp_path / "two") for process in (0, 1)]
        ended(running.pop(), code)
        ended(running.pop(), code)
        assert (tmp_path / "two" / "state.npz").exists() == (last == 1)
    ended(running.pop(), 0)
    assert np.allclose(curve(tmp_path / "one"), curve(tmp_path / "two"), rtol=0, atol=1e-3)


@needs_jax
@pytest.mark.parametrize(("pause", "born"), [(1, signal.SIG_IGN), (1, signal.SIG_DFL), (0.05, signal.SIG_IGN)])
def test_ctrl_c_reaches_a_process_that_a_shell_started_in_the_background(tiny_csv, tmp_path, pause, born):
    """Such a process is born deaf to SIGINT, and so would its children be; several signals end it with one line too."""
    command = [sys.executable, "-m", "fer_export", "train", "--network", "nano", "--output", str(tmp_path / "run")]
    command += ["--data", str(tiny_csv), "--wait", "120"]
    command += ["--distribute", f"localhost:{free_port()}", "--processes", "2", "--process", "1"]
    process = subprocess.Popen(
        command,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, born),
    )
    time.sleep(1)  # Python's own start
    # Whenever it comes: the process is to end by it, or it comes again.
    for _ in range(int(60 / pause)):
        time.sleep(pause)
        process.send_signal(signal.SIGINT)
        if process.poll() is not None:
            break
    said = process.communicate(timeout=60)[1]
    assert (process.returncode, "interrupted" in said) == (130, True), said


@pytest.mark.parametrize("address", ["localhost", "localhost:", "localhost:0", "localhost:65536", ":1234"])
def test_address_must_be_host_and_port(address):
    with pytest.raises(UsageError, match="HOST:PORT"):
        Group(address, 2, 0)


@pytest.mark.parametrize("process", [-1, 2])
def test_process_must_be_one_of_them(process):
    with pytest.raises(UsageError, match="0 to 1"):
        Group("localhost:1234", 2, process)


def test_first_process_that_does_not_listen_is_not_waited_for_long():
    group = Group(f"localhost:{free_port()}", 2, 1, wait=0.2)
    with pytest.raises(TrainingError, match="cannot reach process 0"):
        group.reach_first()


def test_port_in_use_is_named():
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        with pytest.raises(TrainingError, match="cannot listen"):
            Group(f"localhost:{taken.getsockname()[1]}", 2, 0).check_port()


def test_another_backend_is_refused_with_advice(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(UsageError, match="torch .*KERAS_BACKEND=jax"):
        distribution.check_backend()


def test_missing_jax_is_named(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install jax"):
        distribution.check_backend()


@pytest.mark.parametrize("flags", [["--processes", "2"], ["--distribute", "localhost:1234", "--process", "0"]])
def test_flags_belong_together(flags, capsys):
    assert main(["train", "--data", str(Path(__file__)), *flags]) == 2
    assert "pass all three" in capsys.readouterr().err


def test_lost_connection_ends_in_one_line(monkeypatch):
    monkeypatch.setattr(distribution, "check_backend", lambda: None)
    monkeypatch.setattr(Group, "connect", lambda self: None)
    group = Group("localhost:1234", 2, 1)
    with pytest.raises(TrainingError, match="process 1 lost another"), group.joined():
        raise ValueError("UNKNOWN: Gloo all-reduce failed: Connection closed by peer")
    with pytest.raises(ValueError, match="another matter"), group.joined():
        raise ValueError("another matter")


@pytest.mark.parametrize(
    ("number", "joining", "word"),
    [(6, True, "not all 2"), (6, False, "lost another"), (9, False, "memory"), (15, False, "SIGTERM")],
)
def test_death_by_signal_is_told(number, joining, word):
    assert word in supervise.ending(number, Group("localhost:1234", 2, 1), joining)


def test_alone_nothing_is_shared_nor_joined():
    with ALONE.joined(), ALONE.sharing_batches():
        assert ALONE.first
        assert ALONE.shared(lambda: {"a": np.arange(2)})["a"].tolist() == [0, 1]


def test_arrays_come_through_whole():
    sent = {"run": np.array('{"epochs": []}'), "conv/0": np.ones((2, 3), np.float32)}
    received = distribution.unpacked(distribution.packed(sent))
    assert str(received["run"]) == '{"epochs": []}'
    assert (received["conv/0"] == sent["conv/0"]).all()
