#!/usr/bin/env python3
"""Names every reason for which Google Play would refuse an app, from its APK alone.

    python android_demo/check_apk.py APK [--known page-size]

Works on any APK and needs nothing but Python. Rules as of November 2026: README.md, "Google Play". Exit 0 where Play
would take it, 1 where it would not, 2 for a file that is not an APK. `--known RULE` expects that one rule to be broken:
it is shown all the same, and the exit is 1 where it is not broken any more.
"""

from __future__ import annotations

import argparse
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

TARGET = 36
"""Lowest target that Play takes in new apps and updates since 31 August 2026."""

PAGE = 16384
"""Pages, in bytes, to which 64-bit libraries must be aligned in apps that target API 35 or later."""

LARGEST_VERSION_CODE = 2_100_000_000
LARGEST_DOWNLOAD = 200_000_000
"""Compressed bytes of what one phone downloads; an APK is at least as large."""

WIDE = ("arm64-v8a", "x86_64")
TWINS = {"armeabi-v7a": "arm64-v8a", "armeabi": "arm64-v8a", "x86": "x86_64"}
"""The 64-bit libraries that must come with 32-bit ones."""

DECLARED = {
    f"android.permission.{name}": why
    for why, names in {
        "needs a declaration, and the app's core feature must depend on it": (
            "ACCESS_BACKGROUND_LOCATION MANAGE_EXTERNAL_STORAGE QUERY_ALL_PACKAGES REQUEST_INSTALL_PACKAGES "
            "READ_SMS SEND_SMS RECEIVE_SMS RECEIVE_MMS RECEIVE_WAP_PUSH READ_CALL_LOG WRITE_CALL_LOG "
            "PROCESS_OUTGOING_CALLS USE_EXACT_ALARM USE_FULL_SCREEN_INTENT"
        ),
        "is for apps that manage galleries; take the photo picker": "READ_MEDIA_IMAGES READ_MEDIA_VIDEO",
    }.items()
    for name in names.split()
}

EXAMPLES = ("com.example", "com.android.", "android.")

_COMPONENTS = ("activity", "activity-alias", "service", "receiver", "provider")
_ANDROID = "http://schemas.android.com/apk/res/android"
_NAMES = {
    0x01010001: "label",
    0x01010003: "name",
    0x01010006: "permission",
    0x0101000F: "debuggable",
    0x01010010: "exported",
    0x0101020C: "minSdkVersion",
    0x0101021B: "versionCode",
    0x01010270: "targetSdkVersion",
    0x01010272: "testOnly",
    0x010104EA: "extractNativeLibs",
    0x01010599: "foregroundServiceType",
}
"""Attributes by their resource, which shrinkers leave while they may empty the name."""


class NotAnApkError(Exception):
    """The file cannot be read as an APK; the message says why."""


@dataclass
class Element:
    """One element of the manifest. attributes: Android's by their bare name, others too; values as text."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)

    def all(self, *tags: str) -> Iterator[Element]:
        """Every descendant with one of the tags."""
        for child in self.children:
            if child.tag in tags:
                yield child
            yield from child.all(*tags)

    def get(self, name: str, otherwise: str = "") -> str:
        return self.attributes.get(name, otherwise)

    def number(self, name: str, otherwise: int) -> int:
        value = self.get(name, str(otherwise))
        return int(value) if value.lstrip("-").isdigit() else otherwise


@dataclass(frozen=True)
class Apk:
    """What the rules look at. natives: the libraries' entries by name, such as lib/arm64-v8a/libx.so."""

    manifest: Element
    natives: dict[str, bytes]
    stored: dict[str, int]
    """Where the content of libraries that are not compressed starts in the file."""
    signing: bytes
    """The block of signature schemes 2 and later; empty without one."""
    bytes: int

    @property
    def target(self) -> int:
        sdk = next(self.manifest.all("uses-sdk"), Element("uses-sdk"))
        return sdk.number("targetSdkVersion", sdk.number("minSdkVersion", 1))


@dataclass(frozen=True)
class Rule:
    """A rule of Play. check: what breaks it, one line each; advice: what helps."""

    name: str
    says: str
    advice: str
    check: Callable[[Apk], list[str]]


def read(path: Path) -> Apk:
    """An APK's manifest, libraries and signature. Raises NotAnApkError."""
    try:
        content = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            entries = [each for each in archive.infolist() if each.filename.startswith("lib/")]
            natives = {each.filename: archive.read(each) for each in entries if each.filename.endswith(".so")}
            stored = {
                each.filename: _content_start(content, each)
                for each in entries
                if each.filename in natives and each.compress_type == zipfile.ZIP_STORED
            }
            manifest = parse_manifest(archive.read("AndroidManifest.xml"))
            head = content[: archive.start_dir]
    except (OSError, zipfile.BadZipFile, KeyError, struct.error, IndexError, ValueError) as error:
        raise NotAnApkError(f"{path} is not an APK: {error}") from error
    return Apk(manifest, natives, stored, _signing(head), len(content))


def _content_start(content: bytes, entry: zipfile.ZipInfo) -> int:
    name, extra = struct.unpack_from("<HH", content, entry.header_offset + 26)
    return entry.header_offset + 30 + int(name) + int(extra)


def _signing(head: bytes) -> bytes:
    if not head.endswith(b"APK Sig Block 42"):
        return b""
    (size,) = struct.unpack_from("<Q", head, len(head) - 24)
    return head[-size - 8 :]


def parse_manifest(content: bytes) -> Element:
    """The manifest of an APK, which is XML in a binary form of its own. Raises ValueError for anything else."""
    kind, header, size = struct.unpack_from("<HHI", content)
    if kind != 3 or size > len(content):
        raise ValueError("AndroidManifest.xml is not binary XML")
    strings: list[str] = []
    resources: tuple[int, ...] = ()
    root = Element("")
    open_elements = [root]
    at = header
    while at < size:
        kind, header, length = struct.unpack_from("<HHI", content, at)
        if length < 8:
            raise ValueError("AndroidManifest.xml is cut off")
        chunk = content[at : at + length]
        if kind == 0x0001:
            strings = _strings(chunk)
        elif kind == 0x0180:
            resources = struct.unpack(f"<{(length - header) // 4}I", chunk[header:])
        elif kind == 0x0102:
            element = _element(chunk[header:], strings, resources)
            open_elements[-1].children.append(element)
            open_elements.append(element)
        elif kind == 0x0103:
            open_elements.pop()
        at += length
    manifest = next((each for each in root.children if each.tag == "manifest"), None)
    if manifest is None:
        raise ValueError("AndroidManifest.xml has no manifest")
    return manifest


def _strings(chunk: bytes) -> list[str]:
    count, _, flags, start = struct.unpack_from("<IIII", chunk, 8)
    offsets = struct.unpack_from(f"<{count}I", chunk, 28)
    return [_string(chunk, start + offset, bool(flags & 256)) for offset in offsets]


def _string(chunk: bytes, at: int, utf8: bool) -> str:
    if utf8:
        for _ in range(2):  # Characters, then bytes; a large count takes two bytes.
            length, at = (chunk[at], at + 1) if chunk[at] < 128 else ((chunk[at] & 127) << 8 | chunk[at + 1], at + 2)
        return chunk[at : at + length].decode("utf-8", "replace")
    (length,) = struct.unpack_from("<H", chunk, at)
    at += 2
    if length & 0x8000:
        length = (length & 0x7FFF) << 16 | struct.unpack_from("<H", chunk, at)[0]
        at += 2
    return chunk[at : at + 2 * length].decode("utf-16-le", "replace")


def _element(body: bytes, strings: list[str], resources: tuple[int, ...]) -> Element:
    _, name, start, size, count = struct.unpack_from("<IIHHH", body)
    element = Element(strings[name])
    for index in range(count):
        _, key, raw, _, _, kind, value = struct.unpack_from("<IIIHBBI", body, start + index * size)
        known = _NAMES.get(resources[key]) if key < len(resources) else None
        element.attributes[known or strings[key]] = _value(raw, kind, value, strings)
    return element


def _value(raw: int, kind: int, value: int, strings: list[str]) -> str:
    if kind == 0x03:
        return strings[value]
    if kind == 0x12:
        return "true" if value else "false"
    if kind == 0x01:
        return f"@0x{value:08x}"
    if 0x10 <= kind <= 0x1F:
        return str(value)
    return strings[raw] if raw < len(strings) else str(value)


def load_alignment(library: bytes) -> int:
    """The least alignment of a library's LOAD segments, in bytes; 0 where it is not a 64-bit ELF file."""
    if library[:5] != b"\x7fELF\x02":
        return 0
    order = "<" if library[5] == 1 else ">"
    (headers,) = struct.unpack_from(f"{order}Q", library, 32)
    size, count = struct.unpack_from(f"{order}HH", library, 54)
    found = []
    for index in range(count):
        at = headers + index * size
        if struct.unpack_from(f"{order}I", library, at)[0] == 1:
            found.append(struct.unpack_from(f"{order}Q", library, at + 48)[0])
    return int(min(found, default=0))


def _target(apk: Apk) -> list[str]:
    return [] if apk.target >= TARGET else [f"targets API {apk.target}"]


def _page_size(apk: Apk) -> list[str]:
    if apk.target < 35:
        return []
    found = []
    for name, library in sorted(apk.natives.items()):
        if name.split("/")[1] in WIDE and load_alignment(library) < PAGE:
            found.append(f"{name} is aligned to {load_alignment(library):,} bytes")
    return found


def _zip_alignment(apk: Apk) -> list[str]:
    if next(apk.manifest.all("application"), Element("")).get("extractNativeLibs") == "true":
        return []
    return [
        f"{name} starts at byte {start:,}, which {PAGE:,} does not divide"
        for name, start in sorted(apk.stored.items())
        if name.split("/")[1] in WIDE and start % PAGE
    ]


def _sixty_four(apk: Apk) -> list[str]:
    held = {name.split("/")[1] for name in apk.natives}
    return [f"has {narrow} and not {wide}" for narrow, wide in TWINS.items() if narrow in held and wide not in held]


def _release(apk: Apk) -> list[str]:
    application = next(apk.manifest.all("application"), Element(""))
    return [f'{name}="true"' for name in ("debuggable", "testOnly") if application.get(name) == "true"]


def _signature(apk: Apk) -> list[str]:
    if not apk.signing:
        return ["has no signature of scheme 2 or later"]
    return ["is signed with Android's debug key"] if b"Android Debug" in apk.signing else []


def _exported(apk: Apk) -> list[str]:
    if apk.target < 31:
        return []
    return [
        f"{each.tag} {each.get('name')}"
        for each in apk.manifest.all(*_COMPONENTS)
        if not each.get("exported") and next(each.all("intent-filter"), None)
    ]


def _foreground(apk: Apk) -> list[str]:
    asked = {each.get("name") for each in apk.manifest.all("uses-permission")}
    if apk.target < 34 or "android.permission.FOREGROUND_SERVICE" not in asked:
        return []
    typed = [each for each in apk.manifest.all("service") if each.get("foregroundServiceType")]
    return [] if typed else ["asks for FOREGROUND_SERVICE and names no service's foregroundServiceType"]


def _permissions(apk: Apk) -> list[str]:
    asked = [each.get("name") for each in apk.manifest.all("uses-permission", "uses-permission-sdk-23")]
    return [f"{name} {DECLARED[name]}" for name in asked if name in DECLARED]


def _identity(apk: Apk) -> list[str]:
    package = apk.manifest.get("package")
    found = [f"the name {package} is an example's"] if package.startswith(EXAMPLES) else []
    if "." not in package:
        found.append(f"the name {package} has one part")
    code = apk.manifest.number("versionCode", 0)
    if not 0 < code <= LARGEST_VERSION_CODE:
        found.append(f"versionCode is {code}")
    return found


def _size(apk: Apk) -> list[str]:
    return [f"has {apk.bytes:,} bytes"] if apk.bytes > LARGEST_DOWNLOAD else []


RULES = (
    Rule("target", f"the target is API {TARGET} or later", f"set targetSdk = {TARGET}", _target),
    Rule(
        "page-size",
        f"64-bit libraries are aligned to {PAGE:,} bytes",
        "take a build of the library for 16 kB pages, such as com.google.ai.edge.litert 1.4 instead of tensorflow-lite",
        _page_size,
    ),
    Rule(
        "zip-alignment",
        f"libraries that are not compressed start at a multiple of {PAGE:,} bytes",
        "use `zipalign -P 16`, or compress them and set extractNativeLibs",
        _zip_alignment,
    ),
    Rule("64-bit", "every 32-bit library has its 64-bit twin", "add the twin, or remove the ABI", _sixty_four),
    Rule("release", "it is a release build", "build the release variant", _release),
    Rule("signature", "it is signed by the developer", "sign with apksigner and a key of your own", _signature),
    Rule("exported", "a component with an intent filter says if it is exported", "set android:exported", _exported),
    Rule("foreground", "services in the foreground have a type", "set foregroundServiceType", _foreground),
    Rule(
        "permissions", "no permission needs a declaration", "remove it, or declare it in Play's console", _permissions
    ),
    Rule("identity", "name and version code are fit to publish", "set applicationId and versionCode", _identity),
    Rule("size", "the download has at most 200 MB", "split it by ABI, or move assets to asset packs", _size),
)


def broken(apk: Apk) -> dict[str, list[str]]:
    """What breaks each rule, by the rule's name; rules that hold are not in it."""
    return {rule.name: found for rule in RULES if (found := rule.check(apk))}


def report(name: str, apk: Apk, known: tuple[str, ...]) -> tuple[str, bool]:
    """The printout, and whether what is broken is what is known to be."""
    found = broken(apk)
    asked = sorted({each.get("name") for each in apk.manifest.all("uses-permission", "uses-permission-sdk-23")})
    lines = [
        f"{name}: {apk.manifest.get('package')} version {apk.manifest.get('versionCode')}, target API {apk.target}, "
        f"{len(apk.natives)} libraries, {apk.bytes:,} bytes",
        f"asks for: {', '.join(asked) if asked else 'no permission'}",
    ]
    for rule in RULES:
        faults = found.get(rule.name, [])
        mark = "ok    " if not faults else "KNOWN " if rule.name in known else "REFUSE"
        lines.append(f"{mark} {rule.name}: {rule.says}")
        lines += [f"         {fault}" for fault in faults]
        if faults:
            lines.append(f"         -> {rule.advice}")
    refusals = [rule for rule in found if rule not in known]
    stale = [rule for rule in known if rule not in found]
    lines += [f"--known {rule} is not broken any more; remove it" for rule in stale]
    verdict = (
        f"Google Play would refuse it for: {', '.join(found)}" if found else "Google Play would take what is in it"
    )
    lines.append(f"{verdict}. A new app is uploaded as .aab, which Gradle's bundleRelease makes.")
    return "\n".join(lines), not refusals and not stale


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Names every reason for which Google Play would refuse an APK.")
    parser.add_argument("apk", type=Path, nargs="+")
    parser.add_argument(
        "--known", action="append", default=[], choices=[rule.name for rule in RULES], help="a rule known to be broken"
    )
    options = parser.parse_args(arguments)
    good = True
    for path in options.apk:
        try:
            text, expected = report(path.name, read(path), tuple(options.known))
        except NotAnApkError as error:
            print(error, file=sys.stderr)
            return 2
        print(text)
        good &= expected
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
