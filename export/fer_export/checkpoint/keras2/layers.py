"""One layer of Keras 1 or 2 as layers of Keras 3: names, options, defaults that moved, and channel order.

Nothing of the old file is executed: a layer is looked up in keras.layers and gets only options that it knows.
What only training needs (initialisers, regularisers, constraints) is dropped; an option that would change the
result and that Keras 3 lacks is refused, never ignored.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import CheckpointError
from ..keras3.lambdas import known_names, with_names
from ..keras3.messages import sentence

if TYPE_CHECKING:
    import keras

_CLASSES = {
    "Convolution2D": "Conv2D",
    "AtrousConvolution2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
}
_MERGES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate"}
_OPTIONS = {
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "bias": "use_bias",
    "output_dim": "units",
    "p": "rate",
    "sigma": "stddev",
    "atrous_rate": "dilation_rate",
    "concat_axis": "axis",
}
_TRAINING_ONLY = re.compile(
    r".*_(initializer|regularizer|constraint|init)|init|seed|[Wb]_(regularizer|constraint)|weights|trainable|dtype|name"
    r"|batch_input_shape|batch_shape|input_dtype|input_dim|fused|virtual_batch_size|data_format|dim_ordering|implementation|unroll"
)
_OPERATIONS = {
    "math.truediv": lambda y: {"scale": 1.0 / y},
    "math.divide": lambda y: {"scale": 1.0 / y},
    "__operators__.truediv": lambda y: {"scale": 1.0 / y},
    "math.multiply": lambda y: {"scale": y},
    "__operators__.multiply": lambda y: {"scale": y},
    "math.subtract": lambda y: {"scale": 1.0, "offset": -y},
    "__operators__.subtract": lambda y: {"scale": 1.0, "offset": -y},
    "math.add": lambda y: {"scale": 1.0, "offset": y},
    "__operators__.add": lambda y: {"scale": 1.0, "offset": y},
}
_TWO_TENSORS = {"add": "Add", "multiply": "Multiply", "subtract": "Subtract"}
_SPATIAL = re.compile(r".*(Conv2D|Pooling2D|Padding2D|Cropping2D|UpSampling2D|Convolution2D)")
_ANY_CHANNEL_ORDER = re.compile(
    _SPATIAL.pattern + r"|BatchNormalization|Activation|ReLU|LeakyReLU|ELU|.*Dropout|Gaussian.*|Flatten|Add|Multiply"
    r"|Average|Maximum|Minimum|Subtract|Concatenate|Rescaling"
)
_AXIS_FROM_CHANNELS_FIRST = (0, 3, 1, 2)


def known_layers() -> set[str]:
    """Class names of Keras 1 and 2 layers that are not custom code (not all can be translated)."""
    import keras

    gone = {"Merge", "ThresholdedReLU", "MaxoutDense", "Highway", "TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"}
    return set(dir(keras.layers)) | set(_CLASSES) | gone


def is_channels_first(class_name: str, config: dict[str, Any]) -> bool | None:
    """Whether a layer says that channels come first; None if it does not say."""
    if not _SPATIAL.fullmatch(class_name):
        return None
    order = config.get("data_format", config.get("dim_ordering"))
    return None if order in (None, "default") else order in ("channels_first", "th")


@dataclass(frozen=True)
class Origin:
    """Properties of all layers of a file."""

    channels_first: bool = False
    """Whether pictures are [N, C, H, W]."""

    theano: bool = False
    """Whether Theano's kernels are flipped."""

    trust: bool = False
    """Whether code in the file may run."""

    whole: Any = None
    """The file's whole description: the code of a Lambda may name what stands elsewhere in it."""


class LegacyLayer:
    """A layer of an old network, called with the tensors of the new one; built when it is first called.

    layer: the Keras 3 layer that holds the weights. Raises CheckpointError for what Keras 3 cannot express.
    """

    def __init__(self, class_name: str, config: dict[str, Any], name: str, origin: Origin) -> None:
        self.class_name, self.config, self.name = class_name, config, name
        self.origin = origin
        self.kernels_first = config.get("dim_ordering") == "th"
        self.trainable = bool(config.get("trainable", True))
        self.layer: keras.layers.Layer | None = None
        self._chain: list[keras.layers.Layer] | None = None

    def __call__(self, inputs: list[Any], arguments: dict[str, Any]) -> Any:
        try:
            if self._chain is None:
                self._chain = self._build(inputs, arguments)
            result = inputs if len(inputs) > 1 else inputs[0]
            for layer in self._chain:
                result = layer(result)
        except CheckpointError:
            raise
        except Exception as error:  # Keras raises many kinds for options and shapes that do not fit, lambdas any
            raise self._no_equal(sentence(error)) from error
        return result

    def _build(self, inputs: list[Any], arguments: dict[str, Any]) -> list[keras.layers.Layer]:
        import keras

        class_name, options = self._modernised(inputs, arguments)
        before = []
        if self.origin.channels_first and len(inputs[0].shape) == 4:
            if not _ANY_CHANNEL_ORDER.fullmatch(class_name):
                raise self._no_equal("it works on channels-first pictures")
            if "axis" in options:
                options["axis"] = _AXIS_FROM_CHANNELS_FIRST[options["axis"] % 4]
            # Keras 2.2 and later bring the channels last before flattening when Flatten itself says channels_first.
            if class_name == "Flatten" and self.config.get("data_format") != "channels_first":
                before = [keras.layers.Permute((3, 1, 2), name=f"{self.name}_order")]
        if class_name.startswith("Random"):
            return []  # augmentation: nothing at inference
        activation = options.get("activation")
        if isinstance(activation, dict) and activation["class_name"] != "function":
            options["activation"] = "linear"
            after = LegacyLayer(activation["class_name"], activation["config"], f"{self.name}_activation", Origin())
            chain = [self._make(class_name, options), *after._build(inputs, {})]
        else:
            if isinstance(activation, dict):
                options["activation"] = activation["config"]
            chain = [self._make(class_name, options)]
        self.layer = chain[0]
        return before + chain

    def _modernised(self, inputs: list[Any], arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if self.class_name == "TFOpLambda":
            return self._operation(inputs, arguments)
        config = {_OPTIONS.get(key, key): _plain(value) for key, value in self.config.items()}
        class_name = _CLASSES.get(self.class_name, self.class_name)
        if self.class_name == "Merge":
            mode = config.pop("mode")
            if mode not in _MERGES:
                raise self._no_equal(f"its mode is {mode!r}")
            return _MERGES[mode], {"axis": config["axis"]} if mode == "concat" else {}
        if class_name == "BatchNormalization":
            if config.pop("mode", 0) != 0 or config.get("renorm"):
                raise self._no_equal("it normalises by more than its stored statistics")
            config = {key: value for key, value in config.items() if not key.startswith("renorm")}
        if "nb_row" in config:
            config["kernel_size"] = (config.pop("nb_row"), config.pop("nb_col"))
        if class_name == "LeakyReLU" and "alpha" in config:
            config["negative_slope"] = config.pop("alpha")
        if isinstance(config.get("target_shape"), int):  # _plain takes lists of one for Keras 2's axes
            config["target_shape"] = (config["target_shape"],)
        if class_name == "ZeroPadding2D" and len(config.get("padding", ())) == 4:
            top, bottom, left, right = config["padding"]
            config["padding"] = ((top, bottom), (left, right))
        self._check(class_name, config)
        return class_name, config

    def _check(self, class_name: str, config: dict[str, Any]) -> None:
        if config.get("activation") == "hard_sigmoid":
            raise self._no_equal("hard_sigmoid is another function since Keras 3")
        if config.get("padding") in ("full", "half"):
            raise self._no_equal(f"its border mode is {config['padding']!r}")
        if self.origin.theano and config.get("padding") == "same":
            odd = all(size % 2 for size in config.get("kernel_size", (2,)))
            if not odd or set(config.get("strides") or (1,)) != {1}:
                raise self._no_equal("Theano pads it at other edges than TensorFlow")

    def _operation(self, inputs: list[Any], arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        function = self.config.get("function", "")
        short = function.rsplit(".", 1)[-1]
        if len(inputs) == 2 and short in _TWO_TENSORS:
            return _TWO_TENSORS[short], {}
        operand = arguments.get("y")
        if function in _OPERATIONS and isinstance(operand, int | float):
            return "Rescaling", _OPERATIONS[function](float(operand))
        if function == "cast" and arguments.get("dtype") == "float32":
            return "Activation", {"activation": "linear"}
        if function.startswith("nn.") and short in ("relu", "relu6", "softmax", "sigmoid", "elu", "silu", "swish"):
            return "Activation", {"activation": short}
        raise self._no_equal(f"it calls tf.{function}")

    def _make(self, class_name: str, options: dict[str, Any]) -> keras.layers.Layer:
        import keras

        if self.class_name == "Lambda":
            return self._lambda()
        kind = getattr(keras.layers, class_name, None)
        if kind is None and self.origin.trust:
            kind = keras.saving.get_registered_object(class_name)
        if not (isinstance(kind, type) and issubclass(kind, keras.layers.Layer)):
            raise self._no_equal("Keras 3 has no such layer")
        accepted = inspect.signature(kind).parameters
        given = {}
        for key, value in options.items():
            if _TRAINING_ONLY.fullmatch(key):
                continue
            if key in accepted:
                given[key] = value
            elif value is True or value not in (None, False, 1, (), (1, 1)):
                raise self._no_equal(f"Keras 3 does not know its option {key}={value}")
        return kind(**given, name=self.name)

    def _lambda(self) -> keras.layers.Layer:
        """A trusted lambda: Keras 1 and 2 keep [code, defaults, closure], Keras 2.13 and later a named record."""
        import keras

        function = self.config["function"]
        if isinstance(function, list):
            function = {
                "class_name": "__lambda__",
                "config": dict(zip(("code", "defaults", "closure"), function, strict=True)),
            }
        config = {"name": self.name, "function": function, "arguments": self.config.get("arguments") or {}}
        if not self.origin.trust:
            raise self._no_equal("it is code")
        try:
            return with_names(keras.layers.Lambda.from_config(config, safe_mode=False), known_names(self.origin.whole))
        except (ValueError, TypeError, EOFError) as error:
            raise self._no_equal("its code was written by another version of Python, or is not in the file") from error

    def _no_equal(self, why: str) -> CheckpointError:
        return CheckpointError(
            f"layer {self.name!r} ({self.class_name}) cannot be carried over to Keras 3: {why}; "
            "save the network as a SavedModel folder with the Keras that made it, and pass that"
        )


def _plain(value: Any) -> Any:
    """JSON's lists as tuples; the wrappers that Keras 2 puts around tuples and numbers removed."""
    if isinstance(value, dict) and value.get("class_name") == "__tuple__":
        value = value["items"]
    if isinstance(value, dict) and "value" in value and set(value) <= {"type", "value"}:
        return value["value"]
    if isinstance(value, list):
        return value[0] if len(value) == 1 else tuple(_plain(item) for item in value)
    return value
