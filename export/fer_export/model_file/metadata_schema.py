"""The tables of TFLite's metadata by the names of its public schema, metadata_schema.fbs 1.5.

A field's number is its place in its table. No package that could be a dependency has classes generated from this
schema: ai-edge-litert and TensorFlow ship the model's schema only, and tflite-support needs protobuf below 5. A later
field of the schema goes to the end of its table.
"""

from __future__ import annotations

from enum import IntEnum, auto

IDENTIFIER = b"M001"
"""Bytes 4-7 of a metadata buffer."""


class Fields(IntEnum):
    """Fields of a table, or values of an enumeration, counted from 0."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[int]) -> int:
        return count


class ModelMetadata(Fields):
    """The root."""

    NAME = auto()
    DESCRIPTION = auto()
    VERSION = auto()
    SUBGRAPH_METADATA = auto()
    AUTHOR = auto()
    LICENSE = auto()
    ASSOCIATED_FILES = auto()
    MIN_PARSER_VERSION = auto()


class SubGraphMetadata(Fields):
    """A graph of the model."""

    NAME = auto()
    DESCRIPTION = auto()
    INPUT_TENSOR_METADATA = auto()
    OUTPUT_TENSOR_METADATA = auto()


class TensorMetadata(Fields):
    """An input or output."""

    NAME = auto()
    DESCRIPTION = auto()
    DIMENSION_NAMES = auto()
    CONTENT = auto()
    PROCESS_UNITS = auto()
    STATS = auto()
    ASSOCIATED_FILES = auto()


class Content(Fields):
    """What a tensor holds: a union, which has its kind in a field before."""

    CONTENT_PROPERTIES_TYPE = auto()
    CONTENT_PROPERTIES = auto()


class ContentProperties(Fields):
    """Kinds of content."""

    NONE = auto()
    FEATURE_PROPERTIES = auto()
    IMAGE_PROPERTIES = auto()
    BOUNDING_BOX_PROPERTIES = auto()


class ImageProperties(Fields):
    """A picture."""

    COLOR_SPACE = auto()


class ColorSpaceType(Fields):
    """Colour spaces of a picture."""

    UNKNOWN = auto()
    RGB = auto()
    GRAYSCALE = auto()


class BoundingBoxProperties(Fields):
    """A box in a picture."""

    INDEX = auto()
    TYPE = auto()
    COORDINATE_TYPE = auto()


class BoundingBoxType(Fields):
    """What the numbers of a box mean."""

    UNKNOWN = auto()
    BOUNDARIES = auto()


class CoordinateType(Fields):
    """Unit of the numbers of a box."""

    RATIO = auto()
    PIXEL = auto()


class ProcessUnit(Fields):
    """What an app does to a tensor: a union, which has its kind in a field before."""

    OPTIONS_TYPE = auto()
    OPTIONS = auto()


class ProcessUnitOptions(Fields):
    """Kinds of process units."""

    NONE = auto()
    NORMALIZATION_OPTIONS = auto()


class NormalizationOptions(Fields):
    """(x - mean) / std."""

    MEAN = auto()
    STD = auto()


class Stats(Fields):
    """Range of a tensor's values."""

    MAX = auto()
    MIN = auto()


class AssociatedFile(Fields):
    """A file in the zip behind the model."""

    NAME = auto()
    DESCRIPTION = auto()
    TYPE = auto()


class AssociatedFileType(Fields):
    """Kinds of files."""

    UNKNOWN = auto()
    DESCRIPTIONS = auto()
    TENSOR_AXIS_LABELS = auto()


class Model(Fields):
    """The model's own root, of schema.fbs: its generated classes do not tell where fields stand."""

    VERSION = auto()
    OPERATOR_CODES = auto()
    SUBGRAPHS = auto()
    DESCRIPTION = auto()
    BUFFERS = auto()
    METADATA_BUFFER = auto()
    METADATA = auto()
    SIGNATURE_DEFS = auto()
