import errno
import os
import subprocess

import pytest

from fer_export.errors import OutputError
from fer_export.system import files


def test_writes_content_and_leaves_nothing_else(tmp_path):
    path = files.write_whole(tmp_path / "new" / "a.bin", b"abc")
    assert path.read_bytes() == b"abc"
    assert os.listdir(path.parent) == ["a.bin"]


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OutputError, match="disk is full"):
        files.write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_next_write_removes_what_a_killed_writer_left(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / f".a.bin.{gone.pid}.partial").write_bytes(b"half")
    running = tmp_path / f".a.bin.{os.getppid()}.partial"
    running.write_bytes(b"of another process")
    files.write_whole(tmp_path / "a.bin", b"whole")
    assert sorted(os.listdir(tmp_path)) == sorted([running.name, "a.bin"])


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "exports").write_text("a file")
    with pytest.raises(OutputError, match="exports"):
        files.check_writable(tmp_path / "exports")
