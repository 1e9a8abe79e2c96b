"""How a network is rewritten before export, the same for every format.

Batch norms are removed exactly: folded into the linear convolution or dense layer before them, or, where an
activation stands between (the report's order), turned into a 1x1 depthwise convolution. Converters leave the
latter as MUL and ADD with one scale for all channels, which is the main int8 loss of such networks.
In front stands one 1x1 convolution, the adapter: bytes 0..255 to the network's scaling, RGB to grey or grey
to RGB, in a single op that every runtime quantises well.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import Checkpoint
from ..contract import GreyRule, tensors
from ..dataset import as_input
from ..errors import ConversionError
from .constant_channels import absorb_constants
from .equalise import equalise
from .fitting import fit
from .layers import _graphs, has_depthwise, is_channel_norm, is_graph
from .logit_gaps import averaged_by_dense, is_worth_narrowing, narrowed, with_answers_apart
from .rounded_once import round_once

if TYPE_CHECKING:
    import keras

TOLERANCE = 1e-4
"""Largest probability difference to the untouched network that the exact rewriting may cost in float32."""


def exportable(
    checkpoint: Checkpoint,
    input_kind: str = "gray",
    calibration: NDArray[np.uint8] | None = None,
    narrow_logits: bool = False,
    fine_activations: bool = False,
) -> keras.Model:
    """The network to convert: float32 [N, S, S, 1|3] of byte values 0..255 -> float32 probabilities [N, K].

    input_kind: `gray` or `rgb`.
    calibration: faces uint8 [N, S, S, 1] on which the network is prepared for int8 weights (equalisation, which is
        exact; constant channels, which are so on these faces; rounding of the convolutions, which is not).
    narrow_logits: for 8-bit activations, see logits.py.
    fine_activations: whether the file will hold activations in more than 8 bits.

    A checkpoint with mirror gives the mean over each face and its mirror image, in the same graph.

    Raises ConversionError if an exact step was not.
    """
    import keras

    from .mirror import mirrored

    if calibration is not None and is_graph(checkpoint.network):
        network = unfitted(checkpoint, calibration, narrow_logits, fine_activations)
        faces = scaled(checkpoint, calibration)
        if has_depthwise(checkpoint.network):
            fit(network, faces, fine_activations=fine_activations)
        else:
            round_once(network, checkpoint, calibration, lambda: fit(network, faces, compensated=False))
    else:
        network = without_batch_norms(checkpoint.network)
        _check_same(checkpoint, network)
    inputs = keras.Input((checkpoint.size, checkpoint.size, tensors.channels(input_kind)), name=tensors.INPUT_NAME)
    given = _adapter(checkpoint, input_kind)(inputs)
    answers = mirrored(network, given) if checkpoint.mirror else network(given)
    return keras.Model(inputs, answers, name="exported")


def unfitted(
    checkpoint: Checkpoint,
    calibration: NDArray[np.uint8],
    narrow_logits: bool = False,
    fine_activations: bool = False,
) -> keras.Model:
    """A copy of the network on which every step for int8 was done but the one that changes its answers, the fitting.

    Parameters and errors as for `exportable`.
    """
    faces = scaled(checkpoint, calibration)
    network = without_batch_norms(checkpoint.network)
    equalise(network, faces, joined=has_depthwise(checkpoint.network))
    _check_same(checkpoint, network)
    if not fine_activations:  # 16 bits hold what a channel varies by
        absorb_constants(network, faces)
    if narrow_logits and is_worth_narrowing(network, faces):
        return narrowed(network)
    averaged = averaged_by_dense(network)
    return with_answers_apart(averaged) if narrow_logits else averaged


def without_batch_norms(network: keras.Model) -> keras.Model:
    """A copy of the network that computes the same at inference and has no batch norm over channels left.

    A batch norm over another axis stays, and so does one over the channels of a sequence unless the layer before takes
    it up. Networks without a visible graph (a wrapped SavedModel, a subclassed model) are returned as they are.
    """
    import keras

    from ..checkpoint import copied
    from .batch_norms import Absorbed, ChannelScale

    if not is_graph(network):
        return network
    folds = _foldable(network)
    absorbed = {id(norm) for norm in folds.values()}

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        if id(layer) in absorbed:
            return Absorbed(name=layer.name)
        if is_channel_norm(layer) and len(layer.input.shape) in (2, 4):
            return ChannelScale(layer)
        return copied(layer, use_bias=True) if id(layer) in folds else copied(layer)

    copy = keras.models.clone_model(network, clone_function=clone, recursive=True)
    _copy_weights(network, copy, folds)
    return copy


def _adapter(checkpoint: Checkpoint, input_kind: str) -> keras.layers.Layer:
    import keras

    scale, shift = checkpoint.scale_and_shift
    given = tensors.channels(input_kind)
    if given == checkpoint.channels:
        mix = np.eye(given)
    elif given == 3:
        mix = np.array(GreyRule().luma).reshape(3, 1)
    else:
        mix = np.ones((1, 3))
    mix = mix[:, ::-1] if checkpoint.bgr else mix
    layer = keras.layers.Conv2D(checkpoint.channels, 1, name="adapter", trainable=False)
    layer.build((None, checkpoint.size, checkpoint.size, given))
    layer.set_weights([(mix * scale)[None, None].astype("float32"), np.full(checkpoint.channels, shift, "float32")])
    return layer


def _foldable(network: keras.Model) -> dict[int, keras.layers.BatchNormalization]:
    """id of a linear layer -> the batch norm that is its only reader."""
    import keras

    kinds = (
        keras.layers.Conv1D,
        keras.layers.Conv2D,
        keras.layers.DepthwiseConv2D,
        keras.layers.SeparableConv2D,
        keras.layers.Dense,
    )
    # A Sequential's layers keep calls of replaced graphs: only nodes that lead to the outputs count.
    graphs = _graphs(network)
    nodes = [node for graph in graphs for depth in graph._nodes_by_depth.values() for node in depth]
    calls = Counter(id(node.operation) for node in nodes)
    reads = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    reads.update(id(tensor) for graph in graphs for tensor in graph.outputs)
    folds = {}
    for node in nodes:
        norm = node.operation
        if not is_channel_norm(norm) or calls[id(norm)] != 1:
            continue
        given = node.input_tensors[0]
        source = given._keras_history.operation
        linear = type(source) in kinds and source.activation is keras.activations.linear
        if linear and calls[id(source)] == 1 and reads[id(given)] == 1:
            folds[id(source)] = norm
    return folds


def _copy_weights(network: keras.Model, copy: keras.Model, folds: dict[int, keras.layers.BatchNormalization]) -> None:
    from ..checkpoint import copy_weights
    from .batch_norms import Absorbed, ChannelScale

    for old in network.layers:
        if not old.weights:
            continue
        new = copy.get_layer(old.name)
        if is_graph(old):
            _copy_weights(old, new, folds)
        elif isinstance(new, ChannelScale):
            new.take(old)
        elif id(old) in folds:
            new.set_weights(folded_of(old, folds[id(old)]))
        elif not isinstance(new, Absorbed):
            copy_weights(old, new)


def folded_of(layer: keras.layers.Layer, norm: keras.layers.BatchNormalization) -> list[NDArray[np.float32]]:
    import keras

    from .batch_norms import scale_and_shift

    scale, shift = scale_and_shift(norm)
    weights = [w.astype("float64") for w in layer.get_weights()]
    bias = weights.pop() if layer.use_bias else np.zeros_like(shift)
    kernel = weights[-1]
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        weights[-1] = kernel * scale.reshape(kernel.shape[2:])
    else:
        weights[-1] = kernel * scale
    return [w.astype("float32") for w in (*weights, bias * scale + shift)]


def _check_same(checkpoint: Checkpoint, network: keras.Model) -> None:
    shape = (8, checkpoint.size, checkpoint.size, 1)
    grey = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    given = np.asarray(network(scaled(checkpoint, grey), training=False))
    # A copy of the checkpoint would trace its network anew.
    plain = replace(checkpoint, mirror=False) if checkpoint.mirror else checkpoint
    difference = float(np.abs(given - plain.predict(grey)).max())
    if not difference <= TOLERANCE:
        raise ConversionError(
            f"the network changed by {difference:.2g} when its batch norms were rewritten (at most {TOLERANCE:g} is "
            "exact); please report this network"
        )


def scaled(checkpoint: Checkpoint, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey faces uint8 [N, S, S, 1] as the network takes them: float32 [N, S, S, C]."""
    scale, shift = checkpoint.scale_and_shift
    given: NDArray[np.float32] = as_input(images, checkpoint.channels).astype(np.float32) * np.float32(scale)
    return given + np.float32(shift)
