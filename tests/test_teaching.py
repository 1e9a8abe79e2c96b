"""Teachers that answer for the faces as the pupil sees them."""

import keras
import numpy as np
import pytest

from fer_export import checkpoint, networks, training
from fer_export.cli import main
from fer_export.emotions import FER2013, REPORT_6
from fer_export.errors import UsageError
from fer_export.networks import Residual, build
from fer_export.recipe import Affine, Recipe
from fer_export.teaching import Pupil
from fer_export.training import Examples, Trainer

SEVEN, SIX = FER2013, REPORT_6
STILL = Affine(0.0, 0.0, 0.0, 0.0, flip=False)


@pytest.fixture(autouse=True)
def _thin_network(monkeypatch):
    monkeypatch.setitem(networks.NETWORKS, "thin", Residual(2, (2, 2, 4), (1, 1, 1), 0.0))


def teacher(folder, labels=SEVEN, seed=1):
    keras.utils.set_random_seed(seed)
    network = build("thin", len(labels))
    network.layers[-1].set_weights([5 * weight for weight in network.layers[-1].get_weights()])
    path = folder / f"{seed}.keras"
    network.save(path)
    return str(path)


def faces(count=12, classes=7):
    images = np.random.default_rng(0).integers(0, 256, (count, 48, 48, 1), np.uint8)
    return Examples(images, np.arange(count) % classes)


def pupil(teachers, labels, weight, augmentation=()):
    keras.utils.set_random_seed(9)
    given = [checkpoint.load(name, labels=SEVEN) for name in teachers]
    model = Pupil(augmentation, build("thin", len(labels)), given, labels, weight, "float32")
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="categorical_crossentropy")
    return model


@pytest.mark.parametrize("labels", [SEVEN, SIX])
def test_the_targets_are_the_labels_mixed_with_the_mean_of_the_teachers_answers(tmp_path, labels):
    teachers = [teacher(tmp_path, seed=seed) for seed in (1, 2)]
    pixels, y = np.float32(faces().images) / 255, np.eye(len(labels), dtype="float32")[np.arange(12) % len(labels)]
    model = pupil(teachers, labels, 0.7)
    columns = [SEVEN.index(label) for label in labels]
    answers = [checkpoint.load(name, labels=SEVEN).predict(faces().images)[:, columns] for name in teachers]
    soft = np.mean([answer / answer.sum(axis=1, keepdims=True) for answer in answers], axis=0)
    given = np.asarray(model.network(pixels, training=True))
    expected = -((0.3 * y + 0.7 * soft) * np.log(given)).sum(axis=1).mean()
    assert float(model.train_on_batch(pixels, y)) == pytest.approx(expected, rel=1e-4)
    alone = -(y * np.log(np.asarray(model.network(pixels, training=False)))).sum(axis=1).mean()
    assert float(model.evaluate(pixels, y, verbose=0)) == pytest.approx(alone, rel=1e-4)


def test_the_teachers_see_what_the_pupil_sees(tmp_path):
    class Dark(keras.layers.Layer):
        def call(self, images, training=False):
            return images * 0.1 if training else images

    seen = []
    model = pupil([teacher(tmp_path)], SEVEN, 1.0, [Dark()])
    inner = model.teachers[0].call
    model.teachers[0].call = lambda pixels: seen.append(np.asarray(pixels)) or inner(pixels)
    model.run_eagerly = True
    pixels = np.float32(faces().images) / 255
    model.train_on_batch(pixels, np.eye(7, dtype="float32")[faces().targets])
    np.testing.assert_allclose(seen[0], pixels * 0.1, rtol=1e-6)


def test_the_teachers_do_not_learn_and_are_not_kept(tmp_path):
    plan = Recipe(batch_size=4, epochs=1, learning_rate=0.1, distillation=0.5, consistent=True, dtype="mixed_bfloat16")
    trainer = Trainer("thin", 7, plan, 1, [teacher(tmp_path)])
    before = [weight.copy() for weight in trainer.model.teachers[0].get_weights()]
    trainer.epoch(1, 0.1, faces(), faces(), lambda *_: None)
    for now, then in zip(trainer.model.teachers[0].get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    plain = Trainer("thin", 7, Recipe(), 1)
    assert len(trainer.judged.weights) == len(plain.judged.weights)
    assert [variable.shape for variable in trainer.save().values()] == [
        variable.shape for variable in plain.save().values()
    ]


def test_a_run_goes_on_as_if_it_had_not_ended(tmp_path):
    plan = Recipe(batch_size=4, epochs=2, learning_rate=0.01, distillation=0.5, consistent=True, augmentation=STILL)
    settings = {"recipe": plan, "teachers": [teacher(tmp_path)]}

    def stop(epoch, record):
        raise KeyboardInterrupt

    whole = training.train("thin", 7, faces(), faces(), tmp_path / "whole", **settings)
    with pytest.raises(KeyboardInterrupt):
        training.train("thin", 7, faces(), faces(), tmp_path / "cut", **settings, on_epoch=stop)
    cut = training.train("thin", 7, faces(), faces(), tmp_path / "cut", **settings)
    assert [epoch["loss"] for epoch in cut.epochs] == [epoch["loss"] for epoch in whole.epochs]


def test_what_cannot_be_taught_is_refused(tmp_path, tiny_csv, capsys):
    with pytest.raises(UsageError, match="does not know disgust"):
        Pupil([], build("thin", 7), [checkpoint.load(teacher(tmp_path, SIX))], SEVEN, 0.5, "float32")
    wide = keras.Sequential([keras.Input((64, 64, 1)), keras.layers.Flatten(), keras.layers.Dense(7, "softmax")])
    wide.save(tmp_path / "wide.keras")
    with pytest.raises(UsageError, match="faces of 64, not 48"):
        Pupil([], build("thin", 7), [checkpoint.load(tmp_path / "wide.keras")], SEVEN, 0.5, "float32")
    command = ["train", "--network", "compact", "--data", str(tiny_csv), "--output", str(tmp_path / "run")]
    assert main([*command, "--consistent"]) == 2
    assert "--consistent needs teachers" in capsys.readouterr().err
    assert main([*command, "--distillation", "0.5"]) == 2
    assert "--distillation is the teachers' part; add --teacher" in capsys.readouterr().err
