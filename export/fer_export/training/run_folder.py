"""The folder of a training run, written after every epoch, so that the run can continue after any interruption."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..errors import TrainingError
from ..system import files, keras_backend
from .methods.batch_norm_refit import Settled
from .recipe import EpochRecord, Recipe, best_epoch
from .several.group import Arrays, Group

if TYPE_CHECKING:
    import keras


class Trained(Protocol):
    """What a run folder keeps of a trainer after an epoch."""

    def average(self) -> AbstractContextManager[None]:
        """The network with its averaged weights, for as long as the context lasts."""

    def plain(self) -> keras.Model:
        """The network as it is kept."""

    def save(self) -> Arrays:
        """Weights and optimizer state."""


class RunFolder:
    """A run as stored in its folder; only the first process of a group reads and writes.

    settings: JSON-safe settings that must equal those of the run in the folder.
    epochs: figures of the epochs so far.
    weights: what Trainer.save gave after the last of them.
    ended: whether it is fully trained and only its card is missing.
    settled: what the refit of its batch norms gave then.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], saved: Arrays, group: Group) -> None:
        self.folder, self.settings, self.group = folder, settings, group
        self.weights = dict(saved)
        run = json.loads(str(self.weights.pop("run"))) if saved else {}
        self.epochs: list[EpochRecord] = run.get("epochs", [])
        self.ended = bool(saved) and not self.weights
        self.settled = Settled(**run["settled"]) if run.get("settled") else None

    @classmethod
    def open(cls, folder: Path, settings: dict[str, Any], group: Group) -> RunFolder:
        return cls(folder, settings, group.shared(lambda: cls._saved(folder, settings)), group)

    @staticmethod
    def _saved(folder: Path, settings: dict[str, Any]) -> Arrays:
        """What the last epoch left; of a run that only lacks its card, its history; empty for a new run."""
        files.check_writable(folder)
        history, state = folder / "history.json", folder / "state.npz"
        found = state if state.exists() else history
        if not found.exists():
            return {}
        if found == history and (folder / "card.json").exists():
            raise TrainingError(f"{folder} holds a finished run; choose another `output`")
        try:
            if found == state:
                arrays = files.read_arrays(state)
                saved = json.loads(str(arrays["run"]))["settings"]
            else:
                saved = json.loads(history.read_text())
                run = {"epochs": saved["epochs"], "settled": saved.get("settled")}
                arrays = {"run": np.array(json.dumps(run))}
            # What could not be said yet when the run began: a recipe had its default, the faces were not noted.
            saved["recipe"] = {**asdict(Recipe()), **saved["recipe"]}
            saved.setdefault("faces", settings["faces"])
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(f"{found} is not a saved run ({error}); delete it to start again") from error
        other = [name for name in settings if saved.get(name) != settings[name]]
        if other:
            raise TrainingError(
                f"{folder} holds a run that differs in {', '.join(other)}; "
                "use the same settings and data to continue, or choose another `output`"
            )
        return arrays

    def append(self, record: EpochRecord, trainer: Trained) -> None:
        """Record an epoch.

        The best network is written first, the state last: if the process is killed in between, the epoch is repeated.
        """
        self.epochs.append(record)
        if best_epoch(self.epochs) == len(self.epochs):
            # All processes of a group put the averaged weights in, as they change a variable together.
            with trainer.average():
                if self.group.first:
                    self.keep(trainer.plain())
        if not self.group.first:
            return
        summary = json.dumps({"settings": self.settings, "epochs": self.epochs})
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {"run": np.array(summary), **trainer.save()}
        np.savez(buffer, **arrays)
        files.write_whole(self.folder / "state.npz", buffer.getvalue())

    @property
    def best(self) -> Path:
        """Path of the best network."""
        return self.folder / "model.keras"

    def keep(self, network: keras.Model) -> None:
        """Replace the best network."""
        files.write_whole(self.best, keras_bytes(network))

    def draw(self) -> None:
        """Write the curves."""
        if self.group.first:
            from .curves import training_curves

            files.write_whole(self.folder / "curves.png", training_curves(self.epochs, best_epoch(self.epochs)))

    def finish(self, settled: Settled | None) -> None:
        """Write the history; after that the run cannot be continued."""
        if not self.group.first:
            return
        found = {"best_epoch": best_epoch(self.epochs), "settled": settled.to_dict() if settled else None}
        document = {**self.settings, **found, "environment": keras_backend.environment()}
        files.write_json(self.folder / "history.json", {**document, "epochs": self.epochs})
        (self.folder / "state.npz").unlink(missing_ok=True)


def keras_bytes(network: keras.Model) -> bytes:
    """The network as the bytes of a .keras file, without optimizer state."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        network.save(path)
        return path.read_bytes()
