"""How the command line treats people: near misses, helps that fit a screen, quiet, nothing at all."""

import re

import pytest

from fer_export.cli import main
from fer_export.cli.commands import commands
from fer_export.cli.examples import EXAMPLES
from fer_export.cli.flags import parser

SCREEN = 50
"""Lines of a terminal."""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tflit"], "unknown command 'tflit' (did you mean 'tflite'?)"),
        (
            ["tflite", "--quantise", "int8"],
            "unknown flag --quantise (did you mean '--quantize'?)",
        ),
        (["all", "--modle=x"], "unknown flag --modle (did you mean '--model'?)"),
        (["inspect", "a", "b"], "unexpected argument 'b'"),
        (["onnx", "--zzz"], "unknown flag --zzz"),
        (["tflite", "my.h5"], "unexpected argument 'my.h5' (did you mean '--model my.h5'?)"),
        (["tflite", "my"], "unexpected argument 'my'"),
        (["data", "--data", "a.csv"], "unknown flag --data; pass FILE without a flag"),
        (["inspect", "--model", "a.tflite"], "unknown flag --model; pass FILE without a flag"),
        (
            ["tflite", "--mod", "compact-7"],
            "unknown flag --mod (did you mean '--model'?)",
        ),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, list) else "",
)
def test_a_mistyped_word_gets_the_nearest_right_one(words, said, capsys):
    assert main(words) == 2
    command = f"fer-export {words[0]}" if words[0] in commands() else "fer-export"
    assert capsys.readouterr() == ("", f"fer-export: {said}; see `{command} --help`\n")


@pytest.mark.parametrize("name", ["", *commands()])
def test_every_help_fits_a_screen_and_shows_two_examples(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit) as ended:
        main([*([name] if name else []), "--help"])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= SCREEN
    examples = lines[lines.index("examples:") + 1 :]
    assert len(examples) == 2
    for line in examples:
        assert line.strip().startswith(f"fer-export {name}".strip())


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_examples_are_command_lines(line):
    options = parser(commands()).read(line.split()[1:])
    assert options.command == line.split()[1]


def test_the_command_alone_shows_its_help(capsys):
    assert main([]) == 0
    assert re.search(r"^commands:", capsys.readouterr().out, re.MULTILINE)


def test_quiet_prints_errors_only(tiny_csv, tmp_path, capfd):
    assert main(["data", str(tiny_csv), "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")
    assert main(["data", str(tmp_path / "missing.csv"), "--quiet"]) == 2
    assert "missing.csv" in capfd.readouterr().err


def test_a_fault_of_ours_says_how_to_report_it(tiny_csv, monkeypatch, capsys):
    def broken(*given, **named):
        raise KeyError("shape")

    monkeypatch.delenv("FER_EXPORT_DEBUG", raising=False)
    monkeypatch.setattr("fer_export.dataset.duplicates.summarize", broken)
    assert main(["data", str(tiny_csv)]) == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    for words in (
        "a fault of fer-export",
        "KeyError: 'shape'",
        f"command: fer-export data {tiny_csv}",
        "keras 3.",
        "Python 3.",
    ):
        assert words in said
