from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fer_export.errors import ExportFileError
from fer_export.model_file import tflite
from fer_export.model_file.tflite import GraphSummary, OpSummary
from helpers import tiny_tflite


def op(name: str, inputs: str, outputs: str, *, boundary: bool = False) -> OpSummary:
    return OpSummary(name, 1, tuple(inputs.split()), tuple(outputs.split()), boundary)


def of(*ops: OpSummary) -> GraphSummary:
    return GraphSummary((), (), ops, None, 0, 0)


def test_int8_file_is_described_as_written() -> None:
    content = tiny_tflite.converted("int8")
    summary = tflite.inspect(content)
    given, result = summary.inputs[0], summary.outputs[0]
    assert (given.name, given.shape, given.dtype, given.zero_point) == ("image", (1, 8, 8, 1), "uint8", 0)
    assert given.scale == pytest.approx(1.0, abs=1e-6)
    assert (result.name, result.shape, result.dtype, result.scale) == ("probabilities", (1, 4), "float32", None)
    assert [op.name for op in summary.ops][0] == "QUANTIZE"
    assert [op.name for op in summary.ops][-1] == "DEQUANTIZE"
    assert summary.op_counts["CONV_2D"] == 2
    convolution = next(op for op in summary.ops if op.name == "CONV_2D")
    assert (convolution.inputs[:2], convolution.outputs) == (("int8", "int8"), ("int8",))
    assert summary.min_runtime_version == "1.14.0"
    assert summary.file_bytes == len(content)


def test_weights_bytes_follow_the_precision() -> None:
    whole, half, integer = (
        tflite.inspect(tiny_tflite.converted(precision)).weights_bytes for precision in ("none", "fp16", "int8")
    )
    parameters = tiny_tflite.network().count_params()
    # Biases of zero are left out or shared, int8 files hold theirs as int32.
    assert whole == pytest.approx(4 * parameters, rel=0.05)
    assert half == pytest.approx(2 * parameters, rel=0.05)
    assert integer == pytest.approx(parameters, rel=0.2)


def test_only_a_full_int8_file_has_no_float_ops() -> None:
    for io in (None, "float32", "uint8", "int8"):
        assert tflite.float_ops(tflite.inspect(tiny_tflite.converted("int8", 1, io))) == ()
    for precision in ("none", "fp16", "dynamic"):
        floats = tflite.float_ops(tflite.inspect(tiny_tflite.converted(precision)))
        assert {"CONV_2D", "FULLY_CONNECTED", "SOFTMAX"} <= {op.name for op in floats}


@pytest.mark.parametrize(
    ("stray", "counts"),
    [
        (op("CONV_2D", "int8 int8 int32", "int8"), False),
        (op("CONV_2D", "int8 int8 int32", "float32"), True),
        (op("CONV_2D", "float32 int8 float32", "float32"), True),
        (op("CONV_2D", "int16 int8 int64", "int16"), True),
        (op("MUL", "uint8 uint8", "uint8", boundary=True), True),
        (op("FlexErf", "float32", "float32"), True),
        (op("RESHAPE", "float32 int32", "float32"), False),
        (op("QUANTIZE", "uint8", "int8", boundary=True), False),
        (op("QUANTIZE", "int8", "int8"), False),
        (op("QUANTIZE", "float32", "int8"), True),
        (op("DEQUANTIZE", "int8", "float32", boundary=True), False),
        (op("DEQUANTIZE", "int8", "float32"), True),
        (op("DEQUANTIZE", "float16", "float32"), True),
    ],
)
def test_float_ops_judges_each_op(stray: OpSummary, counts: bool) -> None:
    assert tflite.float_ops(of(stray)) == ((stray,) if counts else ())


def test_summary_is_plain_data_and_repeats() -> None:
    content = tiny_tflite.converted("int8")
    document = tflite.inspect(content).to_dict()
    assert document == tflite.inspect(content).to_dict()
    assert document["op_counts"] == {"CONV_2D": 2, "DEQUANTIZE": 1, "FULLY_CONNECTED": 2} | {
        "QUANTIZE": 1,
        "RESHAPE": 1,
        "SOFTMAX": 1,
    }
    assert document["inputs"][0]["name"] == "image"


def test_foreign_bytes_are_refused_in_one_line() -> None:
    short, astray = b"\x1c\0\0\0TFL3", b"\xff\xff\xff\xffTFL3" + bytes(64)
    for content in (b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n" * 9, short, astray):
        with pytest.raises(ExportFileError) as caught:
            tflite.inspect(content)
        assert "\n" not in str(caught.value)


def test_cut_off_files_are_refused() -> None:
    content = tiny_tflite.converted("int8")
    for length in range(0, len(content) - 16, 61):
        with pytest.raises(ExportFileError):
            tflite.inspect(content[:length])


def test_damaged_bytes_raise_nothing_else() -> None:
    random = np.random.default_rng(0)
    content = np.frombuffer(tiny_tflite.converted("int8"), np.uint8)
    refused = 0
    for _ in range(400):
        damaged = content.copy()
        damaged[random.integers(0, len(content), 40)] = random.integers(0, 256, 40)
        try:
            tflite.inspect(damaged.tobytes())
        except ExportFileError:
            refused += 1
    assert refused > 100


def test_ops_of_a_summary_can_be_replaced() -> None:
    summary = tflite.inspect(tiny_tflite.converted("int8"))
    spoiled = replace(summary, ops=(*summary.ops, op("GELU", "float32", "float32")))
    assert [stray.name for stray in tflite.float_ops(spoiled)] == ["GELU"]
