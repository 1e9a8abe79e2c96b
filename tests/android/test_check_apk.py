"""check_apk names what Play refuses: APKs made here, with one fault each, and what a build of ours looks like."""

import importlib.util
import struct
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "android_demo" / "check_apk.py"
IDS = {
    "name": 0x01010003,
    "debuggable": 0x0101000F,
    "exported": 0x01010010,
    "minSdkVersion": 0x0101020C,
    "versionCode": 0x0101021B,
    "targetSdkVersion": 0x01010270,
    "testOnly": 0x01010272,
    "extractNativeLibs": 0x010104EA,
    "foregroundServiceType": 0x01010599,
}


def _script():
    spec = importlib.util.spec_from_file_location("check_apk", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_apk"] = module
    spec.loader.exec_module(module)
    return module


check_apk = _script()


def binary_xml(tree, utf8=True):
    """The binary form of (tag, attributes, children), as aapt writes it."""
    strings = list(IDS)

    def index(text):
        if text not in strings:
            strings.append(text)
        return strings.index(text)

    def element(tag, attributes, children):
        rows = b""
        for name, value in attributes.items():
            key = index(name)
            if isinstance(value, bool):
                raw, kind, data = 0xFFFFFFFF, 0x12, 0xFFFFFFFF if value else 0
            elif isinstance(value, int):
                raw, kind, data = 0xFFFFFFFF, 0x10, value
            else:
                raw = data = index(value)
                kind = 0x03
            rows += struct.pack("<IIIHBBI", 0xFFFFFFFF, key, raw, 8, 0, kind, data)
        body = struct.pack("<IIHHHHHH", 0xFFFFFFFF, index(tag), 20, 20, len(attributes), 0, 0, 0) + rows
        start = struct.pack("<HHIII", 0x0102, 16, 16 + len(body), 1, 0xFFFFFFFF) + body
        end = struct.pack("<HHIIIII", 0x0103, 16, 24, 1, 0xFFFFFFFF, 0xFFFFFFFF, index(tag))
        return start + b"".join(element(*child) for child in children) + end

    elements = element(*tree)
    data, offsets = b"", []
    for text in strings:
        offsets.append(len(data))
        if utf8:
            content = text.encode()
            data += bytes([len(text), len(content)]) + content + b"\0"
        else:
            data += struct.pack("<H", len(text)) + text.encode("utf-16-le") + b"\0\0"
    data += bytes(-len(data) % 4)
    start = 28 + 4 * len(strings)
    pool = struct.pack("<IIIII", len(strings), 0, 256 if utf8 else 0, start, 0)
    pool = struct.pack("<HHI", 1, 28, start + len(data)) + pool + struct.pack(f"<{len(offsets)}I", *offsets) + data
    resources = struct.pack(f"<HHI{len(IDS)}I", 0x0180, 8, 8 + 4 * len(IDS), *IDS.values())
    whole = pool + resources + elements
    return struct.pack("<HHI", 3, 8, 8 + len(whole)) + whole


def elf(alignment, wide=True):
    """A library with a NOTE and two LOAD segments."""
    kinds = [(4, 4), (1, 65536), (1, alignment)]
    size = 56
    head = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 3, 183, 1, 0, 64, 0, 0, 64, size, len(kinds), 0, 0, 0)
    return head + b"".join(struct.pack("<IIQQQQQQ", kind, 5, 0, 0, 0, 0, 0, align) for kind, align in kinds)


LAUNCHED = ("intent-filter", {}, [])


def manifest(target=36, package="org.students.app", code=3, application=None, permissions=(), components=None):
    components = [("activity", {"name": ".Main", "exported": True}, [LAUNCHED])] if components is None else components
    return (
        "manifest",
        {"package": package, "versionCode": code},
        [
            ("uses-sdk", {"minSdkVersion": 24, "targetSdkVersion": target}, []),
            *[("uses-permission", {"name": f"android.permission.{name}"}, []) for name in permissions],
            ("application", {"extractNativeLibs": True, **(application or {})}, components),
        ],
    )


@pytest.fixture
def apk(tmp_path):
    def make(tree=None, libraries=None, compress=True, signing=b"CN=Students", utf8=True):
        path = tmp_path / "app.apk"
        libraries = {"arm64-v8a/libx.so": elf(16384)} if libraries is None else libraries
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("AndroidManifest.xml", binary_xml(tree or manifest(), utf8))
            for name, content in libraries.items():
                archive.writestr(f"lib/{name}", content, zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED)
            start = archive.start_dir
        if signing:
            content = path.read_bytes()
            size = struct.pack("<Q", len(signing) + 24)
            block = size + signing + size + b"APK Sig Block 42"
            end = bytearray(content[start:])
            end[-6:-2] = (start + len(block)).to_bytes(4, "little")
            path.write_bytes(content[:start] + block + end)
        return path

    return make


@pytest.mark.parametrize("utf8", [True, False])
def test_a_good_app_passes(apk, capsys, utf8):
    assert check_apk.main([str(apk(utf8=utf8))]) == 0
    printed = capsys.readouterr().out
    assert "org.students.app version 3, target API 36, 1 libraries" in printed
    assert "asks for: no permission" in printed
    assert "REFUSE" not in printed
    assert "Play would take what is in it" in printed


FAULTS = {
    "target": ({"tree": manifest(target=35)}, "targets API 35"),
    "page-size": ({"libraries": {"arm64-v8a/libx.so": elf(4096)}}, "lib/arm64-v8a/libx.so is aligned to 4,096 bytes"),
    "zip-alignment": (
        {"tree": manifest(application={"extractNativeLibs": False}), "compress": False},
        "lib/arm64-v8a/libx.so starts at byte",
    ),
    "64-bit": ({"libraries": {"armeabi-v7a/libx.so": elf(4096, wide=False)}}, "has armeabi-v7a and not arm64-v8a"),
    "release": ({"tree": manifest(application={"debuggable": True})}, 'debuggable="true"'),
    "signature": ({"signing": b"CN=Android Debug"}, "Android's debug key"),
    "exported": ({"tree": manifest(components=[("receiver", {"name": ".R"}, [LAUNCHED])])}, "receiver .R"),
    "foreground": (
        {"tree": manifest(permissions=["FOREGROUND_SERVICE"], components=[("service", {"name": ".S"}, [])])},
        "names no service's foregroundServiceType",
    ),
    "permissions": ({"tree": manifest(permissions=["CAMERA", "READ_SMS"])}, "android.permission.READ_SMS needs"),
    "identity": ({"tree": manifest(package="com.example.app")}, "com.example.app is an example's"),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_one_fault_is_named_and_nothing_else(apk, capsys, rule):
    made, said = FAULTS[rule]
    path = str(apk(**made))
    assert check_apk.main([path]) == 1
    printed = capsys.readouterr().out
    refused = [line.split()[1].rstrip(":") for line in printed.splitlines() if line.startswith("REFUSE")]
    assert refused == [rule]
    assert said in printed
    assert check_apk.main([path, "--known", rule]) == 0
    assert f"KNOWN  {rule}" in capsys.readouterr().out


def test_every_rule_has_a_fault_here_but_the_size(apk, monkeypatch):
    assert {rule.name for rule in check_apk.RULES} == {*FAULTS, "size"}
    monkeypatch.setattr(check_apk, "LARGEST_DOWNLOAD", 100)
    assert list(check_apk.broken(check_apk.read(apk()))) == ["size"]


def test_a_known_fault_that_is_fixed_is_told(apk, capsys):
    assert check_apk.main([str(apk()), "--known", "page-size"]) == 1
    assert "--known page-size is not broken any more" in capsys.readouterr().out


def test_narrow_libraries_may_keep_small_pages(apk):
    libraries = {"armeabi-v7a/libx.so": elf(4096, wide=False), "arm64-v8a/libx.so": elf(16384)}
    assert check_apk.main([str(apk(libraries=libraries))]) == 0


def test_an_old_target_may_keep_small_pages_and_silent_components(apk):
    tree = manifest(target=30, components=[("activity", {"name": ".Main"}, [LAUNCHED])])
    assert list(check_apk.broken(check_apk.read(apk(tree=tree, libraries={"x86_64/libx.so": elf(4096)})))) == ["target"]


def test_no_signature_at_all(apk):
    assert check_apk.broken(check_apk.read(apk(signing=b""))) == {
        "signature": ["has no signature of scheme 2 or later"]
    }


@pytest.mark.parametrize("content", [b"nothing", b"", b"PK\x03\x04"])
def test_what_is_not_an_apk_is_one_line(tmp_path, capsys, content):
    path = tmp_path / "app.apk"
    path.write_bytes(content)
    assert check_apk.main([str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("cut", [0, 10, 100, 300])
def test_a_damaged_manifest_is_one_line(tmp_path, capsys, cut):
    path = tmp_path / "app.apk"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("AndroidManifest.xml", binary_xml(manifest())[:cut])
    assert check_apk.main([str(path)]) == 2
    assert "is not an APK" in capsys.readouterr().err
