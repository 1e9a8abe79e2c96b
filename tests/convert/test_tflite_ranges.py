"""Ranges of activations in .tflite files: those of one file serve the next files of its network."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from fer_export.calibration import calibration_set
from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import variants
from fer_export.convert import activation_ranges, tflite, tflite_ranges
from helpers import tiny_tflite
from helpers.networks import checkpoint_of, grey, report_like


def scales(content):
    """Name of a tensor of 8 bits with one scale -> that scale."""
    graph = flatbuffer_utils.convert_bytearray_to_object(bytearray(content)).subgraphs[0]
    steps = {tensor.name: tensor.quantization for tensor in graph.tensors if tensor.type == schema.TensorType.INT8}
    return {name: found.scale[0] for name, found in steps.items() if found is not None and np.size(found.scale) == 1}


@pytest.mark.parametrize("by_error", [False, True])
def test_layers_in_float_leave_the_ranges_of_the_others_as_they_were(tmp_path, monkeypatch, by_error):
    monkeypatch.setattr(activation_ranges, "chosen", lambda make, *rest: (make(by_error), by_error))
    checkpoint, images, variant = checkpoint_of(report_like(), tmp_path), grey(40), variants.find("tflite", "int8")
    hashes = calibration_set.face_hashes(images)
    calibrating = CalibrationSet(images, {"source": "made", "count": len(images), "faces": hashes})
    converter = tflite.Converter(checkpoint)
    whole = converter.convert(variant, calibrating)
    first = next(layer.name for layer in checkpoint.network.layers if layer.name.startswith("conv2d"))
    kept = converter.convert(variant, calibrating, [first])
    before, after = scales(whole), scales(kept)
    common = before.keys() & after.keys()
    assert len(common) > 5
    assert {name: after[name] for name in common} == {name: before[name] for name in common}
    assert kept != whole
    assert converter.convert(variant, calibrating) == whole


def with_limits(limits):
    """A float file in which activations of these names have ranges."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(tiny_tflite.converted()))
    names = sorted(tensor.name.decode() for tensor in model.subgraphs[0].tensors)
    for tensor in model.subgraphs[0].tensors:
        place = names.index(tensor.name.decode())
        tensor.quantization = None
        if place in limits:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.min, tensor.quantization.max = ([limit] for limit in limits[place])
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def test_ranges_are_copied_by_name():
    given, source = with_limits({0: (0, 1), 1: (0, 1)}), with_limits({0: (-2, 5), 1: (-3, 4), 2: (0, 9)})
    copied = flatbuffer_utils.convert_bytearray_to_object(bytearray(tflite_ranges.copied(given, source)))
    tensors = sorted(copied.subgraphs[0].tensors, key=lambda tensor: tensor.name)
    found = [tensor.quantization for tensor in tensors if tensor.quantization and tensor.quantization.min is not None]
    assert [(*each.min, *each.max) for each in found] == [(-2, 5), (-3, 4)]


def test_a_file_without_one_of_the_ranges_is_no_source():
    assert tflite_ranges.copied(with_limits({0: (0, 1), 1: (0, 1)}), with_limits({0: (0, 1)})) is None
