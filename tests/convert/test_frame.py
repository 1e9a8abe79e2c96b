"""Files that take a whole picture and a box: their crop is that of `crop.face`, the rest that of the file for faces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper

from fer_export.calibration import calibration_set, probe_faces
from fer_export.calibration.calibration_set import CalibrationSet
from fer_export.contract import photo as photo_contract
from fer_export.contract import tensors, variants
from fer_export.contract.photo import CropRule, GreyRule
from fer_export.contract.tensors import FrameRule
from fer_export.convert import convert
from fer_export.convert import onnx as onnx_conversion
from fer_export.convert import onnx_crop as frame_onnx
from fer_export.convert import tflite_crop as frame_tflite
from fer_export.errors import ExportFileError, UsageError
from fer_export.exporting import blame
from fer_export.exporting import export as exporting
from fer_export.exporting.exported import Options
from fer_export.latency import worker as bench_worker
from fer_export.latency.process import Process
from fer_export.model_file import inspect as modelfile
from fer_export.model_file import onnx as onnxfile
from fer_export.model_file import tflite as flatbuffer
from fer_export.model_file import tflite_metadata
from fer_export.parity import figures
from fer_export.parity import judge as judging
from fer_export.photo import crop
from fer_export.photo.crop import Box
from fer_export.photo.frame import Frame, Staged
from fer_export.runtimes import KerasRuntime, TfliteRuntime, open_runtime
from helpers import stand_in
from helpers.networks import SIDE, checkpoint_of, grey, report_like

FORMATS = ("tflite", "onnx")

RULES = (
    FrameRule.of(SIDE),
    FrameRule(SIDE, CropRule(scale=1733, shift_x=-333, shift_y=251), GreyRule()),
    FrameRule(7, CropRule(scale=600, shift_x=1500, shift_y=-2001), GreyRule(red=7471, green=38470, blue=19595)),
)


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Coarse colours, many at the ends of their range, so that averages often lie at a half."""
    coarse = np.random.default_rng(seed).integers(0, 5, (height, width, 3)) * 64
    return np.minimum(coarse, 255).astype(np.uint8)


def boxes(height: int, width: int) -> list[Box]:
    """Inside, at and beyond every border, outside, of no size, inside out, larger than the picture, far away."""
    far = 2**31 - 1
    edges = [
        (0, 0, width, height),
        (-9, -9, 5, 5),
        (width - 5, height - 5, width + 9, height + 9),
        (width // 2, height // 2, width // 2, height // 2),
        (width // 3, 2, width // 3 + 1, 40),
        (20, 20, 3, 5),
        (-3 * width, -3 * height, 4 * width, 4 * height),
        (2 * width, 2 * height, 3 * width, 3 * height),
        (-far - 1, -far - 1, far, far),
        (far, far, -far - 1, -far - 1),
        (-far - 1, -far - 1, -far, -far),
    ]
    rng = np.random.default_rng(height * width)
    some = rng.integers(-max(height, width), 2 * max(height, width), (12, 4)).tolist()
    return [Box(*edge) for edge in (*edges, *some)]


FRAMES = [
    Frame(photo(height, width), box)
    for height, width in ((1, 1), (1, 40), (33, 15), (48, 48), (97, 64), (90, 131))
    for box in boxes(height, width)
]


def reference(frame: Frame, rule: FrameRule) -> np.ndarray:
    whole = replace(photo_contract.contract_for((), rule.size), crop=rule.crop, grey=rule.grey)
    return crop.face(frame.photo, frame.box, whole)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return checkpoint_of(report_like(seed=2), tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def calibrating():
    faces = grey(20)
    return CalibrationSet(faces, {"source": "made", "count": 20, "faces": calibration_set.face_hashes(faces)})


@pytest.fixture(scope="module")
def converted(checkpoint, calibrating):
    """(format, precision, input kind) -> the file's bytes; each is made once."""
    made = {}

    def made_once(file_format: str, precision: str, input_kind: str) -> bytes:
        key = file_format, precision, input_kind
        if key not in made:
            variant = variants.find(file_format, precision)
            made[key] = convert(checkpoint, variant, input_kind=input_kind, calibration=calibrating)
        return made[key]

    return made_once


def tflite_crop(rule: FrameRule):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=frame_tflite.crop_model(rule))
    given = {len(detail["shape"]): detail["index"] for detail in interpreter.get_input_details()}

    def crop_of(frame: Frame) -> np.ndarray:
        interpreter.resize_tensor_input(given[4], (1, *frame.photo.shape))
        interpreter.allocate_tensors()
        interpreter.set_tensor(given[4], frame.photo[None])
        interpreter.set_tensor(given[1], frame.clamped)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]

    return crop_of


def onnx_crop(rule: FrameRule):
    """The crop in front of a network that hands out its face."""
    import onnxruntime

    shape = (1, rule.size, rule.size, 1)
    ends = [helper.make_tensor_value_info(name, TensorProto.UINT8, shape) for name in ("image", "probabilities")]
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["probabilities"])], "face", ends[:1], ends[1:])
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    content = frame_onnx.with_crop(network, rule).SerializeToString()
    onnx.checker.check_model(content, full_check=True)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return lambda frame: session.run(None, {"image": frame.photo[None], "box": frame.clamped})[0][0]


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=["contract", "wide", "small"])
@pytest.mark.parametrize("cropper", [tflite_crop, onnx_crop])
def test_the_crop_is_the_reference_to_the_byte(rule, cropper):
    crop_of = cropper(rule)
    wrong = [frame.box for frame in FRAMES if not np.array_equal(crop_of(frame), reference(frame, rule))]
    assert wrong == []


@pytest.mark.parametrize("cropper", [tflite_crop, onnx_crop])
def test_large_squares_are_exact_too(cropper):
    large = Frame(np.random.default_rng(3).integers(0, 256, (1500, 1400, 3), dtype=np.uint8), Box(0, 0, 1400, 1400))
    np.testing.assert_array_equal(cropper(RULES[0])(large), reference(large, RULES[0]))


@pytest.mark.slow
@pytest.mark.parametrize(("file_format", "precision"), [(v.format, v.precision) for v in variants.compared()])
def test_a_frame_file_answers_what_the_file_for_faces_answers(converted, file_format, precision):
    frames, rule = FRAMES[::5], FrameRule.of(SIDE)
    faces = np.stack([reference(frame, rule) for frame in frames])
    with open_runtime(converted(file_format, precision, "gray")) as plain:
        expected = plain.run(faces)
    told = []
    with open_runtime(converted(file_format, precision, "frame")) as runtime:
        assert (runtime.takes_frames, runtime.input_shape) == (True, (1, -1, -1, 3))
        given = runtime.run_frames(frames, lambda done, total: told.append((done, total)))
    assert told[-1] == (len(frames), len(frames))
    np.testing.assert_allclose(given, expected, rtol=0, atol=0 if precision == "int8" else 1e-6)
    assert np.ptp(given, axis=0).max() > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("file_format", FORMATS)
def test_the_file_says_what_it_takes(converted, checkpoint, file_format):
    content = converted(file_format, "int8", "frame")
    graph, said = modelfile.inspect(content), modelfile.read(content)
    assert [(end.name, end.shape, end.dtype) for end in graph.inputs] == [
        ("image", (1, -1, -1, 3), "uint8"),
        ("box", (4,), "int32"),
    ]
    assert [(end.name, end.shape, end.dtype) for end in graph.outputs] == [("probabilities", (1, 6), "float32")]
    assert (said.contract["input_kind"], said.contract["input_shape"]) == ("frame", [1, -1, -1, 3])
    assert FrameRule.from_dict(said.contract["frame"]) == FrameRule.of(checkpoint.size)
    assert "luma" not in said.contract
    assert "box of a face" in said.description
    plain = modelfile.read(converted(file_format, "int8", "gray")).contract
    assert "luma" in plain
    assert "frame" not in plain


def test_tflite_has_builtin_ops_only_and_the_box_is_described_in_pixels(converted):
    content = converted("tflite", "int8", "frame")
    assert {op.name for op in flatbuffer.inspect(content).ops} <= vars(schema.BuiltinOperator).keys()
    document = flatbuffer.metadata_entry(flatbuffer.open_model(content), tflite_metadata.ENTRY)
    _, box = tflite_metadata.Table.root(document).tables(3)[0].tables(2)
    content_described = tflite_metadata.Table(document, box.target(3))
    properties = tflite_metadata.Table(document, content_described.target(1))
    assert (box.text(0), content_described.code(0)) == ("box", 3)
    assert (properties.code(1), properties.code(2)) == (1, 1)


def test_onnx_has_standard_ops_of_the_usual_opset(converted):
    model = onnx.load_model_from_string(converted("onnx", "none", "frame"))
    assert (onnxfile.opset(model), model.ir_version) == (onnx_conversion.OPSET, onnx_conversion.IR_VERSION)
    assert {node.domain for node in model.graph.node} == {""}


def test_constants_stay_aligned(converted):
    content = converted("tflite", "int8", "frame")
    root = schema.Model.GetRootAs(content)
    vectors = [root.Buffers(i)._tab for i in range(root.BuffersLength()) if root.Buffers(i).DataLength()]
    places = [table.Vector(table.Offset(4)) for table in vectors]
    assert len(places) > 20
    assert {place % 16 for place in places} == {0}


@pytest.mark.slow
@pytest.mark.parametrize("file_format", FORMATS)
def test_same_input_gives_the_same_bytes(converted, checkpoint, file_format):
    again = convert(checkpoint, variants.find(file_format, "none"), input_kind="frame")
    assert again == converted(file_format, "none", "frame")


@pytest.mark.parametrize("rule", RULES, ids=["contract", "wide", "small"])
def test_staged_faces_are_found_again(rule):
    faces = grey(24, side=rule.size + 1)[:, : rule.size, : rule.size] if rule.size % 4 else grey(24, side=rule.size)
    faces[0], faces[1] = 0, 255
    staged = Staged(faces, rule)
    assert [np.array_equal(reference(frame, rule), face) for frame, face in zip(staged, faces, strict=True)] == [
        True
    ] * len(faces)
    assert len({frame.photo.shape for frame in staged}) == 6
    assert staged[-1].box == staged[23].box == staged[22:][1].box
    coloured = np.ptp(staged[5].photo, axis=-1)
    assert coloured.max() > 20


@pytest.fixture
def judge(checkpoint):
    faces = grey(48, seed=4)
    return judging.Judge.of(checkpoint, figures.ParityFaces(faces, None, "made", ()))


CROP = FrameRule.of(SIDE).crop
WRONG_COLOURS = replace(FrameRule.of(SIDE), grey=GreyRule(red=7471, green=38470, blue=19595))
WRONG_PLACE = replace(FrameRule.of(SIDE), crop=replace(CROP, shift_x=CROP.shift_x + 100, shift_y=CROP.shift_y + 100))


@pytest.mark.parametrize(
    ("file_format", "wrong"),
    [pytest.param("tflite", WRONG_PLACE, marks=pytest.mark.slow), ("onnx", WRONG_PLACE), ("onnx", WRONG_COLOURS)],
)
def test_parity_judges_the_crop_too(converted, judge, checkpoint, file_format, wrong, monkeypatch):
    variant = variants.find(file_format, "none")
    assert judge.judge(converted(file_format, "none", "frame"), variant.gate).parity.passed
    module = {"tflite": frame_tflite, "onnx": frame_onnx}[file_format]
    with_crop = module.with_crop
    monkeypatch.setattr(module, "with_crop", lambda network, rule: with_crop(network, wrong))
    content = convert(checkpoint, variant, input_kind="frame")
    assert not judge.judge(content, variant.gate).parity.passed


def test_faces_of_another_size_are_refused(converted, judge):
    small = replace(judge, faces=replace(judge.faces, images=judge.faces.images[:, :8, :8]))
    with pytest.raises(ExportFileError, match=r"takes pictures \[16, 16, 1\] and was given \[8, 8, 1\]; .*`network"):
        small.judge(converted("tflite", "none", "frame"), variants.find("tflite", "none").gate)


def test_a_contract_without_its_rule_is_refused():
    for document in ({}, {**FrameRule.of(SIDE).__dict__, "crop": {"scale": 1}}):
        with pytest.raises(ExportFileError, match="`input_kind='frame'`"):
            FrameRule.from_dict(document)


@pytest.mark.parametrize("file_format", FORMATS)
def test_faces_and_frames_are_not_mixed_up(converted, checkpoint, file_format):
    frame = FRAMES[-1]
    with open_runtime(converted(file_format, "none", "frame")) as runtime:
        with pytest.raises(ExportFileError, match="whole pictures with a box.*`input_kind='gray'`"):
            runtime.run(grey(1))
        for wrong in (frame.photo[..., 0], frame.photo.astype(np.float32), frame.photo[:0], frame.photo[..., :2]):
            with pytest.raises(ExportFileError, match=r"takes pictures uint8 \[H, W, 3\], not .*convert it to RGB"):
                runtime.run_frames([Frame(wrong, frame.box)])
    with (
        open_runtime(converted(file_format, "none", "gray")) as runtime,
        pytest.raises(ExportFileError, match="takes face crops.*`input_kind='frame'`"),
    ):
        runtime.run_frames([frame])
    with pytest.raises(ExportFileError, match="`input_kind='frame'`"):
        KerasRuntime(checkpoint).run_frames([frame])


def test_the_process_of_tflite_runtime_takes_frames(converted, tmp_path):
    python, content, frames = (
        stand_in.interpreter(tmp_path, "1.26.4"),
        converted("tflite", "int8", "frame"),
        FRAMES[:40],
    )
    with TfliteRuntime(content, python=python) as runtime, open_runtime(content) as in_process:
        np.testing.assert_array_equal(runtime.run_frames(frames), in_process.run_frames(frames))
        with pytest.raises(ExportFileError, match="whole pictures"):
            runtime.run(grey(1))
    with (
        TfliteRuntime(converted("tflite", "int8", "gray"), python=python) as runtime,
        pytest.raises(ExportFileError, match="`input_kind='frame'`"),
    ):
        runtime.run_frames(frames)


def test_many_interpreters_share_frames_of_many_sizes(converted):
    from fer_export.runtimes import LiteRt

    content = converted("tflite", "int8", "frame")
    frames = FRAMES[::3]
    with LiteRt(content, workers=3) as several, LiteRt(content, workers=1) as one:
        np.testing.assert_array_equal(several.run_frames(frames), one.run_frames(frames))


@pytest.mark.parametrize("file_format", FORMATS)
def test_bench_gives_a_camera_picture_and_a_box(converted, file_format, tmp_path):
    path = tmp_path / f"tiny-frame.{file_format}"
    path.write_bytes(converted(file_format, "int8", "frame"))
    with Process({"tflite": "litert", "onnx": "onnxruntime"}[file_format], path, 1) as process:
        assert len(process.time(3).ns) == 3
    given = bench_worker.inputs(np, {"a": ([4], "int32"), "b": ([1, "height", "width", 3], "uint8")})
    assert (given["b"].shape, given["b"].dtype, given["a"].tolist()) == (
        bench_worker.FRAME,
        np.uint8,
        list(bench_worker.BOX),
    )
    assert bench_worker.inputs(np, {"a": ([1, 4, 4, 3], "uint8")})["a"].shape == (1, 4, 4, 3)


@pytest.mark.parametrize("file_format", FORMATS)
def test_types_other_than_bytes_are_refused(checkpoint, file_format):
    with pytest.raises(UsageError, match="`io=float32` does not go with `input_kind='frame'`"):
        convert(checkpoint, variants.find(file_format, "none"), input_kind="frame", io="float32")


@pytest.mark.slow
@pytest.mark.parametrize("file_format", FORMATS)
def test_export_judges_and_writes(checkpoint, file_format, tmp_path, monkeypatch):
    monkeypatch.setattr(probe_faces.make, "__kwdefaults__", {**probe_faces.make.__kwdefaults__, "steps": 3})
    options = Options(input_kind="frame")
    result = exporting.export(checkpoint, file_format, ["none"], tmp_path, options=options)
    (file,) = result.files
    assert result.passed
    assert file.path.name == f"tiny-fp32-frame.{file_format}"
    assert file.path.stat().st_size == file.bytes
    with pytest.raises(UsageError, match="`input_kind='gray'`"):
        blame.blame(file.path, checkpoint)


def test_the_box_is_clamped_for_the_file():
    frame = Frame(photo(2, 2), Box(-(2**40), 0, 2**40, 7))
    assert frame.clamped.tolist() == [-crop.REACH, 0, crop.REACH, 7]
    assert frame.clamped.dtype == np.int32
    assert tensors.FrameRule.of(SIDE).crop == photo_contract.CROP
