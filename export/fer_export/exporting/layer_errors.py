"""The error that each layer of a quantised file adds, measured on the file's own bytes against its float twin.

A layer's own error is the difference between its output in the file and the float twin's output for the same inputs.
Added alone to the float network at that place, it shows its effect on the answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import INPUT, Call, Step, Twin
from ..runtimes.op_by_op import Activations, Grid

PIXELS = 32 * 48 * 48
"""Compared at once: every value of every layer is held, in the file and in the twin."""

_FLAT = frozenset({"Flatten", "Reshape", "Squeeze", "Unsqueeze"})

EXACT = 1e-6
"""Own error, relative, up to which a layer is taken to add none: two runtimes' float arithmetic differs by less."""


@dataclass(frozen=True)
class LayerError:
    """The error that one layer of a file adds."""

    layer: str
    """Its Keras name; of several layers in one op, the one with weights."""

    call: int
    """1, or the number of the call of a layer that is used more than once."""

    added: bool
    """Whether the layer is the exporter's own and not in the checkpoint."""

    ops: tuple[str, ...]
    """Its ops in the file."""

    elements: int
    """Elements of one output."""

    own_error: float
    """Error on the file's own inputs: root mean square over the standard deviation of the float output within its
    channels."""

    accumulated_error: float
    """The same for the errors of all layers up to this output."""

    effect: float
    """Mean over faces of the largest change of a probability if the float network has this layer's own error alone,
    0..1."""

    flips: float
    """Share of faces whose top-1 changes by that."""

    on_grid: float
    """Share of the squared own error that comes from rounding the exact output to the file's grid; weights and
    arithmetic cause the rest."""

    fused: tuple[str, ...]
    """Other layers in the same op."""

    readers: tuple[str, ...]
    """Layers to keep in float together with this one, so that its output is not rounded to that grid."""

    @property
    def by_range(self) -> bool:
        """Whether the grid causes most of the error, not weights and arithmetic."""
        return self.on_grid >= 0.5

    @property
    def cure(self) -> tuple[str, ...]:
        """The layers to keep in float: this one, and its readers where its grid causes the error."""
        return tuple(dict.fromkeys((self.layer, *self.fused, *(self.readers if self.by_range else ()))))

    def to_dict(self) -> dict[str, Any]:
        lists = {name: list(getattr(self, name)) for name in ("ops", "fused", "readers", "cure")}
        return {**asdict(self), **lists}


@dataclass
class _Place:
    """A layer's output, where file and twin can be compared."""

    layers: tuple[str, ...]
    """Layers in the op, the one to be named first."""

    call: int
    """Number of the call."""

    value: int
    """Number of the value in the twin."""

    positions: list[int] = field(default_factory=list)
    """Positions of the ops that may write it."""

    ops: list[str] = field(default_factory=list)
    """Names of the ops."""

    grid: Grid | None = None
    """The values that it can take; None where it is float."""

    sources: frozenset[int] = frozenset()
    """Values before it that are compared as well."""

    pool: Step | None = None
    """The max pool that alone reads it, where its grid ends above its lowest values: errors are those behind the pool,
    which drops them."""

    @property
    def seen(self) -> int:
        """The value at which its errors count."""
        return self.pool.writes[0] if self.pool else self.value

    def behind_pool(self, values: NDArray[Any]) -> NDArray[Any]:
        """What the pool leaves of values; without one, the values."""
        if self.pool is None:
            return values
        return np.asarray(self.pool.call({self.value: values.astype(np.float32)})[self.seen], values.dtype)

    def output(self, outputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The layer's output among those of all ops."""
        return outputs[self.positions[-1]]


@dataclass
class _Tally:
    """Sums over faces for one place; `mean` within channels."""

    own: float = 0.0
    """Squared own errors."""

    accumulated: float = 0.0
    """Squared accumulated errors."""

    grid: float = 0.0
    """Squared errors of the grid."""

    squares: float = 0.0
    """Squared float outputs."""

    channels: Any = 0.0
    """Sums within channels."""

    count: int = 0
    """Elements summed within a channel."""

    elements: int = 0
    """Elements of one output."""

    changes: list[NDArray[np.float64]] = field(default_factory=list)
    """Largest change of each face's probabilities."""

    flips: int = 0
    """Faces whose top-1 changed."""


class Comparison:
    """A file beside its float twin. Feed it faces with `add`, then read `errors` and `probabilities`."""

    def __init__(self, file: Activations, floats: Twin, layers: Sequence[str]) -> None:
        """layers: the checkpoint's own names."""
        self._file, self._floats, self._known = file, floats, frozenset(layers)
        self._places = _places(file, floats)
        self._named = {call.layer for op in file.ops for call in floats.names.calls(op.output)}
        self._after: dict[int, frozenset[int]] = {}
        self._tallies: dict[int, _Tally] = {}
        self._answers: list[NDArray[np.float32]] = []

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """The file's answers so far, float32 [N, K]."""
        return np.concatenate(self._answers)

    def add(self, images: NDArray[np.uint8]) -> None:
        """Compare on faces uint8 [N, S, S, C] of the file's input."""
        outputs = self._file.run(images)
        exact = self._floats.values(images)
        if not self._answers:
            self._finish(outputs, exact)
        given: dict[int, Any] = {INPUT: exact[INPUT]}
        for place in self._places:
            given[place.value] = _like(place.output(outputs), np.asarray(exact[place.value]))
        for place in self._places:
            self._add(place, given, exact)
        self._answers.append(outputs[-1].reshape(len(images), -1))

    def _finish(self, outputs: Sequence[NDArray[np.float32]], exact: Mapping[int, Any]) -> None:
        """Keep the places where file and twin can be compared, and record what comes before each.

        A layer may take several ops, and converters name ops between layers after a neighbour: the one that comes
        nearest the twin is the layer's output, the later one of two. An op may also compute what follows its layer, as
        a multiplication, without being named after it: its output is then nearest to that.
        """
        named = {place.value for place in self._places}
        for place in self._places:
            later = list(self._floats.chain(place.value, named))
            values = [place.value, *(step.writes[0] for step in later)]
            distance = {
                (value, at): _squares(output - right) / max(_squares(right), 1e-12)
                for value, right in ((value, np.asarray(exact[value])) for value in values)
                for at in reversed(place.positions)
                if (output := _like(outputs[at], right)) is not None
            }
            best = min(distance, key=lambda found: distance[found], default=None)
            if best is None:
                place.positions = []
                continue
            place.value, place.positions = best[0], [best[1]]
            place.grid = self._file.ops[best[1]].grid
            fused = [step.layer for step in later[: values.index(place.value)]]
            own = [layer for layer in fused if layer in self._floats.names.layers]  # not operations such as +
            place.layers = tuple(dict.fromkeys((*place.layers, *own)))
        self._places = [place for place in self._places if place.positions]
        for place in self._places:
            place.pool = self._pool(place, float(np.min(exact[place.value])))
        self._after = {place.seen: self._floats.after(place.seen) for place in self._places}
        self._tallies = {place.value: _Tally() for place in self._places}
        ends = [place.value for place in self._places]
        for place in self._places:
            place.sources = self._floats.sources(place.value, ends)

    def _pool(self, place: _Place, lowest: float) -> Step | None:
        """The max pool that alone reads a place's value, where the grid ends above the lowest one."""
        import keras

        readers = [step for step in self._floats.steps if place.value in step.reads.values()]
        grid = place.grid
        if grid is None or len(readers) != 1 or not isinstance(readers[0].operation, keras.layers.MaxPooling2D):
            return None
        return readers[0] if lowest < (grid.lowest - 1 - grid.zero_point) * grid.scale else None

    def errors(self) -> tuple[LayerError, ...]:
        """Every layer found in the file, the one with the largest effect first."""
        carriers = {place.value for place in self._places if self._is_exact(place)}
        found = [self._error(place, carriers) for place in self._places]
        return tuple(sorted(found, key=lambda error: (-error.effect, -error.own_error)))

    def _add(self, place: _Place, given: Mapping[int, Any], exact: Mapping[int, Any]) -> None:
        tally, file = self._tallies[place.value], given[place.value]
        right = self._floats.compute(place.value, {source: given[source] for source in place.sources})
        signal = np.asarray(exact[place.value], dtype=np.float64)
        tally.elements = signal[0].size
        stored = place.behind_pool(place.grid.snap(right)) if place.grid else None
        file, right, signal = (place.behind_pool(values) for values in (file, right, signal))
        error = file - right
        tally.own += _squares(error)
        tally.accumulated += _squares(file - signal)
        tally.grid += _squares(stored - right) if stored is not None else 0.0
        tally.squares += _squares(signal)
        tally.channels = tally.channels + signal.reshape(-1, signal.shape[-1]).sum(axis=0)
        tally.count += signal.size
        answer = np.asarray(exact[self._floats.output], dtype=np.float64)
        changed = answer
        if error.any():
            before = {number: value for number, value in exact.items() if number not in self._after[place.seen]}
            before[place.seen] = (signal + error).astype(np.float32)
            changed = self._floats.compute(self._floats.output, before).astype(np.float64)
        tally.changes.append(np.abs(changed - answer).max(axis=1))
        tally.flips += int((changed.argmax(axis=1) != answer.argmax(axis=1)).sum())

    def _is_exact(self, place: _Place) -> bool:
        tally = self._tallies[place.value]
        return _relative(tally.own, tally) < EXACT

    def _error(self, place: _Place, carriers: set[int]) -> LayerError:
        tally = self._tallies[place.value]
        exact = place.value in carriers
        changes = np.concatenate(tally.changes)
        return LayerError(
            layer=place.layers[0],
            call=place.call,
            added=place.layers[0] not in self._known,
            ops=tuple(place.ops),
            elements=tally.elements,
            own_error=0.0 if exact else _digits(_relative(tally.own, tally)),
            accumulated_error=_digits(_relative(tally.accumulated, tally)),
            effect=0.0 if exact else _digits(float(changes.mean())),
            flips=0.0 if exact else _digits(tally.flips / len(changes)),
            on_grid=0.0 if exact else _digits(min(1.0, tally.grid / tally.own)),
            fused=place.layers[1:],
            readers=tuple(dict.fromkeys(self._readers(place.value, carriers))),
        )

    def _readers(self, value: int, carriers: set[int]) -> Iterator[str]:
        """Layers that read a value, and past those that only pass it on (pooling, reshaping) the ones behind."""
        places = {place.value: place.layers for place in self._places}
        for step in self._floats.steps:
            if value not in step.reads.values():
                continue
            (written, *_) = step.writes
            if written in places:
                yield from places[written]
            elif step.layer in self._named:
                yield step.layer
            if written in carriers or written not in places:
                yield from self._readers(written, carriers)


def _like(output: NDArray[np.float32], right: NDArray[Any]) -> NDArray[np.float32] | None:
    """An op's output in the order of the twin's, channels last; None for another shape."""
    orders = [output, *([output.transpose(0, 2, 3, 1)] if output.ndim == 4 else [])]
    if output.ndim == 4 and output.shape[2:] == (1, 1):
        orders.append(output[:, :, 0, 0])
    fitting = [order for order in orders if order.shape == right.shape]
    return min(fitting, key=lambda order: _squares(order - right), default=None)


def _places(file: Activations, floats: Twin) -> list[_Place]:
    """The layer outputs that the file's ops may give, in order of execution."""
    steps: dict[str, list[Step]] = {}
    for step in floats.steps:
        steps.setdefault(step.layer, []).extend([step] if len(step.writes) == 1 else [])
    scopes: dict[str, list[str]] = {}
    for call in dict.fromkeys(call for op in file.ops for call in floats.names.calls(op.output)):
        scopes.setdefault(call.layer, []).append(call.scope)
    found: dict[int, _Place] = {}
    for position, op in enumerate(file.ops):
        # Flattened pictures have another order where channels come first.
        calls = [] if file.channels_first and op.name in _FLAT else floats.names.calls(op.output)
        known = [_steps_of(call, steps[call.layer], scopes[call.layer]) for call in calls if steps.get(call.layer)]
        if not known and position == len(file.ops) - 1:
            last = floats.maker(floats.output)
            known = [[last] if last.layer in floats.names.layers else []]  # not an operation such as *
        for group in itertools.product(*known):
            # Constants that two calls of a layer share are named after the first: the later call is meant.
            done = sorted({step.layer: step for step in sorted(group, key=_number)}.values(), key=_number)
            if done:
                owner = next((step for step in done if getattr(step.operation, "weights", None)), done[0])
                layers = tuple(dict.fromkeys((owner.layer, *(step.layer for step in done))))
                number = 1 + steps[owner.layer].index(owner)
                place = found.setdefault(_number(done[-1]), _Place(layers, number, _number(done[-1])))
                place.positions.append(position)
                place.ops.append(op.name)
    return sorted(found.values(), key=lambda place: place.value)


def _steps_of(call: Call, steps: list[Step], scopes: list[str]) -> list[Step]:
    """The step that a call in the file is, or all of its layer where the names do not tell."""
    return [steps[scopes.index(call.scope)]] if len(steps) == len(scopes) else steps


def _number(step: Step) -> int:
    """Number of a layer call's output; it grows in order of execution."""
    return step.writes[0]


def _squares(values: NDArray[Any]) -> float:
    return float(np.square(values, dtype=np.float64).sum())


def _relative(squares: float, tally: _Tally) -> float:
    """Root mean square over the deviation within channels, or over the values themselves where they are constant."""
    per_channel = tally.count / len(tally.channels)
    variation = tally.squares - float(np.square(tally.channels).sum()) / per_channel
    scale = variation if variation > 1e-9 * tally.squares else tally.squares
    return float(np.sqrt(squares / scale)) if scale > 0 else 0.0


def _digits(value: float) -> float:
    return float(f"{value:.3g}")
