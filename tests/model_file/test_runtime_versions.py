"""The oldest runtime that a file needs, from the bytes that converters wrote."""

from __future__ import annotations

import numpy as np
import pytest

from fer_export.calibration import calibration_set
from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import variants
from fer_export.convert import convert
from fer_export.errors import ExportFileError
from fer_export.model_file import tflite as flatbuffer
from fer_export.model_file import tflite_metadata, tflite_versions
from fer_export.runtimes import LiteRt
from fer_export.system import keras_backend
from helpers import tiny_tflite
from helpers.networks import checkpoint_of, grey, report_like


def said(content: bytes) -> str | None:
    return flatbuffer.inspect(content).min_runtime_version


def number(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))


def with_entry(content: bytes, old: str, new: str) -> bytes:
    """The same file with another `min_runtime_version`."""
    assert content.count(old.encode().ljust(16, b"\0")) == 1
    return content.replace(old.encode().ljust(16, b"\0"), new.encode().ljust(16, b"\0"))


@pytest.mark.parametrize("op", tflite_versions.RELEASES)
def test_later_versions_of_an_op_come_in_later_releases(op: str) -> None:
    releases = [number(release) for release in tflite_versions.RELEASES[op].split()]
    assert releases == sorted(releases)


def test_every_first_int16_version_is_in_the_table() -> None:
    for op, version in tflite_versions.INT16_VERSIONS.items():
        assert version <= len(tflite_versions.RELEASES[op].split())


def test_float_files_run_everywhere() -> None:
    assert tflite_versions.oldest(tiny_tflite.converted("none")) == "1.5.0"
    assert tflite_versions.declare(tiny_tflite.converted("none")) == tiny_tflite.converted("none")


def test_a_dynamic_file_is_younger_than_it_says() -> None:
    content = tiny_tflite.converted("dynamic")
    assert said(content) == "1.5.0"
    assert number(tflite_versions.oldest(content)) >= (2, 3, 0)
    assert said(tflite_versions.declare(content)) == tflite_versions.oldest(content)


def test_a_dense_layer_with_many_scales_needs_2_10() -> None:
    content = tiny_tflite.converted("int8")
    assert said(content) == "1.14.0"
    declared = tflite_versions.declare(content)
    assert said(declared) == tflite_versions.oldest(content) == "2.10.0"
    assert with_entry(content, "1.14.0", "2.10.0") == declared
    images = tiny_tflite.images()
    np.testing.assert_array_equal(LiteRt(declared).run(images), LiteRt(content).run(images))


def test_int8_without_such_a_layer_runs_in_1_14(monkeypatch) -> None:
    monkeypatch.setattr(tflite_versions, "has_channelwise_dense", lambda content: False)
    assert tflite_versions.oldest(tiny_tflite.converted("int8")) == "1.14.0"


def test_the_new_dynamic_quantizer_needs_more_than_2_14() -> None:
    import tensorflow as tf
    from keras import Sequential, layers

    network = Sequential([layers.Input((32,)), layers.Dense(64), layers.Dense(4)])
    with keras_backend.silenced():
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        content = bytes(converter.convert())
    assert ("FULLY_CONNECTED", 12) in {(op.name, op.version) for op in flatbuffer.inspect(content).ops}
    assert tflite_versions.oldest(content) == "2.17.0"
    assert said(tflite_versions.declare(content)) == "2.17.0"


def test_a_higher_entry_is_never_lowered() -> None:
    content = with_entry(tiny_tflite.converted("int8"), "1.14.0", "2.19.0")
    assert tflite_versions.declare(content) == content


def test_an_entry_that_is_no_release_is_replaced() -> None:
    content = with_entry(tiny_tflite.converted("int8"), "1.14.0", "UNKNOWN")
    assert said(tflite_versions.declare(content)) == "2.10.0"


def test_a_file_without_the_entry_stays_as_it_is() -> None:
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(tiny_tflite.converted("int8")))
    model.metadata = []
    content = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    assert said(content) is None
    assert tflite_versions.declare(content) == content


def test_an_unknown_op_counts_for_nothing(monkeypatch) -> None:
    content = tiny_tflite.converted("none")
    for op in ("CONV_2D", "FULLY_CONNECTED"):
        monkeypatch.delitem(tflite_versions.RELEASES, op)
    assert tflite_versions.oldest(content) == "1.5.0"
    monkeypatch.setattr(tflite_versions, "RELEASES", {})
    assert tflite_versions.oldest(content) is None
    assert tflite_versions.declare(content) == content


def test_what_is_no_tflite_file_is_refused() -> None:
    with pytest.raises(ExportFileError, match="not a TFLite model"):
        tflite_versions.oldest(b"PK\x05\x06" + bytes(18))


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "release"), [("dynamic", "2.4.0"), ("int8", "2.10.0"), ("int16x8", "2.10.0")])
def test_exported_files_declare_it(tmp_path, precision: str, release: str) -> None:
    checkpoint, faces = checkpoint_of(report_like(filters=16), tmp_path), grey(20)
    calibrating = CalibrationSet(faces, {"source": "made", "count": 20, "faces": calibration_set.face_hashes(faces)})
    content = convert(checkpoint, variants.find("tflite", precision), calibration=calibrating)
    assert said(content) == tflite_versions.oldest(content) == release
    assert tflite_metadata.read(content).labels == checkpoint.labels
