"""A network's probe faces: shipped beside it, from the cache, or made now."""

from __future__ import annotations

import contextlib

from ..checkpoint import Checkpoint
from ..errors import CheckpointError, OutputError
from ..system import OnStep, cache_folder, files, silent
from . import probe_faces as probe
from .probe_faces import ProbeFaces


def probe_faces(checkpoint: Checkpoint, on_step: OnStep = silent) -> ProbeFaces:
    """The network's probe faces: shipped beside it, or from the cache, or made now (and cached)."""
    places = [checkpoint.folder / "probe.npz"] if checkpoint.folder else []
    cached = cache_folder.folder() / f"probe-{checkpoint.sha256[:32]}-{checkpoint.scaling}.npz"
    for path in places:
        found = probe.load(path, checkpoint)
        if found is not None:
            return found
    with contextlib.suppress(CheckpointError):  # a cache that cannot be read counts as missing
        found = probe.load(cached, checkpoint)
        if found is not None:
            return found
    made = probe.make(checkpoint, on_step=lambda step, steps: on_step("making probe faces", step, steps))
    with contextlib.suppress(OutputError):
        files.write_whole(cached, made.to_bytes())
    return made
