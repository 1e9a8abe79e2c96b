"""Repair of networks with separable convolutions: whole convolutions in int8, before any layer in float."""

import json

import pytest
from keras import layers

from fer_export.calibration import probe_faces
from fer_export.exporting import Options, blame, repair
from fer_export.exporting import export as exporting
from fer_export.exporting.layer_errors import LayerError
from fer_export.model_file import inspect as modelfile
from fer_export.parity import judge
from helpers.networks import checkpoint_of, classifier


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """One separable convolution, behind a convolution and a batch norm."""

    def body(x):
        x = layers.Conv2D(8, 3, activation="relu", name="before")(x)
        x = layers.BatchNormalization(name="norm")(x)
        return layers.SeparableConv2D(12, 3, activation="relu", name="apart")(x)

    return checkpoint_of(classifier(body), tmp_path_factory.mktemp("network"))


@pytest.fixture(autouse=True)
def _quick_probe_faces(monkeypatch):
    monkeypatch.setattr(probe_faces.make, "__kwdefaults__", {**probe_faces.make.__kwdefaults__, "steps": 3})


@pytest.fixture
def split_fails(monkeypatch):
    """The judge refuses a file that was not repaired, and every layer errs by its range; what was judged."""
    answer, judged = judge.Judge.judge, []

    def only_whole(self, content, gate, *arguments, **options):
        judged.append(content)
        found = answer(self, content, gate, *arguments, **options)
        said = modelfile.read(content).contract
        if said.get("whole_layers") or said.get("float_layers"):
            return found
        impossible = judge.adjusted(gate, 1.1, None)
        return answer(self, content, impossible, *arguments, **options)

    monkeypatch.setattr(judge.Judge, "judge", only_whole)
    monkeypatch.setattr(repair, "WORST", 99)
    monkeypatch.setattr(LayerError, "by_range", True)
    return judged


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
@pytest.mark.parametrize("strict", [False, True])
def test_a_separable_convolution_is_one(network, tmp_path, file_format, strict, split_fails):
    options = Options(min_agreement=0.5, strict_int8=strict)
    [file] = exporting.export(network, file_format, ["int8"], tmp_path, options=options).files
    assert file.passed
    assert file.repair is not None
    assert file.repair.passed
    [tried] = file.repair.tries
    assert tried.whole_layers == ("apart",)
    assert tried.float_layers == ()
    assert tried.float_ops == ()
    assert len(split_fails) == len(set(split_fails)) == 2  # the plain file and the repaired one, each once
    content = file.path.read_bytes()
    assert modelfile.read(content).contract["whole_layers"] == ["apart"]
    assert json.loads(json.dumps(file.to_dict()))["repair"]["tries"][0]["whole_layers"] == ["apart"]
    # Blame and parity make the same network of what the file says.
    found = blame.blame(file.path, network)
    assert found.rebuilt
    assert "apart" in {layer.layer for layer in found.layers}
    assert judge.judge_files([file.path], network).files[0][1].parity.agreement.value >= 0.5
