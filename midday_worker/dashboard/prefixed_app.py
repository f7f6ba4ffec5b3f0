"""The dashboard below a path of its own."""

from __future__ import annotations

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from midday_worker.dashboard.error_response import Problem
from midday_worker.dashboard.paths import raw_path
from midday_worker.dashboard.request_handler import add_headers


class PrefixedApp:
    """Serves an application below a prefix. Starlette's own mount loses ids with line breaks.

    Args:
        prefix: the path, without a slash at its end.
        app: what is below it.
        otherwise: what answers at other paths; nothing is there if None.
    """

    def __init__(self, prefix: str, app: ASGIApp, otherwise: ASGIApp | None = None) -> None:
        self._prefix = prefix
        self._app = app
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, if it is below the prefix."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = raw_path(scope)
        if path.startswith(f"{self._prefix}/"):
            await self._app({**scope, "root_path": self._prefix}, receive, send)
        elif path == self._prefix:
            await add_headers(RedirectResponse(f"{self._prefix}/"))(scope, receive, send)
        elif self._otherwise is not None:
            await self._otherwise(scope, receive, send)
        else:
            message = f"The dashboard is below {self._prefix}/."
            refusal = Problem(404, "ERRORS.INVALID_QUERY_PARAM", message, code="NOT_FOUND")
            await add_headers(refusal.response())(scope, receive, send)
