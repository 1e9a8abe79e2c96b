"""Data-parallel training over several processes, each with one or more GPUs: keras.distribution on the JAX backend.

All processes run one program over all devices. Each is fed the whole batch, a few hundred kB, and computes its
devices' part of it; gradients, batch statistics and figures are summed over all of them. Random numbers belong to
the place in the batch, not to the process, and XLA pads what the devices cannot share evenly, so any number of
processes sees the pictures, the dropout and the last partial batch that one process alone would.

Process 0 reads and writes the folder of the run, and reads the networks that training starts or learns from.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import json
import logging
import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FerExportError, TrainingError, UsageError
from ...system import keras_backend

Arrays = dict[str, NDArray[Any]]

AGAIN = "start every process again with its command, and the run continues after its last whole epoch"
_LOST = re.compile("gloo|nccl|coordination", re.IGNORECASE)
"""Texts of JAX's errors (which have no class of their own) when another process is gone."""


@dataclass(frozen=True)
class Group:
    """The processes that train one network, as this one sees them."""

    address: str
    """HOST:PORT where process 0 listens; empty for a process that trains alone."""

    processes: int
    """How many train together."""

    process: int
    """Number of this one, from 0."""

    wait: float = 300.0
    """Seconds within which the others must join."""

    def __post_init__(self) -> None:
        port = re.fullmatch(r".+:(\d{1,5})", self.address)
        if self.address and not (port and 0 < int(port[1]) < 1 << 16):
            raise UsageError(f"`address={self.address}` is not HOST:PORT; pass process 0's, such as 10.0.0.1:1234")
        if not 0 <= self.process < self.processes:
            raise UsageError(
                f"process {self.process} of {self.processes} does not exist; "
                f"give each process its own `process`, 0 to {self.processes - 1}"
            )

    @property
    def alone(self) -> bool:
        return not self.address

    @property
    def first(self) -> bool:
        """Whether this process reads and writes the run's files."""
        return self.process == 0

    @contextlib.contextmanager
    def joined(self) -> Iterator[None]:
        """Connected to the other processes; JAX must not have computed anything yet.

        Raises UsageError where Keras's backend cannot, TrainingError when the others do not join or one is lost: this
        process must then end. Where JAX's coordination service finds that out first, it ends the process itself;
        supervision.supervise says so in one line.
        """
        if self.alone:
            yield
            return
        check_backend()
        self.connect()
        try:
            yield
        except (ValueError, RuntimeError) as error:
            if not _LOST.search(str(error)):
                raise
            raise TrainingError(f"process {self.process} lost another process; {AGAIN}") from error
        import jax

        jax.distributed.shutdown()

    @contextlib.contextmanager
    def sharing_batches(self) -> Iterator[None]:
        """Networks that are made in this context are trained and evaluated by all processes together."""
        if self.alone:
            yield
            return
        with _data_parallel().scope():
            yield

    def shared(self, make: Callable[[], Arrays]) -> Arrays:
        """What `make` gives in process 0, in every process; so is a FerExportError that it raises."""
        if self.processes == 1:
            return make()
        content = b""
        error: FerExportError | None = None
        if self.first:
            try:
                content = packed(make())
            except FerExportError as raised:
                error = raised
                content = packed({"error": np.array(str(raised))})
        arrays = unpacked(_from_first(content))
        if error is not None:
            raise error
        if "error" in arrays:
            raise TrainingError(f"process 0: {arrays['error']}")
        return arrays

    def agree(self, settings: Mapping[str, Any]) -> None:
        """Raise TrainingError in every process if one of them has other settings (names to JSON-safe values)."""
        if self.processes == 1:
            return
        from jax.experimental import multihost_utils

        digests = [hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest() for value in settings.values()]
        everyone = multihost_utils.process_allgather(np.array([list(digest) for digest in digests], np.uint8))
        for process, theirs in enumerate(everyone):
            other = [name for name, same in zip(settings, (theirs == everyone[0]).all(axis=1), strict=True) if not same]
            if other:
                raise TrainingError(
                    f"process {process} differs from process 0 in {', '.join(other)}; "
                    "give every process the same command and data, only with its own `process`"
                )

    def connect(self) -> None:
        import jax

        logging.getLogger("jax").setLevel(logging.ERROR)
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        if hasattr(jax.config, "jax_enable_preemption_service"):
            # It would only note SIGTERM and continue.
            jax.config.update("jax_enable_preemption_service", False)
        if self.first:
            self.check_port()
        else:
            self.reach_first()
        try:
            # keras.distribution.initialize is this call, without a time limit.
            jax.distributed.initialize(
                self.address, self.processes, self.process, initialization_timeout=max(1, round(self.wait))
            )
        except RuntimeError as error:
            text = " ".join(str(error).split())[:200]
            raise TrainingError(f"process {self.process} cannot join at {self.address} ({text}); {AGAIN}") from error
        self.agree({"version": _versions()})

    def check_port(self) -> None:
        """Raise TrainingError where JAX's coordination service would crash."""
        port = int(self.address.rsplit(":", 1)[1])
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("", port))
            except OSError as error:
                raise TrainingError(
                    f"process 0 cannot listen on port {port} ({error.strerror}); pass every process another"
                ) from error

    def reach_first(self) -> None:
        """Wait until process 0 listens."""
        host, port = self.address.rsplit(":", 1)
        end = time.monotonic() + self.wait
        while True:
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=min(5.0, self.wait)).close()
                return
            except OSError as error:
                reason = getattr(error, "strerror", None) or str(error)
                if time.monotonic() >= end:
                    raise TrainingError(
                        f"process {self.process} cannot reach process 0 at {self.address} after {self.wait:g} s "
                        f"({reason}); start process 0 on that host, or check the address and the firewall"
                    ) from error
            time.sleep(0.5)


ALONE = Group("", 1, 0)
"""A single process, on any backend."""


def check_backend() -> None:
    """Raise UsageError unless Keras runs on JAX."""
    keras_backend.prepare()
    name = os.environ["KERAS_BACKEND"]
    if name != "jax":
        raise UsageError(
            f"Keras's {name} backend cannot train over several processes; "
            "set KERAS_BACKEND=jax (and pip install jax, or 'jax[cuda12]' for GPUs)"
        )
    if importlib.util.find_spec("jax") is None:
        raise UsageError("jax is not installed; pip install jax, or 'jax[cuda12]' for GPUs")


def _data_parallel() -> Any:
    keras_backend.start()
    import keras

    class WholeBatches(keras.distribution.DataParallel):  # type: ignore[misc]
        """Keras's own wants an equal share of every batch from each process, which a partial batch does not have."""

        def get_data_layout(self, data_shape: Any) -> Any:
            return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)

        def get_tensor_layout(self, path: str) -> Any:
            # From the augmentation on, which comes first, and all the way through, the devices share the batch.
            if path.split("/")[-2:] != ["augmentation", "output"]:
                return None
            return keras.distribution.TensorLayout([self.batch_dim_name, None, None, None], self.device_mesh)

    return WholeBatches(auto_shard_dataset=False)


def _from_first(content: bytes) -> bytes:
    """The bytes of process 0; those of other processes are ignored."""
    from jax.experimental import multihost_utils

    length = int(multihost_utils.broadcast_one_to_all(np.array(len(content), np.int32)))
    sent = np.frombuffer(content.ljust(length, b"\0")[:length], np.uint8)
    return bytes(np.asarray(multihost_utils.broadcast_one_to_all(sent), np.uint8))


def packed(arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez(buffer, **named)
    return buffer.getvalue()


def unpacked(content: bytes) -> Arrays:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _versions() -> dict[str, str]:
    import importlib.metadata

    return {name: importlib.metadata.version(name) for name in ("fer-export", "keras", "jax")}
