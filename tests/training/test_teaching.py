"""Teachers that answer for the faces as the student sees them."""

import keras
import numpy as np
import pytest

from fer_export.checkpoint import checkpoint
from fer_export.cli import main
from fer_export.dataset.emotions import FER2013, REPORT_6
from fer_export.errors import UsageError
from fer_export.training import networks
from fer_export.training import trainer as training
from fer_export.training.methods.live_teachers import Student, Teacher
from fer_export.training.networks import Residual, build
from fer_export.training.plan import Setup
from fer_export.training.recipe import Photometric, Recipe
from fer_export.training.several.group import Group
from fer_export.training.trainer import Examples, Trainer

SEVEN, SIX = FER2013, REPORT_6


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


def student(teachers, labels, weight, augmentation=()):
    keras.utils.set_random_seed(9)
    given = [checkpoint.load(name, labels=SEVEN) for name in teachers]
    model = Student(augmentation, build("thin", len(labels)), given, labels, weight, "float32")
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="categorical_crossentropy")
    return model


@pytest.mark.parametrize("labels", [SEVEN, SIX])
def test_the_targets_are_the_labels_mixed_with_the_mean_of_the_teachers_answers(tmp_path, labels):
    teachers = [teacher(tmp_path, seed=seed) for seed in (1, 2)]
    pixels, y = np.float32(faces().images) / 255, np.eye(len(labels), dtype="float32")[np.arange(12) % len(labels)]
    model = student(teachers, labels, 0.7)
    columns = [SEVEN.index(label) for label in labels]
    answers = [checkpoint.load(name, labels=SEVEN).predict(faces().images)[:, columns] for name in teachers]
    soft = np.mean([answer / answer.sum(axis=1, keepdims=True) for answer in answers], axis=0)
    given = np.asarray(model.network(pixels, training=True))
    expected = -((0.3 * y + 0.7 * soft) * np.log(given)).sum(axis=1).mean()
    assert float(model.train_on_batch(pixels, y)) == pytest.approx(expected, rel=1e-4)
    alone = -(y * np.log(np.asarray(model.network(pixels, training=False)))).sum(axis=1).mean()
    assert float(model.evaluate(pixels, y, verbose=0)) == pytest.approx(alone, rel=1e-4)


def test_the_teachers_see_what_the_student_sees(tmp_path):
    class Dark(keras.layers.Layer):
        def call(self, images, training=False):
            return images * 0.1 if training else images

    seen = []
    model = student([teacher(tmp_path)], SEVEN, 1.0, [Dark()])
    inner = model.teachers[0].call
    model.teachers[0].call = lambda pixels: seen.append(np.asarray(pixels)) or inner(pixels)
    model.run_eagerly = True
    pixels = np.float32(faces().images) / 255
    model.train_on_batch(pixels, np.eye(7, dtype="float32")[faces().targets])
    np.testing.assert_allclose(seen[0], pixels * 0.1, rtol=1e-6)


@pytest.mark.slow
def test_the_teachers_do_not_learn_and_are_not_kept(tmp_path):
    plan = Recipe(batch_size=4, epochs=1, learning_rate=0.1, distillation=0.5, consistent=True, dtype="mixed_bfloat16")
    trainer = Trainer("thin", 7, plan, 1, [checkpoint.load(teacher(tmp_path))])
    before = [weight.copy() for weight in trainer.model.teachers[0].get_weights()]
    trainer.epoch(1, 0.1, faces(), faces(), lambda *_: None)
    for now, then in zip(trainer.model.teachers[0].get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    plain = Trainer("thin", 7, Recipe(), 1)
    assert len(trainer.judged.weights) == len(plain.judged.weights)
    assert [variable.shape for variable in trainer.save().values()] == [
        variable.shape for variable in plain.save().values()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("steps", ["none", "int8"])
def test_a_run_goes_on_as_if_it_had_not_ended(steps, tmp_path, monkeypatch):
    monkeypatch.setitem(networks.NETWORKS, "thin", Residual(2, (2, 2, 4), (1, 1, 1), 0.3))
    plan = Recipe(
        batch_size=4,
        epochs=2,
        learning_rate=0.01,
        optimizer="sgd",
        averaging=0.9,
        distillation=0.5,
        consistent=True,
        mixup=0.2,
        quantize=steps,
        photometric=Photometric(0.2, 0.1, 0.5),
    )
    given = teacher(tmp_path)
    setup = Setup("thin", 7, plan, initial=given, teachers=[given, given])

    def stop(epoch, record):
        raise KeyboardInterrupt

    whole = training.train(setup, faces(), faces(), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        training.train(setup, faces(), faces(), tmp_path / "cut", on_epoch=stop)
    cut = training.train(setup, faces(), faces(), tmp_path / "cut")
    assert [epoch["loss"] for epoch in cut.epochs] == [epoch["loss"] for epoch in whole.epochs]


def colour(folder):
    """Takes RGB in -1..1, and has a network inside."""
    inputs = keras.Input((48, 48, 3))
    inner = keras.Sequential([keras.Input((48, 48, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten()])
    outputs = keras.layers.Dense(7, activation="softmax")(inner(inputs))
    keras.Model(inputs, outputs).save(folder / "colour.keras")
    return checkpoint.load(folder / "colour.keras", scaling="signed", labels=SEVEN)


def logits(folder):
    """A SavedModel without softmax."""
    network = keras.Sequential([keras.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(7)])
    network.export(folder / "logits", verbose=False)
    return checkpoint.load(folder / "logits", scaling="unit", labels=SEVEN)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("given", [colour, logits])
def test_any_network_teaches_as_it_answers(given, dtype, tmp_path):
    keras.utils.set_random_seed(3)
    found = given(tmp_path)
    expected = found.predict(faces().images)
    said = np.asarray(Teacher(found, SEVEN, 48, dtype)(np.float32(faces().images) / 255))
    np.testing.assert_allclose(said, expected, atol=1e-5 if dtype == "float32" else 0.05)


def test_what_cannot_be_taught_is_refused(tmp_path, tiny_csv, capsys):
    with pytest.raises(UsageError, match="has no output for disgust"):
        Student([], build("thin", 7), [checkpoint.load(teacher(tmp_path, SIX))], SEVEN, 0.5, "float32")
    wide = keras.Sequential([keras.Input((64, 64, 1)), keras.layers.Flatten(), keras.layers.Dense(7, "softmax")])
    wide.save(tmp_path / "wide.keras")
    with pytest.raises(UsageError, match="faces of 64, not 48"):
        Student([], build("thin", 7), [checkpoint.load(tmp_path / "wide.keras")], SEVEN, 0.5, "float32")
    command = ["train", "--network", "compact", "--data", str(tiny_csv), "--output", str(tmp_path / "run")]
    given = ["--teacher", teacher(tmp_path)]
    for flags, message in (
        (["--consistent"], "--consistent needs teachers; add --teacher"),
        (["--consistent", *given, "--distillation", "0"], "remove --distillation 0"),
        (["--distillation", "0.5"], "--distillation is the weight of teachers; add --teacher"),
        (["--consistent", "--teacher", str(tmp_path / "none.keras")], "none.keras"),
        (["--consistent", "--teacher", teacher(tmp_path, SIX, seed=5)], "has no output for disgust"),
        (["--consistent", "--teacher", str(tmp_path / "wide.keras")], "faces of 64, not 48"),
    ):
        assert main([*command, *flags]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    plan = Recipe(consistent=True, distillation=0.5)
    with pytest.raises(UsageError, match="`consistent=True` trains in one process"):
        training.check_recipe(Setup("thin", 7, plan, teachers=given[1:], group=Group("localhost:1234", 2, 1)))
