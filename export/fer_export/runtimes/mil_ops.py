"""Core ML's simple ops in NumPy, and the table of all that are computed here, by their names in MIL."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from . import mil_layers as layers
from .mil_values import Array, Given

Function = Callable[[Given], "Array | list[Array]"]

_DTYPES = {
    "fp16": np.float32,  # rounded to float16 by whoever stores it
    "fp32": np.float32,
    "int32": np.int32,
    "int16": np.int16,
    "uint16": np.uint16,
    "int8": np.int8,
    "uint8": np.uint8,
    "bool": np.bool_,
}


def _unary(function: Callable[[Array], Array]) -> Function:
    return lambda given: function(given.array("x"))


def _binary(function: Callable[[Array, Array], Array]) -> Function:
    return lambda given: function(given.array("x"), given.array("y"))


def _reduction(function: Callable[..., Array]) -> Function:
    def reduced(given: Given) -> Array:
        axes = tuple(given.ints("axes")) if given.optional("axes") is not None else None
        return np.asarray(function(given.array("x"), axis=axes, keepdims=given.bool("keep_dims")))

    return reduced


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[np.float32])(x) if x.size else x


def _gelu(given: Given) -> Array:
    x, mode = given.array("x"), given.text("mode", "EXACT")
    if mode == "TANH_APPROXIMATION":
        return np.asarray(x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
    return x * _sigmoid(1.702 * x) if mode == "SIGMOID_APPROXIMATION" else x * 0.5 * (1 + _erf(x / math.sqrt(2)))


def _prelu(given: Given) -> Array:
    x, alpha = given.array("x"), given.array("alpha")
    return np.where(x >= 0, x, x * alpha.reshape(-1, *(1,) * (x.ndim - 2)))


def _softmax(given: Given) -> Array:
    x, axis = given.array("x"), given.int("axis", -1)
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def _reshape(given: Given) -> Array:
    x, shape = given.array("x"), given.ints("shape")
    # Several faces at once are longer where the file says 1.
    if x.ndim and shape and shape[0] == 1:
        shape[0] = x.shape[0]
    return x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(shape)])


def _expand_dims(given: Given) -> Array:
    return np.expand_dims(given.array("x"), tuple(given.ints("axes")))


def _squeeze(given: Given) -> Array:
    axes = given.ints("axes") if given.optional("axes") is not None else None
    return np.squeeze(given.array("x"), None if axes is None else tuple(axes))


def _concat(given: Given) -> Array:
    if given.bool("interleave"):
        raise ValueError("interleaved channels")
    return np.concatenate(given.all("values"), given.int("axis"))


def _split(given: Given) -> list[Array]:
    x, axis, sizes = given.array("x"), given.int("axis"), given.optional("split_sizes")
    if sizes is None:
        return list(np.split(x, given.int("num_splits"), axis))
    return list(np.split(x, np.cumsum(sizes)[:-1], axis))


def _slice_by_index(given: Given) -> Array:
    x = given.array("x")
    none = [0] * x.ndim
    begin, end, strides = given.ints("begin"), given.ints("end"), given.ints("stride", [1] * x.ndim)
    first, last = given.ints("begin_mask", none), given.ints("end_mask", none)
    single = given.ints("squeeze_mask", none)
    cut = tuple(
        begin[i] if single[i] else slice(None if first[i] else begin[i], None if last[i] else end[i], strides[i])
        for i in range(x.ndim)
    )
    return np.asarray(x[cut])


def _slice_by_size(given: Given) -> Array:
    x, begin, sizes = given.array("x"), given.ints("begin"), given.ints("size")
    ends = [None if size == -1 else first + size for first, size in zip(begin, sizes, strict=True)]
    return np.asarray(x[tuple(slice(first, last) for first, last in zip(begin, ends, strict=True))])


def _pad(given: Given) -> Array:
    x, pad, mode = given.array("x"), given.ints("pad"), given.text("mode", "constant")
    sides = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))
    if mode == "constant":
        return np.pad(x, sides, constant_values=given.float("constant_val", 0.0))
    return np.pad(x, sides, "reflect" if mode == "reflect" else "edge")


def _gather(given: Given) -> Array:
    return np.take(given.array("x"), given.array("indices"), given.int("axis", 0))


def _cast(given: Given) -> Array:
    return given.array("x").astype(_DTYPES[given.text("dtype")])


OPS: dict[str, Function] = {
    # Layers.
    "conv": layers.conv,
    "conv_transpose": layers.conv_transpose,
    "linear": layers.linear,
    "matmul": layers.matmul,
    "einsum": layers.einsum,
    "max_pool": layers.max_pool,
    "avg_pool": layers.avg_pool,
    "batch_norm": layers.batch_norm,
    "layer_norm": layers.layer_norm,
    "instance_norm": layers.instance_norm,
    "l2_norm": layers.l2_norm,
    # Weights in few bits.
    "constexpr_affine_dequantize": layers.affine_dequantize,
    "constexpr_lut_to_dense": layers.lut_to_dense,
    "constexpr_blockwise_shift_scale": layers.blockwise_shift_scale,
    "constexpr_cast": lambda given: given.array("source_val").astype(_DTYPES[given.text("output_dtype")]),
    # Activations.
    "relu": _unary(lambda x: np.maximum(x, 0)),
    "relu6": _unary(lambda x: np.clip(x, 0, 6)),
    "leaky_relu": lambda given: np.where(given.array("x") >= 0, 1, given.float("alpha", 0.01)) * given.array("x"),
    "clamped_relu": lambda given: np.minimum(
        np.where(given.array("x") >= 0, 1, given.float("alpha")) * given.array("x"), given.float("beta")
    ),
    "prelu": _prelu,
    "elu": lambda given: np.where(
        given.array("x") > 0, given.array("x"), given.float("alpha", 1.0) * np.expm1(np.minimum(given.array("x"), 0))
    ),
    "sigmoid": _unary(_sigmoid),
    "sigmoid_hard": lambda given: np.clip(
        given.float("alpha", 0.2) * given.array("x") + given.float("beta", 0.5), 0, 1
    ),
    "silu": _unary(lambda x: x * _sigmoid(x)),
    "gelu": _gelu,
    "tanh": _unary(np.tanh),
    "scaled_tanh": lambda given: given.float("alpha", 1.0) * np.tanh(given.float("beta", 1.0) * given.array("x")),
    "softplus": _unary(lambda x: np.logaddexp(x, np.float32(0))),
    "softsign": _unary(lambda x: x / (1 + np.abs(x))),
    "softmax": _softmax,
    "linear_activation": lambda given: given.float("alpha", 1.0) * given.array("x") + given.float("beta", 0.0),
    # One value, one result.
    "identity": _unary(lambda x: x),
    "abs": _unary(np.abs),
    "ceil": _unary(np.ceil),
    "clip": lambda given: np.clip(given.array("x"), given.float("alpha"), given.float("beta")),
    "erf": _unary(_erf),
    "exp": _unary(np.exp),
    "floor": _unary(np.floor),
    "inverse": lambda given: 1 / (given.array("x") + given.float("epsilon", 1e-4)),
    "log": lambda given: np.log(given.array("x") + given.float("epsilon", 1e-45)),
    "logical_not": _unary(np.logical_not),
    "round": _unary(np.rint),
    "rsqrt": lambda given: 1 / np.sqrt(given.array("x") + given.float("epsilon", 1e-12)),
    "sign": _unary(np.sign),
    "sqrt": _unary(np.sqrt),
    "square": _unary(np.square),
    # Two values.
    "add": _binary(np.add),
    "equal": _binary(np.equal),
    "floor_div": _binary(np.floor_divide),
    "greater": _binary(np.greater),
    "greater_equal": _binary(np.greater_equal),
    "less": _binary(np.less),
    "less_equal": _binary(np.less_equal),
    "logical_and": _binary(np.logical_and),
    "logical_or": _binary(np.logical_or),
    "maximum": _binary(np.maximum),
    "minimum": _binary(np.minimum),
    "mod": _binary(np.mod),
    "mul": _binary(np.multiply),
    "not_equal": _binary(np.not_equal),
    "pow": _binary(np.power),
    "real_div": _binary(np.true_divide),
    "sub": _binary(np.subtract),
    "select": lambda given: np.where(given.array("cond"), given.array("a"), given.array("b")),
    # Over axes.
    "reduce_l2_norm": _reduction(lambda x, axis, keepdims: np.sqrt((x * x).sum(axis=axis, keepdims=keepdims))),
    "reduce_max": _reduction(np.max),
    "reduce_mean": _reduction(np.mean),
    "reduce_min": _reduction(np.min),
    "reduce_prod": _reduction(np.prod),
    "reduce_sum": _reduction(np.sum),
    "reduce_sum_square": _reduction(lambda x, axis, keepdims: (x * x).sum(axis=axis, keepdims=keepdims)),
    # Shapes.
    "cast": _cast,
    "concat": _concat,
    "expand_dims": _expand_dims,
    "gather": _gather,
    "pad": _pad,
    "reshape": _reshape,
    "reverse": lambda given: np.flip(
        given.array("x"), tuple(given.ints("axes")) if given.optional("axes") is not None else None
    ),
    "shape": _unary(lambda x: np.array(x.shape, np.int32)),
    "slice_by_index": _slice_by_index,
    "slice_by_size": _slice_by_size,
    "split": _split,
    "squeeze": _squeeze,
    "stack": lambda given: np.stack(given.all("values"), given.int("axis")),
    "tile": lambda given: np.tile(given.array("x"), given.ints("reps")),
    "transpose": lambda given: np.transpose(given.array("x"), given.ints("perm")),
}
"""By op: what computes it."""

KEEPING = frozenset(
    {
        "concat",
        "expand_dims",
        "gather",
        "identity",
        "max_pool",
        "relu",
        "relu6",
        "reshape",
        "reverse",
        "slice_by_index",
        "slice_by_size",
        "split",
        "squeeze",
        "stack",
        "tile",
        "transpose",
    }
)
"""Ops whose results are float16 where their inputs are, without rounding."""
