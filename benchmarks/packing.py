"""Compresses the weights of shipped networks, bit by bit the same; models/ has a limit of size.

    python -m benchmarks.packing NAME ...

HDF5 groups the bytes of the numbers by their place in a number, then compresses them: 12 % less for float32. Keras
reads such files like others. The network's card and probe faces get the new hash, and records that name the old one.
"""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import h5py
from benchmarks.record import RESULTS
from benchmarks.ship import MODELS

from fer_export.calibration import probe_faces
from fer_export.checkpoint import checkpoint
from fer_export.system import files

WEIGHTS = "model.weights.h5"
SMALL = 1000
"""Arrays of fewer numbers stay as they are."""


def packed(content: bytes) -> bytes:
    """A .keras file with its weights compressed."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in given.infolist():
            part = given.read(entry)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, _packed_weights(part) if entry.filename == WEIGHTS else part)
    return made.getvalue()


def _packed_weights(content: bytes) -> bytes:
    made = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as given, h5py.File(made, "w") as target:

        def copy(name: str, found: Any) -> None:
            if isinstance(found, h5py.Dataset):
                options = {"compression": "gzip", "compression_opts": 9, "shuffle": True} if found.size >= SMALL else {}
                copied = target.create_dataset(name, data=found[()], **options)
            else:
                copied = target.require_group(name)
            copied.attrs.update(found.attrs)

        target.attrs.update(given.attrs)
        given.visititems(copy)
    return made.getvalue()


def pack(name: str) -> None:
    """Compress a shipped network's weights in its folder."""
    folder = MODELS / name
    before = checkpoint.load(folder)
    probe = probe_faces.load(folder / "probe.npz", before)
    if probe is None:
        raise SystemExit(f"{name} has no probe faces of its own; make them first")
    content = packed((folder / "model.keras").read_bytes())
    sha256 = files.sha256(content)
    card = json.loads((folder / "card.json").read_text())
    files.write_whole(folder / "model.keras", content)
    files.write_whole(folder / "probe.npz", replace(probe, record=probe.record | {"checkpoint": sha256}).to_bytes())
    files.write_json(folder / "card.json", card | {"sha256": sha256, "bytes": len(content)})
    for record in RESULTS.glob("*.json"):
        if card["sha256"] in (text := record.read_text()):
            record.write_text(text.replace(card["sha256"], sha256))


def main() -> None:
    parser = argparse.ArgumentParser(description="Compress the weights of shipped networks.")
    parser.add_argument("names", nargs="+", metavar="NAME")
    for name in parser.parse_args().names:
        pack(name)


if __name__ == "__main__":
    main()
