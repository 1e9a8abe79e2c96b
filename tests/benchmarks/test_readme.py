"""The README files show the recorded figures, every command, room and benchmark, and their links lead somewhere."""

import argparse
import ast
import inspect
import re
import shutil
from pathlib import Path
from typing import Any

import matplotlib
import pytest

import fer_export as fer
from benchmarks import tables
from fer_export.cli import commands as cli
from fer_export.cli import flags

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "export" / "fer_export"
FLOOR = re.compile(r"^\| (\d+) \| `(\w+)` \|", re.MULTILINE)


@pytest.mark.parametrize("page", tables.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_figures_are_the_recorded_ones(page):
    text = page.read_text()
    assert tables.rendered(text) == text, "run `python -m benchmarks.tables`"


def test_every_block_stands_in_a_readme():
    found = {block[2] for page in tables.pages() for block in tables.BLOCK.finditer(page.read_text())}
    assert found == set(tables.BLOCKS)


def test_first_page_is_one_page():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_command_is_documented():
    text = (ROOT / "README.md").read_text()
    root = flags.parser(cli.commands())
    [commands] = [action for action in root._actions if isinstance(action, argparse._SubParsersAction)]
    for name in commands.choices:
        assert f"`fer-export {name}" in text


def test_every_room_is_documented():
    rooms = {name for _, name in FLOOR.findall((ROOT / "export" / "README.md").read_text())}
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("[!_]*.py")}
    assert rooms == folders | modules


def test_every_benchmark_is_documented():
    text = (ROOT / "benchmarks" / "README.md").read_text()
    named = set(re.findall(r"python -m benchmarks\.([\w.]+)", text))
    scripts = {
        ".".join(path.relative_to(ROOT / "benchmarks").with_suffix("").parts)
        for path in (ROOT / "benchmarks").rglob("*.py")
        if _is_script(path)
    }
    assert named == scripts - {"arm.arm_worker"}, "arm_worker is run by arm_parity"


@pytest.mark.parametrize("page", tables.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_of_the_repository(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).is_file(), f"{page.name} links to {target}"


def test_every_public_function_is_documented():
    text = (ROOT / "export" / "README.md").read_text()
    functions = {name for name in fer.__all__ if inspect.isfunction(getattr(fer, name))}
    assert {name for name in functions if f"`fer.{name}`" not in text} == set()


@pytest.mark.slow
def test_python_of_the_pages_runs(tmp_path, monkeypatch, capsys):
    shutil.copy(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg", tmp_path / "portrait.jpg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for page in ("README.md", "export/README.md"):
        for code in re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE):
            exec(compile(code, page, "exec"), names)
    assert len(names["faces"]) == 1
    assert names["result"].passed
    assert capsys.readouterr().out.count("PASSED  ") == 2


def _is_script(path: Path) -> bool:
    """Whether a module does something when it is run."""
    return any(
        isinstance(node, ast.If) and "__name__" in ast.unparse(node.test) for node in ast.parse(path.read_text()).body
    )
