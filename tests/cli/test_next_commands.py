"""What a command says comes next: the flags it was given, and commands that work as they are printed."""

from shlex import split

import keras
import pytest

from fer_export.cli import commands as cli
from fer_export.cli import flags as arguments
from fer_export.cli import main
from fer_export.report.text.next_commands import Flags, given
from helpers.networks import checkpoint_of, grey, planted, report_like, scaled, taught


@pytest.fixture
def broken(tmp_path, tiny_csv):
    """A network that is better than chance, whose int8 file misses its gate."""
    keras.backend.clear_session()
    network = planted(report_like(filters=16, side=48, classes=7), scaled(grey(32, side=48)), "batch_normalization")
    checkpoint_of(taught(network, tiny_csv), tmp_path)
    return str(tmp_path / "tiny.keras")


def commands(printed):
    """The arguments of the commands that are printed behind `next:`."""
    lines = printed[printed.index("next:") :].removeprefix("next:").strip().splitlines()
    return [split(line.strip().split("   ")[0])[1:] for line in lines]


@pytest.mark.slow
def test_a_failed_file_is_mended_and_blamed_as_it_was_made(tmp_path, tiny_csv, broken, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = ["--model", broken, "--data", str(tiny_csv)]
    making = ["--calibration-faces", "20", "--input", "rgb", "--io", "int8", "--mirror", "--output", "made here"]
    assert main(["tflite", "--no-repair", *known, *making]) == 1
    repair, blame, every = commands(capsys.readouterr().out)
    assert repair == ["tflite", "--quantize", "int8", *known, *making]
    assert blame == ["blame", "made here/tiny-int8-rgb-mirror-failed.tflite", *known]
    assert every == ["tflite", "--quantize", "all", *known]
    assert main(blame) == 0
    [mending] = commands(capsys.readouterr().out)
    assert mending == ["tflite", "--quantize", "int8", *known]
    # Of 42 faces one is 2.4 %.
    assert main([*repair, "--min-agreement", "0.9", "--max-drop", "10"]) == 0
    assert list((tmp_path / "made here").glob("*-repaired.tflite"))


@pytest.mark.slow
def test_a_bundle_that_failed_keeps_its_flags(tmp_path, tiny_csv, broken, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--model", broken, "--data", str(tiny_csv), "--output", "app"]
    assert main(["bundle", "--no-repair", *flags]) == 1
    assert commands(capsys.readouterr().out) == [["bundle", *flags]]


def test_only_what_was_given_is_repeated():
    read = arguments.parser(cli.commands()).read
    for command in (["tflite"], ["blame", "x.tflite"], ["bundle"], ["all"]):
        assert given(read(command)) == Flags()
    options = read(["all", "--model", "a b.keras", "--trust", "--max-drop", "0.5", "--seed", "1", "--data", "d.csv"])
    assert given(options) == Flags(" --model 'a b.keras' --trust", " --data d.csv", " --max-drop 0.5")
