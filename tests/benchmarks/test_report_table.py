"""The report's table: its rows train and resume on a few synthetic faces, and figures and README follow what was
found."""

import json

import keras
import numpy as np
import pytest
from benchmarks.blocks import training, words
from benchmarks.training import report_table as table

from benchmarks import record
from fer_export.dataset import read as readers
from fer_export.dataset.dataset import report_split
from fer_export.dataset.emotions import FER2013, REPORT_6
from fer_export.parity.statistics import Proportion
from fer_export.training import networks
from fer_export.training.networks import Family
from fer_export.training.trainer import Trainer
from helpers.networks import checkpoint_of

# Keras's own model.save under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


@pytest.fixture(scope="module")
def data(tiny_csv):
    return readers.read(tiny_csv)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """The runs of rows 3 and 7 with a thin network, one epoch each, and what is recorded of them."""
    folder, build = tmp_path_factory.mktemp("runs"), Trainer.__init__

    def built_eager(self, *arguments):
        build(self, *arguments)
        # For a few steps of a thin network, compiling takes longer.
        self.model.run_eagerly = True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "RESULTS", folder)
        patch.setattr(Trainer, "__init__", built_eager)
        patch.setitem(networks.NETWORKS, "report-64", Family((2, 2, 2, 2)))
        for number in (3, 7):
            table.train(table.ROWS[number - 1], data, folder, epochs=1)
        return folder, table.figures(data, folder)


def test_rows_are_those_of_the_report():
    """Parameters and outputs of every row belong to a network of that size; the report's 453,303 is a slip."""
    for row in table.ROWS:
        if row.outputs == 7:
            built = networks.build(row.network, 7)
            parameters = sum(np.prod(weight.shape) for weight in built.trainable_weights)
            assert row.printed.parameters == (453_303 if row.network == "report-128" else parameters)
    assert [row.number for row in table.ROWS] == list(range(1, 11))
    assert len({row.folder for row in table.ROWS}) == 10


def test_a_row_is_trained_by_the_reports_protocol_once(finished, data, monkeypatch):
    folder, found = finished
    row, ours = table.ROWS[6], found["rows"][6]["ours"]
    card = json.loads((folder / row.folder / "card.json").read_text())
    assert (card["protocol"]["split"], card["protocol"]["recipe"]["batch_size"]) == ("report", 32)
    assert ours["accuracy"]["count"] == len(report_split(data, REPORT_6)[1]) == 36
    assert ours["accuracy"] == card["evaluation"]["accuracy"]
    assert (ours["epochs"], ours["most_epochs"]) == (1, 1)
    assert [row["row"] for row in found["rows"] if row["ours"]] == [3, 7]
    monkeypatch.setattr(table.train_network, "train_network", lambda *given, **options: pytest.fail("trained again"))
    table.train(row, data, folder)


def test_six_against_seven_is_judged_on_faces_new_to_both(finished, data):
    _, found = finished
    [pair] = found["six_against_seven"]
    new = set(report_split(data, FER2013)[1].rows) & set(report_split(data, REPORT_6)[1].rows)
    assert pair["network"] == "report-64"
    assert pair["six"]["count"] == pair["seven_held_to_six"]["count"] == len(new) < 36


def always(probabilities, labels, folder):
    """A network with the same answer to every face."""
    dense = keras.layers.Dense(len(labels), activation="softmax")
    network = keras.Sequential([keras.Input((48, 48, 1)), keras.layers.Flatten(), dense])
    dense.set_weights([np.zeros((48 * 48, len(labels))), np.log(np.maximum(probabilities, 1e-9))])
    return checkpoint_of(network, folder, name=f"always-{len(labels)}", labels=list(labels))


def test_seven_outputs_held_to_six_never_say_disgust(data, tmp_path):
    # disgust first, then happy, against always sad
    seven = always([0.1, 0.5, 0.0, 0.3, 0.1, 0.0, 0.0], FER2013, tmp_path)
    six = always([0.0, 0.0, 0.0, 0.0, 1.0, 0.0], REPORT_6, tmp_path)
    found = table.like_terms(seven, six, data)
    faces, _ = report_split(data, REPORT_6)[1].for_labels(REPORT_6)
    new = np.isin(faces.rows, report_split(data, FER2013)[1].rows)
    happy, sad = (int((faces.emotions[new] == FER2013.index(name)).sum()) for name in ("happy", "sad"))
    assert happy > 0
    assert found["seven_held_to_six"]["hits"] == happy
    assert found["six"]["hits"] == sad
    assert found["six_ahead"]["points"] == pytest.approx(100 * (sad - happy) / new.sum(), abs=0.01)
    held = table.restricted(np.array([[0.1, 0.5, 0.0, 0.3, 0.1, 0.0, 0.0]]), FER2013, REPORT_6)
    assert held[0] == pytest.approx([0.2, 0, 0, 0.6, 0.2, 0])


def test_difference_of_two_accuracies():
    """Newcombe's own example: 56/70 against 48/80, 0.2 with interval 0.0524 to 0.3339."""
    found = table.ahead(Proportion(56, 70), Proportion(48, 80))
    assert found == {"points": 20.0, "interval": [5.24, 33.39]}


def test_readme_shows_rows_that_are_not_run(finished, data, monkeypatch, tmp_path, capsys):
    folder, _ = finished
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(words, "RESULTS", tmp_path)
    table.main([str(data.source), "--runs", str(folder), "--rows", "none"])
    assert (tmp_path / "report_table.png").read_bytes().startswith(b"\x89PNG")
    block = training.report_table()
    assert block.count("| not run |") == 8
    assert "2 of 10 rows trained" in block
    assert "on like terms: report-64 +3.14 / " in block
    before = (tmp_path / "report_table.json").read_text()
    table.main([str(data.source), "--runs", str(tmp_path / "none"), "--rows", "none"])
    kept = (tmp_path / "report_table.json").read_text()
    assert [json.loads(text)["rows"] for text in (kept, before)] == [json.loads(before)["rows"]] * 2
    assert training.report_table() == block


def test_rows_recorded_from_other_data_are_not_kept(finished, data, monkeypatch, tmp_path):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(words, "RESULTS", tmp_path)
    _, found = finished
    other = {**found, "data": {**found["data"], "sha256": "0" * 64}}
    (tmp_path / "report_table.json").write_text(json.dumps(other))
    table.main([str(data.source), "--runs", str(tmp_path / "none"), "--rows", "none"])
    assert training.report_table().startswith("None of its 10 rows")


@pytest.mark.parametrize("rows", ["0", "11", "1,x"])
def test_rows_that_do_not_exist_are_refused(rows, capsys):
    with pytest.raises(SystemExit):
        table.main(["fer2013.csv", "--runs", "runs", "--rows", rows])
    assert "pass numbers from 1 to 10" in capsys.readouterr().err
