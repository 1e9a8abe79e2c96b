"""The form of every network before it is used: one float32 picture in, one row of probabilities out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckpointError
from .keras3.messages import sentence
from .screening.code_screening import check_input, check_single

if TYPE_CHECKING:
    import keras

MOST_ACTIVATIONS = 1 << 26
"""Most numbers in the output of a layer for one picture."""

REPEATABLE = 1e-4
"""Largest relative difference between two answers to the same picture."""


def plain(network: keras.Model, path: Path) -> keras.Model:
    """The network with one float32 picture input [N, S, S, C] and a free batch size, in float32 throughout.

    Raises CheckpointError if it has other inputs or outputs than one, or cannot be rewritten so.
    """
    import keras

    if not getattr(network, "inputs", None):
        raise CheckpointError(f"{path} does not say its input shape; save the network again after calling it once")
    check_single(len(network.inputs), "input", path)
    check_single(len(network.outputs), "output", path)
    network = _with_row(_with_picture(network))
    given = network.inputs[0]
    size, channels = check_input(given.shape, path)
    _check_activations(network, path)
    types = {layer.compute_dtype for layer in network._flatten_layers() if layer.weights}
    if given.shape[0] is None and given.dtype == "float32" and types <= {"float32"}:
        return network

    from .copying import copied, finalize

    unwritable = CheckpointError(
        f"{path} has a fixed batch size or a number type other than float32 and cannot be rewritten; "
        "save it again with a free batch size in float32"
    )
    try:
        fresh = keras.Input((size, size, channels), name="image")
        copy = keras.models.clone_model(
            network,
            input_tensors=fresh,
            clone_function=lambda layer: copied(layer, dtype="float32"),
            recursive=True,
        )
        copy.set_weights(network.get_weights())
    except (ValueError, TypeError) as error:
        raise unwritable from error
    for layer in copy._flatten_layers():
        finalize(layer)
        if layer.weights and layer.compute_dtype != "float32":
            raise unwritable
    return copy


def _with_picture(network: keras.Model) -> keras.Model:
    from .picture_input import with_picture_input  # imports keras, which takes seconds

    return with_picture_input(network)


def _with_row(network: keras.Model) -> keras.Model:
    """The network with a tensor in and a row [N, K] out: neither in a dictionary or list, nor a picture of one pixel.

    A softmax over that pixel, or one that is an operation and no layer, becomes a layer, the last.
    """
    import keras

    output = network.outputs[0]
    shape = tuple(output.shape[1:])
    pixel = len(shape) > 1 and None not in shape and math.prod(shape) == shape[-1]
    history: Any = getattr(output, "_keras_history", None)
    last: Any = history.operation if history else None
    over_labels = type(last).__name__ == "Softmax" and getattr(last, "axis", None) in (-1, len(shape))
    operation = over_labels and not isinstance(last, keras.layers.Layer)
    named = any(isinstance(getattr(network, end, None), dict | list | tuple) for end in ("input", "output"))
    if not (pixel or operation or named):
        return network
    given, logits = network.inputs[0], output
    if over_labels:
        logits = last._inbound_nodes[history.node_index].input_tensors[0]
    elif pixel and _last_activation(network) == "softmax":
        bare = _without_last_activation(keras.Model(given, output, name=network.name))
        given, logits, over_labels = bare.inputs[0], bare.outputs[0], True
    row = keras.layers.Reshape(shape[-1:], name="row_of_answers")(logits) if pixel else logits
    answers = keras.layers.Softmax(name="softmax_of_row")(row) if over_labels else row
    return keras.Model(given, answers, name=network.name)


def _check_activations(network: keras.Model, path: Path) -> None:
    """Raise CheckpointError for a layer whose output for one picture no face network needs."""
    graph = getattr(network, "_functional", None) or network  # a Sequential keeps its graph inside
    for operation in getattr(graph, "operations", ()):
        outputs = operation.output if isinstance(operation.output, list | tuple) else [operation.output]
        for shape in (getattr(output, "shape", ()) for output in outputs):
            if math.prod(size or 1 for size in shape[1:]) > MOST_ACTIVATIONS:
                raise CheckpointError(
                    f"{path} has the layer {operation.name!r} with an output of {list(shape[1:])} a picture, more "
                    "than a face network needs; pass another network"
                )


def with_probabilities(network: keras.Model, path: Path) -> tuple[keras.Model, bool]:
    """The network with probabilities [N, K] out, and whether a softmax had to be added because the file gives logits.

    Raises CheckpointError for outputs that are neither, not finite or not repeatable.
    """
    import keras

    shape = network.output_shape
    if len(shape) != 2 or shape[1] is None or shape[1] < 2:
        readable = ", ".join("N" if i == 0 else str(n) for i, n in enumerate(shape))
        raise CheckpointError(
            f"{path} gives [{readable}], but one row of at least 2 probabilities is needed; pass a classifier"
        )
    outputs = _trial(network, path)
    between = bool((outputs >= 0).all() and (outputs <= 1).all())
    if between and np.allclose(outputs.sum(1), 1, atol=1e-3):
        return network, False
    activation = _last_activation(network)
    if activation == "sigmoid" or (activation is None and between):
        return network, False
    if activation == "log_softmax":
        network, activation = _without_last_activation(network), "linear"
    if activation not in ("linear", None):
        raise CheckpointError(
            f"{path} ends in {activation}, which does not give probabilities; end it in softmax and save it again"
        )
    return keras.Model(network.inputs[0], keras.layers.Softmax(name="softmax_added")(network.outputs[0])), True


def _trial(network: keras.Model, path: Path) -> NDArray[np.float32]:
    """Outputs for noise in 0..1 and in 0..255, of one or both: finite, and the same when asked again."""
    import keras

    images = np.random.default_rng(0).random((4, *network.input_shape[1:]), dtype="float32")
    images = np.concatenate([images, images * 255])
    try:
        first, second = (np.asarray(keras.ops.convert_to_numpy(network(images, training=False))) for _ in range(2))
    except Exception as error:  # whatever an op of a wrapped or trusted network raises
        raise CheckpointError(f"{path} cannot be run ({sentence(error)}); save the network again") from error
    # A network may overflow on the scaling that it was not trained on.
    scales = zip(np.split(first, 2), np.split(second, 2), strict=True)
    finite = [both for both in scales if np.isfinite(both[0]).all()]
    if not finite:
        raise CheckpointError(
            f"{path} gives numbers that are not finite; its training diverged; pass the file of another epoch"
        )
    first, second = (np.concatenate(outputs) for outputs in zip(*finite, strict=True))
    if np.abs(first - second).max() > REPEATABLE * max(1.0, float(np.abs(first).max())):
        raise CheckpointError(
            f"{path} answers the same picture differently each time: it was saved with augmentation or dropout on; "
            "pass the .keras or .h5 file of the network"
        )
    return first


def _last(network: keras.Model) -> keras.layers.Layer:
    """The last layer of a network or of the network that is its last layer."""
    import keras

    layer = network.layers[-1]
    return _last(layer) if isinstance(layer, keras.Model) else layer


def _without_last_activation(network: keras.Model) -> keras.Model:
    """A copy that gives logits where the network gives their log-softmax."""
    import keras

    from .copying import copied, finalize

    last = _last(network)

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        made = copied(layer)
        if layer is last:
            made.activation = keras.activations.linear
        return made

    copy = keras.models.clone_model(network, clone_function=clone, recursive=True)
    copy.set_weights(network.get_weights())
    for layer in copy._flatten_layers():
        finalize(layer)
    return copy


def _last_activation(network: keras.Model) -> str | None:
    """The last activation of a network, `linear` for none; None where it cannot be seen."""
    import keras

    layer = _last(network)
    if isinstance(layer, keras.layers.TFSMLayer):
        return None
    if isinstance(layer, keras.layers.Softmax | keras.layers.ReLU | keras.layers.LeakyReLU | keras.layers.ELU):
        return type(layer).__name__
    return str(getattr(getattr(layer, "activation", None), "__name__", "linear"))
