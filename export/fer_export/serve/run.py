"""The report's web service: a photo in, its emotion out. Phones do without it: an app carries a bundle."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..predict import PipelineSource
from ..system import machine

if TYPE_CHECKING:
    from .application import Limits

NEEDED = ("starlette", "uvicorn", "python_multipart")
STOP_SECONDS = 30
"""How long requests may take to end after the service was told to stop."""


def serve(
    source: PipelineSource,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    processes: int | None = None,
    page: Path | None = None,
    limits: Limits | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Answer photos at http://host:port/ until SIGINT or SIGTERM. `fer-export serve`.

    What is being answered then is still answered.

    source: how every worker opens its pipeline.
    host: address to listen on.
    port: port to listen on, 0 for a free one.
    processes: workers, by default one a core.
    page: a folder with index.html instead of the built-in page.
    limits: size, number and time of requests; None for the defaults.
    say: told what runs where, in a few lines.

    Over six parameters: they are those of `fer.serve_photos`, each a flag of the command.

    Raises UsageError where the web packages are missing, the port is taken or the page has no index.html.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"the service needs {', '.join(missing)}; run `pip install 'fer-export[serve]'`")
    if page is not None and not (page / "index.html").is_file():
        raise UsageError(f"{page} has no index.html; pass the folder of a built page")
    import uvicorn

    from .application import Limits, application
    from .workers import Workers

    source.open().close()  # a mistake in it is said here, not by every worker
    limits = limits or Limits()
    count = processes or (1 if source.uses_keras else machine.cores())
    workers = Workers(source, count, most_pixels=limits.pixels, waiting=limits.waiting, seconds=limits.seconds)
    config = uvicorn.Config(
        application(workers, limits, page),
        host=host,
        port=port,
        access_log=False,
        log_level="error",
        timeout_graceful_shutdown=STOP_SECONDS,
        server_header=False,
    )
    try:
        bound = config.bind_socket()
    except SystemExit as error:
        raise UsageError(f"{host}:{port} cannot be opened; choose another port or host") from error
    # From here on a request waits until the service answers; without it, it would be refused.
    bound.listen(config.backlog)
    port = bound.getsockname()[1]
    say(f"http://{host}:{port}/  {count} processes; POST /predict takes the form field img or a photo's bytes")
    say("Phones do not need this service: `fer-export bundle` makes all that an app needs to do it alone.")
    with bound, _silent("python_multipart"):
        uvicorn.Server(config).run(sockets=[bound])


@contextlib.contextmanager
def _silent(library: str) -> Iterator[None]:
    """Without the warnings of a library: its client is told of a malformed form, whoever runs the service need not."""
    logger = logging.getLogger(library)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
