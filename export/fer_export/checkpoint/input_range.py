"""What a network's own first layers say of the scaling it expects.

What stands before the first layer that learns (Rescaling, Normalization, a division, a Lambda, a SavedModel's first
operations) is run on a picture of two grey values, and the scaling is the one whose values then lie where networks are
trained. A batch normalisation at the beginning, or behind the first convolution, holds the mean of the training
pictures: that tells bytes from 0..1 and -1..1 too, though less surely.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

_RANGES = {"unit": (0.0, 1.0), "signed": (-1.0, 1.0), "raw": (0.0, 255.0)}
"""What black and white become."""

_SURE, _WIDE = 1.6, 4.0
"""Largest values that a network is trained on: scaled to 0..1 or -1..1, and divided by a standard deviation."""

_CENTRES = {"unit": 0.5, "signed": 0.0, "raw": 127.5}
"""What the mean of face pictures becomes, within a fifth of the range."""

Prefix = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Pictures float32 [N, S, S, C] to what the first learning layer gets."""


@dataclass(frozen=True)
class Reading:
    """A scaling that the network itself tells."""

    scaling: str
    """unit, signed or raw."""
    source: str
    """What told it, in words."""
    certain: bool
    """Whether layers compute it; else statistics suggest it, and faces may overrule it."""


def read(network: keras.Model) -> Reading | None:
    """The scaling that a network's first layers tell; None where they say nothing."""
    try:
        found = _before_learning(network)
        if found is None:
            return None
        prefix, learning = found
        ends = _ends(prefix, network.input_shape)
    except Exception:  # whatever a layer of someone's own raises on its own: the faces will tell
        return None
    if not _unchanged(ends):
        scaling = _computed(ends)
        if scaling is not None:
            return Reading(scaling, "the network scales its input itself (`scaling` overrides it)", True)
    return _by_statistics(ends, learning)


def _before_learning(network: keras.Model) -> tuple[Prefix, list[keras.layers.Layer]] | None:
    """(what is computed before the first layer that learns, that layer and the one behind it)."""
    import keras

    functional = network._functional if isinstance(network, keras.Sequential) else network
    if not getattr(functional, "inputs", None):
        return None
    for operation in functional.operations:
        if isinstance(operation, keras.layers.InputLayer):
            continue
        node = operation._inbound_nodes[-1] if isinstance(network, keras.Sequential) else operation._inbound_nodes[0]
        if isinstance(operation, keras.layers.TFSMLayer):
            return _saved_model_prefix(operation)
        learns = isinstance(operation, keras.layers.Layer) and _learns(operation)
        if not learns:
            continue
        before = _submodel(functional, node.input_tensors[0])
        if isinstance(operation, keras.Model):
            inner = _before_learning(operation)
            if inner is None:
                return None
            return _after(before, inner[0]), inner[1]
        return before, [operation, *_only_reader(functional, operation)]
    return None


def _after(first: Prefix, second: Prefix) -> Prefix:
    return lambda images: second(first(images))


def _learns(layer: keras.layers.Layer) -> bool:
    """Whether it holds weights that training sets; a Normalization's statistics are of the data."""
    import keras

    if isinstance(layer, keras.Model):
        return any(_learns(inner) for inner in layer.layers)
    if isinstance(layer, keras.layers.Normalization) or type(layer).__name__.startswith("Random"):
        return False
    return any("seed" not in weight.name for weight in layer.weights) or isinstance(layer, keras.layers.TFSMLayer)


def _submodel(functional: keras.Model, tensor: Any) -> Prefix:
    import keras

    if any(tensor is given for given in functional.inputs):
        return lambda images: images
    model = keras.Model(functional.inputs[0], tensor)
    return lambda images: np.asarray(keras.ops.convert_to_numpy(model(images, training=False)), np.float32)


def _only_reader(functional: keras.Model, layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layer that reads this one's output, where there is just one."""
    output = layer._inbound_nodes[-1].output_tensors[0]
    readers = [
        node.operation
        for nodes in functional._nodes_by_depth.values()
        for node in nodes
        if any(tensor is output for tensor in node.input_tensors)
    ]
    return readers if len(readers) == 1 else []


def _saved_model_prefix(layer: Any) -> tuple[Prefix, list[keras.layers.Layer]] | None:
    """What a wrapped SavedModel computes before its first convolution, product or batch norm."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    loaded = layer._reloaded_obj if hasattr(layer, "_reloaded_obj") else None
    signatures = getattr(loaded, "signatures", {})
    endpoint = signatures.get(layer.call_endpoint) if hasattr(signatures, "get") else None
    if endpoint is None:
        return None
    frozen = convert_variables_to_constants_v2(endpoint)
    learned = ("Conv2D", "DepthwiseConv2dNative", "MatMul", "FusedBatchNormV3", "FusedBatchNorm", "BiasAdd")
    constants = {op.name for op in frozen.graph.get_operations() if op.type == "Const"}
    for op in frozen.graph.get_operations():
        if op.type not in learned:
            continue
        given = op.inputs[0]
        if given.op.name in constants:
            continue
        pruned = frozen.prune(frozen.inputs[0].name, given.name)

        def prefix(images: NDArray[np.float32], run: Any = pruned) -> NDArray[np.float32]:
            import tensorflow as tf

            return np.asarray(run(tf.constant(images)), np.float32)

        return prefix, []
    return None


def _ends(prefix: Prefix, shape: tuple[int | None, ...]) -> dict[str, tuple[float, float]]:
    """Scaling -> what black and white are once the first layers have computed: lowest and highest over channels.

    A picture of a dark and a bright half, so that a standardisation by the picture's own deviation works too.
    """
    size, channels = int(shape[1] or 0), int(shape[3] or 0)
    ends = {}
    for scaling, (black, white) in _RANGES.items():
        picture = np.full((1, size, size, channels), black, np.float32)
        picture[:, :, size // 2 :] = white
        given = prefix(picture)
        if given.ndim != 4:
            given = given.reshape(1, size, size, -1)
        row = given[0, given.shape[1] // 2]
        dark, bright = row[len(row) // 4], row[3 * len(row) // 4]
        ends[scaling] = (float(dark.min()), float(bright.max()))
    return ends


def _unchanged(ends: dict[str, tuple[float, float]]) -> bool:
    return all(np.allclose(ends[scaling], expected, atol=1e-3) for scaling, expected in _RANGES.items())


def _computed(ends: dict[str, tuple[float, float]]) -> str | None:
    """The scaling whose values lie where networks are trained; raw first, as most layers are there to take bytes."""
    for limit, least in ((_SURE, 0.3), (_WIDE, 1.0)):
        for scaling in ("raw", "unit", "signed"):
            low, high = ends[scaling]
            if max(abs(low), abs(high)) <= limit and abs(high - low) >= least:
                return scaling
    for scaling in ("raw", "unit", "signed"):  # a mean is taken off, nothing is divided: caffe's mode
        low, high = ends[scaling]
        if low < 0 < high and 200 < high - low < 310:
            return scaling
    return None


def _by_statistics(ends: dict[str, tuple[float, float]], learning: list[keras.layers.Layer]) -> Reading | None:
    """What a batch norm tells that sees the pictures themselves, or their first convolution."""
    import keras

    if not learning:
        return None
    first = learning[0]
    if isinstance(first, keras.layers.BatchNormalization):
        return _by_first_norm(first, ends)
    if len(learning) > 1 and isinstance(learning[1], keras.layers.BatchNormalization):
        return _by_convolution(first, learning[1], ends)
    return None


def _by_first_norm(norm: keras.layers.BatchNormalization, ends: dict[str, tuple[float, float]]) -> Reading | None:
    mean = float(np.mean(norm.moving_mean.numpy()))
    deviation = float(np.sqrt(np.mean(norm.moving_variance.numpy())))
    if abs(mean) < 1e-6 and abs(deviation - 1) < 1e-3:
        return None  # as it was initialised
    fits = {}
    for scaling, (low, high) in ends.items():
        span = high - low
        if span > 0 and 0.1 < deviation / span < 0.5 and low <= mean <= high:
            fits[scaling] = abs(mean - (low + high) / 2) / span
    if not fits:
        return None
    scaling = min(fits, key=lambda each: fits[each])
    words = f"the statistics of {norm.name}, which sees the pictures first: mean {mean:.3g}, deviation {deviation:.3g}"
    return Reading(scaling, f"assumed from {words}; --scaling overrides it", False)


def _by_convolution(
    layer: keras.layers.Layer, norm: keras.layers.BatchNormalization, ends: dict[str, tuple[float, float]]
) -> Reading | None:
    """The mean of the pictures by least squares: a linear convolution's mean output is it times the kernel's sum."""
    import keras

    linear = type(layer) is keras.layers.Conv2D and layer.activation is keras.activations.linear
    if not linear or norm.axis not in (-1, 3):
        return None
    if layer.padding == "same" and min(layer.input.shape[1:3]) < 16:
        return None
    kernel = np.asarray(layer.kernel.numpy(), np.float64)
    sums = kernel.sum(axis=(0, 1, 2))
    bias = layer.bias.numpy() if layer.use_bias else np.zeros(len(sums))
    means = np.asarray(norm.moving_mean.numpy(), np.float64) - bias
    power = float(sums @ sums)
    if power < 1e-12 or not np.any(means):
        return None
    mean = float(sums @ means) / power
    explained = 1 - float(np.sum((means - mean * sums) ** 2)) / max(float(means @ means), 1e-12)
    fits = {}
    for scaling, (low, high) in ends.items():
        span = high - low
        fits[scaling] = abs(mean - (low + high) / 2) / span if span > 0 else np.inf
    scaling = min(fits, key=lambda each: fits[each])
    sure = explained > 0.8 or (scaling == "signed" and float(np.abs(means).max()) < 10 * float(np.abs(sums).max()))
    if fits[scaling] > 0.2 or not sure:
        return None
    words = f"the statistics of {norm.name} behind the first convolution: pictures of mean {mean:.3g}"
    return Reading(scaling, f"assumed from {words}; --scaling overrides it", False)
