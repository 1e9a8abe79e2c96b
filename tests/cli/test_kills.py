"""Commands killed by kill -9 lose nothing; `python -m helpers.kills 100` is the whole campaign over all commands."""

import pytest

from helpers import kills


@pytest.mark.slow
def test_killed_commands_lose_nothing(tmp_path):
    found = kills.campaign(tmp_path / "world", 5, names=("tflite", "onnx", "bench", "bundle"))
    assert found.faults == ()


def test_the_campaign_sees_what_is_lost_cut_or_changed(tmp_path):
    for name in kills.INPUTS:
        (tmp_path / name).write_bytes(b"{}")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.tflite").write_bytes(b"whole")
    (tmp_path / "out" / "b.json").write_bytes(b"{}")
    inputs, outputs = kills.digests(tmp_path, kills.INPUTS), kills.written(tmp_path)
    assert kills.differences(tmp_path, inputs, outputs) == []
    (tmp_path / "out" / "a.tflite").write_bytes(b"who")
    (tmp_path / "out" / "b.json").write_bytes(b'{"cut')
    (tmp_path / "out" / "c.npz").write_bytes(b"")
    (tmp_path / "photo.png").write_bytes(b"")
    found = "\n".join(kills.differences(tmp_path, inputs, outputs))
    for words in ("a.tflite has other bytes", "b.json is not whole", "c.npz is not whole", "photo.png was changed"):
        assert words in found
    (tmp_path / "out" / "b.json").unlink()
    assert "out/b.json is lost" in kills.differences(tmp_path, inputs, outputs)
