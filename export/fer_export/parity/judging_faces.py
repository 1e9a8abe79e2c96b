"""The faces that judge a file: labelled ones of a data set, or the network's probe faces."""

from __future__ import annotations

from ..calibration import calibration_set
from ..calibration import probe_faces as probe
from ..calibration.probe_cache import probe_faces
from ..checkpoint import Checkpoint
from ..dataset import Dataset, fit
from ..system import OnStep
from .figures import ParityFaces


def labelled_faces(checkpoint: Checkpoint, data: Dataset, split: str) -> ParityFaces:
    """The faces of a split that the network has labels for, at the network's size."""
    faces, targets = data.split(split).for_labels(checkpoint.labels)
    return ParityFaces(
        fit(faces.pixels, checkpoint.size),
        targets,
        f"{split} of {data.source.name}",
        tuple(calibration_set.face_hashes(faces.pixels)),
    )


def without_data(checkpoint: Checkpoint, on_step: OnStep) -> ParityFaces:
    """Probe faces that no file was calibrated on; plain noise for a network without batch norms."""
    if probe.possible(checkpoint):
        images = probe_faces(checkpoint, on_step).verify
        return ParityFaces(images, None, "probe faces", tuple(calibration_set.face_hashes(images)))
    images = probe.noise(checkpoint)
    return ParityFaces(images, None, "noise pictures (the network has no batch norms to make faces from)", ())
