"""Label order and scaling found on faces: a network that reads brightness, and faces whose brightness tells all."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.checkpoint import checkpoint
from fer_export.cli import main
from fer_export.dataset import read
from fer_export.dataset.emotions import FER2013, LABEL_ORDERS
from fer_export.errors import UsageError
from fer_export.parity.evidence import with_evidence
from fer_export.parity.judging_faces import labelled_faces
from fer_export.parity.usefulness import usefulness
from helpers.networks import checkpoint_of

ALPHABETICAL = LABEL_ORDERS[7]["alphabetical"]
SCALES = {"unit": lambda x: x / 255, "signed": lambda x: x / 127.5 - 1, "raw": lambda x: x}


def brightness_network(order=FER2013, scale=SCALES["unit"], mean=None, channels=1):
    """A network that answers the emotion whose brightness in tiny_csv is nearest; mean: weights of the channels."""
    weights = np.full(channels, 1 / channels) if mean is None else np.array(mean)
    centres = np.array([scale(28.0 * FER2013.index(name) + 29.5) if name in FER2013 else 1e3 for name in order])
    span = scale(255.0) - scale(0.0)
    kernel = 2 * centres[None] * weights[:, None] * 600 / span**2
    inputs = keras.Input((48, 48, channels))
    dense = layers.Dense(len(order), activation="softmax")
    network = keras.Model(inputs, dense(layers.GlobalAveragePooling2D()(inputs)))
    dense.set_weights([kernel, -(centres**2) * 600 / span**2])
    return network


@pytest.fixture(scope="module")
def faces(tiny_csv):
    return read.read(tiny_csv, cache=False)


@pytest.mark.parametrize("scaling", list(SCALES))
@pytest.mark.parametrize("order", ["FER2013's order", "alphabetical"])
def test_order_and_scaling_are_found(order, scaling, faces, tmp_path):
    labels = LABEL_ORDERS[7][order]
    network = checkpoint_of(brightness_network(labels, SCALES[scaling]), tmp_path)
    judged = with_evidence(network, faces)
    assert (judged.labels, judged.scaling) == (labels, scaling)
    assert (judged.labels_from, judged.scaling_from) == ("faces", "faces")
    assert f"{order}, 100.0 % of 98 Training faces; " in judged.labels_source
    assert f"{scaling}, 100.0 % of 98 Training faces; " in judged.scaling_source
    document = json.loads(json.dumps(judged.to_dict()))["evidence"]
    assert document["labels"]["taken"] == list(labels)
    assert document["scaling"]["tried"][0] == {"name": scaling, "hits": 98, "accuracy": 1.0}
    assert with_evidence(judged, faces) is judged


def test_eight_emotions_in_alphabetical_order(faces, tmp_path):
    labels = LABEL_ORDERS[8]["alphabetical"]
    assert with_evidence(checkpoint_of(brightness_network(labels), tmp_path), faces).labels == labels


def test_a_flag_is_obeyed_with_a_caution(faces, tmp_path):
    network = checkpoint_of(
        brightness_network(ALPHABETICAL, SCALES["signed"]), tmp_path, labels=FER2013, scaling="signed"
    )
    judged = with_evidence(network, faces)
    assert (judged.labels, judged.labels_from, judged.scaling) == (FER2013, "given", "signed")
    [caution] = judged.evidence.cautions
    assert "contradict the labels" in caution
    assert ",".join(ALPHABETICAL) in caution


def test_a_flag_that_is_right_has_no_caution(faces, tmp_path):
    judged = with_evidence(checkpoint_of(brightness_network(), tmp_path, labels=FER2013, scaling="unit"), faces)
    assert judged.evidence.cautions == ()
    assert judged.labels_source.startswith("--labels: ")


def test_what_a_card_says_is_not_tried(faces, tmp_path):
    network = checkpoint_of(brightness_network(ALPHABETICAL), tmp_path)
    carded = replace(network, labels_from="card", scaling_from="card")
    assert with_evidence(carded, faces) is carded


def test_chance_does_not_change_the_default(faces, tmp_path):
    network = brightness_network()
    network.set_weights([np.zeros_like(weight) for weight in network.get_weights()])
    judged = with_evidence(checkpoint_of(network, tmp_path), faces)
    assert (judged.labels, judged.scaling, judged.labels_from) == (FER2013, "unit", "assumed")


def test_an_order_that_is_not_known_is_named(faces, tmp_path):
    order = tuple(FER2013[i] for i in (5, 3, 6, 0, 2, 4, 1))
    judged = with_evidence(checkpoint_of(brightness_network(order), tmp_path), faces)
    assert any(",".join(order) in caution for caution in judged.evidence.cautions)


@pytest.mark.parametrize("scaling", ["torch", "caffe", "caffe-rgb"])
def test_modes_of_keras_applications(scaling, faces, tmp_path):
    """Told apart by a network that looks at one channel only: the others' means are of no use to it."""
    rule = checkpoint.SCALINGS[scaling]
    network = brightness_network(scale=lambda x: x * rule.scale[0] + rule.shift[0], mean=(1, 0, 0), channels=3)
    judged = with_evidence(checkpoint_of(network, tmp_path), faces)
    assert judged.scaling == scaling
    pixels = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 3), dtype=np.uint8)
    ordered = pixels[..., ::-1] if rule.bgr else pixels
    expected = ordered * np.array(rule.scale) + np.array(rule.shift)
    assert np.allclose(judged.scaled(pixels), expected, atol=1e-4)


@pytest.mark.parametrize("mode", ["caffe", "torch", "tf"])
def test_the_modes_are_those_of_keras(mode, tmp_path):
    from keras.applications import imagenet_utils

    name = {"tf": "signed"}.get(mode, mode)
    network = checkpoint_of(brightness_network(channels=3), tmp_path, scaling=name)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 3), dtype=np.uint8)
    expected = imagenet_utils.preprocess_input(pixels.astype("float32"), mode=mode)
    assert np.allclose(network.scaled(pixels), expected, atol=1e-4)


def test_a_grey_network_has_no_caffe_mode(tmp_path):
    with pytest.raises(UsageError, match="RGB"):
        checkpoint_of(brightness_network(), tmp_path, scaling="caffe")


def test_a_file_says_what_was_assumed_of_its_network(tmp_path):
    network = checkpoint_of(brightness_network(ALPHABETICAL), tmp_path)
    contract = {
        "checkpoint_sha256": network.sha256,
        "labels": list(ALPHABETICAL),
        "labels_source": "alphabetical, 61.0 %",
        "scaling": "signed",
        "scaling_source": "signed, 61.0 %",
    }
    meant = network.meant_by(contract)
    assert (meant.labels, meant.labels_source, meant.scaling) == (ALPHABETICAL, "alphabetical, 61.0 %", "signed")
    assert network.meant_by({**contract, "checkpoint_sha256": "another's"}).labels == FER2013
    assert replace(network, labels_from="given").meant_by(contract).labels == FER2013


def one_hot(answers, classes=3):
    return np.eye(classes, dtype=np.float32)[np.array(answers)]


def test_usefulness():
    targets = np.array([0] * 120 + [1] * 50 + [2] * 30)
    assert usefulness(one_hot(targets), targets, "abc").passed
    constant = usefulness(one_hot(np.zeros(200, int)), targets, "abc")
    assert len(constant.failures) == 2
    assert "no better than always answering a (60.0 %)" in constant.failures[0]
    assert "answers a for 100.0 %" in constant.failures[1]
    assert json.loads(json.dumps(constant.to_dict()))["passed"] is False
    nearly = np.array([0] * 122 + [1] * 48 + [2] * 30)
    barely = np.where(np.arange(200) < 125, targets, 0)  # 125 right, 62.5 %: chance gives that
    assert not usefulness(one_hot(barely), targets, "abc").passed
    assert usefulness(one_hot(nearly), targets, "abc").passed


def test_few_faces_caution_and_one_emotion_tells_nothing():
    targets = np.array([0, 0, 1, 1, 2])
    few = usefulness(one_hot([0, 0, 1, 0, 0]), targets, "abc")
    assert few.passed
    assert "too few" in few.cautions[0]
    assert usefulness(one_hot([1, 1]), np.array([0, 0]), "abc").passed


@pytest.fixture(scope="module")
def constant(tmp_path_factory):
    network = brightness_network()
    network.set_weights([np.zeros((1, 7)), np.array([9.0, 0, 0, 0, 0, 0, 0])])
    path = tmp_path_factory.mktemp("constant") / "constant.keras"
    network.save(path)
    return path


@pytest.mark.parametrize("command", ["evaluate", "tflite --quantize none", "onnx --quantize none"])
def test_a_network_of_one_answer_fails(command, constant, tiny_csv, tmp_path, capsys):
    name, *rest = command.split()
    flags = ["--model", str(constant), "--data", str(tiny_csv), "--output", str(tmp_path), "--json"]
    assert main([name, *rest, *flags]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] is False
    told = document.get("usefulness") or document["network"]
    assert "label order, the scaling and the training" in told["failures"][0]
    if name != "evaluate":
        assert [path.stem.endswith("-failed") for path in tmp_path.glob("constant*")] == [True]


def test_a_worthless_networks_file_is_not_repaired(constant, tiny_csv, tmp_path, capsys):
    flags = ["--model", str(constant), "--data", str(tiny_csv), "--output", str(tmp_path), "--json"]
    assert main(["tflite", "--quantize", "int8", "--min-agreement", "1.0", "--max-drop", "-1", *flags]) == 1
    document = json.loads(capsys.readouterr().out)
    [file] = document["files"]
    assert not file["parity"]["passed"]
    assert file["repair"] is None


def test_export_evaluate_and_parity_take_the_same_order(tiny_csv, faces, tmp_path, capsys):
    path = tmp_path / "bright.keras"
    brightness_network(ALPHABETICAL).save(path)
    flags = ["--model", str(path), "--data", str(tiny_csv)]
    assert main(["tflite", "--quantize", "none", *flags, "--output", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "alphabetical, 100.0 % of 98 Training faces" in said
    made = str(tmp_path / "bright-fp32.tflite")
    assert main(["parity", made, *flags]) == 0
    assert "alphabetical, 100.0 % of 98 Training faces" in capsys.readouterr().out
    assert main(["parity", made, "--model", str(path), "--json"]) == 0  # without data the file says it
    assert json.loads(capsys.readouterr().out)["files"][0]["passed"]
    assert main(["evaluate", *flags, "--output", str(tmp_path)]) == 0
    assert "alphabetical, 100.0 % of 98 Training faces" in capsys.readouterr().out
    assert labelled_faces(with_evidence(checkpoint.load(path), faces), faces, "PublicTest").targets is not None
