"""Where a network lies: a shipped name, a network folder, a file, or a SavedModel folder."""

from __future__ import annotations

import difflib
from pathlib import Path

from ..contract import formats
from ..errors import CheckpointError
from .file_kinds import is_unpacked, other_folder
from .shipped import shipped_folder, shipped_names


def find(model: str | Path) -> tuple[Path, Path | None]:
    """(what to read, the network folder if there is one) for a name or path.

    Raises CheckpointError, with the name that was probably meant, where there is no such network.
    """
    if isinstance(model, str) and model in shipped_names():
        folder = shipped_folder() / model
        return folder / "model.keras", folder
    path = Path(model)
    if (path / "model.keras").is_file():
        return path / "model.keras", path
    if path.is_dir():
        if (path / "saved_model.pb").is_file() or is_unpacked(path):
            return path, None
        raise CheckpointError(f"{path} is {other_folder(path)}")
    if path.is_file():
        return path, path.parent if path.name == "model.keras" else None
    if path.exists():
        raise CheckpointError(f"{path} is neither a file nor a folder; pass a network file")
    raise _not_found(str(model))


def _not_found(model: str) -> CheckpointError:
    names = shipped_names()
    near = difflib.get_close_matches(model, names, 1, 0.5)
    listed = f"shipped networks: {', '.join(names)}" if names else "no network is shipped with this install"
    if near:
        return CheckpointError(f"no network or file is called {model!r}; did you mean {near[0]}? ({listed})")
    if "://" in model:
        return CheckpointError(f"{model} is an address; download the file and pass its path")
    if beside := _near_file(Path(model)):
        return CheckpointError(f"no such file: {model}; did you mean {beside}?")
    return CheckpointError(f"no such file: {model}; pass a network file or folder, or a name ({listed})")


def _near_file(path: Path) -> Path | None:
    """The network file or folder beside a path whose name is closest to its own; None where none is close."""
    suffixes = formats.FORMATS[formats.KERAS].suffixes
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.is_dir() or entry.suffix in suffixes)
    except OSError:
        return None
    same = [name for name in names if path.stem and Path(name).stem == path.stem]
    near = same or difflib.get_close_matches(path.name, names, 1, 0.8)
    return path.with_name(near[0]) if near else None
