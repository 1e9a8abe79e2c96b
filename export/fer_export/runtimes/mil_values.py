"""What Core ML's ops are given, for those who compute them: parameters by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Given:
    """The inputs of one op, by parameter; asking for one that is not there raises KeyError."""

    def __init__(self, values: Mapping[str, tuple[Any, ...]]) -> None:
        self._values = values

    def array(self, name: str) -> Array:
        """An array."""
        return np.asarray(self._values[name][0])

    def all(self, name: str) -> list[Array]:
        """Every array of a parameter that takes several."""
        values = self._values[name]
        return [np.asarray(each) for each in (values[0] if isinstance(values[0], list) else values)]

    def optional(self, name: str) -> Array | None:
        """An array, None where it is not given."""
        return self.array(name) if self._values.get(name) else None

    def ints(self, name: str, default: list[int] | None = None) -> list[int]:
        """A list of whole numbers; of one number a list with it."""
        if default is not None and not self._values.get(name):
            return default
        return [int(each) for each in np.atleast_1d(self.array(name))]

    def int(self, name: str, default: int | None = None) -> int:
        """A whole number."""
        return self.ints(name, None if default is None else [default])[0]

    def float(self, name: str, default: float | None = None) -> np.float32:
        """A number."""
        if default is not None and not self._values.get(name):
            return np.float32(default)
        return np.float32(self.array(name).reshape(-1)[0])

    def bool(self, name: str, default: bool = False) -> bool:
        """A truth value."""
        return bool(self.array(name)) if self._values.get(name) else default

    def text(self, name: str, default: str | None = None) -> str:
        """A word."""
        if default is not None and not self._values.get(name):
            return default
        return str(self._values[name][0])
