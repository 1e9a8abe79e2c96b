"""The names of `import fer_export as fer`: there, documented, typed, quick to import, and what the commands print."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fer_export as fer
from fer_export import api, errors
from fer_export.cli.commands import commands
from fer_export.training.plan import Plan
from helpers.networks import checkpoint_of, report_like

USER = """
import fer_export as fer
from pathlib import Path

network = fer.load("compact-7")
result = fer.export(network, "tflite", "int8", Path("exports"))
passed: bool = result.passed
path: Path = result.path
text: str = str(result)
labels: tuple[str, ...] = network.labels
try:
    figures: dict[str, object] = fer.evaluate("compact-7", data="fer2013.csv").to_dict()
except fer.FerExportError as error:
    print(error)
row: fer.Variant = fer.VARIANTS[0]
"""


@pytest.mark.parametrize("name", fer.__all__)
def test_every_name_is_there_and_documented(name):
    found = getattr(fer, name)
    assert name == "__version__" or name == "VARIANTS" or inspect.getdoc(found)
    assert name in dir(fer)


def test_the_face_is_the_functions_and_the_errors():
    tree = {name for name, found in vars(errors).items() if inspect.isclass(found)}
    assert set(fer.__all__) == {*api.__all__, *tree, "__version__"}
    with pytest.raises(AttributeError, match="no attribute 'exprot'"):
        _ = fer.exprot


def test_every_command_is_a_function():
    described = "".join(inspect.getdoc(getattr(api, name)) or "" for name in api.__all__)
    for command in commands():
        assert re.search(rf"`fer-export [^`]*\b{command}\b|`{command}`", described), command


def test_functions_take_few_parameters_by_position():
    for name in api.__all__:
        function = getattr(api, name)
        if inspect.isfunction(function):
            kinds = [p.kind for p in inspect.signature(function).parameters.values()]
            assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) <= 4, name


def test_the_import_costs_next_to_nothing():
    heavy = ("numpy", "keras", "tensorflow", "PIL", "onnx", "rich")
    code = f"import sys, fer_export; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_training_takes_named_parameters_and_hands_them_on(tiny_csv, tmp_path, monkeypatch):
    seen = {}

    def trained(plan, data, folder, **watched):
        seen.update(plan=plan, data=data, folder=folder, watched=watched)
        return {"name": "thin-6"}

    monkeypatch.setattr("fer_export.training.train_network.train_network", trained)
    faces = fer.read_dataset(tiny_csv)
    card = fer.train(faces, tmp_path, network="nano", classes=6, teachers=["compact-7"], seed=3, changes={"epochs": 2})
    assert card == {"name": "thin-6"}
    assert seen["plan"] == Plan("nano", 6, teachers=["compact-7"], seed=3, changes={"epochs": 2})
    assert (seen["data"], seen["folder"], list(seen["watched"])) == (faces, tmp_path, ["on_step"])
    with pytest.raises(TypeError, match="epoch"):
        fer.train(faces, tmp_path, epoch=2)


def test_a_prior_is_folded_in_as_by_the_commands(tmp_path, monkeypatch):
    """`--prior` of export and all; of bundle too, whose default is equal shares where the trained ones are known."""
    asked = []
    for room, name in ((api.exporting, "export"), (api.compare_formats, "compare"), (api.bundling, "make")):
        monkeypatch.setattr(room, name, lambda network, *given, **options: asked.append(network.prior))
    network = fer.load("nano-7")
    shares = {**dict.fromkeys(network.labels, 1.0), "happy": 2.0}
    (tmp_path / "shares.json").write_text(json.dumps(shares))
    for call in (fer.export, fer.compare):
        call(network)
        call(network, prior=tmp_path / "shares.json")
    fer.make_bundle(network)
    fer.make_bundle(network, prior="trained")
    fer.make_bundle(checkpoint_of(report_like(), tmp_path))
    expected = {label: share / 8 for label, share in shares.items()}
    assert [prior and prior["tau"] for prior in asked] == [None, 1.0, None, 1.0, 0.75, None, None]
    assert asked[1]["expected"] == asked[3]["expected"] == expected
    assert set(asked[4]["expected"].values()) == {1 / 7}
    with pytest.raises(fer.UsageError, match="trained on are unknown"):
        fer.export(checkpoint_of(report_like(), tmp_path), prior="equal")


@pytest.mark.slow
def test_a_users_script_is_typed(tmp_path):
    script = tmp_path / "user.py"
    script.write_text(USER)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir=/dev/null", "--config-file=", str(script)]
    package = Path(fer.__file__).parents[1]
    ran = subprocess.run(
        command, capture_output=True, text=True, env={"PATH": "", "MYPYPATH": str(package)}, cwd=tmp_path
    )
    ours = [line for line in ran.stdout.splitlines() if "user.py" in line and "error" in line]
    assert not ours, ran.stdout
    wrong = USER.replace('"int8"', "8")
    script.write_text(wrong)
    ran = subprocess.run(
        command, capture_output=True, text=True, env={"PATH": "", "MYPYPATH": str(package)}, cwd=tmp_path
    )
    assert "user.py:6: error" in ran.stdout


@pytest.mark.slow
def test_results_print_as_the_command_does(tmp_path):
    network = checkpoint_of(report_like(), tmp_path)
    result = fer.export(network, "tflite", "none", tmp_path / "exports")
    assert result.path == result.files[0].path
    assert result.path.is_file()
    text = str(result)
    assert "tiny-fp32.tflite" in text
    assert "PASSED" in text
    page = result._repr_html_()
    assert "<table><thead><tr><th>file</th>" in page
    assert "<td>tiny-fp32.tflite</td>" in page
    assert "  agreement  " not in page
    seen = fer.inspect(result.path)
    assert str(seen).startswith(f"{result.path}: ")
    judged = fer.judge([result.path], network)
    assert judged.passed
    assert judged.to_dict()["files"][0]["path"] == str(result.path)
    assert "agreement" in str(judged)
