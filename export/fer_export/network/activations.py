"""Activations of TFLite files in a form whose every part int8 can hold.

TensorFlow makes a SELU or softplus of exp(x). Where x reaches 30, the one scale of that tensor must reach e^30, and all
else becomes 0; where x stays small, the exponential of its largest values still takes most steps of the grid. The same
functions can be made of relu(x), |x| and parts between 0 and 1. The minimum of x and 0 is computed wrongly in int8,
because the quantiser gives the constant 0 a scale of its own; x - relu(x) is the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
"""The constants of Klambauer et al. 2017."""


@contextlib.contextmanager
def bounded_activations(fine: bool = False) -> Iterator[None]:
    """Trace the functions of TensorFlow that Keras's selu, celu, softplus, mish and log_sigmoid are made of so.

    fine: for 16 bits, in which LiteRT has no ELU.
    """
    import tensorflow as tf

    smaller = tf.minimum

    def below_zero(x: Any) -> Any:
        return x - tf.nn.relu(x)

    def expm1(x: Any) -> Any:
        return tf.exp(x) - 1.0 if fine else tf.nn.elu(x)

    def selu(features: Any, name: str | None = None) -> Any:
        x = tf.convert_to_tensor(features)
        return SELU_SCALE * tf.nn.relu(x) + SELU_SCALE * SELU_ALPHA * expm1(below_zero(x))

    def softplus(features: Any, name: str | None = None) -> Any:
        x = tf.convert_to_tensor(features)
        return tf.nn.relu(x) - tf.math.log(tf.sigmoid(tf.abs(x)))

    def log_sigmoid(x: Any, name: str | None = None) -> Any:
        x = tf.convert_to_tensor(x)
        return below_zero(x) + tf.math.log(tf.sigmoid(tf.abs(x)))

    def minimum(x: Any, y: Any, name: str | None = None) -> Any:
        for each, other in ((x, y), (y, x)):
            constant = tf.get_static_value(tf.convert_to_tensor(other))
            if constant is not None and not constant.any() and tf.is_tensor(each) and each.dtype.is_floating:
                return below_zero(each)
        return smaller(x, y, name)

    forms = [(tf.nn, selu), (tf.nn, softplus), (tf.math, softplus), (tf.math, log_sigmoid), (tf.math, minimum)]
    with contextlib.ExitStack() as replaced:
        for module, form in [*forms, (tf, minimum)]:
            name = form.__name__
            replaced.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, form)
        yield
