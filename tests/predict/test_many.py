"""Many photos: what names them, the order of results, crops, limits, CSV."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_export.bundle.golden.drawn_face import drawn_face
from fer_export.cli import main
from fer_export.errors import UsageError
from fer_export.predict.many import PhotoJob, photo_paths, predict_many
from fer_export.predict.source import PipelineSource
from fer_export.report.text.predict import predict_csv
from helpers.deadly import Deadly


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """one.png with two faces, the left one larger; broken.jpg; a/one.png without a face; notes.txt."""
    top = tmp_path_factory.mktemp("photos") / "b"
    (top / "a").mkdir(parents=True)
    two = np.full((300, 500, 3), 150, np.uint8)
    two[:280, :280] = drawn_face(280, skin="tan")
    two[60:260, 290:490] = drawn_face(200, skin="tan")
    Image.fromarray(two).save(top / "one.png")
    (top / "broken.jpg").write_bytes(b"no picture")
    Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(top / "a" / "one.png")
    (top / "notes.txt").write_text("not a photo")
    return top


def test_folders_patterns_and_lists_name_photos(folder):
    pictures = [folder / "a" / "one.png", folder / "broken.jpg", folder / "one.png"]
    assert photo_paths([str(folder)]) == pictures
    assert photo_paths([f"{folder}/*.png"]) == [folder / "one.png"]
    assert photo_paths(["-", "x.jpg"], ["a b.jpg\n", "\n", "c.png"]) == [
        type(folder)(p) for p in ("a b.jpg", "c.png", "x.jpg")
    ]
    with pytest.raises(UsageError, match="names no file"):
        photo_paths([f"{folder}/*.gif"])
    with pytest.raises(UsageError, match="is empty"):
        photo_paths(["-"], [])


def test_a_name_that_is_too_long_is_left_to_reading():
    assert photo_paths(["long" * 100 + ".jpg"]) == [Path("long" * 100 + ".jpg")]


def test_crops_of_photos_with_odd_and_equal_names_are_kept_apart(folder, tmp_path):
    content, paths = (folder / "one.png").read_bytes(), []
    for name in ("a/one-2.png", "b/one.png", "c/one.png", "d/o\nne.png", "d/o_ne.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        paths.append(path)
    predict_many(PipelineSource(), paths, PhotoJob(crops=tmp_path / "crops"), processes=1)
    made = {path.name.rsplit("-", 2)[0] for path in (tmp_path / "crops").iterdir()}
    assert made == {"one-2", "one", "one-3", "o_ne", "o_ne-2"}


def test_a_folder_without_a_picture_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(UsageError, match="holds no picture"):
        photo_paths([str(tmp_path)])


@pytest.mark.parametrize("processes", [1, 2])
def test_results_keep_the_order_of_the_photos_and_a_bad_one_is_named(folder, tmp_path, processes):
    paths, seen = photo_paths([str(folder)]), []
    results = predict_many(
        PipelineSource(), paths, PhotoJob(crops=tmp_path), processes=processes, on_result=seen.append
    )
    assert [result.path for result in results.photos] == paths == [result.path for result in seen]
    assert [len(result.predictions) for result in results.photos] == [0, 0, 2]
    assert [result.path.name for result in results.failed] == ["broken.jpg"]
    assert results.runtime.startswith("litert")
    # The photo without a face came first and took the plain name.
    assert sorted(path.name.rsplit("-", 1)[0] for path in tmp_path.iterdir()) == ["one-2-1", "one-2-2"]
    for number, each in enumerate(results.photos[2].predictions, 1):
        with Image.open(tmp_path / f"one-2-{number}-{each.emotion}.png") as crop:
            assert crop.size == (each.square.side,) * 2


def test_a_photo_that_ends_its_process_is_named_and_the_others_go_on(folder):
    paths = [folder / "a" / "one.png", Deadly(folder / "deadly.jpg"), folder / "one.png"]
    results = predict_many(PipelineSource(), paths, processes=2)
    assert [result.path for result in results.photos] == paths
    assert [len(result.predictions) for result in results.photos] == [0, 0, 2]
    (lost,) = results.failed
    assert "deadly.jpg ended the process that read it" in lost.error


def test_only_the_largest_face(folder):
    (result,) = predict_many(PipelineSource(), [folder / "one.png"], PhotoJob(largest=True)).photos
    (only,) = result.predictions
    assert only.face.box.right < 280


def test_the_least_score_and_size_of_a_face(folder):
    paths = [folder / "one.png"]
    both = predict_many(PipelineSource(), paths).photos[0].predictions
    sides, scores = sorted(each.face.box.side for each in both), sorted(each.face.score for each in both)
    larger = predict_many(PipelineSource(min_size=sides[0] + 1), paths).photos[0].predictions
    surer = predict_many(PipelineSource(min_score=scores[0] + 0.001), paths).photos[0].predictions
    assert [each.face.box.side for each in larger] == sides[1:]
    assert [each.face.score for each in surer] == scores[1:]


def test_a_csv_has_a_row_a_face_and_one_for_a_photo_without(folder):
    results = predict_many(PipelineSource(), photo_paths([str(folder)]))
    rows = list(csv.DictReader(io.StringIO(predict_csv(results, 2))))
    assert [row["face"] for row in rows] == ["", "", "1", "2"]
    assert "cannot read" in rows[1]["error"] or "is not a picture" in rows[1]["error"]
    for row in rows[2:]:
        shares = [float(row[name]) for name in results.photos[2].predictions[0].labels if row[name]]
        assert len(shares) == 2
        assert max(shares) == float(row["probability"])


def test_the_commands_lines(folder, capsys):
    assert main(["predict", str(folder), "--jsonl", "--top", "1"]) == 2
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [len(line.get("faces", [])) for line in lines] == [0, 0, 2]
    assert all(len(face["probabilities"]) == 1 for face in lines[2]["faces"])
    assert "error" in lines[1]
    assert main(["predict", str(folder / "one.png"), "--csv"]) == 0
    assert capsys.readouterr().out.startswith("photo,face,emotion,probability,left")
    assert main(["predict", str(folder / "one.png"), "--csv", "--json"]) == 2
    assert "pass only one" in capsys.readouterr().err
