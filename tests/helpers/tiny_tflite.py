"""A tiny emotion network and its .tflite files, converted once a test session."""

from __future__ import annotations

import functools
import tempfile
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_export.contract.tensors import Contract
from fer_export.system import keras_backend

SIZE = 8
LABELS = ("angry", "happy", "sad", "neutral")


@functools.cache
def network(channels: int = 1) -> Any:
    """float32 [N, 8, 8, channels] of 0..255 -> probabilities [N, 4]; clear answers, seeded."""
    keras_backend.prepare()
    import keras
    from keras import layers

    keras.utils.set_random_seed(7)
    inputs = keras.Input((SIZE, SIZE, channels))
    luma = np.array([0.299, 0.587, 0.114] if channels == 3 else [1.0]).reshape(1, 1, channels, 1) / 255
    grey = layers.Conv2D(1, 1, use_bias=False, kernel_initializer=keras.initializers.Constant(luma))(inputs)
    x = layers.Conv2D(4, 3, strides=2, activation="relu")(grey)
    # 36 x 32 weights: dynamic range leaves anything under 1024 in float.
    x = layers.Dense(32, activation="relu")(layers.Flatten()(x))
    wide = keras.initializers.RandomNormal(stddev=2.0, seed=3)
    logits = layers.Dense(len(LABELS), kernel_initializer=wide)
    scores = logits(x)
    # Centred on the pictures of the tests, so that every label comes first on some of them.
    usual = np.asarray(keras.Model(inputs, scores)(images(channels).astype(np.float32))).mean(axis=0)
    logits.bias.assign(-usual)
    return keras.Model(inputs, layers.Softmax()(scores))


@functools.cache
def images(channels: int = 1, count: int = 24) -> NDArray[np.uint8]:
    """Pictures of four blocks of random tone, uint8 [count, 8, 8, channels]: unlike noise, they spread the labels."""
    blocks = np.random.default_rng(5).integers(0, 256, (count, 2, 2, channels), dtype=np.uint8)
    return blocks.repeat(SIZE // 2, axis=1).repeat(SIZE // 2, axis=2)


@functools.cache
def probabilities(channels: int = 1) -> NDArray[np.float32]:
    """What Keras says of `images(channels)`, float32 [N, 4]."""
    return np.asarray(network(channels)(images(channels).astype(np.float32)))


@functools.cache
def converted(precision: str = "none", channels: int = 1, io: str | None = None) -> bytes:
    """The bytes the TFLite converter writes: uint8 in and float32 out, or `io` at both ends."""
    keras_backend.prepare()
    import keras
    import tensorflow as tf

    model = network(channels)
    given, result = (io, io) if io else ("uint8", "float32")
    inside = "float32" if precision == "int8" else given
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serving_default",
        lambda image: {"probabilities": model(tf.cast(image, tf.float32))},
        input_signature=[tf.TensorSpec((1, SIZE, SIZE, channels), inside, name="image")],
    )
    with tempfile.TemporaryDirectory() as folder, keras_backend.silenced():
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
        if precision != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "fp16":
            converter.target_spec.supported_types = [tf.float16]
        elif precision == "dynamic":
            converter.experimental_new_dynamic_range_quantizer = False
        elif precision == "int8":
            samples = images(channels).astype(np.float32)
            samples[0, 0, 0], samples[0, 0, -1] = 0, 255
            converter.representative_dataset = lambda: ({"image": sample[None]} for sample in samples)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.as_dtype(given)
            converter.inference_output_type = tf.as_dtype(result)
        with warnings.catch_warnings():
            # The converter calibrates with the tf.lite.Interpreter that it calls deprecated.
            warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated", category=UserWarning)
            return bytes(converter.convert())


def contract(precision: str = "none", channels: int = 1, io: str | None = None) -> Contract:
    """The contract of `converted(precision, channels, io)`."""
    return Contract(
        model="tiny",
        precision=precision,
        input_kind="rgb" if channels == 3 else "gray",
        input_shape=(1, SIZE, SIZE, channels),
        input_type=io or "uint8",
        output_shape=(1, len(LABELS)),
        output_type=io or "float32",
        labels=LABELS,
        labels_source="the test",
        checkpoint_sha256="0" * 64,
    )
