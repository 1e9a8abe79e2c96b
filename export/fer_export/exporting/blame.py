"""Blame: the layers of a quantised file, ranked by the effect of their errors on its answers.

The file's own bytes are measured, on calibration-like faces and never on those that judge. Its float twin is made anew
from the checkpoint with what the file records: its input, its precision, the faces that calibrated it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..calibration import CalibrationSet, calibration_set, probe_cache
from ..checkpoint import Checkpoint
from ..contract import Variant, find, tensors
from ..convert import Repairable, converter
from ..dataset import Dataset, as_input, fit
from ..errors import DataError, ExportFileError, UsageError
from ..model_file import ModelInfo, inspect
from ..model_file import inspect as modelfile
from ..network import meant_by, paths, with_whole
from ..parity import Proportion
from ..runtimes.op_by_op import open_activations
from ..system import OnStep, Readable, keras_backend, silent
from .layer_errors import PIXELS, Comparison, LayerError

FACES = 128
"""Faces measured: enough for a ranking within seconds."""


@dataclass(frozen=True)
class Blame(Readable):
    """The layers of one file, the one with the largest effect first."""

    model: str
    """Name of the network."""

    variant: Variant
    """Format and precision."""

    source: str
    """What the faces are."""

    faces: int
    """How many faces it was measured on."""

    agreement: Proportion
    """Agreement of the file with Keras on them."""

    mean_difference: float
    """Mean difference of the file from Keras on them, 0..1."""

    layers: tuple[LayerError, ...]
    """Errors by layer, the largest effect first."""

    rebuilt: bool | None = None
    """Whether converting the network again gives the same bytes; None where that was not tried."""

    file: str = ""
    """Name of the file."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "variant": self.variant.label,
            "source": self.source,
            "faces": self.faces,
            "agreement": self.agreement.to_dict(),
            "mean_difference": self.mean_difference,
            "rebuilt": self.rebuilt,
            "layers": [layer.to_dict() for layer in self.layers],
        }


def blame(
    path: Path,
    checkpoint: Checkpoint,
    *,
    data: Dataset | None = None,
    on_step: OnStep = silent,
) -> Blame:
    """Rank the layers of a written file by the effect of their errors.

    path: the exported file.
    checkpoint: the network that it was made from.
    data: Training faces to measure on, needed for a file that Training faces calibrated; without it the network's probe
        faces for calibration are used.
    on_step: called with the task, the steps done and the number of steps.

    Raises ExportFileError for a file that is not this network's or not this package's, UsageError for one that is not
    quantised, DataError when the faces that calibrated it are missing, ConversionError when the network's layers are
    not visible.
    """
    keras_backend.require_tensorflow()
    content = inspect.read_file(path)
    said = modelfile.read(content)
    document = _contract(path, said, checkpoint)
    calibrated = _calibration(path, said, checkpoint, data, on_step)
    chosen = _measuring(calibrated, checkpoint, data, on_step)
    maker, variant = converter_of(content, checkpoint), described(content)[0]
    result = measure(content, checkpoint, calibrated, chosen, on_step, converter=maker)
    on_step("converting again", 0, 1)
    again = maker.convert(variant, calibrated, tuple(document.get("float_layers", ())))
    return replace(result, rebuilt=again == content, file=path.name)


def measure(
    content: bytes,
    checkpoint: Checkpoint,
    calibrated: CalibrationSet | None,
    faces: CalibrationSet,
    on_step: OnStep = silent,
    *,
    converter: Repairable | None = None,
) -> Blame:
    """Rank the layers of a file's bytes.

    calibrated: what it was converted with.
    faces: what to measure on.
    converter: one as `converter_of` gives, which may have prepared the network already.

    Raises ExportFileError when the file has no contract or cannot be run, ConversionError as `blame` does.
    """
    variant, document = described(content)
    checkpoint = meant_by(checkpoint, document)
    opened = open_activations(content)
    on_step("making the float twin", 0, 1)
    floats = (converter or converter_of(content, checkpoint)).twin(variant, calibrated)
    compared = Comparison(opened, floats, paths(checkpoint.network))
    images = faces.images[np.linspace(0, len(faces.images) - 1, min(FACES, len(faces.images))).astype(int)]
    given = as_input(images, tensors.channels(document["input_kind"]))
    batch = max(1, PIXELS // checkpoint.size**2)
    for start in range(0, len(given), batch):
        on_step("layer by layer", start, len(given))
        compared.add(given[start : start + batch])
    reference, answers = checkpoint.predict(images), compared.probabilities
    return Blame(
        model=document["model"],
        variant=variant,
        source=str(faces.record["source"]),
        faces=len(images),
        agreement=Proportion(int((reference.argmax(axis=1) == answers.argmax(axis=1)).sum()), len(images)),
        mean_difference=float(f"{np.abs(reference - answers).max(axis=1).mean():.3g}"),
        layers=compared.errors(),
    )


def converter_of(content: bytes, checkpoint: Checkpoint) -> Repairable:
    """The converter that makes a file as this one, of the network that it was made from."""
    variant, document = described(content)
    ends = {document["input_type"], document["output_type"]}
    # The usual ends, bytes in and floats out, differ; one type for both was asked for.
    io = ends.pop() if len(ends) == 1 else None
    network = meant_by(checkpoint, document)
    if document.get("whole_layers"):
        network = with_whole(network, document["whole_layers"])
    made: Repairable = converter(variant.format, network, document["input_kind"], io)
    return made


def described(content: bytes) -> tuple[Variant, dict[str, Any]]:
    """What a file is, and its contract; raises ExportFileError where it has none."""
    document = modelfile.read(content).contract
    if document is None:
        raise ExportFileError("the file has no contract inside; export it with `export()`")
    return find(modelfile.format_of(content), document["precision"]), document


def _contract(path: Path, said: ModelInfo, checkpoint: Checkpoint) -> Mapping[str, Any]:
    document = said.contract
    if document is None:
        raise ExportFileError(f"{path} has no contract inside; export it with `export()`")
    if document["checkpoint_sha256"] != checkpoint.sha256:
        raise ExportFileError(
            f"{path} was made from a network with sha256 {document['checkpoint_sha256'][:12]}..., not from "
            f"{checkpoint.name} ({checkpoint.sha256[:12]}...); name its network with `network`"
        )
    if document["input_kind"] == "frame":
        raise UsageError(
            f"{path} crops whole pictures; its network is that of the {document['precision']} file for face crops: "
            "export it with `input_kind='gray'` and pass that one"
        )
    if document["precision"] == "none":
        raise UsageError(f"{path} is float32, no layer of it is quantised; pass an int8, int16x8, dynamic or fp16 file")
    return document


def _calibration(
    path: Path, said: ModelInfo, checkpoint: Checkpoint, data: Dataset | None, on_step: OnStep
) -> CalibrationSet | None:
    """The faces that calibrated the file, by its own record."""
    record = said.calibration
    if record is None:
        return None
    if calibration_set.is_probe(record):
        found = calibration_set.from_probe(probe_cache.probe_faces(checkpoint, on_step))
        fix = "export it again"
    else:
        if data is None:
            raise DataError(f"{path} was calibrated on {record['source']}; name the data set with `data='fer2013.csv'`")
        faces = data.faces()
        place = {int(row): position for position, row in enumerate(faces.rows)}
        rows = [place[row] for row in record["rows"] if row in place]
        chosen = faces.take(np.array(rows, dtype=np.int64))
        hashes = calibration_set.face_hashes(chosen.pixels)
        found = CalibrationSet(fit(chosen.pixels, checkpoint.size), {**record, "faces": hashes})
        fix = "name the data set it was calibrated on with `data`"
    if list(found.face_hashes) != list(record["faces"]):
        raise DataError(f"the faces that calibrated {path} are not the {record['source']} found here; {fix}")
    return found


def _measuring(
    calibrated: CalibrationSet | None, checkpoint: Checkpoint, data: Dataset | None, on_step: OnStep
) -> CalibrationSet:
    """Faces like those that calibrate: Training faces if there are any, else probe faces."""
    if data is not None and (calibrated is None or calibration_set.is_probe(calibrated.record)):
        return calibration_set.from_training(data.split("Training"), None, checkpoint.labels, checkpoint.size)
    return calibrated or calibration_set.from_probe(probe_cache.probe_faces(checkpoint, on_step))
