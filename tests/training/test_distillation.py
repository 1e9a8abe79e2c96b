"""Teachers' probabilities as targets."""

import numpy as np
import pytest

from fer_export.errors import UsageError
from fer_export.training import recipe
from fer_export.training import trainer as training
from fer_export.training.methods.soft_targets import soft_targets
from fer_export.training.plan import Setup
from fer_export.training.recipe import Recipe
from fer_export.training.trainer import Examples
from helpers.networks import checkpoint_of, report_like

SEVEN = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
SIX = tuple(label for label in SEVEN if label != "disgust")
FACES = np.random.default_rng(3).integers(0, 256, (9, 48, 48, 1), dtype=np.uint8)


def teacher(folder, labels=SEVEN, seed=1):
    return checkpoint_of(report_like(side=48, classes=len(labels), seed=seed), folder, labels=labels)


def test_targets_mix_labels_with_the_mean_over_face_and_mirror_of_all_teachers(tmp_path):
    masters = [teacher(tmp_path, seed=1), teacher(tmp_path, seed=2)]
    targets = np.arange(9) % 7
    mixed = soft_targets(masters, FACES, targets, SEVEN, 0.7)
    said = np.mean([m.predict(faces) for m in masters for faces in (FACES, FACES[:, :, ::-1].copy())], axis=0)
    np.testing.assert_allclose(mixed, 0.3 * np.eye(7)[targets] + 0.7 * said, atol=1e-6)
    assert mixed.dtype == np.float32
    assert (soft_targets(masters, FACES, targets, SEVEN, 0.0) == np.eye(7, dtype=np.float32)[targets]).all()


def test_a_teacher_of_seven_teaches_six(tmp_path):
    master = teacher(tmp_path)
    soft = soft_targets([master], FACES, np.zeros(9, int), SIX, 1.0)
    both = master.predict(FACES) + master.predict(FACES[:, :, ::-1].copy())
    kept = both[:, [0, 2, 3, 4, 5, 6]]
    np.testing.assert_allclose(soft, kept / kept.sum(axis=1, keepdims=True), atol=1e-6)
    with pytest.raises(UsageError, match="has no output for disgust"):
        # None for the faces: it is refused before it is asked.
        soft_targets([teacher(tmp_path, SIX)], None, np.zeros(9, int), SEVEN, 1.0)


@pytest.mark.slow
def test_soft_targets_are_what_is_learnt():
    targets = np.arange(9) % 7
    other = np.eye(7, dtype=np.float32)[(targets + 1) % 7]
    settings = Recipe(batch_size=3, learning_rate=0.01)
    losses = []
    for soft in (None, np.eye(7, dtype=np.float32)[targets], other):
        trainer = training.Trainer("report-64", 7, settings, seed=1)
        losses.append(trainer.fit(1, 0.01, Examples(FACES, targets, soft), lambda *step: None)[0])
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.slow
def test_a_taught_network_has_its_own_recipe_and_goes_on_with_the_same_teachers(tmp_path):
    assert recipe.of("compact", taught=True).distillation == recipe.DISTILLATION
    assert recipe.of("compact", taught=True).label_smoothing == 0
    assert recipe.of("compact").distillation == 0

    def stop(epoch, record):
        raise KeyboardInterrupt

    faces = Examples(FACES, np.arange(9) % 7)
    settings = Recipe(epochs=2, batch_size=9)
    with pytest.raises(KeyboardInterrupt):
        training.train(Setup("report-64", 7, settings, teachers=["a"]), faces, faces, tmp_path, on_epoch=stop)
    with pytest.raises(training.TrainingError, match="differs in teachers"):
        training.train(Setup("report-64", 7, settings, teachers=["b"]), faces, faces, tmp_path)
