"""The parts of an APK: every byte of the file belongs to one, and an ABI alone leaves out the others' libraries."""

import json
import zipfile

import pytest
from benchmarks.app import apk_size
from benchmarks.blocks import devices, words

ENTRIES = {
    "lib/arm64-v8a/libtensorflowlite_jni.so": 5000,
    "lib/armeabi-v7a/libtensorflowlite_jni.so": 3000,
    "classes.dex": 900,
    "classes2.dex": 100,
    "assets/bundle/models/faces-int8.tflite": 700,
    "assets/bundle/detectors/detector.tflite": 200,
    "assets/bundle/golden/golden.json": 60,
    "assets/bundle/golden/a.png": 40,
    "assets/bundle/contract.json": 30,
    "AndroidManifest.xml": 20,
    "resources.arsc": 15,
    "res/layout/main.xml": 5,
    "META-INF/CERT.SF": 7,
    "META-INF/CERT.RSA": 8,
    "META-INF/MANIFEST.MF": 9,
    "META-INF/services/something": 3,
}
RAW = {
    "native libraries": 8000,
    "dex": 1000,
    "models": 700,
    "detectors": 200,
    "golden vectors": 100,
    "resources": 40,
    "signature": 24,
    "other": 33,
}
DEFLATED = ("lib/", "classes")


@pytest.fixture
def apk(tmp_path):
    path = tmp_path / "demo.apk"
    with zipfile.ZipFile(path, "w") as archive:
        for name, size in ENTRIES.items():
            kind = zipfile.ZIP_DEFLATED if name.startswith(DEFLATED) else zipfile.ZIP_STORED
            archive.writestr(name, bytes(size), kind)
    return path


def test_parts_add_up_to_the_file(apk):
    found = apk_size.figures(apk)
    container = found["parts"]["zip headers and alignment"]
    assert {part: size["raw"] for part, size in found["parts"].items() if size is not container} == RAW
    assert found["bytes"] == apk.stat().st_size == sum(size["stored"] for size in found["parts"].values())
    assert container["stored"] > 0
    stored = {part for part, size in found["parts"].items() if size["stored"] == size["raw"]}
    assert stored == set(found["parts"]) - {"native libraries", "dex"}


def test_one_abi_leaves_out_the_libraries_of_the_others(apk):
    found = apk_size.figures(apk)
    assert {abi: size["raw"] for abi, size in found["abis"].items()} == {"arm64-v8a": 5000, "armeabi-v7a": 3000}
    for abi, other in (("arm64-v8a", "armeabi-v7a"), ("armeabi-v7a", "arm64-v8a")):
        assert found["single_abi"][abi] == found["bytes"] - found["abis"][other]["stored"]


def test_the_signing_block_is_signature(apk):
    """As apksigner puts it between the entries and the directory."""
    plain, content = apk_size.figures(apk), apk.read_bytes()
    with zipfile.ZipFile(apk) as archive:
        start = archive.start_dir
    size = (100 + 8 + 16).to_bytes(8, "little")
    block = size + bytes(100) + size + apk_size.SIGNING_MAGIC
    end = bytearray(content[start:])
    end[-6:-2] = (start + len(block)).to_bytes(4, "little")
    apk.write_bytes(content[:start] + block + end)
    signed = apk_size.figures(apk)
    assert signed["parts"]["signature"]["stored"] == plain["parts"]["signature"]["stored"] + len(block)
    assert {part for part, size in signed["parts"].items() if size != plain["parts"][part]} == {"signature"}


def test_no_apk_is_one_line(tmp_path):
    (tmp_path / "demo.apk").write_text("nothing")
    for name in ("demo.apk", "missing.apk"):
        with pytest.raises(SystemExit, match=f"{name} is no APK .*mvn"):
            apk_size.figures(tmp_path / name)


def test_a_release_apart_from_litert(apk, capsys):
    found = apk_size.release_figures(apk)
    assert found["abis"] == ["arm64-v8a", "armeabi-v7a"]
    assert found["natives"] + found["rest"] == found["bytes"] == apk.stat().st_size
    apk_size.main([str(apk), "--release", str(apk), "--no-record"])
    assert json.loads(capsys.readouterr().out)["release"] == found


def test_the_readme_shows_what_was_recorded(apk, tmp_path, monkeypatch):
    found = {**apk_size.figures(apk), "release": apk_size.release_figures(apk)}
    (tmp_path / "apk_size.json").write_text(json.dumps(found))
    monkeypatch.setattr(words, "RESULTS", tmp_path)
    block = devices.apk_size()
    assert "| - arm64-v8a | 0.000 | 0.005 |" in block
    assert "| models | 0.001 | 0.001 |" in block
    assert f"**{found['bytes'] / 1e6:.3f}**" in block
    assert f"armeabi-v7a {found['single_abi']['armeabi-v7a'] / 1e6:.3f} MB." in block
    release = found["release"]
    assert f"{release['bytes'] / 1e6:.3f} MB, of which LiteRT's library {release['natives'] / 1e6:.3f} MB" in block
