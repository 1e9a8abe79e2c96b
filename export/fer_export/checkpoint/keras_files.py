"""Files of Keras by what is in them, not by their suffix: .keras archives, HDF5 networks, architecture JSON.

Everything is screened for code before it is built. Files of Keras 3 go to Keras's own reader in safe mode,
those of Keras 1 and 2 to `legacy`.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, FerExportError
from ..system import read_entry
from . import weights_only
from .file_kinds import HDF5_MAGIC, PARTS, SAVE_IT, head_of, kind_of, top_of
from .keras2 import graph
from .keras2 import weights as legacy_weights
from .keras2.layers import known_layers
from .keras3 import config as keras3_config
from .keras3 import lambdas
from .keras3.messages import sentence
from .screening import stored_weights
from .screening.code_screening import find_code, refuse_code
from .shipped import shipped_folder, shipped_names

if TYPE_CHECKING:
    import keras


def read(path: Path, weights: Path | None, *, trust: bool) -> keras.Model:
    """Read one network file (architecture JSON: with its `weights`), or a .keras archive that is a folder.

    Raises CheckpointError for anything else.
    """
    kind = "folder" if path.is_dir() else kind_of(path)
    if kind != "json" and weights is not None:
        raise CheckpointError(f"{path} holds its own weights; drop `weights`, or pass an architecture .json")
    try:
        if kind == "folder":
            return _read_folder(path, trust)
        if kind == "keras":
            return _read_archive(path, trust, path)
        if kind == "json":
            return _read_json(path, weights, trust)
        return _read_hdf5(path, trust)
    except FerExportError:
        raise
    except Exception as error:  # Keras and h5py raise many kinds of errors for a damaged file
        raise CheckpointError(
            f"{path} cannot be read as a Keras network ({sentence(error)}); copy or save it again"
        ) from error


def _read_folder(path: Path, trust: bool) -> keras.Model:
    with tempfile.TemporaryDirectory(prefix="fer-export-") as folder:
        packed = Path(folder) / "network.keras"
        with zipfile.ZipFile(packed, "w") as archive:
            for part in PARTS:
                archive.write(path / part, part)
        return _read_archive(packed, trust, path)


def _read_archive(path: Path, trust: bool, given: Path) -> keras.Model:
    """given: the file or folder that the user named."""
    import h5py

    try:
        with zipfile.ZipFile(path) as archive:
            stored_weights.check_archive(archive, path.stat().st_size, given)
            top = top_of(archive, given)
            config, metadata = (json.loads(read_entry(archive, top + part)) for part in PARTS[:2])
            stored = read_entry(archive, top + PARTS[2])
    except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        raise CheckpointError(f"{given} is cut off or damaged ({sentence(error)}); copy or save it again") from error
    if not isinstance(config, dict) or not isinstance(metadata, dict):
        raise CheckpointError(f"{given} is a zip file without a Keras network in it; pass a .keras file")
    config.pop("compile_config", None)
    stored_weights.check_content(stored, config, given)
    code = find_code(config, known_layers())
    if not trust:
        refuse_code(code, given)
    if not str(metadata.get("keras_version", "3")).startswith("2."):
        return _trusted(lambda: _load_archive(path, top, config, bool(code), trust), code, given)
    built = graph.build(config, given, trust=trust)
    with h5py.File(io.BytesIO(stored), "r") as weights, _with_slashes(weights) as named:
        legacy_weights.fill_from_archive(built.graph, named, given)
    return built.network


def _load_archive(path: Path, top: str, config: dict[str, Any], code: bool, trust: bool) -> keras.Model:
    """Keras's own reader, on a copy that it can read where the file has another release's description, or another
    suffix or folder.
    """
    import keras

    given = lambdas.custom_objects(config) if code and trust else None
    new = keras3_config.readable(lambdas.marked(config) if given else config)
    if new == config and not top and path.suffix == ".keras":
        return keras.models.load_model(path, custom_objects=given, compile=False, safe_mode=not trust)
    with tempfile.TemporaryDirectory(prefix="fer-export-") as folder:
        copy = Path(folder) / "network.keras"
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as fresh:
            fresh.writestr(PARTS[0], json.dumps(new))
            for name in PARTS[1:]:
                with old.open(top + name) as source, fresh.open(name, "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target)
        return keras.models.load_model(copy, custom_objects=given, compile=False, safe_mode=not trust)


@contextlib.contextmanager
def _with_slashes(file: Any) -> Iterator[Any]:
    """The HDF5 file, or a copy of one written on Windows, where Keras 2.12 and 2.13 join names by backslashes."""
    import h5py

    if not any("\\" in name for name in file):
        yield file
        return
    with h5py.File.in_memory() as copy:
        for name in file:
            if file.get(name, getlink=True).__class__ is h5py.HardLink:
                _merge(file[name], copy, name.replace("\\", "/"))
        yield copy


def _merge(source: Any, target: Any, name: str) -> None:
    """Copy a group or a dataset to a name; a group that is there already takes the members."""
    import h5py

    if isinstance(source, h5py.Group) and name in target:
        for member in source:
            _merge(source[member], target[name], member.replace("\\", "/"))
    else:
        target.copy(source, name)


def _read_hdf5(path: Path, trust: bool) -> keras.Model:

    with _open_hdf5(path) as file:
        text = file.attrs.get("model_config")
        if text is None:
            raise _without_architecture(file, path)
        config = _json(text, path)
        stored_weights.check_hdf5(file, path.stat().st_size, config, path)
        code = find_code(config, known_layers())
        if not trust:
            refuse_code(code, path)
        if not _is_keras_3(config, file.attrs.get("keras_version")):
            return _build_and_fill(config, file["model_weights"], path, path, trust)
    return _trusted(lambda: _load_hdf5(path, config, bool(code), trust), code, path)


def _load_hdf5(path: Path, config: dict[str, Any], code: bool, trust: bool) -> keras.Model:
    """As `_load_archive`, for an HDF5 file."""
    import h5py
    import keras

    given = lambdas.custom_objects(config) if code and trust else None
    new = keras3_config.readable(lambdas.marked(config) if given else config)
    if new == config and path.suffix in (".h5", ".hdf5"):
        return keras.models.load_model(path, custom_objects=given, compile=False, safe_mode=not trust)
    with tempfile.TemporaryDirectory(prefix="fer-export-") as folder:
        copy = Path(shutil.copy(path, Path(folder) / "network.h5"))
        with h5py.File(copy, "r+") as file:
            file.attrs["model_config"] = json.dumps(new)
        return keras.models.load_model(copy, custom_objects=given, compile=False, safe_mode=not trust)


def _read_json(path: Path, weights: Path | None, trust: bool) -> keras.Model:
    config = _json(path.read_bytes(), path)
    if isinstance(config, dict) and "cells" in config:
        raise CheckpointError(f"{path} is a notebook, which is not run; {SAVE_IT}")
    if not isinstance(config, dict) or "class_name" not in config or "config" not in config:
        raise CheckpointError(
            f"{path} is JSON but no Keras architecture; pass what model.to_json() wrote, or the network itself"
        )
    if weights is None:
        beside = next(
            (path.with_suffix(end) for end in (".h5", ".hdf5", ".weights.h5") if path.with_suffix(end).exists()), None
        )
        raise CheckpointError(f"{path} is an architecture without weights; add `weights={beside or 'FILE.h5'}`")
    if not weights.is_file():
        raise CheckpointError(f"no such weights file: {weights}; pass the .h5 that was saved with {path}")
    code = find_code(config, known_layers())
    if not trust:
        refuse_code(code, path)
    if _is_keras_3(config, config.get("keras_version")):
        return _trusted(lambda: _keras_3_json(config, weights, trust), code, path)
    with _open_hdf5(weights) as file:
        stored_weights.check_hdf5(file, weights.stat().st_size, config, weights)
        group = file.get("model_weights", file)
        if "layer_names" not in group.attrs and "layer_names0" not in group.attrs:
            built = graph.build(config, path, trust=trust)
            legacy_weights.fill_from_archive(built.graph, group, weights)
            return built.network
        return _build_and_fill(config, group, path, weights, trust)


def _build_and_fill(config: dict[str, Any], group: Any, path: Path, weights: Path, trust: bool) -> keras.Model:
    backend = group.attrs.get("backend") or config.get("backend")
    backend = backend.decode() if isinstance(backend, bytes) else backend
    built = graph.build(config, path, theano=legacy_weights.from_theano(group, backend, weights), trust=trust)
    legacy_weights.fill_from_groups(built.graph, group, weights)
    return built.network


def _keras_3_json(config: dict[str, Any], weights: Path, trust: bool) -> keras.Model:
    import keras

    given = lambdas.custom_objects(config) if trust else None
    readable = keras3_config.readable(lambdas.marked(config) if given else config)
    network = keras.saving.deserialize_keras_object(readable, custom_objects=given, safe_mode=not trust)
    ending = ".keras"
    if not head_of(weights).startswith(b"PK"):
        with _open_hdf5(weights) as file:
            stored_weights.check_hdf5(file, weights.stat().st_size, config, weights)
            ending = ".h5" if "layer_names" in file.attrs or "model_weights" in file else ".weights.h5"
    with tempfile.TemporaryDirectory() as folder:  # Keras chooses the layout by the suffix
        network.load_weights(shutil.copy(weights, Path(folder) / f"weights{ending}"))
    return network


def _trusted(load: Any, code: str | None, path: Path) -> keras.Model:
    try:
        return load()
    except Exception as error:
        if not code:
            raise
        raise CheckpointError(
            f"{path} holds {code}, and Keras cannot run it here ({sentence(error)}); register its class with "
            "keras.saving.register_keras_serializable and load from Python, or save the network as a SavedModel folder"
        ) from error


def _open_hdf5(path: Path) -> Any:
    import h5py

    if not head_of(path).startswith(HDF5_MAGIC):
        raise CheckpointError(f"{path} is not an HDF5 file; pass the .h5 that holds the weights")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise CheckpointError(f"{path} is cut off or damaged ({sentence(error)}); copy or save it again") from error


def _without_architecture(file: Any, path: Path) -> CheckpointError:
    names = {name.partition("\\")[0] for name in file}
    if any(name in file.attrs for name in ("layer_names", "layer_names0")) or names & {
        "layers",
        "_layer_checkpoint_dependencies",
        "model_weights",
    }:
        shipped = {name: shipped_folder() / name / "model.keras" for name in shipped_names()}
        return weights_only.without_architecture(file, path, shipped)
    return CheckpointError(f"{path} is an HDF5 file without a Keras network in it; pass what model.save() wrote")


def _is_keras_3(config: Any, version: Any) -> bool:
    version = version.decode() if isinstance(version, bytes) else version
    return str(version).startswith("3") if version else "module" in config


def _json(text: Any, path: Path) -> Any:
    """Parsed JSON; a document that was encoded twice (json.dump of to_json()) is decoded twice."""
    try:
        document = json.loads(text)
        return json.loads(document) if isinstance(document, str) else document
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise CheckpointError(
            f"{path} holds JSON that is cut off or damaged ({sentence(error)}); copy or save it again"
        ) from error
