"""Lambda layers of trusted files: their code finds the names that notebooks import."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

_REGISTERED = "fer_export>Lambda"

_PREPROCESSING = (
    ("mobilenetv2", "mobilenet_v2"),
    ("mobilenetv3", "mobilenet_v3"),
    ("mobilenet", "mobilenet"),
    ("efficientnetv2", "efficientnet_v2"),
    ("efficientnet", "efficientnet"),
    ("resnet50v2", "resnet_v2"),
    ("resnet101v2", "resnet_v2"),
    ("resnet152v2", "resnet_v2"),
    ("resnet", "resnet"),
    ("vgg16", "vgg16"),
    ("vgg19", "vgg19"),
    ("inception_resnet", "inception_resnet_v2"),
    ("inception", "inception_v3"),
    ("xception", "xception"),
    ("densenet", "densenet"),
    ("nasnet", "nasnet"),
    ("convnext", "convnext"),
)
"""Beginning of the name that keras.applications gives a network, and the module of its preprocess_input."""


def known_names(config: Any) -> dict[str, Any]:
    """What a Lambda's code may call by name: tf, keras, K, np and the preprocess_input of the network inside."""
    import keras
    import numpy as np
    import tensorflow as tf

    backend = tf.keras.backend
    names = {
        **{"tf": tf, "tensorflow": tf, "keras": keras, "layers": keras.layers, "ops": keras.ops},
        **{"K": backend, "backend": backend, "np": np, "numpy": np, "applications": keras.applications},
        **{"Lambda": keras.layers.Lambda, "imagenet_utils": keras.applications.imagenet_utils},
    }
    for module in {module for _, module in _PREPROCESSING}:
        names[module] = getattr(keras.applications, module, None)
    found = preprocessing(config)
    return {**names, "preprocess_input": found} if found else names


def preprocessing(config: Any) -> Callable[..., Any] | None:
    """The preprocess_input of the keras.applications network in a description; None where there is none."""
    import keras

    text = " ".join(_network_names(config)).lower().replace("-", "")
    for beginning, module in _PREPROCESSING:
        if beginning in text and hasattr(keras.applications, module):
            found: Callable[..., Any] = getattr(keras.applications, module).preprocess_input
            return found
    return None


def _network_names(config: Any) -> list[str]:
    if isinstance(config, list):
        return [name for item in config for name in _network_names(item)]
    if not isinstance(config, dict):
        return []
    own = []
    inner = config.get("config")
    if isinstance(inner, dict) and "layers" in inner:
        own = [str(inner.get("name", ""))]
    return own + [name for item in config.values() for name in _network_names(item)]


def custom_objects(config: Any) -> dict[str, Any]:
    """For Keras's readers: a Lambda whose code finds these names, and preprocess_input saved by its name."""
    import keras

    names = known_names(config)

    class NamedLambda(keras.layers.Lambda):  # type: ignore[misc]
        """A Lambda whose function is given the names of a notebook."""

        @classmethod
        def from_config(cls, config: dict[str, Any], custom_objects: Any = None, safe_mode: Any = None) -> Any:
            plain = keras.layers.Lambda.from_config(dict(config), custom_objects=custom_objects, safe_mode=safe_mode)
            return with_names(plain, names)

    found: dict[str, Any] = {_REGISTERED: NamedLambda}
    if "preprocess_input" in names:
        found["preprocess_input"] = names["preprocess_input"]
    return found


def marked(config: Any) -> Any:
    """A copy of a description whose Lambdas are built by the class in `custom_objects`."""
    if isinstance(config, list):
        return [marked(item) for item in config]
    if not isinstance(config, dict):
        return config
    copy = {key: marked(value) for key, value in config.items()}
    if config.get("class_name") == "Lambda" and not config.get("registered_name"):
        copy["registered_name"] = _REGISTERED
    return copy


def with_names(layer: keras.layers.Lambda, names: dict[str, Any]) -> keras.layers.Lambda:
    """The same Lambda layer, whose own code finds these names; others that it uses it keeps."""
    for attribute in ("function", "_output_shape"):
        function = getattr(layer, attribute, None)
        if isinstance(function, types.FunctionType) and function.__name__ == "<lambda>" or _loaded(function):
            setattr(layer, attribute, _named(function, names))
    return layer


def _loaded(function: Any) -> bool:
    """Whether a function was read from a file: it then stands in the module of Keras's reader."""
    return isinstance(function, types.FunctionType) and "python_utils" in str(function.__globals__.get("__name__"))


def _named(function: Any, names: dict[str, Any]) -> types.FunctionType:
    space = {"__builtins__": __builtins__, **names}
    named = types.FunctionType(function.__code__, space, function.__name__, function.__defaults__, function.__closure__)
    named.__kwdefaults__ = function.__kwdefaults__
    return named
