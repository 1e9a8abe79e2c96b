"""What the fuzz tests feed: for every kind of file one parser, and a few valid files to damage."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers import tiny_onnx


@functools.cache
def seeds(kind: str) -> list[bytes]:
    """Valid files of the kind."""
    return MAKERS[kind]()


def _in_file(suffix: str, read: Callable[[Path], Any]) -> Callable[[bytes], Any]:
    def parse(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"file{suffix}")
            path.write_bytes(content)
            read(path)

    return parse


def _model_file(path: Path) -> None:
    from fer_export.model_file import inspect
    from fer_export.report.text.model_file import inspect_text

    found = inspect.inspect_file(path)
    assert inspect_text(found).replace("\n", "").isprintable()
    json.dumps(found.to_dict())


def _checkpoint(path: Path) -> None:
    from fer_export.checkpoint import checkpoint

    checkpoint.load(path, labels=",".join(tiny_onnx.LABELS))


def _architecture(path: Path) -> None:
    from fer_export.checkpoint import checkpoint

    weights = path.with_name("weights.h5")
    weights.write_bytes(seeds("h5")[0])
    checkpoint.load(path, weights=weights, labels=",".join(tiny_onnx.LABELS))


def _dataset(path: Path) -> None:
    from fer_export.dataset import read

    read.read(path, cache=False)


def _photo(path: Path) -> None:
    from fer_export.photo import read

    read.read(path)


def _contract(content: bytes) -> None:
    from fer_export.bundle import documents
    from fer_export.contract.photo import PhotoContract

    PhotoContract.from_dict(documents.parsed(content, "contract.json"))


def _manifest(content: bytes) -> None:
    from fer_export.bundle.manifest import Manifest
    from helpers import bundles

    # What is damaged as JSON is read as it is.
    with contextlib.suppress(ValueError, AttributeError, RecursionError):
        content = bundles.sealed({name: value for name, value in json.loads(content).items() if name != "digest"})
    Manifest.from_bytes(content)


def _golden(content: bytes) -> None:
    from fer_export.bundle.golden.vectors import Golden
    from fer_export.contract.photo import contract_for

    Golden.from_bytes(content, contract_for(tiny_onnx.LABELS, tiny_onnx.SIZE))


def _phone(content: bytes) -> None:
    from fer_export.bundle.phone_check import DeviceCheck

    DeviceCheck.from_bytes(content, "self-check.json")


def _bench(path: Path) -> None:
    from fer_export.bundle.device_table import bench_rows

    bench_rows(path)


def _embedded(content: bytes) -> None:
    import onnx

    model = onnx.load_from_string(tiny_onnx.model())
    for key in ("contract", "calibration", "labels"):
        model.metadata_props.add(key=key, value=content.decode(errors="replace"))
    _in_file(".onnx", _model_file)(model.SerializeToString())


def _card(content: bytes) -> None:
    from fer_export.checkpoint import checkpoint

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.keras").write_bytes(seeds("keras")[0])
        Path(folder, "card.json").write_bytes(content)
        checkpoint.load(Path(folder))


def _coreml(content: bytes) -> None:
    """The model and the weights of a package, which its zip would protect by their checksums."""
    from fer_export.model_file import coreml
    from fer_export.model_file.mil.program import program_of
    from fer_export.runtimes.mil import Interpreter

    model, _, weights = content.partition(COREML_SEAM)
    packed = coreml.packed(model, weights)
    coreml.inspect(packed)
    coreml.read(packed)
    Interpreter(program_of(packed))


def _coreml_seed() -> list[bytes]:
    from fer_export.model_file import coreml, package
    from helpers import tiny_coreml

    files = package.unpacked(tiny_coreml.package())
    return [files[coreml.MODEL] + COREML_SEAM + files[coreml.WEIGHTS]]


COREML_SEAM = b"<model above, weights below>"

PARSERS: dict[str, Callable[[bytes], Any]] = {
    "tflite": _in_file(".tflite", _model_file),
    "onnx": _in_file(".onnx", _model_file),
    "coreml": _coreml,
    "keras": _in_file(".keras", _checkpoint),
    "h5": _in_file(".h5", _checkpoint),
    "json": _in_file(".json", _architecture),
    "csv": _in_file(".csv", _dataset),
    "png": _in_file(".png", _photo),
    "jpeg": _in_file(".jpg", _photo),
    "contract": _contract,
    "manifest": _manifest,
    "golden": _golden,
    "phone": _phone,
    "bench": _in_file(".json", _bench),
    "embedded": _embedded,
    "card": _card,
}
"""What reads a file of each kind."""


@functools.cache
def _network() -> Any:
    from helpers.networks import report_like

    return report_like(filters=2, classes=len(tiny_onnx.LABELS))


def _saved(suffix: str) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"network{suffix}")
        _network().save(path)
        return [path.read_bytes()]


def _tflite_seeds() -> list[bytes]:
    from fer_export.model_file import tflite_metadata
    from helpers import tiny_tflite

    plain = tiny_tflite.converted()
    return [plain, tflite_metadata.embed(plain, tiny_tflite.contract(), {"source": "the test", "count": 3})]


def _onnx_seeds() -> list[bytes]:
    import onnx

    from fer_export.model_file import onnx as onnx_file
    from helpers import tiny_tflite

    plain = tiny_onnx.model()
    return [plain, onnx_file.embed(onnx.load_from_string(plain), tiny_tflite.contract())]


def _csv_seeds() -> list[bytes]:
    rows = [f"{i % 7},{' '.join(str((i * j) % 256) for j in range(2304))},Training" for i in range(6)]
    return ["\n".join(("emotion,pixels,Usage", *rows, "")).encode()]


def _photo_seeds(kind: str) -> list[bytes]:
    from PIL import Image

    from fer_export.bundle.golden.drawn_face import drawn_face

    found = []
    for mode in ("RGB", "L"):
        buffer = io.BytesIO()
        Image.fromarray(drawn_face(48, mood="happy")).convert(mode).save(buffer, kind)
        found.append(buffer.getvalue())
    return found


def _json(document: Any) -> list[bytes]:
    return [json.dumps(document).encode()]


def _contract_seeds() -> list[bytes]:
    from fer_export.contract.photo import contract_for

    return _json(contract_for(tiny_onnx.LABELS, tiny_onnx.SIZE).to_dict())


def _manifest_seeds() -> list[bytes]:
    from fer_export.bundle.manifest import BundledVariant, ListedFile, Manifest

    place = "models/tiny-int8.tflite"
    variant = BundledVariant(place, "tflite", "int8", "gray", None, {"value": 1.0})
    checkpoint = {"name": "tiny", "sha256": "0" * 64, "labels_source": "x", "scaling": "unit"}
    listed = {place: ListedFile("0" * 64, 7)}
    return [Manifest("tiny", place, (variant,), checkpoint, {"count": 3}, {"keras": "3"}, listed).to_bytes()]


def _golden_seeds() -> list[bytes]:
    import base64
    import hashlib

    gray = bytes(range(64))
    crop = {
        "box": [0, 0, 8, 8],
        "square": [0, 0, 8],
        "gray": base64.b64encode(gray).decode(),
        "sha256": hashlib.sha256(gray).hexdigest(),
    }
    photo = {"file": "golden/a.png", "width": 8, "height": 8, "sha256": "0" * 64, "faces": [], "crops": [crop]}
    photo["faces"] = [{"box": [0, 0, 8, 8], "score": 0.5, "detector": "x"}]
    variant = {"file": "a.tflite", "kernels": "litert-builtin", "runtime": "x", "tolerance": 1e-5, "elsewhere": 1e-4}
    variant["probabilities"] = [[0.25] * 4]
    head = {"format": "fer-export golden vectors", "version": 1, "vectors": 1}
    return _json({**head, "photos": [photo], "variants": [variant]})


def _bench_seeds() -> list[bytes]:
    row = {"path": "a.tflite", "runtime": "litert", "runtime_version": "2", "threads": 1}
    row |= {"p50_ms": 1.0, "p95_ms": 2.0, "float_ratio": None}
    return _json({"rows": [row], "machine": {"system": "Linux x86_64", "cpu": "x"}})


def _embedded_seeds() -> list[bytes]:
    from helpers import tiny_tflite

    return [*_json(tiny_tflite.contract().to_dict()), *_json({"source": "x", "count": 3}), *_json(["a", "b"])]


def _phone_seeds() -> list[bytes]:
    from helpers.every_command import phone_check

    return _json(phone_check())


MAKERS: dict[str, Callable[[], list[bytes]]] = {
    "coreml": _coreml_seed,
    "tflite": _tflite_seeds,
    "onnx": _onnx_seeds,
    "keras": lambda: _saved(".keras"),
    "h5": lambda: _saved(".h5"),
    "json": lambda: [_network().to_json().encode()],
    "csv": _csv_seeds,
    "png": lambda: _photo_seeds("PNG"),
    "jpeg": lambda: _photo_seeds("JPEG"),
    "contract": _contract_seeds,
    "manifest": _manifest_seeds,
    "golden": _golden_seeds,
    "phone": _phone_seeds,
    "bench": _bench_seeds,
    "embedded": _embedded_seeds,
    "card": lambda: _json({"labels": list(tiny_onnx.LABELS), "scaling": "unit", "name": "tiny"}),
}
"""What makes the valid files of each kind."""
