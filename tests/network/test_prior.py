"""The prior: folded into the last layer exactly, carried by the contract, judged against the same Keras network."""

import json

import keras
import numpy as np
import pytest

from fer_export.errors import ConversionError, ExportFileError, UsageError
from fer_export.exporting.export import export
from fer_export.model_file.inspect import inspect_file
from fer_export.network.prior import Prior, choose, meant_by, shifted, with_prior
from fer_export.parity.judge import judge_files
from helpers.networks import checkpoint_of, grey, randomised, report_like

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

LABELS = ("angry", "neutral", "fear", "happy", "sad", "surprise")
TRAINED = dict(zip(LABELS, (0.1, 0.2, 0.05, 0.4, 0.2, 0.05), strict=True))


def ending(kind: str) -> keras.Model:
    inputs = keras.Input((48, 48, 1), name="image")
    x = keras.layers.Conv2D(6, 5, strides=4)(inputs)
    if kind == "pooling":
        outputs = keras.layers.Softmax()(keras.layers.GlobalAveragePooling2D()(x))
    else:
        x = keras.layers.Flatten()(x)
        if kind == "dense":
            outputs = keras.layers.Dense(6, activation="softmax")(x)
        elif kind == "no bias":
            outputs = keras.layers.Activation("softmax")(keras.layers.Dense(6, use_bias=False)(x))
        else:
            outputs = keras.layers.Dense(6, activation="sigmoid")(x)
    return randomised(keras.Model(inputs, outputs))


@pytest.mark.parametrize("kind", ["dense", "no bias", "pooling"])
def test_folded_prior_is_bayes_rule(kind, tmp_path):
    plain = checkpoint_of(ending(kind), tmp_path)
    prior = Prior(dict.fromkeys(LABELS, 1 / 6), TRAINED, 1.0)
    images = grey(5, side=48)
    before = plain.predict(images).astype("float64")
    wanted = before / np.array([TRAINED[name] for name in LABELS])
    wanted /= wanted.sum(axis=1, keepdims=True)
    assert with_prior(plain, prior).predict(images) == pytest.approx(wanted, abs=1e-5)
    assert plain.predict(images) == pytest.approx(before, abs=1e-7)


def test_temperature_divides_the_logits(tmp_path):
    network = ending("dense")
    images = grey(4, side=48).astype("float32") / 255
    logits = np.log(np.asarray(network(images), "float64"))
    wanted = np.exp(logits / 2)
    wanted /= wanted.sum(axis=1, keepdims=True)
    assert np.asarray(shifted(network, np.zeros(6), 2.0)(images)) == pytest.approx(wanted, abs=1e-5)


def test_network_without_a_softmax_is_refused():
    with pytest.raises(ConversionError, match="does not end in a softmax"):
        shifted(ending("sigmoid"), np.zeros(6))


def test_names_and_files_choose_a_prior(tmp_path):
    assert choose("trained", LABELS, None) is None
    equal = choose("equal", LABELS, TRAINED)
    assert equal is not None
    assert 0 < equal.tau < 1
    assert equal.shift(LABELS).argmax() in (2, 5)
    path = tmp_path / "shares.json"
    path.write_text(json.dumps({"anger": 2, "neutral": 2, "fear": 2, "joy": 2, "sad": 1, "surprise": 1}))
    given = choose(path, LABELS, TRAINED)
    assert given is not None
    assert (given.expected["angry"], given.expected["surprise"], given.tau) == (0.2, 0.1, 1.0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read"),
        ("[1]", "not a JSON object"),
        ('{"happy": 1}', "a share for each"),
        (json.dumps({**TRAINED, "sad": 0}), "above 0"),
        (json.dumps({**TRAINED, "sad": True}), "above 0"),
        (json.dumps({**TRAINED, "sad": float("nan")}), "above 0"),
    ],
)
def test_prior_files_that_do_not_fit_are_named(tmp_path, content, said):
    path = tmp_path / "shares.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=said):
        choose(path, LABELS, TRAINED)


def test_unknown_or_missing_trained_shares_are_refused():
    with pytest.raises(UsageError, match="are unknown"):
        choose("equal", LABELS, None)
    with pytest.raises(UsageError, match="have no sad"):
        choose("equal", LABELS, {**TRAINED, "sad": 0.0})


@pytest.mark.slow
@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_file_carries_its_prior_and_is_judged_against_it(file_format, tmp_path):
    plain = checkpoint_of(report_like(), tmp_path)
    prior = Prior(dict.fromkeys(LABELS, 1 / 6), TRAINED, 0.5)
    result = export(with_prior(plain, prior), file_format, ["none"], tmp_path)
    assert result.passed
    contract = inspect_file(result.path).metadata.contract
    assert contract["prior"] == prior.to_dict()
    # The network as it was trained: parity folds in what the file says.
    assert judge_files([result.path], plain).passed
    assert meant_by(plain, contract).prior == prior.to_dict()


def test_priors_do_not_add_up(tmp_path):
    plain = checkpoint_of(report_like(), tmp_path)
    half, whole = (Prior(dict.fromkeys(LABELS, 1 / 6), TRAINED, tau) for tau in (0.5, 1.0))
    moved = with_prior(plain, half)
    assert with_prior(moved, half) is moved
    with pytest.raises(UsageError, match="another prior"):
        with_prior(moved, whole)
    with pytest.raises(UsageError, match="has no prior"):
        meant_by(moved, {})


@pytest.mark.parametrize("document", [{}, "equal", {"expected": {}, "trained": {}, "tau": 1}, None])
def test_prior_of_a_file_that_is_damaged_is_refused(document):
    with pytest.raises(ExportFileError, match="prior"):
        Prior.from_dict(document, LABELS)


def test_prior_of_a_file_with_shares_out_of_range_is_refused():
    document = {"expected": {**TRAINED, "sad": 0}, "trained": TRAINED, "tau": 1}
    with pytest.raises(ExportFileError, match="outside"):
        Prior.from_dict(document, LABELS)
