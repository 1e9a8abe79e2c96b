"""Probe faces: pictures made from a network's own statistics, here with few steps and pictures."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.calibration import probe_faces
from fer_export.calibration.probe_faces import ProbeFaces
from fer_export.errors import CheckpointError, ConversionError
from fer_export.network.batch_norms import StatisticsGap
from helpers.networks import answers, checkpoint_of, classifier, grey, report_like, scaled


@pytest.fixture(scope="module", autouse=True)
def _few_pictures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe_faces, "BATCH", 8)
        patch.setattr(probe_faces, "CALIBRATE_BATCHES", 1)
        yield


def gap_of(checkpoint, images):
    """Distance of the pictures' batch statistics from the stored ones: computed here, layer by layer, without Keras."""
    network, total = checkpoint.network, 0.0
    scale, shift = checkpoint.scale_and_shift
    given = images.repeat(checkpoint.channels, axis=-1).astype("float32") * scale + shift
    for norm in (layer for layer in network.layers if isinstance(layer, layers.BatchNormalization)):
        seen = answers(keras.Model(network.inputs[0], norm.input), given).astype("float64")
        axes = tuple(range(seen.ndim - 1))
        mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
        deviation = np.sqrt(variance + norm.epsilon)
        total += (((seen.mean(axis=axes) - mean) / deviation) ** 2).mean()
        total += ((seen.std(axis=axes) / deviation - 1) ** 2).mean()
    return total


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network whose batch norms hold the statistics of dark pictures of high contrast, much unlike noise."""
    network = report_like(classes=7)
    pictures = scaled(grey(64)) ** 4
    for norm in (layer for layer in network.layers if isinstance(layer, layers.BatchNormalization)):
        seen = answers(keras.Model(network.inputs[0], norm.input), pictures)
        norm.moving_mean.assign(seen.mean(axis=(0, 1, 2)))
        norm.moving_variance.assign(seen.var(axis=(0, 1, 2)) + 1e-3)
    return checkpoint_of(network, tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def steps_seen():
    return []


@pytest.fixture(scope="module")
def made(trained, steps_seen):
    return probe_faces.make(trained, steps=15, on_step=lambda *step: steps_seen.append(step))


def test_few_steps_bring_the_statistics_closer_than_noise(trained, made):
    noise = min(gap_of(trained, probe_faces.noise(trained, seed)) for seed in range(3))
    for batch in (made.calibrate, made.verify):
        assert (batch.shape, batch.dtype) == ((8, 16, 16, 1), np.uint8)
        assert gap_of(trained, batch) < 0.6 * noise
    assert made.record["statistics_gap"][1] == pytest.approx(gap_of(trained, made.verify), rel=0.2)
    assert made.record["checkpoint"] == trained.sha256


def test_every_step_is_told(made, steps_seen):
    assert steps_seen == [(step, 30) for step in range(1, 31)]


@pytest.mark.slow
def test_the_seed_decides_and_the_two_sets_share_no_picture(trained, made):
    assert probe_faces.make(trained, steps=15).to_bytes() == made.to_bytes()
    other = probe_faces.make(trained, steps=2, seed=2)
    pictures = [face.tobytes() for faces in (made, other) for face in (*faces.calibrate, *faces.verify)]
    assert len(set(pictures)) == len(pictures) == 32


def test_noise_is_smooth_seeded_and_of_the_networks_size(trained):
    noise = probe_faces.noise(trained)
    assert (noise.shape, noise.dtype) == ((8, 16, 16, 1), np.uint8)
    assert (noise == probe_faces.noise(trained)).all()
    assert (noise != probe_faces.noise(trained, seed=2)).any()
    neighbours = np.abs(np.diff(noise.astype(float), axis=1)).mean()
    assert neighbours < 0.8 * np.abs(noise.astype(float) - np.roll(noise, 7, axis=1)).mean()


def test_the_observed_network_answers_like_the_network(tmp_path):
    def body(x):
        inner = keras.Sequential([layers.Conv2D(3, 3, activation="relu"), layers.BatchNormalization()], name="inner")
        x = layers.Flatten()(inner(layers.BatchNormalization()(x)))
        return layers.BatchNormalization(scale=False, center=False)(layers.Dense(6, activation="relu")(x))

    checkpoint = checkpoint_of(classifier(body, channels=3), tmp_path)
    observed = probe_faces.observed_of(checkpoint)
    images = scaled(grey(5, channels=3))
    assert np.abs(answers(observed, images) - answers(checkpoint.network, images)).max() < 1e-5
    assert len(observed.losses) == 3
    assert len([layer for layer in observed._flatten_layers() if isinstance(layer, StatisticsGap)]) == 3


def test_an_rgb_network_gets_grey_pictures(tmp_path):
    made = probe_faces.make(checkpoint_of(report_like(channels=3), tmp_path, scaling="signed"), steps=2)
    assert made.calibrate.shape == (8, 16, 16, 1)
    assert made.record["scaling"] == "signed"


def test_a_network_without_batch_norms_is_refused(tmp_path):
    checkpoint = checkpoint_of(classifier(lambda x: layers.Conv2D(3, 3)(x)), tmp_path)
    assert not probe_faces.possible(checkpoint)
    with pytest.raises(ConversionError, match="`data"):
        probe_faces.make(checkpoint, steps=1)


def a_probe(checkpoint, sha256=None):
    images = grey(12)
    made = {"checkpoint": sha256 or checkpoint.sha256, "scaling": checkpoint.scaling, "seed": 1}
    return ProbeFaces(images[:8], images[8:], made)


def test_a_written_file_is_read_back(trained, tmp_path):
    path, made = tmp_path / "probe.npz", a_probe(trained)
    assert probe_faces.load(path, trained) is None
    path.write_bytes(made.to_bytes())
    read = probe_faces.load(path, trained)
    assert (read.calibrate == made.calibrate).all()
    assert (read.verify == made.verify).all()
    assert read.record == made.record


def test_a_file_of_another_network_or_scaling_is_no_file(trained, tmp_path):
    path = tmp_path / "probe.npz"
    path.write_bytes(a_probe(trained, "0" * 64).to_bytes())
    assert probe_faces.load(path, trained) is None
    path.write_bytes(a_probe(trained).to_bytes())
    assert probe_faces.load(path, dataclasses.replace(trained, scaling="signed")) is None


def test_a_damaged_file_is_named(trained, tmp_path):
    path, whole = tmp_path / "probe.npz", a_probe(trained).to_bytes()
    np.savez(tmp_path / "other.npz", calibrate=grey(1), verify=grey(1))
    np.save(tmp_path / "other.npy", grey(1))
    other = [(tmp_path / f"other.{ending}").read_bytes() for ending in ("npz", "npy")]
    flipped = [whole[:i] + bytes([whole[i] ^ 0xFF]) + whole[i + 1 :] for i in (120, 300, 500)]
    odd_record = ProbeFaces(grey(1), grey(1), [1]).to_bytes()
    for content in (whole[:-200], whole[:40], b"", b"garbage", odd_record, *other, *flipped):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="delete it"):
            probe_faces.load(path, trained)
