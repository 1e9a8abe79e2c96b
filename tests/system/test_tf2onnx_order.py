"""tf2onnx works in one order in every process, whatever order Python draws for its sets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fer_export.system.tf2onnx_order import OrderedSet

TESTS = Path(__file__).parent.parent

PROGRAM = """
import hashlib, sys
from dataclasses import replace
from pathlib import Path
from tf2onnx.graph import Graph
from fer_export.contract import variants
from fer_export.convert import convert
from helpers.networks import checkpoint_of, report_like

removed = []
remove = Graph.remove_node

def noted(self, name):
    removed.append(name)
    remove(self, name)

Graph.remove_node = noted
checkpoint = replace(checkpoint_of(report_like(), Path(sys.argv[1])), mirror=True, sha256="0" * 64)
content = convert(checkpoint, variants.find("onnx", "none"))
again = convert(checkpoint, variants.find("onnx", "none"))
print(content == again, hashlib.sha256(content).hexdigest(), removed)
"""


@pytest.mark.slow
def test_every_process_converts_in_the_same_order(tmp_path):
    printed = []
    for seed in ("2", "3"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(TESTS)}
        command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert run.returncode == 0, run.stderr
        printed.append(run.stdout)
    assert printed[0].startswith("True ")
    assert printed[0].count("__") > 20  # names of removed nodes
    assert printed[0] == printed[1]


def test_a_set_keeps_the_order_in_which_its_values_came():
    names = OrderedSet(["c", "a", "b", "a"])
    names.add("c")
    names.discard("nothing")
    assert list(names) == ["c", "a", "b"]
    assert list(names - {"a"}) == ["c", "b"]
    assert list(names.union(["e", "a"])) == ["c", "a", "b", "e"]
    assert {"a", "x"} & names == {"a"}
    names |= {"d"}
    names.remove("c")
    assert list(names) == ["a", "b", "d"]
    assert OrderedSet(["a"]).issubset(names)
    assert not names.issubset({"a"})
