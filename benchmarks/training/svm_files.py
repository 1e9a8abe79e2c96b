"""A support vector machine of scikit-learn as ONNX file with the contract of every exported file.

skl2onnx writes the machine, behind the ops of its features. A machine says how sure it is of each emotion, not how
likely each is: `probabilities` is the softmax of its `decision_function`, in the same order.
"""

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_export.contract import find
from fer_export.contract.tensors import INPUT_NAME, OUTPUT_NAME, Contract
from fer_export.convert import onnx_graph
from fer_export.convert.onnx import IR_VERSION, OPSET
from fer_export.dataset.dataset import SIDE
from fer_export.dataset.emotions import REPORT_6
from fer_export.model_file import onnx as onnxfile

from .svm_features import FEATURES, Features

_ML, _ML_VERSION = "ai.onnx.ml", 1
"""The ops of classical machines, as old as onnxruntime-mobile's first."""

_SCORES = "scores"


@dataclass(frozen=True)
class Machine:
    """What the contract says of a machine."""

    name: str
    """The file begins with it."""

    sha256: str
    """Of its ops and numbers."""

    size: int = SIDE
    """Side of a face in pixels."""

    labels: tuple[str, ...] = REPORT_6
    """Emotions in the order of the outputs."""

    labels_source: str = "the report's order"
    """Where the order comes from."""

    mirror: bool = False
    """Whether the answer is the mean over the face and its mirror image."""

    whole: tuple[str, ...] = ()
    """None: it has no convolutions."""

    said_of_scaling: tuple[str, str] = ("", "")
    """Nothing: the file takes bytes."""

    prior: Mapping[str, Any] | None = None
    """The shares of the emotions that it was trained on."""


def softmax(scores: NDArray[Any]) -> NDArray[np.float32]:
    """Scores [N, K] as the file gives them: float32 [N, K], each row summing to 1."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def onnx_file(name: str, features: Features, machine: Any) -> bytes:
    """The file of a fitted SVC or LinearSVC, or of a pipeline that ends in one, which takes these features."""
    import onnx
    from onnx import helper

    tail = _written(machine, features.width)
    softmax_node = helper.make_node("Softmax", [_SCORES], [OUTPUT_NAME], OUTPUT_NAME, axis=1)
    image = helper.make_tensor_value_info(INPUT_NAME, onnx.TensorProto.UINT8, [1, SIDE, SIDE, 1])
    output = helper.make_tensor_value_info(OUTPUT_NAME, onnx.TensorProto.FLOAT, [1, len(REPORT_6)])
    graph = helper.make_graph([], name, [image], [output])
    graph.node.extend([*features.nodes, *tail.graph.node, softmax_node])
    graph.initializer.extend([*features.constants, *tail.graph.initializer])
    _drop_unread(graph)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_ML, _ML_VERSION)]
    model = onnx_graph.finalised(helper.make_model(graph, opset_imports=opsets), IR_VERSION)
    found = hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()
    return onnxfile.embed(model, Contract.of(Machine(name, found), find("onnx", "none")))


def _written(machine: Any, width: int) -> Any:
    """skl2onnx's ModelProto from `features` to `scores`."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.svm import SVC

    last = machine.steps[-1][1] if hasattr(machine, "steps") else machine
    options = {"raw_scores": True, **({"zipmap": False} if isinstance(last, SVC) else {})}
    with warnings.catch_warnings():
        # It reads attributes that scikit-learn is about to remove.
        warnings.simplefilter("ignore", FutureWarning)
        model = to_onnx(
            machine,
            initial_types=[(FEATURES, FloatTensorType([1, width]))],
            options={id(last): options},
            target_opset={"": OPSET, _ML: _ML_VERSION},
        )
    _, scores = (output.name for output in model.graph.output)
    for node in model.graph.node:
        node.input[:] = [_SCORES if name == scores else name for name in node.input]
        node.output[:] = [_SCORES if name == scores else name for name in node.output]
    return model


def _drop_unread(graph: Any) -> None:
    """Remove the ops whose results nothing reads: the label, for which an app takes the largest probability."""
    ends = {output.name for output in graph.output}
    while True:
        read = ends.union(*(node.input for node in graph.node))
        idle = [node for node in graph.node if read.isdisjoint(node.output)]
        if not idle:
            return
        for node in idle:
            graph.node.remove(node)
