"""Weights of Keras 1 and 2 files into a rebuilt network: by order, as those Keras did, and checked by name and shape.

Three layouts: HDF5 groups named by `layer_names` (.h5 of Keras 1 and 2), the numbered `vars` of the first .keras
format (Keras 2.12-2.15), and the flat list of variables of a SavedModel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CheckpointError
from .graph import Graph
from .layers import LegacyLayer

Array = NDArray[Any]
Saved = tuple[str, Array]
_KINDS = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "depthwise_kernel", "pointwise_kernel")
_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")


@dataclass(frozen=True)
class _Slot:
    """One weight of the new network and the old layer it belongs to."""

    owner: LegacyLayer
    """The old layer that it belongs to."""

    variable: Any
    """The Keras variable."""

    trainable: bool
    """Whether training changes it."""

    def convert(self, value: Array) -> Array:
        """The saved weight in Keras 3's layout."""
        if value.ndim == 4 and self.owner.kernels_first:
            value = value.transpose(2, 3, 1, 0)
        if value.ndim == 4 and self.owner.origin.theano:
            value = value[::-1, ::-1]
        return value

    def fits(self, name: str, value: Array) -> bool:
        kind = re.sub(r"(_\d+)?(:\d+)?$", "", name.rsplit("/", 1)[-1])
        own = self.variable.name.replace("depthwise_kernel", "kernel")
        named = kind not in _KINDS or kind.replace("depthwise_kernel", "kernel") == own
        return named and self.convert(value).shape == tuple(self.variable.shape)


def fill_from_groups(graph: Graph, group: Any, path: Any) -> None:
    """Set the weights from an HDF5 group with `layer_names`. CheckpointError if they are another network's."""
    saved = [
        (name, values) for name in attribute(group, "layer_names") if (values := _group_weights(group, name, path))
    ]
    units = [(name, unit) for name, unit in graph.units.items() if next(_slots(unit), None)]
    if len(saved) != len(units):
        raise CheckpointError(
            f"{path} holds weights of {len(saved)} layers, but the architecture has {len(units)} layers with weights; "
            "pass the weights that were saved with it"
        )
    for (name, unit), (group_name, values) in zip(units, saved, strict=True):
        _fill(list(_slots(unit)), values, f"layer {name!r}", f"{path} ({group_name})")


def fill_from_variables(graph: Graph, values: list[Saved], path: Any) -> None:
    """Set the weights from the variables of a SavedModel, which stand layer by layer."""
    slots = [slot for unit in graph.units.values() for slot in _slots(unit)]
    _fill(slots, values, "the network", path)


def fill_from_archive(graph: Graph, group: Any, path: Any) -> None:
    """Set the weights from the `model.weights.h5` of a .keras file that Keras 2.12-2.15 wrote."""
    container = next((_member(group, name, path) for name in _CONTAINERS if name in group), None)
    if container is None:
        raise CheckpointError(f"{path} holds no layer weights; save the network again")
    used: dict[str, int] = {}
    for name, unit in graph.units.items():
        slots = list(_slots(unit))
        if not slots:
            continue
        kind = _snake_case(unit.class_name)
        found = _numbered(container, kind, path)
        position = used.setdefault(kind, 0)
        if position >= len(found):
            raise CheckpointError(f"{path} has no weights for layer {name!r}; save the network again")
        used[kind] += 1
        if isinstance(unit, Graph):
            fill_from_archive(unit, found[position], path)
        else:
            variables = _member(found[position], "vars", path)
            values = [("", _read(variables, str(i), path)) for i in range(len(variables))]
            _fill(slots, values, f"layer {name!r}", path)


def attribute(group: Any, name: str) -> list[str]:
    """A list of names in HDF5 attributes; Keras splits long ones into name0, name1, ..."""
    whole = group.attrs.get(name)
    chunks = [whole] if whole is not None else []
    while whole is None and f"{name}{len(chunks)}" in group.attrs:
        chunks.append(group.attrs[f"{name}{len(chunks)}"])
    return [item.decode() if isinstance(item, bytes) else str(item) for chunk in chunks for item in chunk]


def from_theano(group: Any, backend: str | None, path: Any) -> bool:
    """Whether the weights were saved by Theano; Keras 1 does not say, but TensorFlow's names end in ":0"."""
    if backend:
        return backend == "theano"
    names = [
        name
        for layer in attribute(group, "layer_names")
        for name in attribute(_member(group, layer, path), "weight_names")
    ]
    return bool(names) and not any(name.endswith(":0") for name in names)


def _slots(unit: LegacyLayer | Graph) -> Iterator[_Slot]:
    if isinstance(unit, Graph):
        for inner in unit.units.values():
            yield from _slots(inner)
    elif unit.layer is not None:
        own = {id(variable) for variable in unit.layer.trainable_weights}
        for variable in unit.layer.weights:
            yield _Slot(unit, variable, unit.trainable and id(variable) in own)


def _fill(slots: list[_Slot], values: list[Saved], what: str, path: Any) -> None:
    """Old Keras keeps a nested network's trainable weights before the others; SavedModels keep layers together."""
    from ..copying import finalize

    trainable_first = sorted(slots, key=lambda slot: not slot.trainable)
    for order in (trainable_first, slots):
        if len(order) == len(values) and all(slot.fits(*value) for slot, value in zip(order, values, strict=True)):
            for slot, (_, value) in zip(order, values, strict=True):
                slot.variable.assign(slot.convert(value))
            for layer in {id(slot.owner): slot.owner.layer for slot in slots}.values():
                finalize(layer)
            return
    raise CheckpointError(
        f"the weights in {path} do not fit {what}: {_shapes(value for _, value in values)} saved, "
        f"{_shapes(slot.variable for slot in slots)} needed; pass the weights that were saved with this network"
    )


def _shapes(arrays: Any) -> str:
    shapes = ["x".join(map(str, array.shape)) for array in arrays]
    return ", ".join(shapes if len(shapes) <= 6 else [*shapes[:5], f"{len(shapes) - 5} more"])


def _group_weights(group: Any, layer: str, path: Any) -> list[Saved]:
    member = _member(group, layer, path)
    return [(name, _read(member, name, path)) for name in attribute(member, "weight_names")]


def _numbered(container: Any, kind: str, path: Any) -> list[Any]:
    """The groups kind, kind_1, kind_2, ... of a container that hold a weight anywhere, in number order."""
    names = [name for name in container if re.fullmatch(rf"{re.escape(kind)}(_\d+)?", name)]
    names.sort(key=lambda name: int(name[len(kind) + 1 :] or 0))
    return [group for name in names if _has_weights(group := _member(container, name, path))]


def _has_weights(group: Any) -> bool:
    return any(len(group[name]) > 0 if name == "vars" else _has_weights(group[name]) for name in group)


def _member(group: Any, name: str, path: Any) -> Any:
    """A member of an HDF5 file that lies in this file: links could make it read others."""
    member = group.get(name)
    if member is None or member.file.filename != group.file.filename:
        raise CheckpointError(f"{path} has no weights under {name!r}; it is damaged: copy or save it again")
    return member


def _read(group: Any, name: str, path: Any) -> Array:
    data = _member(group, name, path)
    if data.external or data.is_virtual:
        raise CheckpointError(f"{path} keeps {name!r} in another file; save the network again as one file")
    return np.asarray(data[()])


def _snake_case(name: str) -> str:
    spaced = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()
