"""Core ML packages that nobody vouches for: folders, their packed bytes, models and weight files."""

import io
import json
import os
import struct
import warnings
import zipfile

import pytest

import fer_export as fer
from fer_export.errors import ExportFileError, OutputError
from fer_export.model_file import coreml, is_folder, package, read_file, write_file
from helpers import tiny_coreml


@pytest.fixture
def folder(tmp_path):
    return write_file(tmp_path / "tiny.mlpackage", tiny_coreml.package())


def test_a_folder_is_read_as_it_was_written(folder):
    content = read_file(folder)
    assert content == tiny_coreml.package() == package.packed(package.unpacked(content))
    assert is_folder(folder)
    found = fer.inspect(folder)
    assert found.metadata.labels == tiny_coreml.LABELS
    assert found.graph.op_counts["conv"] == 1
    assert found.graph.macs == 64 * 4 * 9 + 12
    assert found.graph.parameters == 36 + 12 + 3
    assert "Core ML of iOS 16, macOS 13 or later" in str(found)


def test_identifiers_follow_from_the_bytes(folder):
    manifest = json.loads((folder / "Manifest.json").read_text())
    again = package.unpacked(tiny_coreml.package())["Manifest.json"]
    assert json.loads(again) == manifest
    assert manifest["rootModelIdentifier"] in manifest["itemInfoEntries"]
    other = coreml.packed(b"other", b"weights")
    assert (
        json.loads(package.unpacked(other)["Manifest.json"])["rootModelIdentifier"] != manifest["rootModelIdentifier"]
    )


def test_links_devices_and_crowds_are_refused(folder):
    link = folder / "Data" / "secret"
    link.symlink_to("/etc/passwd")
    with pytest.raises(ExportFileError, match="is a link or a device"):
        read_file(folder)
    link.unlink()
    os.mkfifo(link)
    with pytest.raises(ExportFileError, match="is a link or a device"):
        read_file(folder)
    link.unlink()
    for number in range(package.MOST_ENTRIES):
        (folder / f"{number}.txt").touch()
    with pytest.raises(ExportFileError, match="more than"):
        read_file(folder)


def test_a_folder_without_a_manifest_or_that_is_not_there(tmp_path):
    (tmp_path / "empty.mlpackage").mkdir()
    with pytest.raises(ExportFileError, match=r"has no Manifest\.json"):
        fer.inspect(tmp_path / "empty.mlpackage")
    with pytest.raises(ExportFileError, match="cannot read"):
        fer.inspect(tmp_path / "absent.mlpackage")


def test_what_is_not_a_package_is_not_replaced(folder, tmp_path):
    mine = tmp_path / "mine.mlpackage"
    mine.mkdir()
    (mine / "photo.jpg").touch()
    with pytest.raises(OutputError, match="holds other files"):
        write_file(mine, tiny_coreml.package())
    assert write_file(folder, tiny_coreml.package()) == folder


def zipped(entries, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        zipped([("Manifest.json", b"{}" * 9), ("../escape", b"x")]),
        zipped([("Manifest.json", b"{}"), ("/etc/passwd", b"x")]),
        zipped([("Manifest.json", b"{}"), ("Manifest.json", b"[]")]),
        zipped([("Manifest.json", b"0" * 100_000)], zipfile.ZIP_DEFLATED),
        zipped([("Manifest.json", b"{}"), *((f"{n}", b"") for n in range(package.MOST_ENTRIES))]),
        zipped([("Manifest.json", b"{}")])[:-30],
        b"PK\3\4" + bytes(26) + b"Manifest.json",
    ],
    ids=["outside", "absolute", "twice", "compressed", "crowd", "cut", "empty"],
)
def test_bytes_that_we_did_not_pack(content):
    with pytest.raises(ExportFileError):
        coreml.inspect(content)


def changed(**files):
    """The package with other files; None removes one."""
    held = package.unpacked(tiny_coreml.package())
    names = {"manifest": "Manifest.json", "model": coreml.MODEL, "weights": coreml.WEIGHTS}
    held |= {names[key]: content for key, content in files.items()}
    return package.packed({name: content for name, content in held.items() if content is not None})


MODEL = package.unpacked(tiny_coreml.package())[coreml.MODEL]
WEIGHTS = package.unpacked(tiny_coreml.package())[coreml.WEIGHTS]


@pytest.mark.parametrize(
    "content",
    [
        changed(manifest=b"[]"),
        changed(manifest=b"{}"),
        changed(manifest=b'{"rootModelIdentifier": "a", "itemInfoEntries": {"a": {"path": "../../../etc/passwd"}}}'),
        changed(manifest=b'{"rootModelIdentifier": ["a"], "itemInfoEntries": {"a": 7}}'),
        changed(model=MODEL[:-50]),
        changed(model=b""),
        changed(model=MODEL.replace(b"@model_path/weights/weight.bin", b"@model_path/../../../etc/passw")),
        changed(model=b"\x0a\x05" * 2000),
        changed(weights=None),
        changed(weights=WEIGHTS[:80]),
        changed(weights=WEIGHTS.replace(struct.pack("<I", 0xDEADBEEF), b"\0\0\0\0")),
        changed(weights=WEIGHTS[:72] + struct.pack("<Q", 1 << 60) + WEIGHTS[80:]),
        changed(weights=WEIGHTS[:80] + struct.pack("<Q", 1 << 60) + WEIGHTS[88:]),
    ],
)
def test_damage_is_one_error(content):
    for read in (coreml.inspect, coreml.read):
        with pytest.raises(ExportFileError) as refused:
            read(content)
        assert "\n" not in str(refused.value)
