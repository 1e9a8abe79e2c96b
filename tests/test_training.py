"""Training on tiny synthetic faces: bright emotions against dark ones are learnt within an epoch or two."""

import json

import numpy as np
import pytest

from fer_export import recipe, training
from fer_export.errors import TrainingError
from fer_export.recipe import Recipe
from fer_export.training import Examples

SMALL = Recipe(batch_size=8, epochs=3, learning_rate=1e-3)


def examples(count, classes=6, seed=0):
    rng = np.random.default_rng(seed)
    targets = np.arange(count) % classes
    images = rng.integers(0, 40, (count, 48, 48, 1)) + (targets * 30)[:, None, None, None]
    return Examples(images.astype(np.uint8), targets.astype(np.int64))


def history(*accuracies, losses=None):
    losses = losses or [1.0] * len(accuracies)
    return [{"val_accuracy": a, "val_loss": loss} for a, loss in zip(accuracies, losses, strict=True)]


def test_rate_halves_after_three_epochs_without_gain():
    plan = Recipe()
    assert recipe.learning_rate(history(0.5, 0.4, 0.4), plan) == 1e-3
    assert recipe.learning_rate(history(0.5, 0.4, 0.4, 0.5), plan) == 5e-4
    assert recipe.learning_rate(history(0.5, 0.4, 0.4, 0.5, 0.6, 0.1, 0.1, 0.1), plan) == 2.5e-4
    assert recipe.learning_rate(history(*[0.5] * 90), plan) == 1e-5


def test_stops_after_seven_epochs_without_lower_loss():
    plan = Recipe()
    assert not recipe.finished(history(*[0.5] * 8, losses=[2, 1, *[1.5] * 6]), plan)
    assert recipe.finished(history(*[0.5] * 9, losses=[2, 1, *[1.5] * 7]), plan)
    assert recipe.finished(history(*[0.5] * 100, losses=list(range(100, 0, -1))), plan)


def test_interrupted_run_ends_where_the_uninterrupted_ends(tmp_path):
    data, judges = examples(48), examples(12, seed=1)
    whole = training.train("report-64", 6, data, judges, tmp_path / "whole", recipe=SMALL)

    def kill(epoch, step, steps):
        if (epoch, step) == (2, 3):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train("report-64", 6, data, judges, tmp_path / "cut", recipe=SMALL, on_step=kill)
    assert not (tmp_path / "cut" / "history.json").exists()
    resumed = training.train("report-64", 6, data, judges, tmp_path / "cut", recipe=SMALL)
    for before, after in zip(whole.epochs, resumed.epochs, strict=True):
        assert after["val_loss"] == pytest.approx(before["val_loss"], rel=2e-2)
        assert after["loss"] == pytest.approx(before["loss"], rel=2e-2)
    written = sorted(path.name for path in (tmp_path / "cut").iterdir())
    assert written == ["curves.png", "history.json", "model.keras"]
    document = json.loads((tmp_path / "cut" / "history.json").read_text())
    assert document["environment"]["keras"]
    assert len(document["epochs"]) == 3
    with pytest.raises(TrainingError, match="finished run"):
        training.train("report-64", 6, data, judges, tmp_path / "cut", recipe=SMALL)


def test_nan_is_caught(tmp_path):
    wild = Recipe(batch_size=8, epochs=2, learning_rate=1e30)
    with pytest.raises(TrainingError, match="--learning-rate"):
        training.train("report-64", 6, examples(48), examples(12), tmp_path, recipe=wild)


def test_run_with_other_settings_is_not_continued(tmp_path):
    def stop(epoch, record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train("report-64", 6, examples(24), examples(6), tmp_path, recipe=SMALL, on_epoch=stop)
    with pytest.raises(TrainingError, match="seed"):
        training.train("report-64", 6, examples(24), examples(6), tmp_path, recipe=SMALL, seed=2)
    (tmp_path / "state.npz").write_bytes(b"truncated")
    with pytest.raises(TrainingError, match="delete it"):
        training.train("report-64", 6, examples(24), examples(6), tmp_path, recipe=SMALL)


def test_degenerate_data_is_refused():
    good = examples(12)
    flat = Examples(np.zeros_like(good.images), good.targets)
    one_class = Examples(good.images, np.zeros_like(good.targets))
    empty = Examples(good.images[:0], good.targets[:0])
    for training_faces, judges, word in (
        (flat, good, "same value"),
        (one_class, good, "no face of class"),
        (empty, good, "no faces"),
        (good, empty, "no faces"),
    ):
        with pytest.raises(TrainingError, match=word):
            training.check_examples(training_faces, judges, 6)
