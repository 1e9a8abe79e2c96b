"""Photo to emotions with Keras networks, exported files and bundles, and the command `predict`."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from fer_export.bundle.golden.drawn_face import drawn_face
from fer_export.cli import main
from fer_export.dataset.emotions import REPORT_6
from fer_export.errors import BundleError, CheckpointError, ExportFileError, OutputError, PhotoError, UsageError
from fer_export.exporting import Options
from fer_export.exporting import export as exporting
from fer_export.photo import crop
from fer_export.photo.crop import Box
from fer_export.predict import pipeline
from fer_export.predict.pipeline import Pipeline
from helpers import bundles, tiny_onnx
from helpers.networks import checkpoint_of, report_like


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return checkpoint_of(report_like(), tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def keras(network):
    with Pipeline(network) as opened:
        yield opened


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    """Float files of the network for grey, RGB and frame input, by their input and format."""
    folder = tmp_path_factory.mktemp("exports")
    options = {kind: Options(input_kind=kind, min_agreement=0.0) for kind in ("gray", "rgb", "frame")}
    return {
        (kind, file_format): exporting.export(network, file_format, ["none"], folder, options=each).files[0].path
        for kind, each in options.items()
        for file_format in ("tflite", "onnx")
    }


@pytest.fixture
def photos(tmp_path):
    """A portrait, a pair, a picture without a face and one that is none."""
    pair = np.concatenate([drawn_face(160, mood="happy"), drawn_face(160, mood="sad", skin="brown")], axis=1)
    pictures = {"portrait": drawn_face(120), "pair": pair, "empty": np.full((90, 120, 3), 99, np.uint8)}
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing follows")
    return {name: tmp_path / f"{name}.png" for name in pictures} | {"broken": tmp_path / "broken.jpg"}


def test_prediction_is_detect_crop_classify(keras, network):
    photo = np.concatenate([drawn_face(200, mood="happy"), drawn_face(200, skin="dark")], axis=1)
    found = keras.predict(photo)
    assert len(found) == 2
    for each in found:
        assert np.array_equal(each.gray, crop.face(photo, each.face.box, keras.contract))
        assert each.square == crop.square(each.face.box, 400, 200, keras.contract.crop)
        assert each.probabilities == pytest.approx(network.predict(each.gray[None])[0], abs=1e-6)
        assert each.emotion == network.labels[int(each.probabilities.argmax())]
        assert each.probability == pytest.approx(each.probabilities.max())
    assert {each.face.box.left < 200 for each in found} == {True, False}


def test_a_photo_is_analysed_from_its_path_or_its_pixels(network, exported, photos):
    pixels = np.asarray(Image.open(photos["pair"]))
    answers = []
    for source in (network, exported["gray", "tflite"], str(exported["gray", "onnx"])):
        with Pipeline(source) as pipeline:
            from_path, from_pixels = pipeline.analyse(str(photos["pair"])), pipeline.analyse(pixels)
        assert len(from_path) == 2
        assert [each.face.box for each in from_path] == [each.face.box for each in from_pixels]
        answers.append([each.probabilities for each in from_path])
    np.testing.assert_allclose(answers[1:], [answers[0]] * 2, atol=1e-4)


def test_no_face_is_a_result(keras):
    assert keras.predict(np.full((50, 70, 3), 128, np.uint8)) == ()


@pytest.mark.parametrize("kind", ["gray", "rgb", "frame"])
@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_exported_files_answer_as_keras_does(keras, exported, kind, file_format):
    photo = drawn_face(150, mood="surprise")
    (expected,) = keras.predict(photo)
    with Pipeline.of_file(exported[kind, file_format]) as opened:
        (found,) = opened.predict(photo)
    assert found.face == expected.face
    assert np.array_equal(found.gray, expected.gray)
    assert found.labels == expected.labels == REPORT_6
    assert found.probabilities == pytest.approx(expected.probabilities, abs=1e-4)


def test_a_files_labels_win_and_missing_ones_are_asked_for(tmp_path):
    path = tmp_path / "unlabelled.onnx"
    path.write_bytes(tiny_onnx.model())
    with pytest.raises(CheckpointError, match="`labels` with 4 names"):
        Pipeline.of_file(path)
    with Pipeline.of_file(path, "happy,sad,joyless,neutral") as opened:
        (found,) = opened.predict(drawn_face(100))
    assert found.labels == ("happy", "sad", "joyless", "neutral")
    assert found.gray.shape == (8, 8, 1)


def test_files_that_are_no_network(tmp_path):
    path = tmp_path / "x.tflite"
    with pytest.raises(ExportFileError, match="No such file"):
        Pipeline.of_file(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ExportFileError, match=r"x\.tflite: the file is not a"):
        Pipeline.of_file(path)


def test_a_bundle_brings_its_contract_detectors_and_default_file(tmp_path_factory, tmp_path):
    network, made = bundles.tiny(tmp_path_factory)
    photo = drawn_face(150)
    with Pipeline.of_bundle(made.places[0]) as opened, Pipeline(network) as keras:
        (found,), (expected,) = opened.predict(photo), keras.predict(photo)
        assert opened.model.endswith(".tflite")
    assert (found.face, found.labels) == (expected.face, expected.labels)
    assert np.array_equal(found.gray, expected.gray)
    folder = bundles.copied(made, tmp_path)
    detector = next((folder / "detectors").glob("*.tflite"))
    detector.write_bytes(detector.read_bytes()[:-1] + b"\7")
    with pytest.raises(BundleError, match=detector.name):
        Pipeline.of_bundle(folder)


def test_results_say_all_and_go_on_after_a_bad_photo(keras, photos, tmp_path):
    order = [photos[name] for name in ("broken", "pair", "empty", "portrait")]
    steps = []
    results = keras.predict_files(order, on_step=lambda task, done, total: steps.append((done, total)))
    assert [result.path for result in results.photos] == order
    assert [len(result.predictions) for result in results.photos] == [0, 2, 0, 1]
    assert steps == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert [result.path for result in results.failed] == [photos["broken"]]
    document = json.loads(json.dumps(results.to_dict()))
    assert document["failed"] == 1
    broken, pair, empty, _ = document["photos"]
    assert set(broken) == {"photo", "error"}
    assert (pair["width"], pair["height"]) == (320, 160)
    face = pair["faces"][0]
    assert face["probabilities"].keys() == set(REPORT_6)
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert face["emotion"] == max(face["probabilities"], key=face["probabilities"].get)
    assert Box(*face["box"]) == results.photos[1].predictions[0].face.box
    assert face["square"][2] > 0
    assert 0.5 < face["score"] <= 1
    assert face["detector"].endswith(".tflite")
    assert empty["faces"] == []
    with pytest.raises(PhotoError, match=r"1 of 4 photos could not be read: broken\.jpg"):
        results.check()
    with pytest.raises(PhotoError, match=r"broken\.jpg cannot be read"):
        keras.predict_files([photos["broken"]]).check()


def test_annotated_pictures_have_names_of_their_own(keras, photos, tmp_path):
    other = tmp_path / "more" / "portrait.png"
    other.parent.mkdir()
    other.write_bytes(photos["portrait"].read_bytes())
    out = tmp_path / "out" / "faces.png"
    keras.predict_files([photos["portrait"]], annotate=out)
    assert [path.name for path in out.parent.iterdir()] == ["faces.png"]
    several = [photos["portrait"], photos["broken"], other, photos["empty"]]
    results = keras.predict_files(several, annotate=out)
    drawn = [result.annotated.name if result.annotated else None for result in results.photos]
    assert drawn == ["faces-portrait.png", None, "faces-portrait-2.png", "faces-empty.png"]
    for result in results.photos:
        if result.annotated:
            assert result.annotated.read_bytes().startswith(b"\x89PNG")


def test_an_annotated_picture_that_cannot_be_written(keras, photos, tmp_path):
    with pytest.raises(UsageError, match=r"ends in \.png"):
        keras.predict_files([photos["portrait"]], annotate=tmp_path / "out.jpg")
    with pytest.raises(UsageError, match=r"would replace the photo .*portrait\.png"):
        keras.predict_files([photos["portrait"]], annotate=tmp_path / "more" / ".." / "portrait.png")
    with pytest.raises(OutputError, match="in the way"):
        keras.predict_files([photos["portrait"]], annotate=photos["portrait"] / "out.png")


def test_picture_names_never_meet(tmp_path):
    photos = [tmp_path / name for name in ("a.jpg", "a.png", "a-2.jpg", "a.gif")]
    paths = pipeline.picture_paths(photos, tmp_path / "out.png")
    assert len(set(paths)) == len(photos)


@pytest.fixture
def predict(network, capsys):
    """`fer-export predict` in this process with the tiny network: (exit code, stdout, stderr)."""

    def run(*arguments, model=True):
        chosen = ("--model", network.source) if model else ()
        code = main(["predict", *map(str, (*arguments, *chosen))])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_the_command_prints_a_table_a_photo(predict, photos):
    code, out, err = predict(photos["pair"], photos["empty"])
    assert (code, err) == (0, "")
    blocks = out.strip().split("\n\n")
    assert len(blocks) == 5
    assert "pair.png: 320 x 160 pixels, 2 faces" in blocks[0]
    header, first, second = blocks[0].splitlines()[1:]
    assert header.split() == ["face", "emotion", "box", "score", *REPORT_6]
    assert (first.split()[0], second.split()[0]) == ("1", "2")
    assert blocks[1] == f"{photos['empty']}: 120 x 90 pixels, no face found"
    assert blocks[2].startswith("box: ")
    assert blocks[3] == "2 photos, 2 faces"
    assert blocks[4].startswith("caution: the labels and scaling of tiny are assumed")


def test_the_command_sums_up_what_failed(predict, photos):
    code, out, err = predict(photos["broken"], photos["portrait"], photos["broken"].with_name("missing.png"))
    assert code == 2
    assert err == "fer-export: 2 of 3 photos could not be read: broken.jpg, missing.png\n"
    assert out.startswith(f"FAILED  {photos['broken']} cannot be read")
    assert "portrait.png: 120 x 120 pixels, 1 face" in out
    assert "3 photos, 1 face; 2 photos could not be read\n" in out


def test_the_command_on_one_bad_photo_says_one_line(predict, photos):
    code, out, err = predict(photos["broken"])
    assert (code, out) == (2, "")
    assert err.startswith(f"fer-export: {photos['broken']} cannot be read")
    assert err.count("\n") == 1


def test_the_command_writes_json_whatever_failed(predict, photos, tmp_path):
    code, out, _ = predict(photos["portrait"], photos["broken"], "--json", "--annotate", tmp_path / "o.png")
    assert code == 2
    document = json.loads(out)
    assert document["photos"][0]["annotated"] == str(tmp_path / "o-portrait.png")
    assert document["model"] == "tiny"
    assert document["runtime"].startswith("keras ")
    code, out, _ = predict(photos["broken"], "--json")
    assert (code, json.loads(out)["failed"]) == (2, 1)


def test_the_command_takes_one_network_only(predict, photos, tmp_path, exported):
    code, out, err = predict(photos["portrait"], "--bundle", tmp_path)
    assert (code, out) == (2, "")
    assert "a bundle and a model each name a network" in err
    code, out, err = predict(photos["portrait"], "--bundle", tmp_path, model=False)
    assert (code, out) == (2, "")
    assert "is not a bundle" in err
    code, out, err = predict(photos["portrait"], "--model", exported["gray", "tflite"], "--json", model=False)
    assert (code, err) == (0, "")
    assert json.loads(out)["runtime"].startswith("litert ")


def test_the_prior_is_that_of_the_file_or_as_asked_for(network, tmp_path):
    picture = np.full((240, 240, 3), 128, np.uint8)
    picture[20:220, 20:220] = drawn_face(200)
    known = dataclasses.replace(network, trained_shares=dict.fromkeys(network.labels, 1 / len(network.labels)))
    own = {label: 0.5 if place == 0 else 0.5 / (len(network.labels) - 1) for place, label in enumerate(network.labels)}
    (tmp_path / "own.json").write_text(json.dumps(own))
    answers = []
    for prior in ("trained", "equal", tmp_path / "own.json"):
        with Pipeline(known, prior=prior) as opened:
            answers.append(opened.analyse(picture)[0].probabilities)
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-6)
    assert answers[2][0] > answers[0][0]
    with Pipeline() as opened:
        assert opened.said_of_prior == "equal shares, 0.75 of the way"
    with Pipeline(prior="trained") as opened:
        assert opened.said_of_prior == ""
    with pytest.raises(UsageError, match="whose prior is folded in"):
        Pipeline(pipeline.default_file(), prior=tmp_path / "own.json")
