"""Repair: files that fail their gate, and the layers that stay in float until one passes."""

from __future__ import annotations

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.contract import variants
from fer_export.convert import convert, converter, tflite
from fer_export.errors import ConversionError, ExportFileError, UsageError
from fer_export.exporting import repair
from fer_export.model_file import inspect as modelfile
from fer_export.model_file import tflite_metadata, tflite_versions
from fer_export.network import prepare
from fer_export.network.fitting import fit
from fer_export.network.prepared import Prepared
from fer_export.report.text.blame import repair_text
from fer_export.runtimes import LiteRt
from fer_export.runtimes.op_by_op import open_activations
from helpers.networks import classifier, grey, planted, report_like, scaled
from helpers.repair import ALWAYS, NEVER, case

INT8, ONNX_INT8 = variants.find("tflite", "int8"), variants.find("onnx", "int8")


def repaired(given, **options):
    return repair.repair(given.content, given.checkpoint, given.calibrated, given.judge, **options)


@pytest.fixture(scope="module")
def outlier(tmp_path_factory):
    """An activation that no int8 scale can hold."""
    keras.backend.clear_session()  # Keras numbers layers on; the names below are those of a fresh process
    network = planted(report_like(filters=16), scaled(grey(32)), "batch_normalization")
    return case(network, tmp_path_factory.mktemp("outlier"))


@pytest.fixture(scope="module")
def fixed(outlier):
    return repaired(outlier)


@pytest.fixture(scope="module")
def heavy(tmp_path_factory):
    """Weights that no int8 scale can hold: a channel that is always 0 (tanh, so that equalisation leaves it alone) is
    read with a weight of 1000."""

    def body(x):
        x = layers.Conv2D(8, 3, activation="tanh", name="still")(x)
        return layers.Conv2D(8, 3, activation="relu", name="heavy")(x)

    network = classifier(body)
    still, reader = network.get_layer("still"), network.get_layer("heavy")
    kernel, bias = still.get_weights()
    kernel[..., 0], bias[0] = 0.0, 0.0
    still.set_weights([kernel, bias])
    kernel, bias = reader.get_weights()
    kernel[:, :, 0, :] = 1000.0
    reader.set_weights([kernel, bias])
    return case(network, tmp_path_factory.mktemp("heavy"))


def test_plain_int8_fails_and_the_repaired_file_passes(outlier, fixed):
    assert not outlier.judge(outlier.content).passed
    assert fixed.passed
    assert outlier.judge(fixed.content).passed
    assert len(fixed.tries) == 1
    [tried] = fixed.tries
    assert tried.culprit == "batch_normalization"
    assert tried.float_layers == ("batch_normalization", "max_pooling2d", "conv2d_1")
    assert tried.float_ops == ("DEPTHWISE_CONV_2D", "MAX_POOL_2D", "CONV_2D")
    assert tried.bytes == len(fixed.content)


def test_all_other_ops_stay_int8(fixed):
    types = {op.name: op.dtype for op in open_activations(fixed.content).ops}
    assert types["SOFTMAX"] == types["FULLY_CONNECTED"] == "int8"
    floats = [op.output for op in open_activations(fixed.content).ops if op.dtype == "float32"]
    assert len(floats) == 3


def test_the_file_says_so(outlier, fixed):
    found = tflite_metadata.read(fixed.content)
    assert found.contract["precision"] == "int8"
    assert found.contract["float_layers"] == ["batch_normalization", "max_pooling2d", "conv2d_1"]
    assert "float_layers" not in tflite_metadata.read(outlier.content).contract
    assert found.calibration == outlier.calibrated.record


def test_the_file_declares_the_runtime_it_needs(fixed):
    declared = modelfile.inspect(fixed.content).min_runtime_version
    assert declared == tflite_versions.oldest(fixed.content) == fixed.tries[0].min_runtime_version == "2.10.0"


def test_the_file_takes_and_gives_what_the_plain_one_does(outlier, fixed):
    plain, file = modelfile.inspect(outlier.content), modelfile.inspect(fixed.content)
    assert file.inputs == plain.inputs
    assert [(out.name, out.shape, out.dtype) for out in file.outputs] == [("probabilities", (1, 6), "float32")]
    assert LiteRt(fixed.content).run(outlier.images) == pytest.approx(
        outlier.checkpoint.predict(outlier.images), abs=0.05
    )


@pytest.mark.slow
def test_a_file_that_the_runtime_refuses_is_repaired_too(tmp_path):
    """XNNPACK takes no op whose input step times weight step is 256 times its output step or more."""
    keras.backend.clear_session()
    given = case(planted(report_like(filters=16), scaled(grey(32)), "batch_normalization", size=60.0), tmp_path)
    with pytest.raises(ExportFileError, match="cannot run the file"):
        given.judge(given.content)
    result = repaired(given)
    assert result.passed
    assert result.tries[-1].culprit == "batch_normalization"


def test_a_refused_try_counts_as_failed(outlier, fixed, monkeypatch):
    monkeypatch.setattr(repair.blame, "measure", lambda *arguments, **named: fixed.blame)

    def refuse(content):
        raise ExportFileError("LiteRT cannot run the file")

    result = repair.repair(
        outlier.content, outlier.checkpoint, outlier.calibrated, refuse, limits=repair.Limits(tries=1)
    )
    assert not result.passed
    assert result.tries[0].to_dict()["parity"] is None
    assert result.tries[0].refused == "LiteRT cannot run the file"
    assert "refused by the runtime" in repair_text(result)


@pytest.mark.slow
def test_layers_that_the_converter_refuses_do_not_end_the_repair(outlier, fixed, monkeypatch):
    monkeypatch.setattr(repair.blame, "measure", lambda *arguments, **named: fixed.blame)
    asked = []

    class RefusesFirst(tflite.Converter):
        def convert(self, variant, calibration=None, float_layers=()):
            asked.append(float_layers)
            if len(asked) == 1:
                raise ConversionError("TensorFlow left CONV_2D in int8")
            return super().convert(variant, calibration, float_layers)

    result = repaired(outlier, converter=RefusesFirst(outlier.checkpoint))
    first, *others = result.tries
    assert (first.passed, first.bytes, first.refused) == (False, 0, "TensorFlow left CONV_2D in int8")
    assert result.passed == others[-1].passed is True
    assert set(asked[0]) < set(asked[1])
    assert "refused by the converter" in repair_text(result).splitlines()[1]
    assert json.loads(json.dumps(result.to_dict()))["tries"][0]["parity"] is None


def test_weights_that_int8_cannot_hold_are_cured(heavy):
    assert not heavy.judge(heavy.content).passed
    result = repaired(heavy)
    assert result.passed
    assert len(result.tries) == 1
    assert result.tries[0].culprit == "heavy"
    assert "CONV_2D" in result.tries[0].float_ops


def test_float_layers_get_their_unrounded_weights(heavy, monkeypatch):
    """Rounding for int8 comes before the conversion; a layer kept in float must not keep it."""
    kept = convert(heavy.checkpoint, INT8, calibration=heavy.calibrated, float_layers=("heavy",))
    network = Prepared.network
    monkeypatch.setattr(Prepared, "network", lambda prepared, unrounded=(): network(prepared))
    rounded = convert(heavy.checkpoint, INT8, calibration=heavy.calibrated, float_layers=("heavy",))
    assert heavy.judge(kept).mean_difference < 0.2 * heavy.judge(rounded).mean_difference


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_a_network_is_fitted_once_for_all_files(heavy, file_format, monkeypatch):
    """The files of one converter are those of new ones, whatever it made before."""
    variant, calibrated = variants.find(file_format, "int8"), heavy.calibrated
    wanted = {
        kept: convert(heavy.checkpoint, variant, calibration=calibrated, float_layers=kept) for kept in ((), ("heavy",))
    }
    fitted = []
    monkeypatch.setattr(prepare, "fit", lambda *arguments, **named: fitted.append(fit(*arguments, **named)))
    maker = converter(file_format, heavy.checkpoint)
    calibrated = replace(calibrated, images=calibrated.images.copy())  # as if it was the first one
    assert maker.convert(variant, calibrated) == wanted[()]
    maker.twin(variant, calibrated)
    for kept in (("heavy",), (), ("heavy",)):
        assert maker.convert(variant, calibrated, kept) == wanted[kept]
    assert len(fitted) == 1


@pytest.mark.slow
@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_operations_between_layers_are_no_hindrance(file_format, tmp_path):
    """What a notebook writes as x + 1 is no layer and has no weights."""
    given = case(
        classifier(lambda x: layers.Conv2D(4, 3, name="second")(layers.Conv2D(4, 3, name="first")(x) + 0.5)), tmp_path
    )
    variant = variants.find(file_format, "int8")
    content = convert(given.checkpoint, variant, calibration=given.calibrated, float_layers=("second",))
    assert given.judge(content).mean_difference < 0.02
    plain = convert(given.checkpoint, variant, calibration=given.calibrated)
    two = repair.Limits(tries=2)
    tried = repair.repair(plain, given.checkpoint, given.calibrated, lambda made: given.judge(made, NEVER), limits=two)
    assert len(tried.tries) == 2


@pytest.fixture
def blamed(fixed, monkeypatch):
    """The ranking is known already."""
    monkeypatch.setattr(repair.blame, "measure", lambda *arguments, **named: fixed.blame)


@pytest.mark.slow
@pytest.mark.usefixtures("blamed")
def test_one_layer_after_the_other_until_a_file_passes(outlier):
    judged = []

    def twice(content):
        """The judge, who lets the second repaired file pass."""
        judged.append(content)
        return outlier.judge(content, NEVER if len(judged) < 2 else ALWAYS)

    result = repair.repair(
        outlier.content, outlier.checkpoint, outlier.calibrated, twice, limits=repair.Limits(tries=2)
    )
    first, second = result.tries
    assert (first.passed, second.passed) == (False, True)
    assert set(first.float_layers) < set(second.float_layers)
    assert second.culprit not in first.float_layers
    assert result.content == judged[1]
    assert result.blame.layers[0].layer == first.culprit


@pytest.mark.usefixtures("blamed")
def test_every_try_is_kept_when_none_passes(outlier):
    result = repair.repair(
        outlier.content,
        outlier.checkpoint,
        outlier.calibrated,
        lambda content: outlier.judge(content, NEVER),
        limits=repair.Limits(tries=1),
    )
    assert not result.passed
    assert result.content is None
    assert len(result.tries) == 1
    assert "no file passed in 1 try" in repair_text(result)
    json.dumps(result.to_dict(), allow_nan=False)


def test_printout_shows_the_try_and_what_it_costs(fixed):
    text = repair_text(fixed)
    assert "batch_normalization, max_pooling2d, conv2d_1" in text
    assert text.splitlines()[-1].startswith(
        "in float: batch_normalization, max_pooling2d, conv2d_1: 3 ops (DEPTHWISE_CONV_2D, MAX_POOL_2D, CONV_2D); "
    )
    assert text.splitlines()[-1].endswith(" kB; it needs TFLite 2.10.0 or later")
    assert "passed" in text


def test_the_same_bytes_twice(outlier, fixed):
    kept = fixed.tries[0].float_layers
    assert convert(outlier.checkpoint, INT8, calibration=outlier.calibrated, float_layers=kept) == fixed.content


def test_onnx_is_repaired_the_same_way(outlier):
    content = convert(outlier.checkpoint, ONNX_INT8, calibration=outlier.calibrated)
    assert not outlier.judge(content).passed
    result = repair.repair(content, outlier.checkpoint, outlier.calibrated, outlier.judge)
    assert result.passed
    [tried] = result.tries
    assert tried.culprit == "batch_normalization"
    assert tried.float_layers == ("batch_normalization", "max_pooling2d", "conv2d_1")
    assert tried.float_ops[:3] == ("Conv", "MaxPool", "Conv")
    assert tried.min_runtime_version is None
    assert modelfile.read(result.content).contract["float_layers"] == list(tried.float_layers)
    assert outlier.judge(result.content).passed


@pytest.mark.slow
def test_both_ends_can_stay_in_float(outlier):
    kept = ("adapter", "conv2d", "narrow_logits", "narrow_softmax")
    content = convert(outlier.checkpoint, INT8, calibration=outlier.calibrated, float_layers=kept)
    floats = [op for op in open_activations(content).ops if op.dtype == "float32"]
    assert len(floats) == len(kept)
    assert LiteRt(content).run(outlier.images).shape == (64, 6)


def test_every_layer_in_float_is_the_network(outlier):
    names = tuple(layer.name for layer in outlier.checkpoint.network.layers)
    ends = ("adapter", "logit_differences", "logit_rows", "logit_gaps", "logit_gaps_flat", "narrow_logits")
    content = convert(
        outlier.checkpoint,
        INT8,
        calibration=outlier.calibrated,
        float_layers=(*names[1:-1], *ends, "narrow_softmax"),
    )
    given = LiteRt(content).run(outlier.images)
    assert given == pytest.approx(outlier.checkpoint.predict(outlier.images), abs=1e-3)


def test_layers_that_cannot_stay_in_float_are_refused(outlier):
    with pytest.raises(UsageError, match="did you mean 'conv2d_1'"):
        convert(outlier.checkpoint, INT8, calibration=outlier.calibrated, float_layers=("conv2d_2",))
    with pytest.raises(UsageError, match="use `precision='int8'`"):
        convert(outlier.checkpoint, variants.find("tflite", "dynamic"), float_layers=("dense",))


def test_a_converter_that_keeps_other_layers_is_caught(outlier, monkeypatch):
    monkeypatch.setattr(tflite.lite, "quantised", lambda converter, *rest: converter.convert())
    with pytest.raises(ConversionError, match="should stay float"):
        convert(outlier.checkpoint, INT8, calibration=outlier.calibrated, float_layers=("dense",))


def test_only_int8_is_repaired(outlier):
    dynamic = convert(outlier.checkpoint, variants.find("tflite", "dynamic"))
    with pytest.raises(UsageError, match="only int8"):
        repair.repair(dynamic, outlier.checkpoint, outlier.calibrated, outlier.judge)


def test_the_planted_network_computes_the_same():
    network = report_like(filters=8)
    images = scaled(grey(32))
    kernel, bias = network.layers[1].get_weights()
    kernel[..., :2], bias[:2] = 0.0, 0.0
    network.layers[1].set_weights([kernel, bias])
    norm = next(layer.name for layer in network.layers if isinstance(layer, layers.BatchNormalization))
    assert np.asarray(planted(network, images, norm)(images)) == pytest.approx(np.asarray(network(images)), abs=1e-4)
