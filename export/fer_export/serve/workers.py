"""Worker processes that answer photos: one that is killed or takes too long loses its own photo, no other.

Each worker is a pool of one process, because a pool of several breaks as a whole when one of them dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ..errors import PhotoError, PhotoSizeError
from ..predict import Pipeline, PipelineSource
from .answer import answer


class UnavailableError(Exception):
    """No worker answers in time; the text says why."""


class Workers:
    """So many processes, started with `start` and stopped with `stop`.

    source: what each of them opens.
    most_pixels: of a photo.
    waiting: how many photos may wait for a free process before further ones are turned away.
    seconds: for one photo, waiting included.
    """

    def __init__(
        self, source: PipelineSource, count: int, *, most_pixels: int, waiting: int = 128, seconds: float = 30.0
    ) -> None:
        self._source, self._count, self._most_pixels = source, count, most_pixels
        self._most_waiting, self._seconds = waiting, seconds
        self._waiting = 0
        self._idle: list[_Worker] = []
        self._free = asyncio.Semaphore(0)

    async def start(self) -> dict[str, Any]:
        """Open the network in every process; returns the photo contract. Raises what opening it raises."""
        workers = [_Worker(self._source) for _ in range(self._count)]
        contracts = await asyncio.gather(*(worker.contract() for worker in workers))
        for worker in workers:
            self._give_back(worker)
        return contracts[0]

    async def answer(self, content: bytes) -> dict[str, Any]:
        """What a photo's bytes show; raises PhotoError, PhotoSizeError or UnavailableError."""
        if self._waiting >= self._most_waiting:
            raise UnavailableError("too many photos are waiting; try again in a moment")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._free.acquire()
                return await self._used(self._idle.pop(0), content)
        except TimeoutError as error:
            raise UnavailableError(f"the photo took more than {self._seconds:g} s; send a smaller one") from error
        finally:
            self._waiting -= 1

    async def _used(self, worker: _Worker, content: bytes) -> dict[str, Any]:
        kept = worker
        try:
            return await worker.answer(content, self._most_pixels)
        except BrokenProcessPool as error:
            kept = _Worker(self._source)
            raise UnavailableError("the process that read the photo ended; send it again") from error
        except asyncio.CancelledError:
            # Too slow, or the client has gone: what runs cannot be taken back, so its process ends.
            worker.kill()
            kept = _Worker(self._source)
            raise
        finally:
            self._give_back(kept)

    def _give_back(self, worker: _Worker) -> None:
        self._idle.append(worker)
        self._free.release()

    def pids(self) -> list[int]:
        """The processes that wait for a photo."""
        return [worker.pid() for worker in self._idle]

    async def stop(self) -> None:
        """End all free processes; call it when no photo is being answered."""
        while self._idle:
            self._idle.pop().close()


class _Worker:
    """One process."""

    def __init__(self, source: PipelineSource) -> None:
        # Spawned: a process that was forked from one with threads may hang.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_open, initargs=(source,))
        self._pid = self._pool.submit(os.getpid)

    async def contract(self) -> dict[str, Any]:
        return await asyncio.wrap_future(self._pool.submit(_contract))

    async def answer(self, content: bytes, most_pixels: int) -> dict[str, Any]:
        found = await asyncio.wrap_future(self._pool.submit(_answer, content, most_pixels))
        if isinstance(found, _Refused):
            raise (PhotoSizeError if found.too_large else PhotoError)(found.reason)
        return found

    def pid(self) -> int:
        return self._pid.result()

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        if self._pid.done() and not self._pid.exception():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid.result(), signal.SIGTERM)
        self.close()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Refused:
    """A photo that was not answered: an exception of its own would have to be rebuilt from its text anyway."""

    def __init__(self, reason: str, too_large: bool) -> None:
        self.reason, self.too_large = reason, too_large


_OPENED: list[Pipeline] = []
"""What a worker process opened when it started."""


def _open(source: PipelineSource) -> None:
    # Ctrl-C reaches the whole group; the service itself ends its workers when the last photo is answered.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _OPENED[:] = [source.open()]


def _contract() -> dict[str, Any]:
    return _OPENED[0].contract.to_dict()


def _answer(content: bytes, most_pixels: int) -> dict[str, Any] | _Refused:
    try:
        return answer(_OPENED[0], content, most_pixels)
    except PhotoError as error:
        return _Refused(str(error), isinstance(error, PhotoSizeError))
