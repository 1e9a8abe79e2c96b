"""A bundle of a tiny network, made once for all tests, and ways to tamper with copies of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fer_export.bundle import make as bundling
from fer_export.bundle.make import Made
from fer_export.calibration import probe_faces
from fer_export.checkpoint.checkpoint import Checkpoint
from fer_export.exporting.exported import Options
from helpers.networks import checkpoint_of, report_like

LENIENT = Options(min_agreement=0.0)
"""A network of random weights is no classifier; its answers are still to be the same everywhere."""

_made: list[tuple[Checkpoint, Made]] = []


def tiny(factory: pytest.TempPathFactory) -> tuple[Checkpoint, Made]:
    """The network and its bundle; the same in every test file of one run."""
    if not _made:
        network = checkpoint_of(report_like(), factory.mktemp("network"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(probe_faces.make, "__kwdefaults__", {**probe_faces.make.__kwdefaults__, "steps": 3})
            _made.append((network, bundling.make(network, [factory.mktemp("bundles") / "tiny"], options=LENIENT)))
    return _made[0]


def copied(made: Made, folder: Path) -> Path:
    """A copy of a bundle that may be spoilt."""
    return Path(shutil.copytree(made.places[0], folder / "copy"))


def sealed(document: dict[str, Any]) -> bytes:
    """A manifest of any content with the right digest."""
    zeros = "0" * 64
    blank = json.dumps({**document, "digest": zeros}, indent=2) + "\n"
    return blank.replace(zeros, hashlib.sha256(blank.encode()).hexdigest()).encode()


def reseal(folder: Path, change: Callable[[dict[str, Any]], Any] = lambda document: None) -> None:
    """Change the manifest and make it consistent again: every listed file that exists has its SHA-256 and size."""
    path = folder / "manifest.json"
    document = json.loads(path.read_text())
    for name, entry in document["files"].items():
        if (folder / name).is_file():
            content = (folder / name).read_bytes()
            entry.update(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    change(document)
    path.write_bytes(sealed(document))


def rewrite(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a JSON document in place."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document, indent=2) + "\n")
