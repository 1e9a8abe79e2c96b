"""SavedModel folders: what is read, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from fer_export.checkpoint import checkpoint
from helpers.checkpoints import network, pictures, refused

# Keras's own model.save and get_weights under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


def test_exported_savedmodel_is_wrapped(tmp_path: Path) -> None:
    model = network(8, (48, 48, 3))
    model.export(tmp_path / "folder", verbose=False)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    loaded = checkpoint.load(tmp_path / "folder")
    expected = np.asarray(model(np.repeat(pictures(), 3, -1) / np.float32(255)))
    assert np.abs(loaded.predict(pictures()) - expected).max() < 1e-6
    assert (loaded.name, loaded.folder, loaded.size, loaded.channels) == ("folder", None, 48, 3)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    moved = shutil.copytree(tmp_path / "folder", tmp_path / "else" / "folder")
    assert checkpoint.load(moved).sha256 == loaded.sha256


def module(function: Any, folder: Path, *shapes: list[int | None]) -> Path:
    """A plain TensorFlow SavedModel of one function."""
    holder = tf.Module()
    holder.weight = tf.Variable(np.random.default_rng(0).normal(size=(48 * 48, 7)).astype("float32") / 48)
    signature = [tf.TensorSpec(shape, tf.float32, name=f"x{i}") for i, shape in enumerate(shapes)]
    holder.run = tf.function(lambda *x: function(holder, *x), input_signature=signature)
    tf.saved_model.save(holder, str(folder), signatures=holder.run)
    return folder


def logits(holder: Any, x: Any) -> Any:
    return tf.reshape(x, [-1, 48 * 48]) @ holder.weight


FREE = [None, 48, 48, 1]


def test_plain_savedmodel(tmp_path: Path) -> None:
    loaded = checkpoint.load(module(lambda h, x: tf.nn.softmax(logits(h, x)), tmp_path / "a", FREE))
    assert np.abs(loaded.predict(pictures()).sum(1) - 1).max() < 1e-5
    assert checkpoint.load(module(logits, tmp_path / "b", FREE)).softmax_added


@pytest.mark.parametrize(
    ("function", "shapes", "pattern"),
    [
        (lambda h, x: tf.numpy_function(lambda y: y, [logits(h, x)], tf.float32), [FREE], r"PyFunc.*`trust=True"),
        (lambda h, x: [tf.io.write_file("/nowhere/x", "y"), logits(h, x)][1], [FREE], r"WriteFile.*`trust=True"),
        (
            lambda h, x: logits(h, x) + tf.strings.to_number(tf.io.read_file("/nowhere")),
            [FREE],
            r"ReadFile.*`trust=True",
        ),
        (lambda h, x, y: logits(h, x + y), [FREE, FREE], "2 inputs"),
        (lambda h, x: logits(h, x), [[1, 48, 48, 1]], "free batch size"),
        (lambda h, x: x[:, :2304] @ h.weight, [[None, 4096]], r"\[N, 4096\]"),
        (lambda h, x: {"a": logits(h, x), "b": logits(h, x)}, [FREE], "2 outputs"),
    ],
)
def test_savedmodels_that_do_not_fit(
    function: Any, shapes: list[list[int | None]], pattern: str, tmp_path: Path
) -> None:
    refused(pattern, module(function, tmp_path / "a", *shapes))


def test_savedmodel_that_takes_a_row_of_pixels(tmp_path: Path) -> None:
    loaded = checkpoint.load(module(lambda h, x: x @ h.weight, tmp_path / "a", [None, 2304]))
    assert (loaded.size, loaded.channels, loaded.softmax_added) == (48, 1, True)
    weight = tf.saved_model.load(str(tmp_path / "a")).weight.numpy()
    expected = tf.nn.softmax(pictures().reshape(5, -1).astype("float32") / 255 @ weight).numpy()
    assert loaded.predict(pictures()) == pytest.approx(expected, abs=1e-5)


def test_trusted_python_op_that_is_gone_is_one_clear_line(tmp_path: Path) -> None:
    holder = module(
        lambda h, x: tf.ensure_shape(tf.numpy_function(lambda y: y, [logits(h, x)], tf.float32), [None, 7]),
        tmp_path / "a",
        FREE,
    )
    graph = (holder / "saved_model.pb").read_bytes()
    token = next(
        node.attr["token"].s for f in parsed(graph).library.function for node in f.node_def if "PyFunc" in node.op
    )
    (holder / "saved_model.pb").write_bytes(graph.replace(token, token[:-1] + b"X"))
    refused("cannot be (run|loaded)", holder, trust=True)


def test_network_that_answers_at_random(tmp_path: Path) -> None:
    folder = module(lambda h, x: tf.nn.softmax(logits(h, x + tf.random.uniform(tf.shape(x)))), tmp_path / "a", FREE)
    refused("differently each time", folder)


def parsed(graph: bytes) -> Any:
    from tensorflow.core.protobuf import saved_model_pb2

    return saved_model_pb2.SavedModel.FromString(graph).meta_graphs[0].graph_def


def test_savedmodel_without_its_variables(tmp_path: Path) -> None:
    folder = module(logits, tmp_path / "a", FREE)
    shutil.rmtree(folder / "variables")
    refused("again", folder)
    (folder / "saved_model.pb").write_bytes(b"")
    refused("again", folder)
