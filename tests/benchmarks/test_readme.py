"""The README shows the recorded figures and every command."""

import argparse
import re
import runpy
from pathlib import Path

from fer_export.cli import commands as cli
from fer_export.cli import flags

ROOT = Path(__file__).parents[2]


def test_figures_are_the_recorded_ones():
    text = (ROOT / "README.md").read_text()
    rendered = runpy.run_path(str(ROOT / "benchmarks" / "tables.py"))["rendered"]
    assert rendered(text) == text, "run `python -m benchmarks.tables`"


def test_every_command_and_module_is_documented():
    text = (ROOT / "README.md").read_text()
    root = flags.parser(cli.commands())
    [commands] = [action for action in root._actions if isinstance(action, argparse._SubParsersAction)]
    for name in commands.choices:
        assert f"`fer-export {name}" in text
    house = text[text.index("## The house") :]
    for path in (ROOT / "export" / "fer_export").rglob("*.py"):
        if path.stem != "__init__":
            assert re.search(rf"\b{path.stem}\b", house), f"{path.stem} has no room in the README's house"
