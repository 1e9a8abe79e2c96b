"""JSON documents read strictly: exactly the fields of a dataclass, each of its type, every number finite.

msgspec checks; a dataclass is the schema. Its annotations may hold a `Range`: `Annotated[int, Range(1, 100)]`.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import sys
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from types import GenericAlias, NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union

from ..errors import BundleError
from ..harmless import harmless

AGAIN = "make the bundle again with `make_bundle()`"
"""What helps with every damaged bundle."""

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """What a number may be, ends included."""

    least: float
    """The smallest value."""
    most: float
    """The largest value."""


def converted(document: Any, kind: type[T], place: str, again: str = AGAIN) -> T:
    """The document as an object of the dataclass.

    Raises BundleError for a missing, unknown or invalid field, in one line: where (place: what the document is
    called), what, and `again`, what helps. A whole number may stand for a float; true and false stand for no number.
    """
    import msgspec

    try:
        read = msgspec.convert(document, _schema(typing.cast(Any, kind)), strict=True)
    except msgspec.ValidationError as error:
        raise BundleError(f"{_words(str(error), place)}; {again}") from error
    except (OverflowError, RecursionError, UnicodeError) as error:
        raise BundleError(f"{place} has a number, a text or a depth that cannot be read; {again}") from error
    return typing.cast(T, _built(kind, read))


def _words(message: str, place: str) -> str:
    """msgspec's sentence with the field and the object it lies in, as people name them."""
    what, _, path = message.partition(" - at `")
    names = re.findall(r"\.(\w+)", path)
    field = re.search(r"field `(.*)`", what)
    if field:
        verb = "lacks" if "missing" in what else "has the unknown field"
        where = f"{place}: {names[-1]}" if names else place
        return harmless(f"{where} {verb} {field[1][:60]}")
    said = (what[0].lower() + what[1:]).replace("`", "")
    if len(names) > 1:
        return harmless(f"{place}: {names[-1]} of {names[-2]}: {said}")
    return harmless(f"{names[0]} of {place}: {said}" if names else f"{place}: {said}")


@functools.cache
def _schema(kind: Any) -> Any:
    """The type that msgspec checks: dataclasses become structs that refuse other fields, numbers are bounded."""
    import msgspec

    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind, include_extras=True)
        fields = [(field.name, _schema(hints[field.name])) for field in dataclasses.fields(kind)]
        return msgspec.defstruct(kind.__name__, fields, forbid_unknown_fields=True, kw_only=True)
    if kind is float:
        return _schema(Annotated[float, Range(-sys.float_info.max, sys.float_info.max)])
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        whole = parts[0] is int
        least, most = parts[1].least, parts[1].most
        return Annotated[parts[0], msgspec.Meta(ge=int(least) if whole else least, le=int(most) if whole else most)]
    if origin in (Union, UnionType):
        return Union[tuple(_schema(part) for part in parts)]  # noqa: UP007 - of parts known only now
    if origin is tuple:
        return GenericAlias(tuple, tuple(part if part is ... else _schema(part) for part in parts))
    if origin in (dict, Mapping):
        return GenericAlias(dict, tuple(map(_schema, parts)))
    return kind


def _built(kind: Any, value: Any) -> Any:
    """The value that msgspec read, with dataclasses in place of structs."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind, include_extras=True)
        return kind(
            **{each.name: _built(hints[each.name], getattr(value, each.name)) for each in dataclasses.fields(kind)}
        )
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, UnionType):
        return value if value is None else _built(next(part for part in parts if part is not NoneType), value)
    if origin is tuple:
        kinds = [parts[0]] * len(value) if parts[-1] is ... else parts
        return tuple(_built(part, each) for part, each in zip(kinds, value, strict=True))
    if origin in (dict, Mapping):
        return {name: _built(parts[1], each) for name, each in value.items()}
    return value
