"""Recognises network files by their first bytes, and describes other files, with what to pass instead."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from ..errors import CheckpointError
from ..harmless import harmless

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"

PARTS = ("config.json", "metadata.json", "model.weights.h5")
"""What a .keras archive holds, packed or as a folder."""

NETWORK_SUFFIXES = (".keras", ".h5", ".hdf5")

SAVE_IT = "where the network is built in Python, call model.save('network.keras') and pass that file"
"""What helps where a network is in Python only."""

_BEGINNINGS = {
    b"version https://git-lfs": "a Git LFS pointer, not the network itself; run `git lfs pull`",
    b"<": "a web page, not a network; download the file itself",
    b"\x80": f"a Python pickle, which is not read, as that can run code; {SAVE_IT}",
    b"\x1f\x8b": "a packed archive (gzip); unpack it and pass what it holds",
    b"7z\xbc\xaf": "a packed archive (7z); unpack it and pass what it holds",
    b"Rar!": "a packed archive (RAR); unpack it and pass what it holds",
}
"""First bytes -> a description of such a file, with what to pass instead."""

_SUFFIXES = {
    ".onnx": "an ONNX file, which cannot be converted back; pass the Keras network it was made from",
    ".py": f"Python source, which is not run; {SAVE_IT}",
    ".pb": "a graph of TensorFlow; pass a SavedModel's folder, or the Keras network itself",
    ".index": f"part of a TensorFlow checkpoint, which holds weights only; {SAVE_IT}",
    ".data-00000-of-00001": f"part of a TensorFlow checkpoint, which holds weights only; {SAVE_IT}",
    ".pt": "a file of PyTorch; pass a Keras network",
    ".pth": "a file of PyTorch; pass a Keras network",
}
"""The same by suffix, for files whose first bytes say nothing."""


def kind_of(path: Path) -> str:
    """keras, hdf5 or json, by the first bytes; CheckpointError, which says what the file is, for others."""
    head = head_of(path)
    if not head:
        raise CheckpointError(f"{path} is empty; copy or save the network again")
    if head.startswith(b"PK"):
        return "keras"
    if head.startswith(HDF5_MAGIC):
        # Keras opens a .keras file as a zip archive when one ends it, and would read another network than is screened.
        if zipfile.is_zipfile(path):
            raise CheckpointError(f"{path} is an HDF5 file and a zip archive at once; save the network again")
        return "hdf5"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"{", b'"')):
        return "json"
    raise CheckpointError(f"{path} is {_other(path, head, text)}")


def _other(path: Path, head: bytes, text: bytes) -> str:
    if head[4:8] == b"TFL3":
        return "a TFLite file, which cannot be converted back; pass the Keras network it was made from"
    if path.name in ("saved_model.pb", "keras_metadata.pb"):
        return f"part of a SavedModel; pass its folder: `network={path.parent}`"
    begun = (said for beginning, said in _BEGINNINGS.items() if text.startswith(beginning))
    ended = (said for suffix, said in _SUFFIXES.items() if path.name.lower().endswith(suffix))
    return next(
        begun,
        next(
            ended,
            "not a Keras network; pass a .keras, .h5, .hdf5 or architecture .json file, or a SavedModel folder",
        ),
    )


def head_of(path: Path) -> bytes:
    """The first 64 bytes of a file; raises CheckpointError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(64)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error}); pass another `network`") from error


def top_of(archive: zipfile.ZipFile, path: Path) -> str:
    """Where in an archive the network lies: "" or a folder as "name/", as people pack an unpacked .keras file again.

    Raises CheckpointError, which says what it holds, for another zip file.
    """
    names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
    held = set(names)
    tops = {name.removesuffix(PARTS[0]) for name in names if PurePosixPath(name).name == PARTS[0]}
    whole = [top for top in tops if all(top + part in held for part in PARTS)]
    if "" in whole:
        return ""
    if len(whole) == 1:
        return whole[0]
    if whole:
        raise CheckpointError(f"{path} is a zip file that holds {len(whole)} networks; pack one of them alone")
    raise CheckpointError(f"{path} is {_other_archive(names)}")


def _other_archive(names: list[str]) -> str:
    inside = sorted(name for name in names if name.lower().endswith(NETWORK_SUFFIXES))
    if any(PurePosixPath(name).name == "saved_model.pb" for name in names):
        return "a zip file that holds a SavedModel; unpack it and pass that folder"
    if any(PurePosixPath(name).name == "data.pkl" for name in names):
        return "a file of PyTorch; pass a Keras network"
    if inside:
        return f"a zip file that holds {_listed(inside)}; unpack it and pass the network"
    return "a zip file without a Keras network in it; pass a .keras file"


def is_unpacked(folder: Path) -> bool:
    """Whether a folder is a .keras archive that was unpacked, or was saved with `zipped=False`."""
    return all((folder / part).is_file() for part in PARTS)


def other_folder(folder: Path) -> str:
    """Describe a folder that holds no network, with what to pass instead."""
    try:
        names = sorted(entry.name for entry in folder.iterdir())
        # TensorFlow Serving's folders have one for each version: 1/saved_model.pb.
        folders = [name for name in names if is_unpacked(folder / name) or (folder / name / "saved_model.pb").is_file()]
    except OSError as error:
        return f"a folder that cannot be read ({error.strerror or error}); pass another `network`"
    inside = [name for name in names if name.lower().endswith(NETWORK_SUFFIXES)]
    if inside or folders:
        first = (inside or folders)[0]
        return f"a folder that holds {_listed([*inside, *folders])}; pass that: `network={folder / first}`"
    if any(name.endswith(".index") for name in names):
        return f"a folder with a TensorFlow checkpoint, which holds weights only; {SAVE_IT}"
    return "a folder without model.keras or saved_model.pb; pass a network file or folder, or a SavedModel"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(harmless(name)[:60] for name in names[:3]) + more
