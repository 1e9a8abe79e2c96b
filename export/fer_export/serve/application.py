"""The service's addresses: POST /predict, GET /, /healthz and /contract.

Starlette: asynchronous, two small packages, its multipart reader keeps to limits. A body is read up to its limit and
held in memory only while it is answered; it is not written anywhere and not logged.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ..errors import PhotoError, PhotoSizeError
from .workers import UnavailableError, Workers

FIELD = "img"
"""The form field of the photo, as the report's client sends it."""


@dataclass(frozen=True)
class Limits:
    """What is accepted."""

    body: int = 20_000_000
    """Bytes of a request."""

    pixels: int = 50_000_000
    """Pixels of a photo; a JPEG of more is decoded smaller."""

    seconds: float = 30.0
    """For one photo, waiting included."""

    waiting: int = 128
    """Photos that wait before further ones are turned away."""


def application(workers: Workers, limits: Limits, page: Path | None = None) -> Starlette:
    """The ASGI application. page: a folder with index.html instead of the page that is built in."""
    held: dict[str, Any] = {}

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        held["contract"] = await workers.start()
        yield
        await workers.stop()

    async def predict(request: Request) -> Response:
        return JSONResponse(await workers.answer(await _photo(request, limits.body)))

    async def contract(request: Request) -> Response:
        return JSONResponse(held["contract"])

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def index(request: Request) -> Response:
        return HTMLResponse(resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8"))

    site = Mount("/", StaticFiles(directory=page, html=True)) if page else Route("/", index)
    app = Starlette(
        routes=[
            Route("/predict", predict, methods=["POST"]),
            Route("/contract", contract),
            Route("/healthz", health),
            site,
        ],
        exception_handlers={
            PhotoSizeError: _refusal(413),
            PhotoError: _refusal(422),
            UnavailableError: _refusal(503),
            ClientDisconnect: _refusal(400),
            HTTPException: _http_error,
        },
        lifespan=lifespan,
    )
    app.state.workers = workers
    return app


async def _photo(request: Request, most: int) -> bytes:
    """The bytes of the photo: the form field `img`, or the whole body."""
    body = await _body(request, most)
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        if not body:
            raise PhotoError(f"the request has no body; send a photo, or a form with the field {FIELD}")
        return body

    async def once() -> AsyncGenerator[bytes, None]:
        yield body

    # Parts stay in memory: the body fits its limit already.
    parser = MultiPartParser(request.headers, once(), max_files=20, max_fields=20, max_part_size=most)
    parser.spool_max_size = most + 1
    try:
        given = (await parser.parse()).get(FIELD)
        if given is None:
            raise PhotoError(f"the form has no field {FIELD}; send the photo in it")
        return given.encode("utf-8", "surrogateescape") if isinstance(given, str) else await given.read()
    except (MultiPartException, ValueError, LookupError) as error:
        raise PhotoError(f"the form cannot be read; send multipart/form-data with the field {FIELD}") from error
    finally:
        # A part that never ended is in no form that could be closed.
        for part in getattr(parser, "_files_to_close_on_error", ()):
            part.close()


async def _body(request: Request, most: int) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced[:20]) > most:
        raise _too_long(most)
    parts, total = [], 0
    async for part in request.stream():
        total += len(part)
        if total > most:
            raise _too_long(most)
        parts.append(part)
    return b"".join(parts)


def _too_long(most: int) -> HTTPException:
    # What was not read yet cannot be told from the next request.
    return HTTPException(
        413, f"the request has more than {most / 10**6:g} MB; send a smaller photo", {"connection": "close"}
    )


def _refusal(status: int) -> Any:
    async def handler(request: Request, error: Exception) -> Response:
        headers = {"retry-after": "2"} if status == 503 else None
        return JSONResponse({"error": str(error)}, status, headers)

    return handler


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
