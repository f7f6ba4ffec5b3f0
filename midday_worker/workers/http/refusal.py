"""What the HTTP side refuses: in the dashboard's form of an error, with a line in the log."""

from __future__ import annotations

from typing import Final

from loguru import logger
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Of every answer."""

_BROKEN: Final = 500
_LONGEST_LOGGED: Final = 300


async def refused(request: Request, error: Exception) -> Response:
    """Answer a request that there is nothing for, or that broke something."""
    if not isinstance(error, HTTPException):  # the server logs it, with its traceback
        return _response(_BROKEN, "INTERNAL_SERVER_ERROR", "The worker's log says more.")
    codes = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
    messages = {404: "There is nothing at this address.", 405: "It can only be read."}
    message = messages.get(error.status_code, error.detail)
    _log(request, message)
    answer = _response(error.status_code, codes.get(error.status_code, "REFUSED"), message)
    answer.headers.update(error.headers or {})
    return answer


def refuse_host(request: Request) -> Response:
    """Answer a request that asks for this machine by a name that isn't its own."""
    message = "On a loopback address the worker answers to localhost and to IP addresses, not to that Host header."
    _log(request, message)
    return _response(403, "HOST_NOT_ALLOWED", message)


def _response(status: int, code: str, message: str) -> Response:
    key = {403: "ERRORS.FORBIDDEN", _BROKEN: "ERRORS.INTERNAL_SERVER_ERROR"}.get(status, "ERRORS.INVALID_QUERY_PARAM")
    return JSONResponse({"error": {"key": key}, "message": message, "code": code}, status, HEADERS)


def _log(request: Request, why: str) -> None:
    path = request.scope.get("raw_path", b"")[:_LONGEST_LOGGED]
    logger.warning(
        "the HTTP side refused {method} {path}: {why}", method=request.method, path=ascii(path)[2:-1], why=why
    )
