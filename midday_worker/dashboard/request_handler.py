"""The dashboard as an ASGI application: the gate, the routes, and what every answer has."""

from __future__ import annotations

from typing import Final

from loguru import logger
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from midday_worker.dashboard.board import Board
from midday_worker.dashboard.call import Call
from midday_worker.dashboard.error_response import INVALID_BODY, Problem, problem_of
from midday_worker.dashboard.paths import raw_path, segments
from midday_worker.dashboard.router import find_handler
from midday_worker.dashboard.routes.table import ROUTES
from midday_worker.dashboard.security.access import Access
from midday_worker.dashboard.security.forgery import SAFE, give_token
from midday_worker.dashboard.security.gate import HEADERS, Gate
from midday_worker.errors import MiddayWorkerError

_LONGEST_LOGGED: Final = 300
_REFUSED: Final = 400
_BROKEN: Final = 500


class RequestHandler:
    """Answers every request, whatever is in it."""

    def __init__(self, board: Board, gate: Gate) -> None:
        self._board = board
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope, receive)
        access = Access("deny")
        try:
            access = await self._gate.admit(request)
            response = self._gate.enter(request) or await self._answer(request, access)
            give_token(request, response)
        except Exception as error:
            response = _refusal(request, error)
        _note(request, access, response)
        await add_headers(response)(scope, receive, send)

    async def _answer(self, request: Request, access: Access) -> Response:
        handler, params = find_handler(ROUTES, request.method, segments(request.scope))
        body = await self._gate.body(request)
        try:
            return await handler(Call(request, self._board, access, params, body))
        finally:
            if request.method not in SAFE:
                self._board.forget()


def add_headers(response: Response) -> Response:
    """Give an answer the headers that every one has; return it."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _refusal(request: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        problem = error
    elif isinstance(error, MiddayWorkerError):
        problem = problem_of(error)
    elif isinstance(error, ClientDisconnect):
        problem = Problem(400, INVALID_BODY, "Whoever asked went away before the body was whole.", code="GONE")
    else:
        # The error's text may hold what must not be shown; its traceback is for the log.
        logger.opt(exception=error).error("the dashboard broke at {method} {path}", **_about(request))
        problem = Problem(_BROKEN, "ERRORS.INTERNAL_SERVER_ERROR", "The dashboard's log says more.")
    if problem.status != _BROKEN or isinstance(error, MiddayWorkerError):
        logger.warning("the dashboard refused {method} {path}: {why}", why=_printable(str(problem)), **_about(request))
    return problem.response()


def _note(request: Request, access: Access, response: Response) -> None:
    """Log who changed what."""
    if request.method not in SAFE and response.status_code < _REFUSED:
        logger.bind(board_user=access.user).info(
            "dashboard: {user} did {method} {path}", user=_printable(access.user), **_about(request)
        )


def _about(request: Request) -> dict[str, str]:
    # Percent-encoded, so that no id can forge a line of the log.
    return {"method": _printable(request.method), "path": _printable(raw_path(request.scope))}


def _printable(text: str) -> str:
    return ascii(text[:_LONGEST_LOGGED])[1:-1]
