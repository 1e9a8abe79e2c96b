"""The rooms of the package: imports point down, never around, and no floor of a folder is crowded."""

import ast
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import fer_export

PACKAGE = Path(fer_export.__file__).parent

FLOORS = (
    ("harmless", "lazy"),
    ("errors",),
    ("contract",),
    ("system",),
    ("model_file", "photo", "dataset"),
    ("checkpoint",),
    ("network", "runtimes"),
    ("latency", "calibration"),
    ("convert", "parity"),
    ("exporting", "training"),
    ("bundle",),
    ("predict",),
    ("report", "serve"),
    ("api",),
    ("cli",),
    ("__main__",),
)
"""From the ground up. A room imports from lower floors only."""

MOST_ON_A_FLOOR = 8


def module(path: Path) -> tuple[str, ...]:
    return path.relative_to(PACKAGE).with_suffix("").parts


@pytest.fixture(scope="module")
def imports() -> dict[tuple[str, ...], set[tuple[str, ...]]]:
    """Each module of the package with those that it imports, anywhere in it."""
    known = {module(path) for path in PACKAGE.rglob("*.py")}
    found = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        here = module(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = (*here[: len(here) - node.level], *(node.module.split(".") if node.module else ()))
                for alias in node.names:
                    target = next((t for t in ((*base, alias.name), base, (*base, "__init__")) if t in known), base)
                    found[here].add(target)
    return found


def test_every_room_stands_on_a_floor():
    rooms = {module(path)[0] for path in PACKAGE.rglob("*.py")} - {"__init__"}
    assert rooms == {room for floor in FLOORS for room in floor}


def test_arrows_point_down(imports):
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    upwards = {
        f"{'.'.join(here)} -> {'.'.join(there)}"
        for here, targets in imports.items()
        for there in targets
        if here[0] in floor
        and there
        and there[0] in floor
        and here[0] != there[0]
        and floor[there[0]] >= floor[here[0]]
    }
    assert not upwards


def test_there_is_no_circle(imports):
    finished, circles = set(), []

    def follow(here: tuple[str, ...], path: list[tuple[str, ...]]) -> None:
        for there in imports.get(here, ()):
            if there in path:
                circles.append([".".join(each) for each in (*path[path.index(there) :], there)])
            elif there not in finished:
                follow(there, [*path, there])
        finished.add(here)

    for start in list(imports):
        if start not in finished:
            follow(start, [start])
    # The package's own names are looked up when they are used; `from .. import __version__` is no circle.
    assert not [circle for circle in circles if "__init__" not in circle[:-1]]


def test_no_floor_of_a_folder_is_crowded(imports):
    """Modules of one folder lie on floors: each above those of the same folder that it imports."""
    for folder in {path.parent for path in PACKAGE.rglob("*.py")}:
        inside = {module(path) for path in folder.glob("*.py") if path.stem != "__init__"}
        height: dict[tuple[str, ...], int] = {}

        def of(here: tuple[str, ...], inside=inside, height=height) -> int:
            if here not in height:
                height[here] = 1 + max((of(there) for there in imports.get(here, ()) if there in inside), default=0)
            return height[here]

        floors = [of(each) for each in inside]
        crowded = {number: floors.count(number) for number in floors if floors.count(number) > MOST_ON_A_FLOOR}
        assert not crowded, f"{folder}: {crowded}"


def test_no_name_shadows_the_standard_library():
    at_top = {path.stem for path in PACKAGE.iterdir() if not path.stem.startswith("__")}
    assert not at_top & set(sys.stdlib_module_names)


MOST_PARAMETERS = 6

MORE_PARAMETERS = {
    "api": "the public face: one named parameter for each choice of a command",
    "exporting.export.export": "those of fer.export",
    "exporting.repair.repair": "a file, what it was made of, and how to go on",
    "serve.run.serve": "those of fer.serve_photos",
}
"""Modules and functions that may have more, and why; the functions of rooms say it in their docstring too."""


def test_functions_have_few_parameters():
    many, excused = set(), set()
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(module(path))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
                if len([each for each in given if each.arg not in ("self", "cls")]) > MOST_PARAMETERS:
                    here = name if name in MORE_PARAMETERS else f"{name}.{node.name}"
                    (excused if here in MORE_PARAMETERS else many).add(here)
                    assert name == here or "Over six parameters: " in (ast.get_docstring(node) or ""), here
    assert not many
    assert excused == set(MORE_PARAMETERS), "a function of the list has few parameters by now"


def is_dataclass(node: ast.ClassDef) -> bool:
    """Whether a class is a dataclass, a named tuple or a structure of msgspec."""
    kinds = [ast.unparse(each) for each in (*node.decorator_list, *node.bases)]
    return any(kind in each for each in kinds for kind in ("dataclass", "NamedTuple", "Struct"))


def test_every_field_has_its_own_line():
    """Private classes too: a string below each field says what it holds."""
    silent = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and is_dataclass(node):
                for field, after in zip(node.body, [*node.body[1:], None], strict=True):
                    said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                    if isinstance(field, ast.AnnAssign) and not said:
                        silent.add(f"{'.'.join(module(path))}.{node.name}.{ast.unparse(field.target)}")
    assert not silent


def test_tests_reach_behaviour_and_not_private_names():
    tests = Path(__file__).parent
    ours = ("fer_export", "benchmarks", "helpers")
    found = [
        f"{path.relative_to(tests)}:{node.lineno} {name}"
        for path in sorted(tests.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        for name in private_names(node, ours)
    ]
    assert found == []


def private_names(node, packages):
    """Private names that an import takes from our packages, or that a monkeypatch replaces."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in packages:
        return [alias.name for alias in node.names if is_private(alias.name)]
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("setattr", "delattr") and len(node.args) > 1:
        name = getattr(node.args[1], "value", "")
        return [name] if isinstance(name, str) and is_private(name.split(".")[-1]) else []
    return []


def is_private(name):
    return name.startswith("_") and not name.startswith("__")
