"""Size of the demo's APK by part, and of what a phone of one ABI needs of it.

    python -m benchmarks.app.apk_size android_demo/app/target/fer-export-demo.apk \\
        --release android_demo/app/target/fer-export-demo-arm64-int8.apk

`stored` is what an entry takes in the APK, compressed or not; `raw` what it unpacks to. Headers, alignment and the
directory of the zip are a part of their own, so that the parts add up to the file.
"""

import argparse
import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from benchmarks.record import record

BUNDLE = "assets/bundle"
PARTS = {
    r"lib/[^/]+/.+": "native libraries",
    r"classes\d*\.dex": "dex",
    rf"{BUNDLE}/models/.+": "models",
    rf"{BUNDLE}/detectors/.+": "detectors",
    rf"{BUNDLE}/golden/.+": "golden vectors",
    r"res/.+|resources\.arsc|AndroidManifest\.xml": "resources",
    r"META-INF/([^/]+\.(SF|RSA|DSA|EC)|MANIFEST\.MF)": "signature",
}
OTHER, CONTAINER = "other", "zip headers and alignment"
ORDER = (*PARTS.values(), OTHER, CONTAINER)

SIGNING_MAGIC = b"APK Sig Block 42"
"""Ends the block of the signature schemes 2 and later, just before the zip's directory; its size stands before it."""


def figures(apk: Path) -> dict[str, Any]:
    """Bytes by part, native libraries by ABI too, and of an install with one ABI's libraries alone.

    Raises SystemExit for a file that is no APK.
    """
    try:
        with zipfile.ZipFile(apk) as archive:
            entries, directory = archive.infolist(), archive.start_dir
    except (OSError, zipfile.BadZipFile) as error:
        raise SystemExit(f"{apk} is no APK ({error}); build one with `mvn -f android_demo package`") from error
    content = apk.read_bytes()
    signing = signing_block(content[:directory])
    parts = {part: {"stored": 0, "raw": 0} for part in ORDER}
    abis: dict[str, dict[str, int]] = {}
    for entry in entries:
        tallies = [parts[part_of(entry.filename)]]
        if tallies[0] is parts["native libraries"]:
            tallies.append(abis.setdefault(entry.filename.split("/")[1], {"stored": 0, "raw": 0}))
        for tally in tallies:
            tally["stored"] += entry.compress_size
            tally["raw"] += entry.file_size
    for part, count in (("signature", signing), (CONTAINER, len(content) - signing - _stored(parts))):
        parts[part] = {name: value + count for name, value in parts[part].items()}
    natives = parts["native libraries"]["stored"]
    return {
        "apk": apk.name,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "parts": parts,
        "abis": dict(sorted(abis.items())),
        "single_abi": {abi: len(content) - natives + size["stored"] for abi, size in sorted(abis.items())},
    }


def part_of(name: str) -> str:
    return next((part for pattern, part in PARTS.items() if re.fullmatch(pattern, name)), OTHER)


def signing_block(head: bytes) -> int:
    """Bytes of the signing block at the end of what comes before the zip's directory, 0 without one."""
    if not head.endswith(SIGNING_MAGIC):
        return 0
    # The size leaves out its own first copy of eight bytes.
    return 8 + int.from_bytes(head[-len(SIGNING_MAGIC) - 8 : -len(SIGNING_MAGIC)], "little")


def _stored(parts: dict[str, dict[str, int]]) -> int:
    return sum(size["stored"] for size in parts.values())


def release_figures(apk: Path) -> dict[str, Any]:
    """Of a release: its bytes, those of LiteRT's own libraries, and the rest, which is ours to keep small."""
    found = figures(apk)
    natives = found["parts"]["native libraries"]["stored"]
    return {
        "apk": apk.name,
        "bytes": found["bytes"],
        "abis": sorted(found["abis"]),
        "natives": natives,
        "rest": found["bytes"] - natives,
        "parts": found["parts"],
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Size of the demo's APK by part.")
    parser.add_argument("apk", type=Path)
    parser.add_argument("--release", type=Path, help="the APK for one ABI with one network")
    parser.add_argument("--no-record", action="store_true", help="print the figures and record nothing")
    options = parser.parse_args(arguments)
    found = figures(options.apk)
    if options.release:
        found["release"] = release_figures(options.release)
    if options.no_record:
        print(json.dumps(found, indent=2))
    else:
        record("apk_size", found)


if __name__ == "__main__":
    main()
