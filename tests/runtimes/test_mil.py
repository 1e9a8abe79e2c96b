"""The interpreter of Core ML programs against TensorFlow's own ops, and what it refuses. Needs no coremltools."""

import numpy as np
import pytest
import tensorflow as tf

from fer_export.errors import ExportFileError, UsageError
from fer_export.runtimes import open_runtime
from fer_export.runtimes.coreml import CoreMl, MilInterpreter, installed
from fer_export.runtimes.mil_ops import OPS
from fer_export.runtimes.mil_values import Given
from helpers import tiny_coreml


def values(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def computed(kind, **inputs):
    return OPS[kind](
        Given({name: tuple(given) if isinstance(given, list) else (given,) for name, given in inputs.items()})
    )


def last(x):
    return np.transpose(x, (0, 2, 3, 1))


def first(x):
    return np.transpose(np.asarray(x), (0, 3, 1, 2))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("strides", "dilations"), [((1, 1), (1, 1)), ((2, 2), (1, 1)), ((1, 1), (2, 3))])
@pytest.mark.parametrize("groups", [1, 2])
def test_convolutions(padding, strides, dilations, groups):
    x, weight, bias = values(3, 6, 9, 8), values(4, 6 // groups, 3, 2, seed=1), values(4, seed=2)
    found = computed(
        "conv",
        x=x,
        weight=weight,
        bias=bias,
        strides=np.array(strides),
        dilations=np.array(dilations),
        pad_type=padding,
        groups=np.array(groups),
    )
    halves = zip(np.split(x, groups, 1), np.split(weight, groups), strict=True)
    parts = [
        tf.nn.conv2d(last(part), np.transpose(own, (2, 3, 1, 0)), strides, padding.upper(), dilations=dilations)
        for part, own in halves
    ]
    assert np.allclose(found, first(np.concatenate(parts, -1) + bias), atol=1e-4)


@pytest.mark.parametrize("kernel", [(3, 2), (2, 5), (1, 1)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 3)])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_transposed_convolutions(kernel, strides, padding):
    x, weight, bias = values(2, 6, 4, 5), values(6, 4, *kernel, seed=1), values(4, seed=2)
    sides = list(zip((4, 5), strides, kernel, strict=True))
    size = [(side - 1) * stride + (stride if padding == "same" else max(one, stride)) for side, stride, one in sides]
    options = {"strides": np.array(strides), "pad_type": padding, "output_shape": np.array([2, 4, *size])}
    found = computed("conv_transpose", x=x, weight=weight, bias=bias, **options)
    flipped = np.transpose(weight, (2, 3, 1, 0))
    wanted = tf.nn.conv2d_transpose(last(x), flipped, [2, *size, 4], strides, padding.upper())
    assert np.allclose(found, first(wanted + bias), atol=1e-4)


def test_transposed_convolution_in_groups_with_given_padding_and_shape():
    x, weight = values(1, 4, 3, 3), values(4, 2, 3, 3, seed=1)
    options = {"strides": np.array([2, 2]), "groups": np.array(2), "pad_type": "custom", "pad": np.array([1, 1, 0, 1])}
    found = computed("conv_transpose", x=x, weight=weight, **options)
    whole = [
        first(tf.nn.conv2d_transpose(last(x[:, at]), np.transpose(weight[at], (2, 3, 1, 0)), [1, 7, 7, 2], 2, "VALID"))
        for at in (slice(0, 2), slice(2, 4))
    ]
    assert np.allclose(found, np.concatenate(whole, 1)[:, :, 1:6, 0:6], atol=1e-4)
    larger = computed("conv_transpose", x=x, weight=weight, **options, output_shape=np.array([1, 4, 7, 6]))
    assert np.allclose(larger[:, :, :6], np.concatenate(whole, 1)[:, :, 1:7, 0:6], atol=1e-4)
    assert not larger[:, :, 6].any()


def test_depthwise_convolution_with_given_padding():
    x, weight = values(2, 3, 7, 7), values(6, 1, 3, 3, seed=1)
    found = computed(
        "conv",
        x=x,
        weight=weight,
        strides=np.array([2, 2]),
        pad_type="custom",
        pad=np.array([1, 0, 0, 2]),
        groups=np.array(3),
    )
    kernel = np.transpose(weight.reshape(3, 2, 3, 3), (2, 3, 0, 1))
    padded = np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 2)))
    assert np.allclose(found, first(tf.nn.depthwise_conv2d(last(padded), kernel, (1, 2, 2, 1), "VALID")), atol=1e-4)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_pooling(padding):
    x = values(2, 3, 7, 6)
    given = {"x": x, "kernel_sizes": np.array([3, 2]), "strides": np.array([2, 2]), "pad_type": padding}
    largest = tf.nn.max_pool2d(last(x), (3, 2), (2, 2), padding.upper())
    mean = tf.nn.avg_pool2d(last(x), (3, 2), (2, 2), padding.upper())
    assert np.allclose(computed("max_pool", **given), first(largest))
    assert np.allclose(
        computed("avg_pool", **given, exclude_padding_from_average=np.array(True)), first(mean), atol=1e-6
    )
    zeros = computed("avg_pool", **given)
    assert zeros.shape == first(mean).shape
    assert np.allclose(zeros, first(mean), atol=1e-6) == (padding == "valid")


def test_norms_and_activations():
    x, mean, variance = values(2, 3, 4, 4), values(3, seed=1), np.abs(values(3, seed=2)) + 0.1
    gamma, beta = values(3, seed=3), values(3, seed=4)
    found = computed("batch_norm", x=x, mean=mean, variance=variance, gamma=gamma, beta=beta, epsilon=np.float32(1e-3))
    assert np.allclose(found, first(tf.nn.batch_normalization(last(x), mean, variance, beta, gamma, 1e-3)), atol=1e-4)
    pairs = {
        "relu6": tf.nn.relu6,
        "silu": tf.nn.silu,
        "gelu": lambda x: tf.nn.gelu(x, approximate=False),
        "softplus": tf.nn.softplus,
        "softsign": tf.nn.softsign,
        "elu": tf.nn.elu,
        "sigmoid": tf.nn.sigmoid,
        "erf": tf.math.erf,
    }
    for kind, function in pairs.items():
        assert np.allclose(computed(kind, x=x), function(x), atol=1e-5), kind
    assert np.allclose(computed("leaky_relu", x=x, alpha=np.float32(0.3)), tf.nn.leaky_relu(x, 0.3))
    assert np.allclose(computed("softmax", x=x, axis=np.array(1)), tf.nn.softmax(x, 1), atol=1e-6)
    assert np.allclose(computed("prelu", x=x, alpha=gamma), np.where(x > 0, x, x * gamma[:, None, None]))


def test_weights_in_few_bits():
    stored, scale = np.array([[-127, 3], [5, 127]], np.int8), np.array([0.5, 2], np.float16)
    found = computed(
        "constexpr_affine_dequantize", quantized_data=stored, scale=scale, zero_point=np.int8([0, 1]), axis=np.array(0)
    )
    assert found.tolist() == [[-63.5, 1.5], [8, 252]]
    table, places = np.arange(64, dtype=np.float16) / 8, np.arange(20) * 3
    bits = (places[:, None] >> np.arange(6)) & 1
    packed = np.packbits(bits.reshape(-1).astype(np.uint8), bitorder="little")
    found = computed("constexpr_lut_to_dense", lut=table, indices=packed, shape=np.array([4, 5]))
    assert np.array_equal(found, (places / 8).reshape(4, 5))
    with pytest.raises(ValueError, match="too few indices"):
        computed("constexpr_lut_to_dense", lut=table, indices=packed, shape=np.array([4, 6]))
    blocks = computed(
        "constexpr_blockwise_shift_scale",
        data=np.full((2, 4), 3, np.int8),
        scale=np.float16([[1, 2], [3, 4]]),
        offset=np.int8([[1, 1], [1, 0]]),
    )
    assert blocks.tolist() == [[2, 2, 4, 4], [6, 6, 12, 12]]


def test_shapes():
    x = values(1, 4, 3)
    cut = {"x": x, "begin": np.array([0, 1, 0]), "end": np.array([1, 4, 2]), "stride": np.array([1, 2, 1])}
    assert np.array_equal(computed("slice_by_index", **cut), x[:, 1:4:2, :2])
    masks = {"begin_mask": np.array([1, 1, 1]), "end_mask": np.array([1, 1, 1]), "squeeze_mask": np.array([0, 0, 1])}
    assert np.array_equal(computed("slice_by_index", **cut, **masks), x[:, ::2, 0])
    assert [part.shape for part in computed("split", x=x, split_sizes=np.array([1, 3]), axis=np.array(1))] == [
        (1, 1, 3),
        (1, 3, 3),
    ]
    assert computed("concat", values=[x, x], axis=np.array(-1)).shape == (1, 4, 6)
    assert computed("pad", x=x, pad=np.array([0, 0, 1, 2, 0, 1])).shape == (1, 7, 4)
    assert np.array_equal(computed("reverse", x=x, axes=np.array([2])), x[..., ::-1])
    assert np.allclose(computed("matmul", x=x, y=x, transpose_y=np.array(True)), x @ x.swapaxes(1, 2))


def faces(count=70, side=tiny_coreml.SIDE):
    return np.random.default_rng(3).integers(0, 256, (count, side, side, 1), dtype=np.uint8)


def test_several_faces_are_answered_as_one_by_one():
    with open_runtime(tiny_coreml.package()) as runtime:
        together = runtime.run(faces())
        assert np.allclose(together.sum(axis=1), 1, atol=1e-6)
        assert np.allclose(together, np.concatenate([runtime.run(face[None]) for face in faces()]), atol=1e-6)
        assert runtime.run(faces(0)).shape == (0, 3)
        assert "not Apple's" in runtime.kernels


def test_a_program_that_mixes_its_faces_is_run_one_by_one():
    """A file is made for one face: an average over all axes is one number then, and stays one."""
    maker = tiny_coreml.Maker()
    x = maker.op("reduce_mean", (), x="image", axes=[0, 1, 2, 3], keep_dims=np.array(0))
    x = maker.op("mul", (1, 3), x=x, y=np.float32([[0.01, -0.01, 0]]))
    content = maker.classify(maker.op("softmax", (1, 3), x=x, axis=np.array(1))).packed()
    with open_runtime(content) as runtime:
        found = runtime.run(faces(9))
    means = faces(9).mean(axis=(1, 2, 3))[:, None] * [0.01, -0.01, 0]
    assert np.allclose(found, tf.nn.softmax(means), atol=1e-5)


def test_float16_is_rounded_after_every_op():
    maker = tiny_coreml.Maker(arithmetic="float16")
    x = maker.op("reduce_mean", (1, 1), x="image", axes=[2, 3], keep_dims=np.array(0))
    x = maker.op("add", (1, 1), x=x, y=np.float32(2048))
    content = maker.classify(maker.op("mul", (1, 3), "float32", x=x, y=np.float32([[1, 1, 1]]))).packed()
    with open_runtime(content) as runtime:
        # Float16 has steps of 2 there.
        assert runtime.run(np.full((1, 8, 8, 1), 101, np.uint8)).tolist() == [[2148.0] * 3]


def test_an_unknown_op_is_named():
    maker = tiny_coreml.Maker()
    content = maker.classify(maker.op("nine_tails", (1, 3), x="image")).packed()
    with pytest.raises(ExportFileError, match="does not know the Core ML op nine_tails"):
        MilInterpreter(content)


@pytest.mark.parametrize("isolated", [False, True])
@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("reshape", {"x": "image", "shape": [1, 5, 7]}),
        ("tile", {"x": "image", "reps": [1, 1 << 20, 1 << 10, 1 << 10]}),
        ("conv", {"x": "image", "weight": np.zeros((4, 2, 3, 3), np.float32)}),
        ("gather", {"x": "image", "indices": [99], "axis": np.array(1)}),
        ("einsum", {"values": "image", "equation": "z->zz"}),
        ("relu", {}),
    ],
)
def test_an_op_that_cannot_run_is_one_error(kind, inputs, isolated):
    if kind == "tile" and not isolated:
        pytest.skip("memory is bounded in a process of its own")
    maker = tiny_coreml.Maker()
    content = maker.classify(maker.op(kind, (1, 3), **inputs)).packed()
    with pytest.raises(ExportFileError), open_runtime(content, isolated=isolated) as runtime:
        runtime.run(faces(2))


def test_a_file_that_is_not_a_classifier_is_refused():
    maker = tiny_coreml.Maker()
    maker.op("relu", (1, 1, 8, 8), x="image")
    with pytest.raises(ExportFileError, match="0 outputs"):
        MilInterpreter(maker.packed())


def test_core_mls_own_runtime_needs_a_mac():
    if installed():
        pytest.skip("it is there")
    with pytest.raises(UsageError, match="runs on macOS"):
        CoreMl(tiny_coreml.package())
    with pytest.raises(UsageError, match="runs on macOS"):
        open_runtime(tiny_coreml.package(), "coreml", isolated=False)
