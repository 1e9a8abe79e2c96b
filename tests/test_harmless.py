"""Text from strangers: every way out shows escapes, none obeys them."""

import json
import os
import re
import subprocess
import sys

import pytest

from fer_export.errors import one_line
from fer_export.harmless import LONGEST_NAME, file_name, harmless, json_text
from helpers import tiny_onnx

STRANGE = (
    "\x1b[31mred\x1b]0;title\x07",
    "\x9b31m",
    "two\nlines\rand\ttabs",
    "\u202egnp.exe",
    "half \ud83d of a face",
    "\u2028line\u2029paragraph",
    "zero\u200bwidth\ufeff",
    "\U000e0041tag",
    "nul\0",
)
PLAIN = ("angry", "é ü ß", "怒り", "злость", "😀", "50 %", "<b>&amp;")


@pytest.mark.parametrize("text", STRANGE)
def test_what_is_not_printable_is_shown_as_its_escape(text):
    shown = harmless(text)
    assert shown.isprintable()
    assert shown.encode().decode("unicode_escape" if shown.isascii() else "utf-8")
    assert one_line(text).isprintable()


@pytest.mark.parametrize("text", PLAIN)
def test_printable_text_stays(text):
    assert harmless(text) == text
    assert one_line(text) == text
    assert json.loads(json_text([text])) == [text]
    assert text in json_text({"text": text})


@pytest.mark.parametrize("text", [*STRANGE, *PLAIN])
def test_json_keeps_the_text_and_can_be_encoded(text):
    document = {text: [text, 1, None]}
    written = json_text(document)
    assert json.loads(written.encode()) == document
    assert written.replace("\n", "").isprintable()


def test_json_has_no_numbers_that_json_does_not_have():
    assert json.loads(json_text({"drop": float("nan"), "range": (1.0, float("inf"))})) == {
        "drop": None,
        "range": [1.0, None],
    }


@pytest.mark.parametrize(
    "text", [*STRANGE, *PLAIN, "../../etc/passwd", "..", "", ".hidden", "-rf", "con", "NUL.txt", "a" * 400, "é" * 400]
)
def test_a_file_name_is_one_on_any_system(text, tmp_path):
    name = file_name(text)
    assert name
    assert not name.startswith((".", "-"))
    assert len(name.encode()) <= LONGEST_NAME + 1
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f ]', name)
    assert name.split(".")[0].lower() not in ("con", "nul", "")
    (tmp_path / name).write_bytes(b"")
    assert os.listdir(tmp_path) == [name]


def strange_file(folder):
    """An .onnx whose labels, contract, tensors and name hold what a terminal obeys."""
    import onnx

    model = onnx.load_from_string(tiny_onnx.model())
    text = "".join(STRANGE).replace("\ud83d", "").replace("\0", "")
    model.graph.name = text
    for node in model.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == "probabilities":
                    names[i] = text
    model.graph.output[0].name = text
    model.metadata_props.add(key="labels.json", value=json.dumps([text, "b", "c", "d"]))
    path = folder / "st\x1b[31mrange\nfile.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.slow
@pytest.mark.parametrize("command", [("inspect",), ("bench", "--rounds", "1"), ("parity",), ("inspect", "--json")])
def test_no_command_prints_what_a_terminal_obeys(command, tmp_path):
    path = strange_file(tmp_path)
    words = [sys.executable, "-m", "fer_export", *command, path]
    done = subprocess.run(words, capture_output=True, timeout=300, cwd=tmp_path)
    for said in (done.stdout.decode(), done.stderr.decode()):
        assert said.replace("\n", "").isprintable(), said
        assert not re.search(r"^file\.onnx", said, re.MULTILINE), "a name has made a line of its own"
    assert done.stdout or done.stderr
    assert b"Traceback" not in done.stderr
