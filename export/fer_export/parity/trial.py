"""A written file tried on one grey face, before the data set is read and the network is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..contract import FrameRule
from ..model_file import FileInfo, inspect_file, named, read_file
from ..photo import Staged
from ..runtimes import open_runtime
from .compare import check_labels


def try_file(
    path: Path, labels: Sequence[str] | None = None, *, runtime: str | None = None, threads: int = 1
) -> FileInfo:
    """Return what the file holds, after it has answered one grey face in a process of its own.

    path: an exported file.
    labels: the network's labels; None where they are not known before the network is loaded.
    runtime: a word of contract.formats.runtimes(); None for the usual one of the file's format.
    threads: threads for one face.

    Raises ExportFileError when the file cannot be read or run within the bounds, or its labels are not the network's.
    """
    found = inspect_file(path)
    with named(path):
        if labels is not None:
            check_labels(found.metadata.labels, labels)
        with open_runtime(read_file(path), runtime, threads=threads, isolated=True) as opened:
            if opened.takes_frames:
                rule = FrameRule.from_dict((found.metadata.contract or {}).get("frame", {}))
                opened.run_frames(Staged(np.full((1, rule.size, rule.size, 1), 128, np.uint8), rule))
            else:
                opened.run(np.full((1, *opened.input_shape[1:]), 128, np.uint8))
    return found
