"""Training with the steps of an int8 file: what is rounded, and that fine-tuning repairs what rounding broke."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from fer_export.errors import UsageError
from fer_export.training import networks, recipe
from fer_export.training import trainer as training
from fer_export.training.methods import initial_weights
from fer_export.training.methods import quantization_aware as aware
from fer_export.training.networks import Family, Residual
from fer_export.training.plan import Setup
from fer_export.training.recipe import Recipe
from fer_export.training.trainer import Examples, Trainer

# Keras's own model.save under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

STEPS = Recipe(batch_size=8, epochs=1, learning_rate=1e-3, optimizer="sgd", averaging=0.9, quantize="int8")


@pytest.fixture(autouse=True)
def _thin_networks(monkeypatch):
    monkeypatch.setitem(networks.NETWORKS, "thin", Residual(4, (4, 4, 6), (1, 1, 1), 0.1))
    monkeypatch.setitem(networks.NETWORKS, "thin-report", Family((4, 4, 4, 4)))


def faces(count, seed=0):
    """Faces whose brightness tells which of six."""
    targets = np.arange(count) % 6
    noise = np.random.default_rng(seed).integers(0, 20, (count, 48, 48, 1))
    return Examples((noise + 40 * targets[:, None, None, None]).astype(np.uint8), targets)


def lively(name, seed=3):
    """A network whose batch norms and biases are not those of the start."""
    keras.utils.set_random_seed(seed)
    network = networks.build(name, 6)
    random = np.random.default_rng(seed)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return network


def test_kernels_lie_on_steps_of_their_channel():
    network = lively("thin")
    convolution = network.get_layer("stage1_conv")
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype(np.float32)
    kernel = convolution.get_weights()[0]
    scale = np.abs(kernel).max(axis=(0, 1, 2)) / 127
    rounded = np.rint(kernel / scale) * scale
    found = np.asarray(aware.SteppedKernel(convolution)(x))
    convolution.set_weights([rounded])
    np.testing.assert_allclose(found, np.asarray(convolution(x)), atol=1e-5)
    assert np.abs(rounded - kernel).max() > 1e-4


@pytest.mark.parametrize(
    ("name", "stepped"),
    [
        ("thin", ["stem_relu", "stage1_relu", "stage1_1_relu", "stage1_add1", "stage2_relu", "average"]),
        ("thin-report", ["conv0", "conv1", "norm1", "conv4", "norm4", "hidden"]),
    ],
)
def test_what_the_file_holds_is_stepped_and_nothing_else(name, stepped):
    network = lively(name)
    rounded = aware.stepped(network)
    names = {layer.name for layer in rounded.layers if isinstance(layer, aware.Stepped)}
    assert {f"{layer}_steps" for layer in stepped} <= names
    assert not [found for found in names if "pool" in found or "flatten" in found or "probabilities" in found]
    assert not [found for found in names if name == "thin" and ("norm" in found or "conv" in found)]
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    trained = {id(variable) for variable in rounded.trainable_variables}
    assert not trained & {id(variable) for norm in norms for variable in norm.weights}
    assert trained == {id(v) for layer in network.layers if layer not in norms for v in layer.weights}


@pytest.mark.parametrize("name", ["thin", "thin-report"])
def test_measured_steps_keep_the_answers_near(name):
    network, images = lively(name), faces(24).images
    pixels = images / np.float32(255)
    plain = network.predict(pixels, verbose=0)
    rounded = aware.stepped(network)
    aware.measure(network, rounded, images)
    found = rounded.predict(pixels, verbose=0)
    assert 1e-6 < np.abs(found - plain).max() < 0.05
    observed = keras.Model(network.input, network.get_layer("average" if name == "thin" else "hidden").output)
    steps = rounded.get_layer("average_steps" if name == "thin" else "hidden_steps")
    assert float(steps.high) == pytest.approx(observed.predict(pixels, verbose=0).max(), rel=1e-5)
    assert float(steps.low) == 0


@pytest.mark.slow
def test_a_run_with_steps_keeps_a_plain_network(tmp_path):
    network = lively("thin")
    (tmp_path / "first").mkdir()
    network.save(tmp_path / "first" / "model.keras")
    result = training.train(
        Setup("thin", 6, STEPS, initial=str(tmp_path / "first" / "model.keras")), faces(48), faces(12), tmp_path / "run"
    )
    kept = keras.models.load_model(result.folder / "model.keras", compile=False)
    assert [layer.name for layer in kept.layers] == [layer.name for layer in network.layers]
    assert all(layer.trainable for layer in kept.layers)
    for layer, before in zip(kept.layers, network.layers, strict=True):
        same = [np.array_equal(a, b) for a, b in zip(layer.get_weights(), before.get_weights(), strict=True)]
        assert all(same) == (not isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)), layer.name


def test_a_run_starts_from_measured_steps(tmp_path):
    """With steps of other ends, such as those before `measure`, the first network would be another one."""
    network, data, judges = lively("thin"), faces(48), faces(12, seed=1)
    (tmp_path / "first").mkdir()
    path = tmp_path / "first" / "model.keras"
    network.save(path)
    still = replace(STEPS, learning_rate=1e-9, averaging=0.0)
    result = training.train(Setup("thin", 6, still, initial=str(path)), data, judges, tmp_path / "run")
    plain = network.predict(judges.images / np.float32(255), verbose=0)
    loss = -np.log(plain[np.arange(12), judges.targets]).mean()
    assert result.epochs[0]["val_loss"] == pytest.approx(loss, abs=0.05)


def test_the_steps_are_saved_with_a_run():
    first = Trainer("thin", 6, STEPS, seed=1)
    first.measure_steps(faces(24).images)
    again = Trainer("thin", 6, STEPS, seed=1)
    again.load(first.save())
    for layer in first.judged.layers:
        if isinstance(layer, aware.Stepped):
            assert float(again.judged.get_layer(layer.name).high) == float(layer.high) != 1


@pytest.mark.slow
def test_training_with_steps_mends_what_rounding_broke():
    """One weight a channel that is far from the others leaves int8 few steps for these."""
    trainer = Trainer("thin", 6, Recipe(batch_size=12, optimizer="sgd"), seed=2)
    data, judges = faces(240), faces(60, seed=1)
    for epoch in range(1, 9):
        trainer.epoch(epoch, 0.02, data, judges, lambda *_: None)
    network = trainer.network
    last = network.get_layer("stage3_conv")
    kernel = last.get_weights()[0]
    kernel[0, 0, 0, :] = 60 * np.abs(kernel).max()
    last.set_weights([kernel])
    float_settled(network, data.images)
    plain = network.predict(judges.images / np.float32(255), verbose=0)
    mender = Trainer("thin", 6, Recipe(batch_size=12, optimizer="sgd", quantize="int8"), seed=3)
    initial_weights.give(mender.network, initial_weights.by_layer(network))
    mender.measure_steps(data.images)
    broken = mender.judged.predict(judges.images / np.float32(255), verbose=0)
    losses = [mender.epoch(epoch, 0.002, data, judges, lambda *_: None)["val_loss"] for epoch in range(1, 4)]
    before = -np.log(broken[np.arange(60), judges.targets]).mean()
    assert np.abs(broken - plain).max() > 0.01
    assert losses[-1] < before


def float_settled(network, images):
    from fer_export.training.methods import batch_norm_refit

    batch_norm_refit.settle(network, images, seed=1)


def test_steps_need_a_trained_network(tmp_path):
    with pytest.raises(UsageError, match="`initial"):
        training.train(Setup("thin", 6, STEPS), faces(12), faces(12), tmp_path)
    assert recipe.of("compact").quantize == "none"


def test_steps_in_bfloat16_are_refused(tmp_path):
    mixed = replace(STEPS, dtype="mixed_bfloat16")
    with pytest.raises(UsageError, match="remove `dtype=mixed_bfloat16`"):
        training.train(Setup("thin", 6, mixed, initial="compact-7"), faces(24), faces(12), tmp_path)
