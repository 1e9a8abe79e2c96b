"""Videos: the same faces as in their pictures, followed over time; upright; damaged files told."""

import csv
import dataclasses
import io
import json
import struct
from fractions import Fraction

import numpy as np
import pytest

from fer_export.bundle.golden.drawn_face import drawn_face
from fer_export.errors import PhotoError, UsageError
from fer_export.photo.crop import Box, Square
from fer_export.photo.merging import Face
from fer_export.predict import PipelineSource, VideoJob, predict_video
from fer_export.predict.results import Prediction
from fer_export.predict.tracks import CONSTANT, PATIENCE, Tracks
from fer_export.report import render
from fer_export.report.text.video import VideoTable, video_text

av = pytest.importorskip("av")
RATE = 10


def film(path, pictures):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(RATE))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """Two seconds: a face moves to the right, then it is gone."""
    face = drawn_face(200)
    empty = np.full((240, 400, 3), 128, np.uint8)
    pictures = []
    for step in range(20):
        picture = empty.copy()
        if step < 15:
            picture[20 : 20 + face.shape[0], 4 * step : 4 * step + face.shape[1]] = face
        pictures.append(picture)
    return film(tmp_path_factory.mktemp("film") / "walk.mp4", pictures)


def test_a_moving_face_is_one_face_over_time(walk, tmp_path):
    seen = []
    job = VideoJob(every=5, annotate=tmp_path / "out.mp4")
    result = predict_video(PipelineSource(), walk, job, on_picture=seen.append)
    assert list(result.pictures) == seen
    assert [(each.number, len(each.faces)) for each in seen] == [(0, 1), (5, 1), (10, 1), (15, 0)]
    assert [each.seconds for each in seen] == [0.0, 0.5, 1.0, 1.5]
    assert set(result.tracks) == {1}
    assert sum(share for _, share in result.shares(1)) == pytest.approx(1)
    moved = [picture.faces[0].prediction.face.box.left for picture in seen[:3]]
    assert np.diff(moved).tolist() == pytest.approx([20, 20], abs=6)
    with av.open(str(tmp_path / "out.mp4")) as written:
        frames = [frame.to_ndarray(format="rgb24") for frame in written.decode(video=0)]
    assert len(frames) == 20
    assert frames[0].shape == (240, 400, 3)
    with av.open(str(walk)) as plain:
        before = next(plain.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(frames[0].astype(int) - before).max() > 100  # the frame and its word
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4"]
    said = video_text(result)
    assert "1.5 s of video, 4 pictures searched (one of every 5), 1 face" in said
    assert render.text(result) == said
    json.dumps(result.to_dict())


@pytest.mark.parametrize(("quarters", "matrix"), [(1, (0, 1, -1, 0)), (2, (-1, 0, 0, -1)), (3, (0, -1, 1, 0))])
def test_a_phone_held_upright_writes_its_video_lying_and_says_so(tmp_path, quarters, matrix):
    face = drawn_face(200)
    upright = np.full((240, 320, 3), 128, np.uint8)
    upright[10 : 10 + face.shape[0], 15 : 15 + face.shape[1]] = face
    path = film(tmp_path / "phone.mp4", [np.rot90(upright, quarters)] * 3)
    content = path.read_bytes()
    plain, turned = (
        struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
        for a, b, c, d in ((1, 0, 0, 1), matrix)
    )
    at = content.index(plain, content.index(b"tkhd"))
    path.write_bytes(content[:at] + turned + content[at + len(plain) :])
    expected = predict_video(PipelineSource(), film(tmp_path / "upright.mp4", [upright]), VideoJob()).pictures[0]
    found = predict_video(PipelineSource(), path, VideoJob()).pictures[0]
    boxes = [dataclasses.astuple(each.faces[0].prediction.face.box) for each in (expected, found)]
    assert boxes[1] == pytest.approx(boxes[0], abs=6)


def test_the_table_over_time_has_a_row_a_face(walk):
    rows = VideoTable(top=2)
    result = predict_video(PipelineSource(), walk, VideoJob(every=7))
    table = list(csv.DictReader(io.StringIO("".join(rows.add(each) for each in result.pictures))))
    assert [row["seconds"] for row in table] == ["0.000", "0.700", "1.400"]
    assert [row["face"] for row in table] == ["1", "1", "1"]
    assert sum(bool(table[0][label]) for label in result.pictures[0].labels) == 2


def test_only_so_many_seconds_are_read(walk):
    result = predict_video(PipelineSource(), walk, VideoJob(every=1, seconds=0.35))
    assert [each.number for each in result.pictures] == [0, 1, 2, 3]


def test_what_cannot_be_read_is_told(walk, tmp_path):
    missing = tmp_path / "gone.mp4"
    with pytest.raises(PhotoError, match="does not exist"):
        predict_video(PipelineSource(), missing)
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(PhotoError, match="cannot be opened"):
        predict_video(PipelineSource(), tmp_path / "text.mp4")
    with pytest.raises(UsageError, match="ends in .mp4"):
        predict_video(PipelineSource(), walk, VideoJob(annotate=tmp_path / "out.png"))
    with pytest.raises(UsageError, match="would replace"):
        predict_video(PipelineSource(), walk, VideoJob(annotate=walk))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text.mp4"]
    with pytest.raises(PhotoError, match="camera 97"):
        predict_video(PipelineSource(), 97)


def test_a_name_is_never_a_protocol(tmp_path):
    hostile = tmp_path / "concat:a.mp4|b.mp4"
    hostile.write_bytes(b"")
    with pytest.raises(PhotoError, match="cannot be opened"):
        predict_video(PipelineSource(), hostile)


def prediction(left, shares):
    box = Box(left, 0, left + 10, 10)
    gray = np.zeros((48, 48, 1), np.uint8)
    return Prediction(Face(box, 0.9, "d"), Square(left, 0, 10), gray, np.array(shares, np.float32), ("a", "b"))


def test_a_face_is_smoothed_and_forgotten():
    tracks = Tracks()
    (first,) = tracks.add([prediction(0, [1, 0])], 0.0)
    assert (first.track, first.prediction.probabilities.tolist()) == (1, [1, 0])
    (second, other) = tracks.add([prediction(2, [0, 1]), prediction(50, [0, 1])], CONSTANT)
    assert (second.track, other.track) == (1, 2)
    np.testing.assert_allclose(second.prediction.probabilities, [np.exp(-1), 1 - np.exp(-1)], rtol=1e-6)
    assert tracks.add([], CONSTANT) == ()
    (back,) = tracks.add([prediction(2, [0, 1])], CONSTANT + PATIENCE)
    assert back.track == 1
    (new,) = tracks.add([prediction(2, [0, 1])], CONSTANT + 3 * PATIENCE)
    assert new.track == 3
