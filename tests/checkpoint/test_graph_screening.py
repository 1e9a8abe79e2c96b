"""What a SavedModel may run without trust: TensorFlow's own registry of ops, and files that try."""

import re
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from fer_export.checkpoint import checkpoint
from fer_export.checkpoint.screening import graph_screening
from fer_export.errors import CheckpointError

RULES = Path(graph_screening.__file__).with_name("tensorflow_ops.toml")

STATEFUL = re.compile(
    r"(Stateful|Stateless)\w+|\w*(Random|Multinomial|TruncatedNormal)\w*|RngReadAndSkip|TensorArray\w+"
    r"|(Assign\w*|Read|VarIsInitialized)(Variable)?Op|Assign(Add|Sub)VariableOp|Resource(Apply|Gather|Scatter)\w*"
    r"|Var(iable|iableV2|HandleOp|iableShape)|DisableCopyOnRead|Assert|Case|If|CheckNumerics|Empty|GuaranteeConst|_Arg|_Retval"
)
"""Allowed ops that TensorFlow calls stateful: noise, variables, calls and branches, checks; nothing else is."""

DANGEROUS = re.compile(
    r"(?i)\w*(file(?!name)|reader|writer|pyfunc|dataset|iterator|host|rpc|send|recv|collective|lookup|hashtable|saver?(v2)?$|restore"
    r"|debug|dump|print|abort|sleep|queue|decode|encode|while|loop|xla|(?-i:TPU|Tpu)|nccl|snapshot.+|remote|service)\w*"
)


@pytest.fixture(scope="module")
def registered() -> dict[str, Any]:
    """Every op that this TensorFlow has, by name."""
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    listed = op_def_pb2.OpList()
    listed.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return {op.name: op for op in listed.op}


def test_every_registered_op_is_allowed_or_refused(registered: dict[str, Any]) -> None:
    rules = graph_screening.rules()
    refused = {name: rules.refusal(name) for name in registered if name not in rules.allowed}
    assert rules.allowed <= set(registered)
    assert all(refused.values())
    assert not any(rules.refusal(name) for name in rules.allowed)
    assert rules.refusal("AnOpOfNextYear") == "is not among the operations that a network computes with"


def test_what_is_allowed_only_computes(registered: dict[str, Any]) -> None:
    allowed = graph_screening.rules().allowed
    assert [name for name in allowed if registered[name].is_stateful and not STATEFUL.fullmatch(name)] == []
    assert [name for name in allowed if DANGEROUS.fullmatch(name)] == []


def test_the_list_gives_a_reason_a_group_and_names_an_op_once() -> None:
    document = tomllib.loads(RULES.read_text(encoding="utf-8"))
    names = Counter(name for group in document["allowed"].values() for name in group["ops"].split())
    assert [name for name, count in names.items() if count > 1] == []
    assert all(group["why"] for part in document.values() for group in part.values())
    # A reason for an op that is allowed would never be read.
    patterns = [pattern for group in document["refused"].values() for pattern in group["patterns"].split()]
    assert [name for name in names for pattern in patterns if re.fullmatch(pattern, name)] == []


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        ("PrintV2", "prints, also into files"),
        ("CSVDatasetV2", "reads or writes files"),
        ("WriteFile", "reads or writes files"),
        ("DataServiceDatasetV4", "speaks to other machines"),
        ("EagerPyFunc", "calls code outside the graph"),
        ("TensorDataset", "makes or reads a data set"),
        ("InitializeTableFromTextFileV2", "reads or writes files"),
        ("HashTableV2", "looks up in tables, which may be filled from files"),
        ("SaveV2", "reads or writes checkpoint files"),
        ("CollectiveReduceV2", "speaks to other machines"),
        ("DebugIdentityV2", "writes what it computes for a debugger"),
        ("CreateSummaryFileWriter", "writes logs"),
        ("While", "is a loop that may never end"),
    ],
)
def test_a_refusal_says_why(op: str, reason: str) -> None:
    assert graph_screening.rules().refusal(op) == reason


def network(build: Callable[[Any], Any], folder: Path, made: Callable[[Any], None] = lambda holder: None) -> Path:
    """A SavedModel that adds build(x), a number, to its logits; made: what else its object holds."""
    holder = tf.Module()
    holder.weight = tf.Variable(np.full((48 * 48, 7), 0.01, "float32"))

    def run(x: Any) -> Any:
        return tf.reshape(x, [-1, 48 * 48]) @ holder.weight + build(x)

    holder.run = tf.function(run, input_signature=[tf.TensorSpec([None, 48, 48, 1], tf.float32)])
    made(holder)
    tf.saved_model.save(holder, str(folder), signatures=holder.run)
    return folder


def in_a_branch(x: Any) -> Any:
    def write() -> Any:
        tf.io.write_file("/nowhere/x", "text")
        return 1.0

    return tf.cond(tf.reduce_sum(x) > 1e9, write, lambda: 0.0)


def printing(x: Any) -> Any:
    tf.print("text", output_stream="file:///nowhere/x")
    return 0.0


def reading_rows(x: Any) -> Any:
    total = tf.constant(0.0)
    for row in tf.data.experimental.CsvDataset("/nowhere", [tf.string]):
        total += tf.cast(tf.strings.length(row[0]), tf.float32)
    return total


def endless(x: Any) -> Any:
    return tf.while_loop(lambda n: n >= 0.0, lambda n: n + 0.0, [tf.reduce_sum(x) * 0.0 + 1.0])[0]


def far_below(x: Any) -> Any:
    """Counts to 10, from the lowest number there is."""
    return tf.cast(tf.while_loop(lambda n: n < 10, lambda n: n + 1, [tf.constant(-(2**31))])[0], tf.float32)


@pytest.mark.parametrize(
    ("build", "pattern"),
    [
        (in_a_branch, "WriteFile, which reads or writes files"),
        (printing, "PrintV2, which prints"),
        (reading_rows, "CSVDatasetV2, which reads or writes files|Dataset"),
        (endless, "While, which is a loop"),
        (far_below, "While, which is a loop"),
        (lambda x: tf.constant(0.0, shape=[1 << 26])[0], "constant that declares"),
    ],
)
def test_what_a_signature_reaches_is_refused(build: Callable[[Any], Any], pattern: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=f"({pattern}).*`trust=True"):
        checkpoint.load(network(build, tmp_path / "a"))


def test_a_function_that_loading_would_run_is_refused(tmp_path: Path) -> None:
    """No signature calls it, but TensorFlow does: here as what fills a restored object."""

    def made(holder: Any) -> None:
        @tf.function(input_signature=[])
        def fill() -> Any:
            tf.io.write_file("/nowhere/x", "text")
            return 0.0

        holder._restore_from_tensors = fill

    with pytest.raises(CheckpointError, match="WriteFile"):
        checkpoint.load(network(lambda x: 0.0, tmp_path / "a", made))


def parsed(folder: Path) -> Any:
    from tensorflow.core.protobuf import saved_model_pb2

    document = saved_model_pb2.SavedModel()
    document.ParseFromString((folder / "saved_model.pb").read_bytes())
    return document


def test_functions_that_multiply_by_calling_are_refused(tmp_path: Path) -> None:
    document = parsed(network(lambda x: 0.0, tmp_path / "a"))
    meta = document.meta_graphs[0]
    for level in range(24):
        function = meta.graph_def.library.function.add()
        function.signature.name = f"level{level}"
        for twin in range(2):
            call = function.node_def.add(name=f"call{twin}", op="PartitionedCall")
            call.attr["f"].func.name = f"level{level + 1}"
    assert "call one another" in (graph_screening.find_refused(document) or "")


def recurrent(x: Any) -> Any:
    """Sums 48 columns one by one, as a recurrent layer goes through its steps."""
    return tf.while_loop(
        lambda i, _: i < 48,
        lambda i, total: (i + 1, total + tf.reduce_sum(x[:, i])),
        [tf.constant(0), tf.constant(0.0)],
    )[1]


def test_a_loop_that_counts_to_a_constant_is_allowed(tmp_path: Path) -> None:
    assert graph_screening.find_refused(parsed(network(recurrent, tmp_path / "a"))) is None


@pytest.fixture(scope="module")
def tf1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel as TF1 wrote it, with what training left in its graph."""
    folder, v1 = tmp_path_factory.mktemp("tf1") / "model", tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 48, 48, 1])
        weight = v1.get_variable("weight", [48 * 48, 7], use_resource=False)
        y = tf.nn.softmax(tf.reshape(x, [-1, 48 * 48]) @ weight)
        v1.train.AdamOptimizer().minimize(tf.reduce_mean(y))
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(folder), {"x": x}, {"y": y})
    return folder


def test_a_file_of_tf1_is_allowed(tf1: Path) -> None:
    assert graph_screening.find_refused(parsed(tf1)) is None


def test_in_a_file_of_tf1_ops_beside_the_signature_are_refused(tf1: Path) -> None:
    document = parsed(tf1)
    document.meta_graphs[0].graph_def.node.add(name="extra", op="WriteFile")
    assert "WriteFile" in (graph_screening.find_refused(document) or "")


@pytest.mark.parametrize("key", ["saved_model_main_op", "legacy_init_op", "table_initializer"])
def test_in_a_file_of_tf1_saving_is_refused_where_loading_runs_it(key: str, tf1: Path) -> None:
    document = parsed(tf1)
    meta = document.meta_graphs[0]
    saves = next(node.name for node in meta.graph_def.node if node.op == "SaveV2")
    meta.collection_def[key].node_list.value.append(saves)
    assert "SaveV2" in (graph_screening.find_refused(document) or "")


def test_in_a_file_of_tf1_restoring_another_file_is_refused(tf1: Path) -> None:
    document = parsed(tf1)
    nodes = document.meta_graphs[0].graph_def.node
    other = nodes.add(name="other", op="Const")
    next(node for node in nodes if node.op == "RestoreV2").input[0] = other.name
    assert "RestoreV2" in (graph_screening.find_refused(document) or "")


def test_objects_of_two_graphs_are_read_as_tensorflow_reads_them(tmp_path: Path) -> None:
    """With a second graph TensorFlow goes the way of TF1, so the whole main graph counts."""
    document = parsed(network(lambda x: 0.0, tmp_path / "a"))
    document.meta_graphs[0].graph_def.node.add(name="extra", op="WriteFile")
    assert graph_screening.find_refused(document) is None
    document.meta_graphs.add()
    assert "WriteFile" in (graph_screening.find_refused(document) or "")
