"""Messages name parameters; the command line shows flags and commands."""

import pytest

from fer_export.cli.commands import commands
from fer_export.cli.flags import parser
from fer_export.cli.words import COMMANDS, PARAMETERS, typed


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("pass `data='fer2013.csv'`", "pass --data fer2013.csv"),
        ("use `precision='dynamic'` or `input_kind='gray'`", "use --quantize dynamic or --input gray"),
        ("add `trust=True`; drop `weights`", "add --trust; drop --weights"),
        ("`max_drop` is 2, `network=a b.keras`", "--max-drop is 2, --model a b.keras"),
        ("make it again with `make_bundle()`", "make it again with `fer-export bundle`"),
        ("use `format='tflite'`", "use `fer-export tflite`"),
        ("`repair=False` keeps it", "--no-repair keeps it"),
        ("run `pip install onnx` or `other`", "run `pip install onnx` or `other`"),
    ],
)
def test_parameters_become_flags(said, shown):
    assert typed(said) == shown


def test_every_word_is_a_flag_or_a_command():
    root = parser(commands())
    flags = {flag for command in root.commands.values() for flag in command.flags()}
    for name in PARAMETERS - {"web", "votes", "prior", "min_score", "min_size"}:
        assert typed(f"`{name}`") in flags
    assert set(COMMANDS.values()) <= set(root.commands)
