"""The report's support vector machines: solved as scikit-learn solves them, once, and written as files that answer
alike."""

import functools
import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.blocks import svm as blocks
from benchmarks.blocks import words
from benchmarks.training import svm_features, svm_phone, svm_rows, svm_solver
from benchmarks.training import svm_table as table

from benchmarks import record
from fer_export.checkpoint.checkpoint import load
from fer_export.dataset import read as readers
from fer_export.dataset.emotions import REPORT_6

GAMMA = 1 / 2304


@pytest.fixture(scope="module")
def data(tiny_csv):
    return readers.read(tiny_csv)


@pytest.fixture(scope="module")
def sklearn():
    return pytest.importorskip("sklearn")


@pytest.fixture
def division(data, tmp_path, sklearn):
    return svm_rows.Division.of(data, tmp_path)


@pytest.fixture(scope="module")
def noisy(sklearn):
    """Overlapping emotions: 120 rows of numbers to learn from and 60 to judge, with targets of the first."""
    random = np.random.default_rng(3)
    targets = np.arange(120) % 6
    rows = [random.normal(0.5, 0.2, (count, 2304)) for count in (120, 60)]
    rows[0][:, :60] += 0.03 * targets[:, None]
    return *rows, targets


def test_division_is_scikit_learns(division, data):
    from sklearn.model_selection import train_test_split

    faces, targets = data.faces().for_labels(REPORT_6)
    training, judging = train_test_split(faces.rows, test_size=0.3, random_state=42, shuffle=True, stratify=targets)
    assert (division.training.rows == np.sort(training)).all()
    assert (division.judging.rows == np.sort(judging)).all()


@pytest.mark.parametrize("penalty", [0.5, 10])
def test_shared_kernel_gives_the_machine_of_svc(noisy, penalty):
    from sklearn.svm import SVC

    training, judging, targets = noisy
    plain = SVC(C=penalty, gamma="auto").fit(training, targets)
    found = svm_solver.solve(svm_solver.kernel(training, judging, GAMMA), targets, penalty, "ovr")
    assert len(set(found.answers)) > 1
    assert (found.answers == plain.predict(judging)).all()
    assert found.support.tolist() == plain.support_.tolist()
    np.testing.assert_allclose(found.coefficients, plain.dual_coef_, atol=0.02 * penalty)
    twin = svm_solver.as_rbf(found, training, targets, penalty, GAMMA)
    assert (twin.predict(judging) == found.answers).all()
    np.testing.assert_allclose(twin.decision_function(judging), plain.decision_function(judging), atol=0.05)


def test_shape_changes_the_columns_alone(noisy):
    training, judging, targets = noisy
    shared = svm_solver.kernel(training, judging, GAMMA)
    ovr, ovo = (svm_solver.solve(shared, targets, 1, shape) for shape in ("ovr", "ovo"))
    assert (ovr.decisions, ovo.decisions) == (6, 15)
    for name in ("support", "coefficients", "intercepts", "answers", "confident"):
        assert np.array_equal(getattr(ovr, name), getattr(ovo, name)), name


def test_one_against_rest_is_scikit_learns(noisy):
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import SVC

    training, judging, targets = noisy
    found = svm_solver.one_against_rest(svm_solver.kernel(training, judging, GAMMA), targets, 10)
    assert (found == OneVsRestClassifier(SVC(C=10, gamma="auto")).fit(training, targets).predict(judging)).all()


def test_a_row_is_computed_once(division, data, monkeypatch):
    row = svm_rows.ROWS[3]
    first = svm_rows.solve(row, division)
    assert (first.answers == division.truth).mean() > 0.9
    monkeypatch.setattr(svm_solver, "solve", lambda *given: pytest.fail("computed again"))
    again = svm_rows.solve(row, svm_rows.Division.of(data, division.folder.parent))
    for name, value in vars(first).items():
        assert np.array_equal(value, getattr(again, name)), name


def test_an_interrupted_row_starts_again(division, monkeypatch):
    row = svm_rows.ROWS[0]

    def interrupt(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(svm_solver, "solve", interrupt)
        with pytest.raises(KeyboardInterrupt):
            svm_rows.solve(row, division)
    assert svm_rows.solution(row, division) is None
    svm_rows.solve(row, division)
    assert [path.name for path in division.folder.iterdir()] == ["row-1-c-0.5-ovr.npz"]


def test_rows_of_other_data_are_not_taken(division, data):
    svm_rows.solve(svm_rows.ROWS[0], division)
    other = svm_rows.Division.of(replace(data, sha256="0" * 64), division.folder.parent)
    assert svm_rows.solution(svm_rows.ROWS[0], other) is None


@pytest.mark.parametrize("cell", [6, 8])
def test_gradients_are_those_of_scikit_image(cell):
    hog = pytest.importorskip("skimage.feature").hog
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1), np.uint8)
    faces[1] = np.linspace(0, 250, 48, dtype=np.uint8)[None, :, None]
    faces[2] //= 128
    features = svm_features.oriented_gradients(cell)
    expected = [
        hog(face[..., 0] / 255, 9, (cell, cell), (2, 2), block_norm="L2-Hys", feature_vector=True) for face in faces
    ]
    found = features.of(faces)
    assert found.shape == (3, features.width)
    np.testing.assert_allclose(found, expected, atol=2e-5)


@functools.cache
def shipped(name):
    """A shipped network, loaded once."""
    return load(name)


@pytest.fixture
def recorded(data, tmp_path, monkeypatch):
    """Run the script on the tiny faces, with two small candidates, without latencies; returns what it recorded."""
    pytest.importorskip("skl2onnx")
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(words, "RESULTS", tmp_path / "results")
    small = (svm_phone.Candidate(8, None, "linear", 0.1), svm_phone.Candidate(None, 4, "rbf", 3))
    monkeypatch.setattr(svm_phone, "CANDIDATES", small)
    monkeypatch.setattr(table.checkpoint, "load", shipped)
    monkeypatch.setattr(table, "timed", lambda division, machines: {"rows": [], "cautions": []})

    def run(*arguments):
        table.main([str(data.source), "--runs", str(tmp_path / "runs"), *arguments])
        return json.loads((tmp_path / "results" / "svm_table.json").read_text())

    return run


def test_files_have_the_contract_and_answer_as_their_machines(recorded, tmp_path, capsys):
    from fer_export.model_file import inspect_file

    found = recorded("--rows", "4,7")
    assert [row["row"] for row in found["rows"] if row["ours"]] == [4, 7]
    assert found["rows"][3]["ours"]["accuracy"]["count"] == found["rest"]["accuracy"]["count"] == 36
    assert [shape["same_machine"] for shape in found["shapes"]] == [True]
    for each in (found["report_file"], found["phone_file"]):
        parity = each["parity"]
        assert (parity["passed"], parity["agreement"]["value"]) == (True, 1)
        assert parity["mean_difference"] < 1e-4
        [path] = (tmp_path / "runs").rglob(each["file"])
        assert path.stat().st_size == each["bytes"]
        info = inspect_file(path)
        assert info.metadata.labels == REPORT_6
        [image], [output] = info.graph.inputs, info.graph.outputs
        assert (image.name, image.shape, image.dtype) == ("image", (1, 48, 48, 1), "uint8")
        assert (output.name, output.shape, output.dtype) == ("probabilities", (1, 6), "float32")
    assert set(found["like_terms"]) == {"svm-report-c-10", found["phone_file"]["file"][:-5], table.BESIDE}
    block = blocks.svm_table()
    assert block.count("| not computed |") == 5
    assert "With C 10, ovo and ovr are the same support vectors" in block
    assert "not timed" in blocks.svm_files()


def test_what_is_done_is_not_made_again(recorded, monkeypatch, capsys):
    before = recorded("--rows", "1")
    for module, name in ((svm_solver, "solve"), (svm_phone, "train"), (svm_solver, "one_against_rest")):
        monkeypatch.setattr(module, name, lambda *given: pytest.fail("made again"))
    after = recorded("--rows", "1")
    assert {**after, "environment": 0} == {**before, "environment": 0}
    table_alone = recorded("--rows", "none", "--only-table")
    assert {**table_alone, "command": 0, "environment": 0} == {**before, "command": 0, "environment": 0}


def test_the_phones_machine_is_the_best_that_fits():
    assert svm_phone.best({"large": (9, 5_000_001), "small": (7, 10), "right": (8, 5_000_000)}) == "right"


def test_missing_packages_are_named_in_one_line(data, monkeypatch, tmp_path):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "sklearn" else found(name))
    with pytest.raises(SystemExit, match=r"^scikit-learn.* missing; pip install -e '\.\[svm\]'$"):
        table.main([str(data.source), "--runs", str(tmp_path)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rows", ["0", "8", "1,x"])
def test_rows_that_do_not_exist_are_refused(rows, capsys):
    with pytest.raises(SystemExit):
        table.main(["fer2013.csv", "--rows", rows])
    assert "pass numbers from 1 to 7" in capsys.readouterr().err
