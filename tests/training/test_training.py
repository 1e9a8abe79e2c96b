"""Training a thin network of the family on a few synthetic faces, whose brightness tells the emotion."""

import hashlib
import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from fer_export.checkpoint import checkpoint
from fer_export.cli import main
from fer_export.dataset import read as readers
from fer_export.dataset.emotions import FER2013, REPORT_6
from fer_export.errors import TrainingError
from fer_export.training import networks, recipe, train_network
from fer_export.training import trainer as training
from fer_export.training.methods import initial_weights
from fer_export.training.networks import Family, Residual
from fer_export.training.plan import Setup
from fer_export.training.recipe import Recipe
from fer_export.training.trainer import Examples, Trainer
from helpers.networks import checkpoint_of

# Keras's own model.save under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

SMALL = Recipe(batch_size=8, epochs=2, learning_rate=1e-3)


@pytest.fixture(autouse=True)
def _thin_network(monkeypatch):
    monkeypatch.setitem(networks.NETWORKS, "thin", Family((4, 4, 4, 4)))


@pytest.fixture
def uncompiled(monkeypatch):
    """Steps run eagerly: for some steps of a thin network, compiling takes longer."""
    build = Trainer.__init__

    def built_eager(self, *arguments):
        build(self, *arguments)
        self.model.run_eagerly = True

    monkeypatch.setattr(Trainer, "__init__", built_eager)


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


def test_cosine_rises_falls_to_zero_and_never_stops_early():
    plan = Recipe(epochs=10, learning_rate=1.0, schedule="cosine", warm_up=2)
    rates = [recipe.learning_rate(history(*[0.5] * done), plan) for done in range(10)]
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert rates == sorted(rates[:2]) + sorted(rates[2:], reverse=True)
    assert 0 < rates[-1] < 0.05
    assert not recipe.finished(history(*[0.5] * 9, losses=[1, *[2] * 8]), plan)
    assert recipe.finished(history(*[0.5] * 10), plan)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the other backends take arrays")
def test_tensorflow_gets_the_faces_in_order_and_no_thread_that_tunes():
    data = examples(19)
    targets = np.eye(6, dtype=np.float32)[data.targets]
    fed = training.feed(data.images, targets, 8)["x"]
    # With it, an epoch would end only when that thread looks up from its sleep: how soon is chance.
    assert fed.options().autotune.enabled is False
    batches = [(images.numpy(), aims.numpy()) for images, aims in fed]
    assert [len(images) for images, _ in batches] == [8, 8, 3]
    assert np.array_equal(np.concatenate([images for images, _ in batches]), data.images)
    assert np.array_equal(np.concatenate([aims for _, aims in batches]), targets)


AVERAGED = Recipe(
    batch_size=8, epochs=2, learning_rate=0.1, optimizer="sgd", schedule="cosine", weight_decay=1e-2, averaging=0.5
)


@pytest.mark.usefixtures("uncompiled")
def test_the_averaged_weights_are_judged_and_the_current_ones_trained():
    trainer = Trainer("thin", 6, AVERAGED, 1)
    data = examples(24)
    trainer.fit(1, 0.1, data, lambda epoch, step, steps: None)
    current = [np.asarray(variable) for variable in trainer.model.trainable_variables]
    with trainer.average():
        averaged = [np.asarray(variable) for variable in trainer.model.trainable_variables]
    after = [np.asarray(variable) for variable in trainer.model.trainable_variables]
    assert all((old == new).all() for old, new in zip(current, after, strict=True))
    # Three steps, each halving the distance: the average trails the weights but has left the start.
    apart = [np.abs(old - new).max() for old, new in zip(current, averaged, strict=True)]
    assert max(apart) > 1e-4


@pytest.mark.usefixtures("uncompiled")
def test_weight_decay_shrinks_kernels_only():
    def trained(decay):
        plan = replace(AVERAGED, weight_decay=decay, averaging=0.0)
        trainer = Trainer("thin", 6, plan, 1)
        trainer.fit(1, 1e-6, examples(24), lambda epoch, step, steps: None)
        return trainer.network.get_layer("conv1").get_weights(), trainer.network.get_layer("norm1").get_weights()

    (kernel, _), norm = trained(0.0)
    (decayed, _), decayed_norm = trained(1e5)
    assert np.abs(decayed).sum() < 0.8 * np.abs(kernel).sum()
    assert decayed_norm[0] == pytest.approx(norm[0], rel=1e-3)


@pytest.mark.slow
@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("plan", [SMALL, AVERAGED], ids=["adam", "averaged sgd"])
def test_interrupted_run_ends_where_the_uninterrupted_ends(tmp_path, plan):
    data, judges = examples(24), examples(12, seed=1)
    whole = training.train(Setup("thin", 6, plan), data, judges, tmp_path / "whole")

    def kill(epoch, step, steps):
        if (epoch, step) == (2, 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train(Setup("thin", 6, plan), data, judges, tmp_path / "cut", on_step=kill)
    assert not (tmp_path / "cut" / "history.json").exists()
    resumed = training.train(Setup("thin", 6, plan), data, judges, tmp_path / "cut")
    for before, after in zip(whole.epochs, resumed.epochs, strict=True):
        assert after["val_loss"] == pytest.approx(before["val_loss"], rel=1e-3)
        assert after["loss"] == pytest.approx(before["loss"], rel=1e-3)
    written = sorted(path.name for path in (tmp_path / "cut").iterdir())
    assert written == ["curves.png", "history.json", "model.keras"]
    document = json.loads((tmp_path / "cut" / "history.json").read_text())
    assert document["environment"]["keras"]
    assert len(document["epochs"]) == 2
    kept = checkpoint.load(tmp_path / "cut")
    right = (kept.predict(judges.images).argmax(axis=1) == judges.targets).mean()
    assert right == pytest.approx(resumed.epochs[resumed.best_epoch - 1]["val_accuracy"], abs=1e-4)
    again = training.train(Setup("thin", 6, plan), data, judges, tmp_path / "cut")
    assert again == resumed
    with pytest.raises(TrainingError, match="differs in seed"):
        training.train(Setup("thin", 6, plan, seed=2), data, judges, tmp_path / "cut")
    (tmp_path / "cut" / "card.json").touch()
    with pytest.raises(TrainingError, match="finished run"):
        training.train(Setup("thin", 6, plan), data, judges, tmp_path / "cut")


@pytest.mark.slow
@pytest.mark.usefixtures("uncompiled")
def test_a_run_in_bfloat16_follows_the_float_run_and_keeps_a_float_network(tmp_path, monkeypatch):
    # Without dropout, whose mask is another one in bfloat16.
    monkeypatch.setitem(networks.NETWORKS, "thin", Residual(4, (4, 4, 4), (1, 1, 1), 0.0))
    data, judges = examples(24), examples(12, seed=1)
    brief = replace(SMALL, dtype="mixed_bfloat16")
    runs_of = [training.train(Setup("thin", 6, plan), data, judges, tmp_path / plan.dtype) for plan in (SMALL, brief)]
    for exact, rounded in zip(*(run.epochs for run in runs_of), strict=True):
        assert rounded["loss"] == pytest.approx(exact["loss"], rel=0.02)
        assert rounded["loss"] != exact["loss"]
    assert keras.config.dtype_policy().name == "float32"
    trained = Trainer("thin", 6, brief, 1).network
    assert {layer.compute_dtype for layer in trained.layers[1:-1]} == {"bfloat16"}
    kept = keras.models.load_model(tmp_path / "mixed_bfloat16" / "model.keras", compile=False)
    assert {layer.dtype_policy.name for layer in kept.layers} == {"float32"}
    assert {weight.dtype for weight in [*trained.weights, *kept.weights]} == {"float32"}
    loss = keras.losses.sparse_categorical_crossentropy(judges.targets, kept(judges.images / np.float32(255)))
    best = runs_of[1].epochs[runs_of[1].best_epoch - 1]
    assert float(np.mean(loss)) == pytest.approx(best["val_loss"], rel=0.02)


def test_nan_is_caught(tmp_path):
    wild = Recipe(batch_size=8, epochs=2, learning_rate=1e30)
    with pytest.raises(TrainingError, match="`learning_rate"):
        training.train(Setup("thin", 6, wild), examples(48), examples(12), tmp_path)


@pytest.mark.usefixtures("uncompiled")
def test_run_with_other_settings_is_not_continued(tmp_path):
    def stop(epoch, record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train(Setup("thin", 6, SMALL), examples(24), examples(6), tmp_path, on_epoch=stop)
    with pytest.raises(TrainingError, match="seed"):
        training.train(Setup("thin", 6, SMALL, seed=2), examples(24), examples(6), tmp_path)
    for data in ((examples(24, seed=1), examples(6)), (examples(24), examples(7))):
        with pytest.raises(TrainingError, match="differs in faces; use the same settings and data"):
            training.train(Setup("thin", 6, SMALL), *data, tmp_path)
    state = tmp_path / "state.npz"
    saved = dict(np.load(state))
    run = json.loads(str(saved.pop("run")))
    del run["settings"]["recipe"]["mixup"], run["settings"]["faces"]
    np.savez(state, run=np.array(json.dumps(run)), **saved)
    with pytest.raises(TrainingError, match="differs in recipe"):
        training.train(Setup("thin", 6, replace(SMALL, mixup=0.2)), examples(24), examples(6), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        training.train(Setup("thin", 6, SMALL), examples(24), examples(6), tmp_path, on_epoch=stop)
    for content in (b"", b"truncated", state.read_bytes()[:-300], state.read_bytes()[:5000]):
        state.write_bytes(content)
        with pytest.raises(TrainingError, match="delete it"):
            training.train(Setup("thin", 6, SMALL), examples(24), examples(6), tmp_path)


def test_another_network_gives_the_first_weights_where_it_fits():
    first = Trainer("thin", 6, SMALL, seed=1)
    given = networks.build("thin", 7)
    given.get_layer("norm2").moving_mean.assign([1, 2, 3, 4])
    before = first.network.get_layer("probabilities").get_weights()[0].copy()
    initial_weights.give(first.network, initial_weights.by_layer(given))
    for name in ("conv0", "conv4", "norm2", "hidden"):
        for old, new in zip(
            given.get_layer(name).get_weights(), first.network.get_layer(name).get_weights(), strict=True
        ):
            assert (old == new).all()
    assert (first.network.get_layer("probabilities").get_weights()[0] == before).all()
    stranger = keras.Sequential([keras.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(6)])
    with pytest.raises(TrainingError, match="`initial"):
        initial_weights.give(first.network, initial_weights.by_layer(stranger))


def test_a_network_that_knows_more_gives_the_columns_that_are_wanted(tmp_path):
    given = checkpoint_of(networks.build("thin", 7), tmp_path, labels=FER2013)
    first = Trainer("thin", 6, SMALL, seed=1)
    initial_weights.give(first.network, initial_weights.of(given, 6))
    answers = first.network.predict(examples(8).images / np.float32(255), verbose=0)
    held = given.predict(examples(8).images)[:, [FER2013.index(label) for label in REPORT_6]]
    np.testing.assert_allclose(answers, held / held.sum(axis=1, keepdims=True), atol=1e-6)
    fewer = checkpoint_of(networks.build("thin", 6), tmp_path, name="six", labels=REPORT_6)
    kernel = initial_weights.of(fewer, 7)["probabilities/0"]
    held = fewer.network.get_layer("probabilities").get_weights()[0]
    for position, label in enumerate(FER2013):
        expected = held[:, REPORT_6.index(label)] if label in REPORT_6 else held.mean(axis=1)
        np.testing.assert_allclose(kernel[:, position], expected, atol=1e-6)


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


def test_train_takes_another_networks_recipe(tmp_path, tiny_csv, monkeypatch):
    taken = {}

    def stop(setup, *_given, **_options):
        taken[setup.network] = setup.recipe
        raise TrainingError("far enough")

    monkeypatch.setattr(train_network.trainer, "train", stop)
    command = ["train", "--data", str(tiny_csv), "--output", str(tmp_path / "run"), "--epochs", "3"]
    assert main([*command, "--network", "compact", "--recipe", "nano", "--warm-up", "0"]) == 2
    assert taken["compact"] == replace(recipe.NANO, epochs=3, warm_up=0)
    assert main(command) == 2
    assert taken["compact"] == replace(recipe.COMPACT, epochs=3)
    assert main([*command, "--network", "report-64", "--recipe", "report"]) == 2
    assert taken["report-64"] == Recipe(epochs=3)


def test_what_a_recipe_does_not_know_is_refused(tmp_path, tiny_csv, capsys):
    command = ["train", "--data", str(tiny_csv), "--output", str(tmp_path / "run")]
    assert main([*command, "--network", "report-64", "--warm-up", "2"]) == 2
    assert "remove --warm-up, or add --recipe compact" in capsys.readouterr().err
    assert main([*command, "--stop-patience", "2"]) == 2
    assert "remove --stop-patience, or add --recipe report" in capsys.readouterr().err
    for seed in ("-1", str(2**32), "soon"):
        assert main([*command, "--seed", seed]) == 2
        assert "pass a whole number from 0 to 4294967295" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("uncompiled")
def test_a_run_killed_before_its_card_gets_it_later(tmp_path, tiny_csv, monkeypatch, capsys):
    monkeypatch.setitem(networks.NETWORKS, "nano", Residual(4, (4, 4, 4), (1, 1, 1), 0.1))
    command = ["train", "--network", "nano", "--classes", "6", "--epochs", "1", "--warm-up", "0", "--no-settling"]
    command += ["--data", str(tiny_csv), "--output", str(tmp_path / "my run"), "--seed", str(2**32 - 1)]

    def kill(*_given):
        raise KeyboardInterrupt

    with monkeypatch.context() as killing:
        killing.setattr(train_network.evaluation, "evaluate", kill)
        assert main(command) == 130
    kept = (tmp_path / "my run" / "model.keras").read_bytes()
    assert main(command) == 0
    assert f"--model '{tmp_path}/my run' --data {tiny_csv}" in capsys.readouterr().out
    card = json.loads((tmp_path / "my run" / "card.json").read_text())
    assert card["sha256"] == hashlib.sha256(kept).hexdigest()
    assert card["protocol"]["settled"] is None
    assert card["data"]["training_faces"] == sum(readers.read(tiny_csv).split("Training").emotions != 1)
    assert main(command) == 2
    assert "holds a finished run" in capsys.readouterr().err
