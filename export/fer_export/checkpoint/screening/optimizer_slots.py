"""SavedModels that were saved after training, without what only training needs.

TF 2.0 to 2.10 kept the optimizer's slots (momentum and the like) as links between the optimizer, the weights and the
slots. Today's TensorFlow refuses the links where the optimizer's class is not at hand, though no signature needs them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def without_optimizer(folder: Path, document: Any) -> Iterator[Path]:
    """A SavedModel folder without slots: the folder itself where it has none, else a copy that lives as long as this.

    document: its parsed saved_model.pb, which is not changed.
    """
    nodes = [node for graph in document.meta_graphs for node in graph.object_graph_def.nodes]
    if not any(node.slot_variables for node in nodes):
        yield folder
        return
    fresh = type(document)()
    fresh.CopyFrom(document)
    for graph in fresh.meta_graphs:
        for node in graph.object_graph_def.nodes:
            del node.slot_variables[:]
    with tempfile.TemporaryDirectory(prefix="fer-export-") as place:
        copy = Path(place) / "network"
        copy.mkdir()
        for name in ("variables", "assets"):
            if (folder / name).is_dir():
                _copied(folder / name, copy / name)
        (copy / "saved_model.pb").write_bytes(fresh.SerializeToString())
        yield copy


def _copied(source: Path, target: Path) -> None:
    """A folder's files, linked where the file system allows it."""
    target.mkdir()
    for file in source.iterdir():
        if not file.is_file():
            continue
        try:
            os.link(file, target / file.name)
        except OSError:
            shutil.copy(file, target / file.name)
