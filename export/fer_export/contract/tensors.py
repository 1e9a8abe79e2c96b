"""What a phone passes to an exported file and what it gets back, as data.

The same document is embedded in every file (`contract.json`) and read by apps; these constants stand
nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Protocol

from ..errors import BundleError, ExportFileError, UsageError
from .documents import converted
from .photo import CropRule, GreyRule, contract_for
from .variants import Variant

INPUT_NAME = "image"
BOX_NAME = "box"
OUTPUT_NAME = "probabilities"
VERSION = 1

End = tuple[str, tuple[int, ...], str]
"""Name, shape and type of an input or output; a size of -1 is free."""


@dataclass(frozen=True)
class FrameRule:
    """How a `frame` file makes its face, grey and of size x size pixels, from a picture and a box: as `crop` does.

    The box is int32 [4]: left, top, right and bottom of the face in pixels, right and bottom the first outside.
    """

    size: int
    """Side of the face in pixels."""

    crop: CropRule
    """The square around the box."""

    grey: GreyRule
    """How RGB becomes grey."""

    resize: str = "area"
    """Name of the resize method."""

    box_name: str = BOX_NAME
    """Name of the box input."""

    box_type: str = "int32"
    """Its element type."""

    box_shape: tuple[int] = (4,)
    """Its shape."""

    @classmethod
    def of(cls, size: int) -> FrameRule:
        """The rule of every photo, for a network of that input side."""
        rules = contract_for((), size)
        return cls(size, rules.crop, rules.grey, rules.resize)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> FrameRule:
        """The rule inside a file; raises ExportFileError where it is not of this form."""
        try:
            return converted(document, cls, "frame")
        except BundleError as error:
            raise ExportFileError(
                "the file's contract says nothing of its crop that can be read; export it again with "
                "`export()` and `input_kind='frame'`"
            ) from error


class Network(Protocol):
    """What a contract says of a network."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def labels_source(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def mirror(self) -> bool: ...
    @property
    def whole(self) -> tuple[str, ...]: ...
    @property
    def said_of_scaling(self) -> tuple[str, str]: ...
    @property
    def prior(self) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True)
class Contract:
    """One exported file's tensors."""

    model: str
    """Name of the network."""

    precision: str
    """A word of PRECISION_NAMES."""

    input_kind: str
    """`gray`, `rgb` or `frame`."""

    input_shape: tuple[int, int, int, int]
    """[1, S, S, 1] grey, [1, S, S, 3] RGB or [1, -1, -1, 3] a frame; values 0..255 in the order rows, columns, channels
    (int8: value - 128)."""

    input_type: str
    """Element type of the input."""

    output_shape: tuple[int, int]
    """[1, K], probabilities in the order of `labels`."""

    output_type: str
    """Element type of the output."""

    labels: tuple[str, ...]
    """Emotions in the order of the outputs."""

    labels_source: str
    """Where the order of the labels comes from."""

    checkpoint_sha256: str
    """SHA-256 of the network that was exported."""

    luma: tuple[float, float, float] = GreyRule().luma
    """Weights of red, green and blue in grey."""

    input_name: str = INPUT_NAME
    """Name of the input."""

    output_name: str = OUTPUT_NAME
    """Name of the output."""

    version: int = VERSION
    """Version of this document."""

    scaling: str = ""
    """What the network inside was trained on; empty where its card says it."""

    scaling_source: str = ""
    """Where the scaling is known from."""

    float_layers: tuple[str, ...] = ()
    """Layers of an int8 file that compute in float."""

    float_ops: Mapping[str, Any] | None = None
    """Layers of an int8 file that have no int8 kernel, with the number of their ops in float; None where there are
    none."""

    whole_layers: tuple[str, ...] = ()
    """Separable convolutions that are one convolution in the file, not two."""

    frame: FrameRule | None = None
    """The crop inside a frame file, which has a box input too; None for other files."""

    mirror: bool = False
    """Whether the answer is the mean over the face and its mirror image."""

    prior: Mapping[str, Any] | None = None
    """The shares of the emotions that the answers assume (`expected`), those that the network was trained on
    (`trained`), and how much of the difference is applied (`tau`); None for the trained ones."""

    @classmethod
    def of(
        cls,
        network: Network,
        variant: Variant,
        input_kind: str = "gray",
        types: tuple[str, str] = ("uint8", "float32"),
        float_layers: Sequence[str] = (),
        float_ops: Mapping[str, int] | None = None,
    ) -> Contract:
        """The contract of a network's file.

        types: of its input and its output.
        float_layers: layers of an int8 file that were kept in float.
        float_ops: layers of it that have no int8 kernel, and how many of their ops are in float.
        """
        return cls(
            model=network.name,
            precision=variant.precision,
            input_kind=input_kind,
            input_shape=input_shape(input_kind, network.size),
            input_type=types[0],
            output_shape=(1, len(network.labels)),
            output_type=types[1],
            labels=network.labels,
            labels_source=network.labels_source,
            scaling=network.said_of_scaling[0],
            scaling_source=network.said_of_scaling[1],
            checkpoint_sha256=network.sha256,
            float_layers=tuple(float_layers),
            float_ops=dict(float_ops) if float_ops else None,
            whole_layers=network.whole,
            mirror=network.mirror,
            prior=network.prior,
            frame=FrameRule.of(network.size) if input_kind == "frame" else None,
        )

    @classmethod
    def from_dict(cls, document: Any) -> Contract:
        """The contract inside a file; raises BundleError for a missing, unknown or invalid field."""
        return converted(_complete(document), cls, "contract", "export the file again")

    @property
    def inputs(self) -> tuple[End, ...]:
        """The image and, of a frame file, the box."""
        image = self.input_name, self.input_shape, self.input_type
        return (image, (self.frame.box_name, self.frame.box_shape, self.frame.box_type)) if self.frame else (image,)

    @property
    def outputs(self) -> tuple[End, ...]:
        return ((self.output_name, self.output_shape, self.output_type),)

    def to_dict(self) -> dict[str, Any]:
        """The contract as JSON-safe fields.

        scaling, float_layers, float_ops, whole_layers, mirror and prior are present only where there are any. A frame
        file has `frame`, whose grey rule replaces luma.
        """
        document = asdict(self)
        absent = {"luma"} if self.frame else {"frame"}
        optional = ("scaling", "scaling_source", "float_layers", "float_ops", "whole_layers", "mirror", "prior")
        absent |= {name for name in optional if not document[name]}
        return {name: value for name, value in document.items() if name not in absent}


def _complete(document: Any) -> Any:
    """A contract with the fields that `to_dict` leaves out where they say nothing."""
    if not isinstance(document, dict):
        return document
    return {**{each.name: each.default for each in fields(Contract) if each.default is not MISSING}, **document}


def network_kind(input_kind: str) -> str:
    """The input of the network inside a file: a frame file's crop hands it grey faces."""
    return "gray" if input_kind == "frame" else input_kind


def input_shape(input_kind: str, size: int) -> tuple[int, int, int, int]:
    """Shape of the image of a file.

    size: side of the network's input.
    """
    return (1, -1, -1, 3) if input_kind == "frame" else (1, size, size, channels(input_kind))


def channels(input_kind: str) -> int:
    """1 for `gray`, 3 for `rgb` and `frame`."""
    return 1 if input_kind == "gray" else 3


def io_types(io: str | None, input_kind: str = "gray") -> tuple[str, str]:
    """Input and output type of a file: uint8 in and float32 out, unless `--io` overrides both.

    Raises UsageError for `--io` with a frame, whose bytes are an image's as it is decoded.
    """
    if io and input_kind == "frame":
        raise UsageError(
            f"`io={io}` does not go with `input_kind='frame'`, which takes bytes and gives float32; remove it"
        )
    return (io, io) if io else ("uint8", "float32")


def describe(contract: Contract) -> str:
    """One sentence for the file's own description field."""
    size = contract.input_shape[1]
    faces = f"a {size}x{size} {'RGB' if contract.input_kind == 'rgb' else 'grey'} face crop"
    given = "an RGB picture of any size and the box of a face in pixels" if contract.frame else faces
    return f"Facial emotion from {given}, bytes 0-255; probabilities of {', '.join(contract.labels)}."
